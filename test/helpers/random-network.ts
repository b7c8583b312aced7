import { type EngineConfig, engineConfig } from "../../src/accel/index.js";
import type { Rng } from "../../src/core/index.js";
import { nodeName } from "../../src/graph/index.js";
import { type QuantNetwork, type QuantNode, verifyQuantNetwork } from "../../src/quant/index.js";
import { elementCount, type Shape } from "../../src/tensor/index.js";
import { quantType } from "./quant-networks.js";
import { type ComputedNode, pick, randomLayer } from "./random-quant-layer.js";

/** Rows and lanes of an array. */
export type ArraySize = readonly [cPar: number, kPar: number];

const SIZES: readonly ArraySize[] = [
  [4, 4],
  [8, 8],
  [16, 16],
  [32, 16],
  [8, 16],
  [64, 32],
];

const BODY = [
  "conv2d",
  "conv2d",
  "depthwiseConv2d",
  "depthwiseConv2d",
  "maxPool2d",
  "averagePool2d",
  "add",
] as const;

/** A layer on given inputs, under a name; `undefined` when none of some attempts gives bytes. */
function layerOn(
  rng: Rng,
  kind: ComputedNode["kind"],
  name: string,
  inputs: readonly QuantNode[],
): ComputedNode | undefined {
  for (let attempt = 0; attempt < 20; attempt++) {
    const made = randomLayer(rng, kind, inputs[0]!.output);
    if (made === undefined) continue;
    const { node } = made;
    const named: ComputedNode =
      node.kind === "add"
        ? { ...node, name: nodeName(name), inputs: [inputs[0]!.name, inputs[1]!.name] }
        : { ...node, name: nodeName(name), input: inputs[0]!.name };
    // Pools hand their input's type on.
    if (named.output.bits <= 8 && elementCount(named.output.shape) > 0) return named;
  }
  return undefined;
}

/** Draw the shape of an image. */
export const randomImageShape = (rng: Rng): Shape => [
  4 + rng.integer(pick(rng, 14, 14, 40)),
  4 + rng.integer(14),
  1 + rng.integer(20),
];

/**
 * Draw a chain of layers with residual sums, at times ending in a mean or in a reshape and a dense layer; all tensors are bytes.
 *
 * @returns undefined when no layer was found
 */
export function randomNetwork(rng: Rng, shape: Shape = randomImageShape(rng)): QuantNetwork | undefined {
  const image: QuantNode = {
    kind: "input",
    name: nodeName("image"),
    output: quantType(shape, { zeroPoint: rng.integer(256) }),
  };
  const nodes: QuantNode[] = [image];
  const push = (kind: ComputedNode["kind"], inputs: readonly QuantNode[]): boolean => {
    const node = layerOn(rng, kind, `layer${nodes.length}`, inputs);
    if (node === undefined) return false;
    try {
      verifyQuantNetwork(networkOf([...nodes, node]));
    } catch {
      return false;
    }
    nodes.push(node);
    return true;
  };
  const count = 2 + rng.integer(5);
  for (let i = 0; i < count; i++) {
    const kind = pick(rng, ...BODY);
    const last = nodes.at(-1)!;
    if (kind === "add") {
      const same = nodes.filter((one) => one.output.shape.join() === last.output.shape.join());
      push("add", [last, same[rng.integer(same.length)]!]);
    } else push(kind, [last]);
  }
  const last = nodes.at(-1)!;
  const end = rng.integer(3);
  if (end === 0) push("globalAveragePool2d", [last]);
  if (end === 1) {
    const features = elementCount(last.output.shape);
    nodes.push({
      kind: "reshape",
      name: nodeName("flat"),
      input: last.name,
      output: { ...last.output, shape: [features] },
    });
    if (features > 600 || !push("dense", [nodes.at(-1)!])) nodes.pop();
  }
  return nodes.length === 1 ? undefined : networkOf(nodes);
}

const networkOf = (nodes: readonly QuantNode[]): QuantNetwork => ({
  kind: "quantNetwork",
  name: "random",
  encoding: { scale: 1, offset: 0 },
  nodes,
  output: nodes.at(-1)!.name,
});

/** Draw an engine for a network: every parameter, and buffers from too small up to more than enough. */
export function randomConfig(
  rng: Rng,
  network: QuantNetwork,
  sizes: readonly ArraySize[] = SIZES,
): EngineConfig {
  const [cPar, kPar] = sizes[rng.integer(sizes.length)]!;
  const word = Math.max(cPar, kPar);
  const [height, width, channels] = network.nodes[0]!.output.shape as [number, number, number];
  const rows = Math.ceil(height / 4) * width * Math.ceil(channels / word);
  const streams = rng.integer(2) === 1;
  const inputSlots = pick(rng, 1, 2);
  const axiDataBytes = Math.min(pick(rng, 4, 8, 16, 32), cPar * kPar);
  // Rooms from a few blocks of four rows of the largest tensor up to all tensors.
  const widest = Math.max(
    ...network.nodes.map(({ output: { shape } }) =>
      shape.length === 3 ? shape[1]! * Math.ceil(shape[2]! / word) : 1,
    ),
  );
  const free = Math.max(4, widest * pick(rng, 3, 4, 5, 6, 8, 40));
  return engineConfig({
    cPar,
    kPar,
    weightBits: pick(rng, 8, 9),
    requantizers: pick(rng, 1, 2, kPar),
    multiplierBits: pick(rng, 8, 16, 32),
    stripePixels: pick(rng, 16, 32, 64, 256),
    weightBufferBytes: Math.max(pick(rng, 1024, 4096, 65536), 4 * cPar * kPar),
    axiDataBytes,
    burstBeats: Math.max(pick(rng, 4, 16), 128 / axiDataBytes),
    input: streams ? { height, width, channels } : null,
    inputSlots,
    activationBufferBytes: 4 * word * ((streams ? inputSlots * rows : 0) + free),
  });
}
