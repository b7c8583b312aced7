import { AdderGraphBuilder, type ClockTarget, interval, type Term } from "../../../arith/index.js";
import {
  concat,
  lowerDatapath,
  type ModuleBuilder,
  planDatapath,
  repeat,
  type Signal,
  signalWidth,
  sliceOf,
} from "../../../hw/index.js";

/** Rows of partial products that are summed: each a signed or unsigned word at a power of two. */
export type Row = {
  readonly word: Signal;
  readonly shift: number;
  readonly negative: boolean;
  readonly signed: boolean;
};

/** Cut a word, or extend it by its sign (or zero). */
export function extend(word: Signal, width: number, fill: Signal): Signal {
  const have = signalWidth(word);
  if (have >= width) return sliceOf(word, 0, width);
  return concat([word, repeat(fill, width - have)]);
}

/** Highest bit of a word. */
export const signOf = (word: Signal): Signal => sliceOf(word, signalWidth(word) - 1, 1);

/**
 * Sum rows as one carry-save tree with one final adder, pipelined for the clock: the structure of the frozen datapaths, so that both sides
 * of a comparison are built alike.
 *
 * @param arrivalPs when the rows are there, from the clock edge
 * @param after what still follows the sum in its stage, ps
 */
export function sumRows(
  b: ModuleBuilder,
  name: string,
  rows: readonly Row[],
  options: {
    readonly enable: Signal;
    readonly clock: ClockTarget;
    readonly arrivalPs: number;
    readonly after: number;
  },
): { readonly sum: Signal; readonly latencyCycles: number } {
  const graph = new AdderGraphBuilder();
  const terms = rows.map(({ word, shift, negative, signed }, i): Term => {
    const width = signalWidth(word);
    const range = signed
      ? interval(-(2n ** BigInt(width - 1)), 2n ** BigInt(width - 1) - 1n)
      : interval(0n, 2n ** BigInt(width) - 1n);
    return { source: graph.input(`${name}${i}`, range), shift, negative };
  });
  const total = graph.sum(name, terms, 0n);
  const plan = planDatapath(graph.build(name, [total]), options.clock, {
    inputArrivalPs: options.arrivalPs,
    outputDelayPs: options.after,
  });
  const [sum] = lowerDatapath(
    b,
    plan,
    rows.map(({ word }) => word),
    { enable: () => options.enable },
  );
  return { sum: sum!, latencyCycles: plan.schedule.latencyCycles };
}

/** Partial products of a signed word by a signed or unsigned one: one row a bit of the multiplier. */
export function productRows(
  b: ModuleBuilder,
  name: string,
  word: Signal,
  multiplier: Signal,
  multiplierSigned: boolean,
): readonly Row[] {
  const bits = signalWidth(multiplier);
  return Array.from({ length: bits }, (_, i) => ({
    word: b.logic("and", `${name}_row${i}`, [word, repeat(sliceOf(multiplier, i, 1), signalWidth(word))]),
    shift: i,
    negative: multiplierSigned && i === bits - 1,
    signed: true,
  }));
}
