import {
  AdderGraphBuilder,
  type ClockTarget,
  type Interval,
  interval,
  scaledTerms,
  type Term,
  wordFormat,
} from "../../arith/index.js";
import type { Clamp } from "../../quant/index.js";
import { literal, ModuleBuilder, repeat, sliceOf } from "../builder.js";
import { type CellCounts, countCells } from "../cell-counts.js";
import { clampWord } from "../clamp.js";
import { lowerDatapath } from "../datapath.js";
import { type DatapathCounts, datapathCounts, NO_CELLS, planDatapath, wholePlan } from "../datapath-plan.js";
import { clampDelayPs } from "../layer-datapath.js";
import { type Module, type Signal, toBits } from "../netlist.js";
import { enablePorts, type StageEnables } from "../stage-enables.js";
import { largest, smallest } from "./extremes.js";
import { resize } from "./lane.js";
import { evaluateLinear, type LinearRequantization } from "./linear-requantization.js";

/** What a requantizer of all channels of a layer needs to know. */
export type RequantizerShape = {
  /** Reachable accumulators of each output channel. */
  readonly low: readonly number[];
  readonly high: readonly number[];
  readonly formula: LinearRequantization;
  readonly clamp: Clamp;
  readonly outputBits: number;
  readonly clock: ClockTarget;
};

/** Where a channel's constants lie in its word of the scale ROM; what all channels share is no part of it. */
export type ScaleFormat = {
  readonly multiplierBits: number;
  readonly offsetBits: number;
  /** The offset depends on the accumulator's sign, so there are two. */
  readonly split: boolean;
  readonly commonMultiplier: boolean;
  readonly commonOffset: boolean;
};

/** A requantizer and what is in it. */
export type Requantizer = {
  readonly module: Module;
  /** Clock cycles from the accumulator to the combinational result. */
  readonly latencyCycles: number;
  readonly counts: DatapathCounts;
  /** Partial products, choice of the offset, clamp. */
  readonly otherCells: CellCounts;
  /** Longest path between two registers, in full adders in a row. */
  readonly longestPath: number;
};

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const allEqual = <T>(values: readonly T[]): boolean => values.every((value) => value === values[0]);

/** Bounds of all accumulators of the layer. */
export function accumulatorHull(shape: Pick<RequantizerShape, "low" | "high">): Interval {
  return interval(Math.min(...shape.low), Math.max(...shape.high));
}

/** Lay out the constants of a channel. */
export function scaleFormat({ formula }: Pick<RequantizerShape, "formula">): ScaleFormat {
  const { multipliers, positive, negative } = formula;
  const offsets = [...positive, ...negative];
  return {
    multiplierBits: Math.max(1, Math.max(...multipliers).toString(2).length),
    offsetBits: wordFormat({ low: smallest([...offsets, -1n]), high: largest(offsets) }).width,
    split: positive.some((offset, i) => offset !== negative[i]),
    commonMultiplier: allEqual(multipliers),
    commonOffset: allEqual(positive) && allEqual(negative),
  };
}

/** A channel's word of the scale ROM, most significant bit first; empty if all channels are alike. */
export function scaleWord(shape: RequantizerShape, channel: number): string {
  const format = scaleFormat(shape);
  const { multipliers, positive, negative } = shape.formula;
  const parts: string[] = [];
  if (!format.commonMultiplier) parts.unshift(toBits(multipliers[channel] ?? 0, format.multiplierBits));
  if (!format.commonOffset) {
    parts.unshift(toBits(positive[channel] ?? 0n, format.offsetBits));
    if (format.split) parts.unshift(toBits(negative[channel] ?? 0n, format.offsetBits));
  }
  return parts.join("");
}

/** Range of the results before the clamp, over the reachable accumulators of all channels. */
function resultRange({ low, high, formula }: RequantizerShape): Interval {
  const ends = low.flatMap((from, c) => {
    const to = high[c]!;
    const at = from < 0 && to >= 0 ? [from, -1, 0, to] : [from, to];
    return at.map((a) => evaluateLinear(formula, c, a));
  });
  return interval(smallest(ends), largest(ends));
}

/** Build a requantizer: the accumulator times a multiplier plus an offset, both from a ROM where channels differ, shifted and clamped. */
export function buildRequantizer(name: string, doc: readonly string[], shape: RequantizerShape): Requantizer {
  const { clock } = shape;
  const { shift, offsetShift, multipliers, positive, negative } = shape.formula;
  const b = new ModuleBuilder(name, doc);
  b.clock("aclk");
  const enable = enablePorts(b);
  const hull = accumulatorHull(shape);
  const { width, signed } = wordFormat(hull);
  const acc = b.input("a", width, "accumulator");
  const format = scaleFormat(shape);
  const scaleBits = scaleWord(shape, 0).length;
  const scales =
    scaleBits > 0 ? b.input("scale", scaleBits, "multiplier and offsets, where channels differ") : [];
  const graph = new AdderGraphBuilder();
  const inputs: Signal[] = [];
  const terms: Term[] = [];
  let at = 0;
  if (format.commonMultiplier) {
    const node = graph.input("accumulator", hull);
    inputs.push(acc);
    terms.push(...scaledTerms(node, multipliers[0]!));
  } else {
    const m = sliceOf(scales, 0, format.multiplierBits);
    at = format.multiplierBits;
    const gated = interval(smallest([hull.low, 0n]), largest([hull.high, 0n]));
    for (const i of range(format.multiplierBits)) {
      const row = b.logic("and", `scale${i}`, [acc, repeat(sliceOf(m, i, 1), width)]);
      inputs.push(resize(row, wordFormat(gated).width, signed));
      terms.push({ source: graph.input(`scale${i}`, gated), shift: i, negative: false });
    }
  }
  let constant = 0n;
  if (format.commonOffset && !format.split) constant = positive[0]! << BigInt(offsetShift);
  else {
    const offsetAt = (i: number): Signal => sliceOf(scales, at + i * format.offsetBits, format.offsetBits);
    const [plus, minus] = format.commonOffset
      ? [literal(positive[0]!, format.offsetBits), literal(negative[0]!, format.offsetBits)]
      : [offsetAt(0), format.split ? offsetAt(1) : offsetAt(0)];
    const sign = signed ? sliceOf(acc, width - 1, 1) : literal(0, 1);
    inputs.push(format.split ? b.mux("offset", sign, minus, plus) : plus);
    const all = [...positive, ...negative];
    const offsets = { low: smallest([...all, -1n]), high: largest(all) };
    terms.push({ source: graph.input("offset", offsets), shift: offsetShift, negative: false });
  }
  const { clamp, outputBits } = shape;
  return finishRequantizer(
    b,
    { name, graph, terms, inputs, constant, shift, enable, clock },
    {
      results: resultRange(shape),
      clamp,
      outputBits,
    },
  );
}

/** Scaled sum of a requantizer that is to be built. */
export type ScaledSum = {
  readonly name: string;
  readonly graph: AdderGraphBuilder;
  readonly terms: readonly Term[];
  /** Words of the graph's inputs; they come out of a register and a gate. */
  readonly inputs: readonly Signal[];
  readonly constant: bigint;
  readonly shift: number;
  readonly enable: StageEnables;
  readonly clock: ClockTarget;
  /** What comes between register and gate; default nothing. */
  readonly inputDelayPs?: number;
};

/** Add what all requantizers end in: the sum as a pipelined tree, its shift and the clamp; finish the module. */
export function finishRequantizer(
  b: ModuleBuilder,
  { name, graph, terms, inputs, constant, shift, enable, clock, inputDelayPs = 0 }: ScaledSum,
  {
    results,
    clamp,
    outputBits,
  }: { readonly results: Interval; readonly clamp: Clamp; readonly outputBits: number },
): Requantizer {
  const resultWidth = wordFormat(results).width;
  let value: Signal = literal(constant >> BigInt(shift), resultWidth);
  let latencyCycles = 0;
  let counts = NO_CELLS;
  let longestPath = 0;
  if (terms.length > 0) {
    const scaled = graph.sum("scaled", terms, constant);
    const wide = wordFormat(graph.interval(scaled));
    const { register, and2, fullAdder } = clock.cells;
    const plan = planDatapath(graph.build(name, [scaled]), clock, {
      inputArrivalPs: register.clockToOutputPs + inputDelayPs + and2.delayPs,
      outputDelayPs: clampDelayPs(clock),
    });
    const [result] = lowerDatapath(b, plan, inputs, { enable });
    latencyCycles = plan.schedule.latencyCycles;
    longestPath = plan.schedule.longestPathPs / fullAdder.sumPs;
    counts = datapathCounts(plan, wholePlan(plan));
    value = sliceOf(resize(result!, shift + resultWidth, wide.signed), shift, resultWidth);
  }
  const from = b.build().cells.length;
  const y = clampWord(b, "y0", value, { range: results, ...clamp, bits: outputBits });
  const others = b
    .build()
    .cells.filter(
      (cell, i) => i >= from || cell.kind === "constant" || /^scale(_left)?\d+$|^offset$/.test(cell.name),
    );
  b.output("y", y);
  const module = b.build();
  return { module, latencyCycles, counts, otherCells: countCells(others), longestPath };
}
