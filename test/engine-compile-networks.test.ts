import { describe, expect, it } from "vitest";
import { compileEngine, type EngineConfig, type EngineProgram, engineConfig } from "../src/accel/index.js";
import { createRng, FixynnError, type Rng } from "../src/core/index.js";
import { nodeName } from "../src/graph/index.js";
import {
  executeQuantNetwork,
  type QuantNetwork,
  type QuantNode,
  type QuantType,
  verifyQuantNetwork,
} from "../src/quant/index.js";
import { elementCount } from "../src/tensor/index.js";
import { fromWords, runFrames } from "./helpers/engine-run.js";
import { quantType } from "./helpers/quant-networks.js";
import {
  type ComputedNode,
  LAYER_KINDS,
  pick,
  randomLayer,
  randomValues,
} from "./helpers/random-quant-layer.js";

const SIZES = [
  [4, 4],
  [8, 8],
  [16, 16],
  [32, 16],
  [8, 16],
  [64, 32],
] satisfies [number, number][];

const BODY = [
  "conv2d",
  "conv2d",
  "depthwiseConv2d",
  "depthwiseConv2d",
  "maxPool2d",
  "averagePool2d",
  "add",
] as const;

type Renamed = { readonly node: ComputedNode; readonly type: QuantType };

/** A layer on given inputs that the verifier accepts, under a name. */
function layerOn(
  rng: Rng,
  kind: ComputedNode["kind"],
  name: string,
  inputs: readonly QuantNode[],
): Renamed | undefined {
  for (let attempt = 0; attempt < 20; attempt++) {
    const made = randomLayer(rng, kind, inputs[0]!.output);
    if (made === undefined) continue;
    const { node } = made;
    const named: ComputedNode =
      node.kind === "add"
        ? { ...node, name: nodeName(name), inputs: [inputs[0]!.name, inputs[1]!.name] }
        : { ...node, name: nodeName(name), input: inputs[0]!.name };
    // Pools hand their input's type on.
    if (named.output.bits <= 8 && elementCount(named.output.shape) > 0)
      return { node: named, type: named.output };
  }
  return undefined;
}

/** A chain of random layers with residual sums, at times ending in a mean or in a reshape and a dense layer. */
function randomNetwork(rng: Rng): QuantNetwork | undefined {
  const shape = [4 + rng.integer(pick(rng, 14, 14, 40)), 4 + rng.integer(14), 1 + rng.integer(20)];
  const image: QuantNode = {
    kind: "input",
    name: nodeName("image"),
    output: quantType(shape, { zeroPoint: rng.integer(256) }),
  };
  const nodes: QuantNode[] = [image];
  const push = (kind: ComputedNode["kind"], inputs: readonly QuantNode[]): boolean => {
    const made = layerOn(rng, kind, `layer${nodes.length}`, inputs);
    if (made === undefined) return false;
    const network = {
      kind: "quantNetwork" as const,
      name: "random",
      encoding: { scale: 1, offset: 0 },
      nodes: [...nodes, made.node],
      output: made.node.name,
    };
    try {
      verifyQuantNetwork(network);
    } catch {
      return false;
    }
    nodes.push(made.node);
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
  const output = nodes.at(-1)!;
  if (output.kind === "input") return undefined;
  return {
    kind: "quantNetwork",
    name: "random",
    encoding: { scale: 1, offset: 0 },
    nodes,
    output: output.name,
  };
}

function randomConfig(rng: Rng, network: QuantNetwork): EngineConfig {
  const [cPar, kPar] = SIZES[rng.integer(SIZES.length)]!;
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

type Tally = {
  compared: number;
  tiled: number;
  unsupported: number;
  noRoom: number;
  readonly kinds: Record<string, number>;
};

function compareNetwork(seed: number, keepAll: boolean, tally: Tally): void {
  const rng = createRng(seed);
  const network = randomNetwork(rng);
  if (network === undefined) return;
  const config = randomConfig(rng, network);
  let made: EngineProgram;
  try {
    made = compileEngine({ network, config, keepAll });
  } catch (error) {
    if (!(error instanceof FixynnError)) throw error;
    if (error.code === "FX5111") tally.noRoom++;
    else if (error.code === "FX5113") tally.unsupported++;
    else throw error;
    return;
  }
  const images = [0, 1, 2].map(() => randomValues(rng, network.nodes[0]!.output));
  const outputs = [...made.layers.map(({ name }) => name), network.output];
  const memories = runFrames(made, config, images);
  memories.forEach((memory, frame) => {
    const wanted = executeQuantNetwork(network, Uint8Array.from(images[frame]!), 1, { outputs });
    const place = `seed ${seed} frame ${frame}`;
    expect(fromWords(memory, made.result), place).toEqual([...wanted.get(network.output)!]);
    for (const { name, stored } of made.layers)
      if (keepAll) expect(fromWords(memory, stored!), `${place} ${name}`).toEqual([...wanted.get(name)!]);
  });
  tally.compared++;
  for (const { kind } of made.layers) tally.kinds[kind] = (tally.kinds[kind] ?? 0) + 1;
  if (made.layers.some(({ tiles }) => tiles > 1)) tally.tiled++;
}

/** Networks a test; more where all is tested. */
const COUNT = process.env["FIXYNN_FULL"] === "1" ? 400 : 30;

describe("random networks through the engine", () => {
  for (const keepAll of [false, true])
    it(`gives the golden executor's bytes, three frames in a row${keepAll ? ", of every layer" : ""}`, () => {
      const tally: Tally = { compared: 0, tiled: 0, unsupported: 0, noRoom: 0, kinds: {} };
      for (let seed = 0; seed < COUNT; seed++) compareNetwork(1000 * Number(keepAll) + seed, keepAll, tally);
      expect(tally.compared).toBeGreaterThan(0.8 * COUNT);
      expect(tally.tiled).toBeGreaterThan(0.1 * COUNT);
      expect(Object.keys(tally.kinds)).toHaveLength(LAYER_KINDS.length);
    }, 600_000);
});
