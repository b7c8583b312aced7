import { loadMobileNet, loadPhotos } from "../bench/mobilenet.js";
import { FixynnError } from "../src/core/index.js";
import { nodeName } from "../src/graph/index.js";
import {
  executeFrom,
  executeQuantNetwork,
  inputsOfQuantNode,
  type QuantInput,
  type QuantNetwork,
  type QuantNodeOf,
  type QuantValues,
  type Requantization,
  requantizationFactor,
} from "../src/quant/index.js";

/** A real layer on a part of a real picture, as a network of its own. */
export type EngineLayerCase = {
  readonly name: string;
  readonly network: QuantNetwork;
  readonly image: QuantValues;
  /** What the layer gives. */
  readonly wanted: QuantValues;
  /** Multiplications, those with padding included. */
  readonly products: number;
};

/** Bits of a multiplier in the engines that are priced. */
const MULTIPLIER_BITS = 16;

/** The same scales with multipliers of 16 bits, as `lean` has them. */
function leanOf(from: Requantization): Requantization {
  const count = from.multipliers.length;
  const multipliers = new Int32Array(count);
  const shifts = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const scale = requantizationFactor(from, i);
    shifts[i] = MULTIPLIER_BITS - 1 - Math.floor(Math.log2(scale));
    multipliers[i] = Math.min(2 ** MULTIPLIER_BITS - 1, Math.round(scale * 2 ** shifts[i]!));
  }
  return { mode: "lean", multipliers, shifts };
}

/**
 * Take layers of the quantized MobileNetV1-0.25 with their real weights (clipped to 8 bits, multipliers rounded to 16) and the activations that a photo gives
 * them, cut to the middle `side` × `side` pixels.
 *
 * @throws FixynnError FX9012 when the network has no such layer; without shared models or photos
 */
export async function engineLayerCases(
  wanted: readonly { readonly layer: string; readonly side: number }[],
): Promise<readonly EngineLayerCase[]> {
  const { network } = loadMobileNet();
  const [photos] = [await loadPhotos(network, 1)];
  return wanted.map(({ layer, side }) => {
    const node = network.nodes.find(({ name }) => name === layer);
    if (node?.kind !== "conv2d" && node?.kind !== "depthwiseConv2d")
      throw new FixynnError("FX9012", `no layer ${layer} to take energies from`);
    const from = network.nodes.find(({ name }) => name === inputsOfQuantNode(node)[0])!;
    const values = executeQuantNetwork(network, photos, 1, { outputs: [from.name] }).get(from.name)!;
    const [height, width, channels] = from.output.shape as [number, number, number];
    const [top, left] = [Math.floor((height - side) / 2), Math.floor((width - side) / 2)];
    const image = new Uint8Array(side * side * channels);
    for (let y = 0; y < side; y++) {
      const at = ((top + y) * width + left) * channels;
      image.set(values.subarray(at, at + side * channels) as Uint8Array, y * side * channels);
    }
    const clip = (weight: number): number => Math.max(-128, Math.min(127, weight));
    const own: QuantNodeOf<"conv2d" | "depthwiseConv2d"> = {
      ...node,
      input: nodeName("image"),
      weights: { ...node.weights, data: node.weights.data.map(clip) },
      requantization: leanOf(node.requantization),
      output: {
        ...node.output,
        shape: [side / node.stride.height, side / node.stride.width, node.output.shape[2]!],
      },
    };
    const input: QuantInput = {
      kind: "input",
      name: nodeName("image"),
      output: { ...from.output, shape: [side, side, channels] },
    };
    const single: QuantNetwork = { ...network, name: layer, nodes: [input, own], output: own.name };
    const result = executeFrom(single, input.name, image).get(own.name)!;
    const pixels = result.length / node.output.shape[2]!;
    return {
      name: layer,
      network: single,
      image,
      wanted: result,
      products: pixels * node.weights.data.length,
    };
  });
}
