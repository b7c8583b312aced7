import {
  AdderGraphBuilder,
  type ClockTarget,
  type Interval,
  interval,
  type Term,
  wordFormat,
} from "../arith/index.js";
import type { Clamp } from "../quant/index.js";
import { concat, literal, ModuleBuilder, repeat, sliceOf } from "./builder.js";
import { largest, smallest } from "./fold/extremes.js";
import { resize } from "./fold/lane.js";
import { finishRequantizer, type Requantizer } from "./fold/requantizer.js";
import { counterWidth, type Signal } from "./netlist.js";
import { enablePorts } from "./stage-enables.js";

/** A requantizer whose multiplier comes from a register. */
export type RegisterRequantizerShape = {
  /** Words a that can come. */
  readonly sum: Interval;
  readonly multiplierBits: number;
  readonly signed: boolean;
  /** What is added to the product: a word from a register too, or a constant. */
  readonly offset: Interval | bigint;
  readonly shift: number;
  /** The multiplier is shifted left by 0 to so many bits first. */
  readonly mostLeft: number;
  /** Results that can come before the clamp. */
  readonly result: Interval;
  readonly clamp: Clamp;
  readonly outputBits: number;
  readonly clock: ClockTarget;
};

/** Bits that say by how much a multiplier is shifted left. */
export function leftShiftBits(mostLeft: number): number {
  return mostLeft === 0 ? 0 : counterWidth(mostLeft);
}

/** Shift a word left by a number of bits, keeping its width. */
function shiftLeft(b: ModuleBuilder, word: Signal, by: Signal, bits: number, width: number): Signal {
  let value = word;
  for (let k = 0; k < bits; k++) {
    const moved = concat([literal(0, 2 ** k), sliceOf(value, 0, width - 2 ** k)]);
    value = b.mux(`scale_left${k}`, sliceOf(by, k, 1), moved, value);
  }
  return value;
}

/**
 * Build clamp((m·2^left·a + c) >> shift): each bit of the multiplier gates a, the rows and c go into one tree of full adders. Ports:
 * `advance`, `a`, `scale` (m in the low bits, above it c where it is a word, or left), `y`.
 */
export function buildRegisterRequantizer(
  name: string,
  doc: readonly string[],
  shape: RegisterRequantizerShape,
): Requantizer {
  const { sum, multiplierBits, offset, mostLeft, shift, result, clamp, outputBits, clock } = shape;
  const b = new ModuleBuilder(name, doc);
  b.clock("aclk");
  const enable = enablePorts(b);
  const { width, signed } = wordFormat(sum);
  const a = b.input("a", width, "sum");
  const offsetBits = typeof offset === "bigint" ? 0 : wordFormat(offset).width;
  const leftBits = leftShiftBits(mostLeft);
  const scale = b.input(
    "scale",
    multiplierBits + offsetBits + leftBits,
    "multiplier, and what belongs to it",
  );
  const wide = multiplierBits + mostLeft;
  const left = sliceOf(scale, multiplierBits + offsetBits, leftBits);
  const m = resize(sliceOf(scale, 0, multiplierBits), wide, shape.signed);
  const shifted = shiftLeft(b, m, left, leftBits, wide);
  const graph = new AdderGraphBuilder();
  const inputs: Signal[] = [];
  const terms: Term[] = [];
  const gated = interval(smallest([sum.low, 0n]), largest([sum.high, 0n]));
  for (let i = 0; i < wide; i++) {
    const row = b.logic("and", `scale${i}`, [a, repeat(sliceOf(shifted, i, 1), width)]);
    inputs.push(resize(row, wordFormat(gated).width, signed));
    terms.push({
      source: graph.input(`scale${i}`, gated),
      shift: i,
      negative: shape.signed && i === wide - 1,
    });
  }
  if (typeof offset !== "bigint") {
    inputs.push(sliceOf(scale, multiplierBits, offsetBits));
    terms.push({ source: graph.input("offset", offset), shift: 0, negative: false });
  }
  const constant = typeof offset === "bigint" ? offset : 0n;
  const inputDelayPs = leftBits * clock.cells.mux2.delayPs;
  return finishRequantizer(
    b,
    { name, graph, terms, inputs, constant, shift, enable, clock, inputDelayPs },
    { results: result, clamp, outputBits },
  );
}
