import { expect, it } from "vitest";
import { wordFormat } from "../../arith/index.js";
import { createRng, FixynnError, invariant, type Rng } from "../../core/index.js";
import { nodeName } from "../../graph/index.js";
import {
  accumulatorInterval,
  executeLayer,
  type QuantConv2d,
  type QuantType,
  type QuantValues,
} from "../../quant/index.js";
import {
  createSimulator,
  flatten,
  LANES,
  lowerDesign,
  type SimModule,
  simulateStream,
} from "../../sim/index.js";
import { tensor } from "../../tensor/index.js";
import { compileLayer, planOfLayer } from "../layer.js";
import { defaultClock, weightRows } from "../layer-datapath.js";
import { evaluateLinear } from "./linear-requantization.js";
import { foldedParts } from "./parts.js";

const folding = { kind: "folded", lanes: 2, inputs: 3 } as const;
const input: QuantType = { shape: [4, 5, 2], bits: 2, signed: false, scale: 1, zeroPoint: 1 };
const taps = 8;
const outputs = 5;

/** A 2×2 convolution of 2-bit integers, so that all windows can be tried out. */
function makeLayer(rng: Rng): QuantConv2d {
  const values = (n: number, from: number, to: number): number[] =>
    Array.from({ length: n }, () => from + rng.integer(to - from + 1));
  return {
    kind: "conv2d",
    name: nodeName("layer"),
    input: nodeName("image"),
    output: { shape: [4, 5, outputs], bits: 8, signed: false, scale: 1, zeroPoint: 3 },
    weights: tensor("int16", [2, 2, 2, outputs], Int16Array.from(values(taps * outputs, -31, 31))),
    weightScales: new Float64Array(outputs).fill(1),
    bias: tensor("int32", [outputs], Int32Array.from(values(outputs, -30, 60))),
    requantization: {
      mode: "lean",
      multipliers: Int32Array.from(values(outputs, 9, 25)),
      shifts: new Int32Array(outputs).fill(4),
    },
    clamp: { low: 3, high: 190 },
    stride: { height: 1, width: 1 },
    padding: { top: 1, bottom: 0, left: 0, right: 1 },
  };
}

it("every bit of a ROM that changes a value is caught by images; the others are proven to change none", () => {
  const rng = createRng(77);
  const node = makeLayer(rng);
  const layer = compileLayer(node, input, { parallelism: folding });
  const module = flatten(lowerDesign({ kind: "design", modules: layer.modules }));
  const parts = foldedParts({
    name: "parts",
    node,
    input,
    inputRange: { low: 0n, high: 3n },
    plan: planOfLayer(node, input),
    folding,
    clock: defaultClock,
  });
  const { low, high } = accumulatorInterval(node, { ...input, range: { low: 0, high: 3 } });
  const rows = weightRows(node).map(({ weights }) => weights);
  const { scales } = parts;
  invariant(scales.kind === "constants", "the scales are constants");
  const { formula } = scales;
  const clamped = (value: bigint): number =>
    Math.max(node.clamp.low, Math.min(node.clamp.high, Number(value)));

  const frames = 2;
  const size = 40 * frames;
  const images = Array.from({ length: LANES }, (_, lane) =>
    Int32Array.from({ length: size }, () => (lane % 3 === 0 ? 3 * rng.integer(2) : rng.integer(4))),
  );
  const expected = images.map((image) => executeLayer(node, [input], [image as QuantValues], frames));
  const passes = (mutant: SimModule): boolean => {
    try {
      const { outputs: got } = simulateStream(createSimulator(mutant), {
        inputs: images,
        frames,
        outputBeatsPerFrame: 20,
        valuesPerBeat: { input: 2, output: outputs },
        bits: { input: 2, output: 8 },
      });
      return got.every((lane, i) => lane.every((value, j) => value === expected[i]![j]));
    } catch (error) {
      if (error instanceof FixynnError) return false;
      throw error;
    }
  };
  expect(passes(module)).toBe(true);

  /** Compare a channel's outputs over all windows when its accumulator changes by `change`, which may depend on the window. */
  const sameWindows = (channel: number, change: (window: readonly number[]) => number): boolean => {
    const { width } = wordFormat(parts.laneShape.accumulator);
    const half = 2 ** (width - 1);
    const output = Array.from({ length: 2 * half }, (_, i) =>
      clamped(evaluateLinear(formula, channel, i - half)),
    );
    for (let w = 0; w < 4 ** taps; w++) {
      const window = rows[channel]!.map((_, t) => (w >>> (2 * t)) & 3);
      const acc = window.reduce((sum, x, t) => sum + (x - 1) * rows[channel]![t]!, node.bias.data[channel]!);
      const other = ((((acc + change(window) + half) % (2 * half)) + 2 * half) % (2 * half)) - half;
      if (output[acc + half] !== output[other + half]) return false;
    }
    return true;
  };
  const roms = module.rams.filter(({ contents }) => contents !== null);
  expect(roms.map(({ name }) => name).sort()).toEqual(["biases", "scales", "weights"]);
  let [caught, same] = [0, 0];
  for (const rom of roms) {
    for (let i = 0; i < 40; i++) {
      const word = rng.integer(rom.depth);
      const bit = rng.integer(rom.width);
      const old = rom.contents![word]!;
      const flipped = `${old.slice(0, bit)}${old[bit] === "1" ? "0" : "1"}${old.slice(bit + 1)}`;
      const contents = rom.contents!.map((text, w) => (w === word ? flipped : text));
      const rams = module.rams.map((ram) => (ram === rom ? { ...ram, contents } : ram));
      if (!passes({ ...module, rams })) {
        caught++;
        continue;
      }
      same++;
      const { weightBits } = parts.laneShape;
      if (rom.name === "weights") {
        const { slices } = parts.steps;
        const lane = Math.floor(bit / (folding.inputs * weightBits));
        const plane = Math.floor((bit % (folding.inputs * weightBits)) / folding.inputs);
        const tap = (word % slices) * folding.inputs + (bit % folding.inputs);
        const channel = Math.floor(word / slices) * folding.lanes + lane;
        if (channel >= outputs || tap >= taps) continue;
        const step = (old[bit] === "1" ? -1 : 1) * (plane === weightBits - 1 ? -1 : 1) * 2 ** plane;
        expect(
          sameWindows(channel, (window) => step * window[tap]!),
          `weight ${channel}.${tap}`,
        ).toBe(true);
      } else if (rom.name === "biases") {
        const width = rom.width / folding.lanes;
        const channel = word * folding.lanes + Math.floor(bit / width);
        if (channel >= outputs) continue;
        const step = (old[bit] === "1" ? -1 : 1) * 2 ** (bit % width);
        expect(
          sameWindows(channel, () => step),
          `bias ${channel}`,
        ).toBe(true);
      } else {
        // One requantizer for both lanes, so a word is a channel: the multiplier lowest, then the offset.
        const channel = word;
        if (channel >= outputs) continue;
        const multiplierBits = Math.max(...formula.multipliers).toString(2).length;
        const step =
          (old[bit] === "1" ? -1n : 1n) *
          2n ** BigInt(bit < multiplierBits ? bit : bit - multiplierBits + formula.offsetShift);
        for (let a = low[channel]!; a <= high[channel]!; a++) {
          const product =
            BigInt(formula.multipliers[channel]!) * BigInt(a) +
            (formula.positive[channel]! << BigInt(formula.offsetShift));
          const other = product + (bit < multiplierBits ? step * BigInt(a) : step);
          const shift = BigInt(formula.shift);
          expect(clamped(other >> shift), `scale ${channel}, accumulator ${a}`).toBe(
            clamped(product >> shift),
          );
        }
      }
    }
  }
  expect(caught).toBeGreaterThan(3 * same);
});
