import { FixynnError } from "../../core/index.js";
import {
  type ActivationGrid,
  biasStep,
  type FakeQuantization,
  type Graph,
  type GraphNode,
  gridInteger,
  type NodeName,
  simplify,
  type WeightGrid,
} from "../../graph/index.js";
import { sameShape, tensor } from "../../tensor/index.js";
import { inputsOfQuantNode, type QuantNetwork, type QuantNode } from "../nodes.js";
import { findQuantNode, typeRange } from "../types.js";
import { verifyQuantNetwork } from "../verify.js";
import { type FusedLayer, fuseLayers } from "./fuse.js";
import { DEFAULT_WEIGHT_BITS } from "./quantize.js";
import { type WeightedFloat, type WeightedQuant, weightLimit } from "./weighted.js";

/** A network ready to be trained under the scales of an integer one. */
export type FineTuning = {
  /** Simplified, with the biases of the integer network; it reads images, or the bytes that the front gives. */
  readonly graph: Graph;
  readonly fakeQuantization: FakeQuantization;
};

type Pair = {
  readonly layer: FusedLayer;
  readonly node: Exclude<QuantNode, { kind: "input" }>;
};

/** The integer layer of each layer of a graph, perhaps a tail's. */
function pairs(network: QuantNetwork, graph: Graph): readonly Pair[] {
  return fuseLayers(graph).flatMap((layer): Pair[] => {
    if (layer.core.kind === "input") return [];
    const node = findQuantNode(network, layer.core.name);
    const sameWeights =
      !("weights" in node) ||
      ("weights" in layer.core && sameShape(node.weights.shape, layer.core.weights.shape));
    if (node.kind === "input" || node.kind !== layer.core.kind || !sameWeights) {
      throw new FixynnError("FX4015", `the integer network has another ${node.kind} "${node.name}"`, {
        place: `graph ${graph.name}`,
        hint: "give the float network that it was quantized from, or its tail",
      });
    }
    return [{ layer, node }];
  });
}

const isWeighted = (node: QuantNode): node is WeightedQuant => "weights" in node;
const scaleOf = (node: WeightedQuant, channel: number): number =>
  node.weightScales[node.weightScales.length === 1 ? 0 : channel]!;

function weightGrid(network: QuantNetwork, node: WeightedQuant, weightBits: number): WeightGrid {
  const limit = weightLimit(weightBits);
  return {
    low: -limit,
    high: limit,
    scales: Float64Array.from(node.bias.data, (_, c) => scaleOf(node, c)),
    inputScale: findQuantNode(network, node.input).output.scale,
  };
}

/** Real = scale · (integer − zeroPoint) + offset behind the image; 0 unless its encoding lies off the integer grid. */
function inputOffset(network: QuantNetwork, name: NodeName): number {
  const node = findQuantNode(network, name);
  switch (node.kind) {
    case "input":
      return network.encoding.offset + node.output.scale * node.output.zeroPoint;
    case "maxPool2d":
    case "averagePool2d":
    case "reshape":
      return inputOffset(network, node.input);
    default:
      return 0;
  }
}

/** What the offset of the input adds to a channel, in steps of the bias. */
function offsetSteps(network: QuantNetwork, node: WeightedQuant, weights: ArrayLike<number>): Int32Array {
  const offset = inputOffset(network, node.input);
  const { scale } = findQuantNode(network, node.input).output;
  const channels = node.bias.data.length;
  const sums = new Float64Array(channels);
  for (let i = 0; i < weights.length; i++) sums[i % channels]! += weights[i]!;
  return Int32Array.from(sums, (sum) => Math.round((offset * sum) / scale));
}

function activationGrid(node: Pair["node"]): ActivationGrid | undefined {
  const { scale, zeroPoint } = node.output;
  // Maxima and new shapes round nothing.
  if (node.kind === "maxPool2d" || node.kind === "reshape") return undefined;
  const { low, high } = "clamp" in node ? node.clamp : typeRange(node.output);
  return { scale, zeroPoint, low, high };
}

/** How a tail reads the integers of the layer before it, as bytes; signed ones are taken as 128 higher. */
function encodingOf(network: QuantNetwork, [first]: readonly Pair[], graph: Graph): Graph["encoding"] {
  const name = first && inputsOfQuantNode(first.node)[0];
  const entry = name === undefined ? undefined : findQuantNode(network, name);
  if (entry === undefined || entry.kind === "input") return graph.encoding;
  const { scale, zeroPoint, signed } = entry.output;
  return { scale, offset: -scale * (zeroPoint + (signed ? 128 : 0)) };
}

/**
 * Prepare a float network, or its tail, for training under the scales of its integer network: where values are rounded and
 * clipped, and biases as calibration has corrected them. Scales stay what they are in training; afterwards
 * {@link updateQuantNetwork} puts the new weights into the integer network.
 *
 * @param network calibrated by `quantize`
 * @param graph the network it was made from, or the tail behind a frozen front (`splitGraph`): its input then are the
 *   front's integers as bytes
 * @param options.weightBits as in `quantize`
 * @throws FixynnError FX4015 when the graph is another network's, FX4001 when a layer has no integer version
 */
export function prepareFineTuning(
  network: QuantNetwork,
  graph: Graph,
  options: { readonly weightBits?: number } = {},
): FineTuning {
  const { weightBits = DEFAULT_WEIGHT_BITS } = options;
  const simple = simplify(graph);
  const layers = pairs(network, simple);
  const weights = new Map<NodeName, WeightGrid>();
  const activations = new Map<NodeName, ActivationGrid>();
  const biases = new Map<NodeName, Float32Array>();
  for (const { layer, node } of layers) {
    const activation = activationGrid(node);
    if (activation !== undefined) activations.set(layer.floatOutput, activation);
    if (!isWeighted(node)) continue;
    const grid = weightGrid(network, node, weightBits);
    weights.set(node.name, grid);
    const offsets = offsetSteps(network, node, node.weights.data);
    biases.set(
      node.name,
      Float32Array.from(node.bias.data, (b, c) => (b - offsets[c]!) * biasStep(grid, c)),
    );
  }
  const nodes = simple.nodes.map((node): GraphNode => {
    const bias = biases.get(node.name);
    return bias === undefined
      ? node
      : ({ ...node, bias: tensor("float32", [bias.length], bias) } as WeightedFloat);
  });
  return {
    graph: { ...simple, encoding: encodingOf(network, layers, simple), nodes },
    fakeQuantization: { weights, activations },
  };
}

/**
 * Put the weights and biases of a trained network into its integer network; scales, requantizations and all other layers stay. No
 * calibration and no bias correction: what training saw is what comes out, up to the rounding of sums.
 *
 * @param graph what {@link prepareFineTuning} returned, trained
 * @param options.weightBits as there
 * @throws FixynnError FX4015 when the graph is another network's, FX4004 when the new weights could overflow
 */
export function updateQuantNetwork(
  network: QuantNetwork,
  graph: Graph,
  options: { readonly weightBits?: number } = {},
): QuantNetwork {
  const { weightBits = DEFAULT_WEIGHT_BITS } = options;
  const updated = new Map<NodeName, WeightedQuant>();
  for (const { layer, node } of pairs(network, graph)) {
    if (!isWeighted(node)) continue;
    const core = layer.core as WeightedFloat;
    const grid = weightGrid(network, node, weightBits);
    const channels = grid.scales.length;
    const weights = Int16Array.from(core.weights.data, (w, i) =>
      gridInteger(w, grid.scales[i % channels]!, grid),
    );
    const offsets = offsetSteps(network, node, weights);
    const bias = offsets.map((offset, c) => offset + gridInteger(core.bias?.data[c] ?? 0, biasStep(grid, c)));
    updated.set(node.name, {
      ...node,
      weights: tensor("int16", node.weights.shape, weights),
      bias: tensor("int32", [channels], bias),
    });
  }
  return verifyQuantNetwork({
    ...network,
    nodes: network.nodes.map((node) => updated.get(node.name) ?? node),
  });
}
