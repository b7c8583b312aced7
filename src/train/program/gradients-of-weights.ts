import type { OnnxBuilder } from "../../graph/index.js";
import type { EmitContext, Gradients } from "./emit.js";
import { reshapeTo } from "./layout.js";

/** Add a bias per channel to an image. */
export function addChannelBias(
  onnx: OnnxBuilder,
  value: string,
  bias: string,
  extents: readonly number[],
): string {
  const column = [extents[0]!, ...extents.slice(1).map(() => 1)];
  return onnx.op("Add", [value, reshapeTo(onnx, bias, column)]);
}

/** Gradients of the parameters of a node with weights and perhaps a bias. */
export function weightGradients(
  context: EmitContext,
  node: { readonly bias: unknown },
  weights: () => string,
  bias: () => string,
): Gradients["parameters"] {
  if (!context.trainable) return {};
  return node.bias === undefined ? { weights: weights() } : { weights: weights(), bias: bias() };
}
