import { UnsupportedOpError } from "../../core/index.js";
import {
  type Graph,
  type GraphNode,
  inputsOf,
  type NodeKind,
  type NodeName,
  type NodeOf,
} from "../../graph/index.js";

type CoreKind = Exclude<NodeKind, "relu" | "batchNorm" | "zeroPad2d" | "softmax" | "dropout">;

/** One integer layer to be: a float layer and the ReLU that it takes in as a clamp. */
export type FusedLayer = {
  readonly core: NodeOf<CoreKind>;
  /** Upper bound of the fused ReLU, `undefined` for a plain one; absent when there is none. */
  readonly relu?: { readonly max: number | undefined };
  /** The float node whose values the integer layer stands for: the ReLU if there is one. */
  readonly floatOutput: NodeName;
};

const CLAMPING: ReadonlySet<NodeKind> = new Set([
  "conv2d",
  "depthwiseConv2d",
  "dense",
  "add",
  "globalAveragePool2d",
]);

function isCore(node: GraphNode): node is NodeOf<CoreKind> {
  return !["relu", "batchNorm", "zeroPad2d", "softmax", "dropout"].includes(node.kind);
}

/**
 * Join each ReLU with the layer before it, as its integer version will be. The integer layer bears the name of the layer,
 * not of the ReLU.
 *
 * @param graph simplified (`simplify`): no batch norm, padding, dropout or softmax left
 * @throws UnsupportedOpError FX4006 with all layers that have no integer form
 */
export function fuseLayers(graph: Graph): readonly FusedLayer[] {
  const readers = new Map<NodeName, GraphNode[]>();
  for (const node of graph.nodes) {
    for (const name of inputsOf(node)) readers.set(name, [...(readers.get(name) ?? []), node]);
  }
  const byName = new Map(graph.nodes.map((node) => [node.name, node]));
  const unsupported: { op: string; node: string; hint: string }[] = [];
  const layers: FusedLayer[] = [];
  for (const node of graph.nodes) {
    if (isCore(node)) {
      const [reader, ...others] = readers.get(node.name) ?? [];
      const fuses = reader?.kind === "relu" && others.length === 0 && node.name !== graph.output;
      layers.push(
        fuses && CLAMPING.has(node.kind)
          ? { core: node, relu: { max: reader.max }, floatOutput: reader.name }
          : { core: node, floatOutput: node.name },
      );
      continue;
    }
    if (node.kind !== "relu") {
      unsupported.push({ op: node.kind, node: node.name, hint: "simplify the graph first" });
      continue;
    }
    const before = byName.get(node.input);
    if (before === undefined || !CLAMPING.has(before.kind)) {
      const hint = `a ReLU must follow a convolution, dense layer, sum or global average, not ${before?.kind}`;
      unsupported.push({ op: "relu", node: node.name, hint });
    } else if ((readers.get(node.input)?.length ?? 0) > 1 || node.input === graph.output) {
      const hint = `"${node.input}" is also used without the ReLU`;
      unsupported.push({ op: "relu", node: node.name, hint });
    }
  }
  if (unsupported.length > 0) {
    throw new UnsupportedOpError("FX4006", unsupported, { place: `graph ${graph.name}` });
  }
  return layers;
}
