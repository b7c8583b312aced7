import type { Graph } from "../nodes.js";
import { foldBatchNorm } from "./fold-batch-norm.js";
import { foldPadding } from "./fold-padding.js";
import { removeDropout } from "./remove-dropout.js";
import { stripSoftmax } from "./strip-softmax.js";

/** A pass with its name, for traces. */
export type GraphPass = { readonly name: string; readonly run: (graph: Graph) => Graph };

/** The passes of {@link simplify}, in order. Dropout goes first, so that it hides no batch norm from its layer. */
export const SIMPLIFY_PASSES: readonly GraphPass[] = [
  { name: "removeDropout", run: removeDropout },
  { name: "foldBatchNorm", run: foldBatchNorm },
  { name: "foldPadding", run: foldPadding },
  { name: "stripSoftmax", run: stripSoftmax },
];

/** Bring a graph into the form that quantization reads: no batch norm, no dropout, no final softmax, padding in the convolutions. */
export function simplify(graph: Graph): Graph {
  return SIMPLIFY_PASSES.reduce((current, pass) => pass.run(current), graph);
}
