import { tensor } from "../tensor/index.js";
import type { Graph, GraphNode, NodeName } from "./nodes.js";

/** Integers that weights of a layer become: real = scale · integer, low ≤ integer ≤ high. */
export type WeightGrid = {
  readonly low: number;
  readonly high: number;
  /** One for each output channel. */
  readonly scales: Float64Array;
  /** Scale of the layer's input: biases are multiples of inputScale · scale. */
  readonly inputScale: number;
};

/** Integers that a value becomes: real = scale · (integer − zeroPoint), low ≤ integer ≤ high. */
export type ActivationGrid = {
  readonly scale: number;
  readonly zeroPoint: number;
  readonly low: number;
  readonly high: number;
};

/**
 * Where an integer network will round and clip, as plain data by the names of float nodes: training imitates it in floats
 * (Jacob 2018, section 3).
 */
export type FakeQuantization = {
  /** Layers with weights. */
  readonly weights: ReadonlyMap<NodeName, WeightGrid>;
  /** Nodes whose values are rounded: the ReLU where an integer layer takes one in. */
  readonly activations: ReadonlyMap<NodeName, ActivationGrid>;
};

/**
 * Round a real to an integer of a grid, in float32 as training programs do: floor(clip(value / scale) + 1/2). So
 * training and integer network never disagree about a weight.
 */
export function gridInteger(
  value: number,
  scale: number,
  bounds: { readonly low: number; readonly high: number } = { low: -Infinity, high: Infinity },
): number {
  const ratio = Math.fround(value / Math.fround(scale));
  const clipped = Math.max(bounds.low, Math.min(ratio, bounds.high));
  return Math.floor(Math.fround(clipped + 0.5));
}

/** Step of the bias of an output channel. */
export function biasStep(grid: WeightGrid, channel: number): number {
  return Math.fround(grid.inputScale * grid.scales[channel]!);
}

/** Round weights and biases to their grids: the float network that computes with the integers' reals. */
export function fakeQuantizeParameters(graph: Graph, { weights }: FakeQuantization): Graph {
  const nodes = graph.nodes.map((node): GraphNode => {
    const grid = weights.get(node.name);
    if (grid === undefined) return node;
    if (node.kind !== "conv2d" && node.kind !== "depthwiseConv2d" && node.kind !== "dense") return node;
    const channels = grid.scales.length;
    const rounded = node.weights.data.map((w, i) => {
      const scale = grid.scales[i % channels]!;
      return gridInteger(w, scale, grid) * Math.fround(scale);
    });
    const bias = node.bias?.data.map((b, c) => gridInteger(b, biasStep(grid, c)) * biasStep(grid, c));
    return {
      ...node,
      weights: tensor("float32", node.weights.shape, rounded),
      bias: bias && tensor("float32", [channels], bias),
    };
  });
  return { ...graph, nodes };
}
