import { type PaddingMode, resolvePadding, type Shape } from "../../tensor/index.js";
import type { Graph, GraphNode, NodeName, NodeOf } from "../nodes.js";
import { rewriteGraph } from "./rewrite.js";

type Windowed = NodeOf<"conv2d"> | NodeOf<"depthwiseConv2d">;

function merge(
  outer: NodeOf<"zeroPad2d">["padding"],
  inner: PaddingMode,
  padded: Shape,
  node: Windowed,
): PaddingMode {
  const [height = 0, width = 0] = node.weights.shape;
  const [paddedHeight = 0, paddedWidth = 0] = padded;
  const size = { height: paddedHeight, width: paddedWidth };
  const own = resolvePadding(inner, size, { height, width }, node.stride);
  return {
    kind: "explicit",
    top: outer.top + own.top,
    bottom: outer.bottom + own.bottom,
    left: outer.left + own.left,
    right: outer.right + own.right,
  };
}

/**
 * Move zero padding layers into the explicit padding of the convolutions that read them. Padding before any other
 * layer stays: pooling leaves its own padding out of the maximum and the mean, so the two are not the same.
 */
export function foldPadding(graph: Graph): Graph {
  const pads = new Map<NodeName, NodeOf<"zeroPad2d">>();
  return rewriteGraph(graph, (node): { nodes: GraphNode[]; value: NodeName } | undefined => {
    if (node.kind === "zeroPad2d") {
      pads.set(node.name, node);
      return undefined;
    }
    if (node.kind !== "conv2d" && node.kind !== "depthwiseConv2d") return undefined;
    let current: Windowed = node;
    for (let pad = pads.get(current.input); pad !== undefined; pad = pads.get(current.input)) {
      current = {
        ...current,
        input: pad.input,
        padding: merge(pad.padding, current.padding, pad.shape, current),
      };
    }
    return current === node ? undefined : { nodes: [current], value: node.name };
  });
}
