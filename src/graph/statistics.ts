import { assertNever, sum } from "../core/index.js";
import { elementCount, type PaddingMode, resolvePadding, type Shape, type Size2 } from "../tensor/index.js";
import { type Graph, type GraphNode, inputsOf, type NodeKind, type NodeName } from "./nodes.js";
import { weightsOf } from "./weights.js";

/** Counts of one layer. */
export type LayerStatistics = {
  readonly name: NodeName;
  readonly kind: NodeKind;
  readonly shape: Shape;
  /** Parameters as Keras counts them: weights and biases, and four values a channel for a batch norm. */
  readonly params: number;
  /** Weights that a multiplication reads: parameters without biases and batch norm. */
  readonly weights: number;
  /**
   * Multiply-accumulates for one image, zero weights included, products with padding excluded: a window that hangs
   * over the border counts only its pixels inside the image.
   */
  readonly macs: number;
};

/** Counts of a graph; totals are sums over its layers. */
export type GraphStatistics = {
  readonly layers: readonly LayerStatistics[];
  readonly params: number;
  readonly weights: number;
  readonly macs: number;
};

/** Count the (output, kernel) pairs along one axis whose input position lies inside the image. */
function pairsInside(extent: number, out: number, window: number, stride: number, before: number): number {
  let pairs = 0;
  for (let o = 0; o < out; o++) {
    const first = o * stride - before;
    pairs += Math.max(0, Math.min(first + window, extent) - Math.max(first, 0));
  }
  return pairs;
}

function windowPairs(
  input: Shape,
  output: Shape,
  window: Size2,
  stride: Size2,
  padding: PaddingMode,
): number {
  const [height = 0, width = 0] = input;
  const [outHeight = 0, outWidth = 0] = output;
  const pads = resolvePadding(padding, { height, width }, window, stride);
  const vertical = pairsInside(height, outHeight, window.height, stride.height, pads.top);
  return vertical * pairsInside(width, outWidth, window.width, stride.width, pads.left);
}

function macsOf(node: GraphNode, input: Shape): number {
  switch (node.kind) {
    case "conv2d": {
      const [height, width, inChannels, outChannels] = node.weights.shape as [number, number, number, number];
      const pairs = windowPairs(input, node.shape, { height, width }, node.stride, node.padding);
      return pairs * inChannels * outChannels;
    }
    case "depthwiseConv2d": {
      const [height, width, channels, multiplier] = node.weights.shape as [number, number, number, number];
      const pairs = windowPairs(input, node.shape, { height, width }, node.stride, node.padding);
      return pairs * channels * multiplier;
    }
    case "dense":
      return elementCount(node.weights.shape);
    case "input":
    case "batchNorm":
    case "relu":
    case "zeroPad2d":
    case "maxPool2d":
    case "averagePool2d":
    case "globalAveragePool2d":
    case "reshape":
    case "add":
    case "softmax":
    case "dropout":
      return 0;
    default:
      return assertNever(node);
  }
}

/**
 * Count parameters, weights and multiply-accumulates, layer by layer and in total. A separate zero padding layer
 * makes its zeros pixels of the image; run `foldPadding` first to leave them out of the count.
 */
export function statistics(graph: Graph): GraphStatistics {
  const shapes = new Map(graph.nodes.map((node) => [node.name, node.shape]));
  const layers = graph.nodes.map((node): LayerStatistics => {
    const constants = weightsOf(node).map(({ role, value }) => ({ role, count: value.data.length }));
    const [input] = inputsOf(node);
    return {
      name: node.name,
      kind: node.kind,
      shape: node.shape,
      params: sum(constants.map(({ count }) => count)),
      weights: sum(constants.filter(({ role }) => role === "weights").map(({ count }) => count)),
      macs: macsOf(node, (input && shapes.get(input)) ?? []),
    };
  });
  return {
    layers,
    params: sum(layers.map(({ params }) => params)),
    weights: sum(layers.map(({ weights }) => weights)),
    macs: sum(layers.map(({ macs }) => macs)),
  };
}
