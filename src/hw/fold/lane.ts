import {
  AdderGraphBuilder,
  type AdderNodeId,
  type Interval,
  interval,
  scaledTerms,
  wordFormat,
} from "../../arith/index.js";
import type { Clamp } from "../../quant/index.js";
import { concat, literal, ModuleBuilder, repeat, sliceOf } from "../builder.js";
import { addCellCounts, type CellCounts, countCells } from "../cell-counts.js";
import { type DatapathCounts, lowerDatapath, NO_CELLS, planTrees, treeStages } from "../datapath.js";
import { clampWord } from "../layer-datapath.js";
import { type Module, type Signal, signalWidth, toBits } from "../netlist.js";
import { largest, smallest } from "./extremes.js";
import { evaluateLinear, type LinearRequantization } from "./linear-requantization.js";

/** What all lanes of a folded layer have in common. */
export type LaneShape = {
  /** Multipliers of a lane. */
  readonly inputs: number;
  readonly inputBits: number;
  /** Integers that an operand can take. */
  readonly inputRange: Interval;
  /** Bits of a weight in the ROM, two's complement when signed. */
  readonly weightBits: number;
  readonly signedWeights: boolean;
  readonly slices: number;
  /** Reachable accumulators of each output channel, and the hull of all. */
  readonly low: readonly number[];
  readonly high: readonly number[];
  readonly requantization: LinearRequantization;
  readonly clamp: Clamp;
  readonly outputBits: number;
  readonly levelsPerStage: number;
};

/** Where the constants of an output channel lie in the lane's word of the constant ROM; what all channels share is no part of it. */
export type ConstantFormat = {
  readonly biasBits: number;
  readonly multiplierBits: number;
  readonly offsetBits: number;
  /** The offset depends on the accumulator's sign, so there are two. */
  readonly split: boolean;
  readonly commonMultiplier: boolean;
  readonly commonOffset: boolean;
};

const allEqual = <T>(values: readonly T[]): boolean => values.every((value) => value === values[0]);

/** Bounds of all accumulators of the layer. */
export function accumulatorHull(shape: Pick<LaneShape, "low" | "high">): Interval {
  return interval(Math.min(...shape.low), Math.max(...shape.high));
}

/** Lay out the constants of a channel. */
export function constantFormat(shape: LaneShape): ConstantFormat {
  const { multipliers, positive, negative } = shape.requantization;
  const split = positive.some((offset, i) => offset !== negative[i]);
  const offsets = [...positive, ...negative];
  const range = {
    low: smallest([...offsets, -1n]),
    high: largest(offsets),
  };
  return {
    biasBits: wordFormat(accumulatorHull(shape)).width,
    multiplierBits: Math.max(1, Math.max(...multipliers).toString(2).length),
    offsetBits: wordFormat(range).width,
    split,
    commonMultiplier: allEqual(multipliers),
    commonOffset: allEqual(positive) && allEqual(negative),
  };
}

/** Bits of a lane's word in the constant ROM. */
export function constantBits(format: ConstantFormat): number {
  const offsets = format.commonOffset ? 0 : format.offsetBits * (format.split ? 2 : 1);
  return format.biasBits + (format.commonMultiplier ? 0 : format.multiplierBits) + offsets;
}

/**
 * The constant ROM's word of a lane, most significant bit first: the bias of channel `first`, and the requantization of channel `before`,
 * which is at work when the first accumulation of the next channel begins.
 */
export function constantWord(shape: LaneShape, bias: number | undefined, before: number | undefined): string {
  const format = constantFormat(shape);
  const { multipliers, positive, negative } = shape.requantization;
  const at = <T>(values: readonly T[], none: T): T =>
    before === undefined ? none : (values[before] ?? none);
  const parts = [toBits(bias ?? 0, format.biasBits)];
  if (!format.commonMultiplier) parts.unshift(toBits(at(multipliers, 0), format.multiplierBits));
  if (!format.commonOffset) {
    parts.unshift(toBits(at(positive, 0n), format.offsetBits));
    if (format.split) parts.unshift(toBits(at(negative, 0n), format.offsetBits));
  }
  return parts.join("");
}

/** A lane and what is in it. */
export type Lane = {
  readonly module: Module;
  /** Clock cycles from operands to the combinational sum that is accumulated. */
  readonly sumLatency: number;
  /** Clock cycles from the accumulator to the combinational result. */
  readonly requantizationLatency: number;
  readonly sums: DatapathCounts;
  readonly requantization: DatapathCounts;
  /** Partial products, accumulator, offsets' choice. */
  readonly selectionCells: CellCounts;
  readonly clampCells: CellCounts;
  /** Bits of the longest carry-propagate adder. */
  readonly longestAdder: number;
};

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Bring a word to a width: cut, or extended with its sign. */
function resize(word: Signal, width: number, signed: boolean): Signal {
  const have = signalWidth(word);
  if (have >= width) return sliceOf(word, 0, width);
  const fill = signed ? sliceOf(word, have - 1, 1) : literal(0, 1);
  return concat([word, repeat(fill, width - have)]);
}

/** Range of the results before the clamp, over the reachable accumulators of all channels. */
function resultRange({ low, high, requantization }: LaneShape): Interval {
  const ends = low.flatMap((from, c) => [
    evaluateLinear(requantization, c, from),
    evaluateLinear(requantization, c, high[c]!),
    ...(from < 0 && high[c]! >= 0
      ? [evaluateLinear(requantization, c, -1), evaluateLinear(requantization, c, 0)]
      : []),
  ]);
  return interval(smallest(ends), largest(ends));
}

/**
 * Build a lane: partial products (each bit of a weight gates its operand), their sum as a tree of full adders, the accumulator that begins
 * with the bias, one multiplication for the requantization, the clamp. All arithmetic is modulo 2^width, so partial sums may wrap.
 */
export function buildLane(name: string, doc: readonly string[], shape: LaneShape): Lane {
  const { inputs, inputBits, weightBits, levelsPerStage } = shape;
  const b = new ModuleBuilder(name, doc);
  b.clock("aclk");
  const enable = b.input("advance", 1, "all registers move on");
  const x = b.input("x", inputs * inputBits, `${inputs} operands of ${inputBits} bits`);
  const w = b.input(
    "w",
    inputs * weightBits,
    `${weightBits} bit planes of ${inputs} weights, lowest plane first`,
  );
  const format = constantFormat(shape);
  const constants = b.input(
    "constants",
    constantBits(format),
    "bias, then what differs in the requantization",
  );
  const first = shape.slices > 1 ? b.input("first", 1, "the sum begins with the bias") : literal(1, 1);
  const accumulate = b.input("accumulate", 1, "the accumulator takes the sum");

  const rows = range(weightBits).flatMap((i) => {
    const gates = concat(range(inputs).map((p) => repeat(sliceOf(w, i * inputs + p, 1), inputBits)));
    const row = b.logic(
      "and",
      `row${i}`,
      [x, gates],
      i === 0 ? "partial products, one row a bit of the weights" : undefined,
    );
    return range(inputs).map((p) => sliceOf(row, p * inputBits, inputBits));
  });
  const partial = interval(smallest([shape.inputRange.low, 0n]), largest([shape.inputRange.high, 0n]));
  const sumBuilder = new AdderGraphBuilder();
  const terms = range(weightBits).flatMap((i) =>
    range(inputs).map((p) => ({
      source: sumBuilder.input(`x${p}_${i}`, partial),
      shift: i,
      negative: shape.signedWeights && i === weightBits - 1,
    })),
  );
  const total = sumBuilder.sum("total", terms, 0n);
  const sumRange = sumBuilder.interval(total);
  const sumPlan = planTrees(sumBuilder.build(`${name}_sum`, [total]), levelsPerStage);
  const sum = lowerDatapath(b, sumPlan, rows, {
    enable,
    stages: treeStages(sumPlan, levelsPerStage),
    levelsPerStage,
  });

  const hull = accumulatorHull(shape);
  const { width, signed } = wordFormat(hull);
  const accumulator = b.net("accumulator", width, "the channel's sum so far");
  const bias = sliceOf(constants, 0, format.biasBits);
  const base = shape.slices > 1 ? b.mux("base", first, bias, b.signal(accumulator)) : bias;
  const word = resize(sum.outputs[0]!, width, wordFormat(sumRange).signed);
  const next = b.arithmetic("add", "accumulator_next", base, word);
  b.registerInto(accumulator, "accumulator", next, { enable: accumulate, role: "datapath" });

  const marked = b.build().cells.length;
  const scale = new AdderGraphBuilder();
  const acc = b.signal(accumulator);
  const scaleInputs: Signal[] = [];
  const scaleTerms: { source: AdderNodeId; shift: number; negative: boolean }[] = [];
  let at = format.biasBits;
  const { shift, multipliers, positive, negative } = shape.requantization;
  if (format.commonMultiplier) {
    const node = scale.input("accumulator", hull);
    scaleInputs.push(acc);
    scaleTerms.push(...scaledTerms(node, multipliers[0]!));
  } else {
    const m = sliceOf(constants, at, format.multiplierBits);
    at += format.multiplierBits;
    const gated = interval(smallest([hull.low, 0n]), largest([hull.high, 0n]));
    for (const i of range(format.multiplierBits)) {
      const gates = repeat(sliceOf(m, i, 1), width);
      const row = b.logic("and", `scale${i}`, [acc, gates]);
      // A word that is never negative or never positive needs its sign bit still, since zero is among the products.
      scaleInputs.push(resize(row, wordFormat(gated).width, signed));
      scaleTerms.push({ source: scale.input(`scale${i}`, gated), shift: i, negative: false });
    }
  }
  let constant = 0n;
  const sign = signed ? sliceOf(acc, width - 1, 1) : literal(0, 1);
  if (format.commonOffset && !format.split) constant = positive[0]!;
  else {
    const offsetAt = (i: number): Signal => sliceOf(constants, at + i * format.offsetBits, format.offsetBits);
    const [plus, minus] = format.commonOffset
      ? [literal(positive[0]!, format.offsetBits), literal(negative[0]!, format.offsetBits)]
      : [offsetAt(0), format.split ? offsetAt(1) : offsetAt(0)];
    const offset = format.split ? b.mux("offset", sign, minus, plus) : plus;
    const all = [...positive, ...negative];
    const offsets = { low: smallest([...all, -1n]), high: largest(all) };
    scaleInputs.push(offset);
    scaleTerms.push({ source: scale.input("offset", offsets), shift: 0, negative: false });
  }
  const results = resultRange(shape);
  let value: Signal;
  let latency = 0;
  let counts = NO_CELLS;
  const resultWidth = wordFormat(results).width;
  if (scaleTerms.length === 0) value = literal(constant >> BigInt(shift), resultWidth);
  else {
    const scaled = scale.sum("scaled", scaleTerms, constant);
    const scaledRange = scale.interval(scaled);
    const plan = planTrees(scale.build(`${name}_scale`, [scaled]), levelsPerStage);
    const lowered = lowerDatapath(b, plan, scaleInputs, {
      enable,
      stages: treeStages(plan, levelsPerStage),
      levelsPerStage,
      prefix: "r",
    });
    latency = lowered.latency;
    counts = lowered.counts[0]!;
    const wide = resize(lowered.outputs[0]!, shift + resultWidth, wordFormat(scaledRange).signed);
    value = sliceOf(wide, shift, resultWidth);
  }
  const beforeClamp = b.build().cells;
  const selection = countCells(beforeClamp.slice(0, marked).filter((cell) => isSelection(cell.name)));
  const scaling = countCells(beforeClamp.slice(marked).filter((cell) => isSelection(cell.name)));
  const clampFrom = beforeClamp.length;
  const y = clampWord(b, "y0", value, { range: results, ...shape.clamp, bits: shape.outputBits });
  const built = b.build();
  const clampCells = countCells([
    ...built.cells.filter((cell) => cell.kind === "constant"),
    ...built.cells.slice(clampFrom),
  ]);
  b.output("y", y);
  return {
    module: b.build(),
    sumLatency: sum.latency,
    requantizationLatency: latency,
    sums: sum.counts[0]!,
    requantization: counts,
    selectionCells: selection,
    clampCells: addCellCounts(clampCells, scaling),
    longestAdder: Math.max(...built.cells.map((cell) => (cell.kind === "add" ? signalWidth(cell.a) : 0))),
  };
}

const isSelection = (cell: string): boolean => /^(row|scale)\d+$|^(base|accumulator_next|offset)$/.test(cell);
