import { invariant } from "../core/index.js";

/** All integers from low to high, both included. */
export type Interval = { readonly low: bigint; readonly high: bigint };

/** How a word holds an interval: two's complement when signed. */
export type WordFormat = { readonly width: number; readonly signed: boolean };

/** Make an interval. */
export function interval(low: number | bigint, high: number | bigint): Interval {
  const result = { low: BigInt(low), high: BigInt(high) };
  invariant(result.low <= result.high, `interval ${low}..${high} is empty`);
  return result;
}

/** Scale an interval by an integer. */
export function scaleInterval(a: Interval, factor: bigint): Interval {
  return factor >= 0n
    ? { low: a.low * factor, high: a.high * factor }
    : { low: a.high * factor, high: a.low * factor };
}

/** Add intervals of independent values. */
export function addIntervals(a: Interval, b: Interval): Interval {
  return { low: a.low + b.low, high: a.high + b.high };
}

/** Divide by 2^shift, rounding down. */
export function floorShiftInterval(a: Interval, shift: number): Interval {
  return { low: a.low >> BigInt(shift), high: a.high >> BigInt(shift) };
}

/** Compare two intervals. */
export function sameInterval(a: Interval, b: Interval): boolean {
  return a.low === b.low && a.high === b.high;
}

/** Return the narrowest word that holds every integer of an interval: unsigned if it can be; one bit at least. */
export function wordFormat(a: Interval): WordFormat {
  if (a.low >= 0n)
    return { width: Math.max(1, a.high === 0n ? 0 : a.high.toString(2).length), signed: false };
  const magnitude = (n: bigint): number => (n === 0n ? 0 : n.toString(2).length);
  return { width: 1 + Math.max(magnitude(-a.low - 1n), magnitude(a.high < 0n ? 0n : a.high)), signed: true };
}

/** Read a word's bits as the integer they stand for. */
export function wordValue(bits: bigint, format: WordFormat): bigint {
  return format.signed ? BigInt.asIntN(format.width, bits) : BigInt.asUintN(format.width, bits);
}
