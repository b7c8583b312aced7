import { describe, expect, it } from "vitest";
import { createRng, FixynnError, type Rng } from "../src/core/index.js";
import { nodeName } from "../src/graph/index.js";
import { compileLayer, type Design } from "../src/hw/index.js";
import {
  executeLayer,
  type QuantConv2d,
  type QuantDepthwiseConv2d,
  type QuantType,
  type QuantValues,
} from "../src/quant/index.js";
import {
  createSimulator,
  flatten,
  GATE_WORDS,
  gateInputs,
  LANES,
  lowerDesign,
  type SimModule,
  simulateStream,
} from "../src/sim/index.js";
import { findData } from "../src/sim/influence.js";
import { elementCount, type Shape, tensor } from "../src/tensor/index.js";
import { proveSameControl, proveSameData } from "./helpers/equivalence.js";
import { boundBits, mutateAdder, mutateWires } from "./helpers/mutations.js";

type Layer = QuantConv2d | QuantDepthwiseConv2d;
type Case = {
  readonly node: Layer;
  readonly input: QuantType;
  readonly original: SimModule;
  readonly design: Design;
  readonly isData: Uint8Array;
  readonly short: Run;
  readonly long: Run;
};
type Run = {
  readonly inputs: readonly Int32Array[];
  readonly expected: readonly Int32Array[];
  readonly frames: number;
};

/** Inputs of few bits, so that all windows of an output can be tried out. */
function makeLayer(
  rng: Rng,
  kind: Layer["kind"],
  geometry: {
    readonly input: Shape;
    readonly output: Shape;
    readonly kernel: number;
    readonly stride: number;
    readonly pad: number;
    readonly bits: number;
  },
): { readonly node: Layer; readonly input: QuantType } {
  const channels = geometry.input.at(-1)!;
  const outputs = geometry.output.at(-1)!;
  const { kernel, stride, pad } = geometry;
  const last = kind === "conv2d" ? outputs : outputs / channels;
  const shape = [kernel, kernel, channels, last];
  const input: QuantType = {
    shape: geometry.input,
    bits: geometry.bits,
    signed: false,
    scale: 1,
    zeroPoint: 1,
  };
  const common = {
    name: nodeName("layer"),
    input: nodeName("image"),
    output: { shape: geometry.output, bits: 8, signed: false, scale: 1, zeroPoint: 2 },
    weights: tensor(
      "int16",
      shape,
      Int16Array.from({ length: elementCount(shape) }, () => rng.integer(63) - 31),
    ),
    weightScales: Float64Array.from({ length: outputs }, () => 1),
    bias: tensor(
      "int32",
      [outputs],
      Int32Array.from({ length: outputs }, () => rng.integer(60)),
    ),
    requantization: {
      mode: "lean",
      multipliers: Int32Array.from({ length: outputs }, () => 11 + rng.integer(12)),
      shifts: Int32Array.from({ length: outputs }, () => 4),
    },
    clamp: { low: 2, high: 180 },
    stride: { height: stride, width: stride },
  } as const;
  const across = Math.max(0, (geometry.output[1]! - 1) * stride + kernel - geometry.input[1]! - pad);
  const down = Math.max(0, (geometry.output[0]! - 1) * stride + kernel - geometry.input[0]! - pad);
  const padding = { top: pad, left: pad, bottom: down, right: across };
  return { node: { ...common, kind, padding } as Layer, input };
}

function makeRun(
  rng: Rng,
  { node, input }: { readonly node: Layer; readonly input: QuantType },
  frames: number,
): Run {
  const size = elementCount(input.shape);
  const outSize = elementCount(node.output.shape);
  const top = 2 ** input.bits - 1;
  // Plain noise, and images near the extremes of the sums: each channel's weights drive pixels up or down.
  const inputs = Array.from({ length: LANES }, (_, lane) =>
    Int32Array.from({ length: size * frames }, () => {
      const style = lane % 4;
      if (style === 0) return rng.integer(2) * top;
      if (style === 1) return rng.next() < 0.85 ? top : rng.integer(top + 1);
      return style === 2 && rng.next() < 0.85 ? 0 : rng.integer(top + 1);
    }),
  );
  const expected = inputs.map((lane) => {
    const values = executeLayer(node, [input], [lane as QuantValues], frames);
    return Int32Array.from(values.subarray(0, outSize * frames));
  });
  return { inputs, expected, frames };
}

/** The verification: does the module give every value that the integer network gives? */
function passes(module: SimModule, test: Case, run: Run, pauses?: Rng): boolean {
  const { node, input } = test;
  try {
    const result = simulateStream(createSimulator(module), {
      inputs: run.inputs,
      frames: run.frames,
      outputBeatsPerFrame: node.output.shape[0]! * node.output.shape[1]!,
      valuesPerBeat: { input: input.shape.at(-1)!, output: node.output.shape.at(-1)! },
      bits: { input: input.bits, output: node.output.bits },
      patienceCycles: 500,
      ...(pauses === undefined ? {} : { backpressure: { rng: pauses, idle: 0.3, stall: 0.4 } }),
    });
    return result.outputs.every((lane, i) => lane.every((value, j) => value === run.expected[i]![j]));
  } catch (error) {
    if (error instanceof FixynnError) return false;
    throw error;
  }
}

const survives = (module: SimModule, test: Case): boolean =>
  passes(module, test, test.short) &&
  passes(module, test, test.short, createRng(5)) &&
  passes(module, test, test.long);

const compile = (node: Layer, input: QuantType): Design => ({
  kind: "design",
  modules: compileLayer(node, input).modules,
});

function makeCase(seed: number, made: { readonly node: Layer; readonly input: QuantType }): Case {
  const rng = createRng(seed);
  const design = compile(made.node, made.input);
  const original = flatten(lowerDesign(design));
  const isData = findData(original, ["s_axis_tdata"]);
  return { ...made, design, original, isData, short: makeRun(rng, made, 2), long: makeRun(rng, made, 24) };
}

const rng = createRng(2024);
const cases: readonly (readonly [string, Case])[] = [
  [
    "conv 3x3 stride 2",
    makeCase(
      1,
      makeLayer(rng, "conv2d", {
        input: [6, 6, 1],
        output: [3, 3, 2],
        kernel: 3,
        stride: 2,
        pad: 0,
        bits: 2,
      }),
    ),
  ],
  [
    "depthwise 3x3",
    makeCase(
      2,
      makeLayer(rng, "depthwiseConv2d", {
        input: [5, 4, 2],
        output: [5, 4, 2],
        kernel: 3,
        stride: 1,
        pad: 1,
        bits: 2,
      }),
    ),
  ],
  [
    "pointwise",
    makeCase(
      3,
      makeLayer(rng, "conv2d", {
        input: [4, 4, 3],
        output: [4, 4, 3],
        kernel: 1,
        stride: 1,
        pad: 0,
        bits: 5,
      }),
    ),
  ],
];

/** More frame sizes, strides and paddings, for the counters alone. */
const counterCases: readonly Case[] = [
  [[7, 7, 1], [4, 4, 1], 3, 2, 1],
  [[5, 6, 1], [3, 4, 1], 3, 1, 0],
  [[8, 5, 1], [4, 3, 1], 3, 2, 0],
  [[6, 7, 1], [6, 7, 1], 5, 1, 2],
  [[9, 4, 1], [3, 2, 1], 3, 3, 0],
].map((row, i) => {
  const [input, output, kernel, stride, pad] = row as [Shape, Shape, number, number, number];
  return makeCase(10 + i, makeLayer(rng, "conv2d", { input, output, kernel, stride, pad, bits: 2 }));
});

/** Registers of the layer's own module; those of the datapath below it are looked through. */
const isCut = (register: string): boolean => !register.includes(".");

/** Compare two layers' arithmetic on all windows: one window an image, no padding. */
function sameOnAllWindows(test: Case, changed: Layer): boolean {
  const { node, input } = test;
  const [kernelHeight = 1, kernelWidth = 1] = node.weights.shape;
  const channels = input.shape.at(-1)!;
  const outputs = node.output.shape.at(-1)!;
  // A depthwise output reads one channel: all channels may run through the same windows together.
  const free = kernelHeight * kernelWidth * (node.kind === "conv2d" ? channels : 1);
  const bits = free * input.bits;
  expect(bits).toBeLessThanOrEqual(20);
  const type: QuantType = { ...input, shape: [kernelHeight, kernelWidth, channels] };
  const alone = (layer: Layer): Layer => ({
    ...layer,
    output: { ...layer.output, shape: [1, 1, outputs] },
    stride: { height: 1, width: 1 },
    padding: { top: 0, bottom: 0, left: 0, right: 0 },
  });
  const size = elementCount(type.shape);
  const count = 2 ** bits;
  const windows = new Int32Array(count * size);
  for (let w = 0; w < count; w++) {
    for (let i = 0; i < size; i++) {
      const digit = node.kind === "conv2d" ? i : Math.floor(i / channels);
      windows[w * size + i] = (w >>> (digit * input.bits)) & (2 ** input.bits - 1);
    }
  }
  const run = (layer: Layer): QuantValues =>
    executeLayer(alone(layer), [type], [windows as QuantValues], count);
  const [a, b] = [run(node), run(changed)];
  return a.every((value, i) => value === b[i]);
}

const COUNT = 102;
/** Caught mutants on which the proofs are tried too, to see that they tell a difference. */
const CROSS_CHECKED = 15;
type Tally = { caught: number; equivalent: number; unproven: string[]; wronglyProven: string[] };
const tally = (): Tally => ({ caught: 0, equivalent: 0, unproven: [], wronglyProven: [] });

function check(result: Tally): void {
  expect(result.unproven).toEqual([]);
  expect(result.wronglyProven).toEqual([]);
  expect(result.caught + result.equivalent).toBeGreaterThanOrEqual(COUNT);
  expect(result.caught).toBeGreaterThan(result.equivalent);
}

/** Judge a mutant of the netlist: caught, or the same as the original by one of the proofs. */
function judge(
  result: Tally,
  test: Case,
  mutant: { readonly module: SimModule; readonly what: string },
): void {
  const proven = (): boolean =>
    proveSameData(test.original, mutant.module, isCut) && proveSameControl(test.original, mutant.module);
  if (!survives(mutant.module, test)) {
    if (result.caught++ < CROSS_CHECKED && proven()) result.wronglyProven.push(mutant.what);
  } else if (proven()) result.equivalent++;
  else result.unproven.push(mutant.what);
}

/** Judge a layer compiled from changed constants. */
function judgeConstants(result: Tally, test: Case, changed: Layer, what: string): void {
  const module = flatten(lowerDesign(compile(changed, test.input)));
  if (!survives(module, test)) {
    // All windows of a layer take a while, so fewer of these.
    if (result.caught++ < CROSS_CHECKED / 3 && sameOnAllWindows(test, changed))
      result.wronglyProven.push(what);
  } else if (sameOnAllWindows(test, changed)) result.equivalent++;
  else result.unproven.push(what);
}

describe("the verification catches every mutation that changes a value", () => {
  it.each(cases)("the unchanged %s passes", (_name, test) => {
    expect(survives(test.original, test)).toBe(true);
    expect(proveSameData(test.original, test.original, isCut)).toBe(true);
    expect(proveSameControl(test.original, test.original)).toBe(true);
  });

  it("a constant's bit", () => {
    const result = tally();
    const rng = createRng(31);
    for (let i = 0; i < COUNT; i++) {
      const [name, test] = cases[i % cases.length]!;
      const data = test.node.weights.data.slice();
      const at = rng.integer(data.length);
      const bit = rng.integer(8);
      data[at] = ((data[at]! ^ (1 << bit)) << 24) >> 24;
      const weights = tensor("int16", test.node.weights.shape, data);
      judgeConstants(result, test, { ...test.node, weights }, `${name}: bit ${bit} of weight ${at}`);
    }
    check(result);
  });

  it("an adder cell", () => {
    const result = tally();
    const rng = createRng(32);
    for (let i = 0; i < COUNT; i++) {
      const [, test] = cases[i % cases.length]!;
      judge(result, test, mutateAdder(test.original, rng));
    }
    check(result);
  });

  it("a wire swapped", () => {
    const result = tally();
    const rng = createRng(33);
    for (let i = 0; i < COUNT; i++) {
      const [, test] = cases[i % cases.length]!;
      judge(result, test, mutateWires(test.original, test.isData, rng));
    }
    check(result);
  });

  it("a counter bound", () => {
    const result = tally();
    for (const test of [...cases.map(([, one]) => one), ...counterCases]) {
      const top = test.design.modules.at(-1)!;
      const control = (net: string): boolean =>
        test.original.nets.some(
          ({ name, bits }) => name === net && bits.every((bit) => test.isData[bit] === 0),
        );
      for (const { flip, what } of boundBits(test.design, top, control)) {
        judge(result, test, { module: flatten(lowerDesign(flip())), what });
      }
    }
    check(result);
  });

  it("a requantization constant", () => {
    const result = tally();
    const rng = createRng(35);
    for (let i = 0; i < COUNT; i++) {
      const [name, test] = cases[i % cases.length]!;
      const { node } = test;
      const channel = rng.integer(node.output.shape.at(-1)!);
      const multipliers = node.requantization.multipliers.slice();
      const shifts = node.requantization.shifts.slice();
      const bias = node.bias.data.slice();
      const clamp = { ...node.clamp };
      let { zeroPoint } = node.output;
      const what = rng.integer(6);
      if (what === 0) multipliers[channel]! ^= 1 << rng.integer(6);
      else if (what === 1) shifts[channel]! += rng.integer(2) === 0 ? 1 : -1;
      else if (what === 2) bias[channel]! ^= 1 << rng.integer(7);
      else if (what === 3) clamp.low ^= 1 << rng.integer(3);
      else if (what === 4) clamp.high ^= 1 << rng.integer(8);
      else zeroPoint ^= 1 << rng.integer(4);
      const changed: Layer = {
        ...node,
        requantization: { ...node.requantization, multipliers, shifts },
        bias: tensor("int32", node.bias.shape, bias),
        clamp,
        output: { ...node.output, zeroPoint },
      };
      judgeConstants(result, test, changed, `${name}: requantization constant ${what} of channel ${channel}`);
    }
    check(result);
  });

  it("a constant bit of an adder: rounding, bias, sign extension", () => {
    const result = tally();
    const rng = createRng(36);
    for (let i = 0; i < COUNT; i++) {
      const [name, test] = cases[i % cases.length]!;
      const { gates } = test.original;
      const pins: number[] = [];
      for (let g = 0; g < gates.length; g += GATE_WORDS) {
        for (let pin = 0; pin < gateInputs[gates[g]!]!; pin++)
          if (gates[g + 3 + pin]! <= 1) pins.push(g + 3 + pin);
      }
      const at = pins[rng.integer(pins.length)]!;
      const changed = gates.slice();
      changed[at] = 1 - changed[at]!;
      judge(result, test, {
        module: { ...test.original, gates: changed },
        what: `${name}: constant at ${at}`,
      });
    }
    check(result);
  });
});
