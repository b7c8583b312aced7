import type { Range } from "./technology.js";

/** A range without width. */
export const exactly = (value: number): Range => ({ low: value, nominal: value, high: value });

/** Apply a growing function to each figure; of a falling one, low and high change places. */
export function mapRange(range: Range, f: (value: number) => number): Range {
  const [a, b] = [f(range.low), f(range.high)];
  return { low: Math.min(a, b), nominal: f(range.nominal), high: Math.max(a, b) };
}

/** Multiply by a number that is not negative. */
export const scaleRange = (range: Range, by: number): Range => ({
  low: range.low * by,
  nominal: range.nominal * by,
  high: range.high * by,
});

/** Add figures whose errors may all point the same way: low to low, high to high. */
export function addRanges(...ranges: readonly Range[]): Range {
  const sum = { low: 0, nominal: 0, high: 0 };
  for (const range of ranges) {
    sum.low += range.low;
    sum.nominal += range.nominal;
    sum.high += range.high;
  }
  return sum;
}

/** Multiply two figures that are not negative. */
export const multiplyRanges = (a: Range, b: Range): Range => ({
  low: a.low * b.low,
  nominal: a.nominal * b.nominal,
  high: a.high * b.high,
});

/** Divide positive figures that are independent of each other: low over high, high over low. */
export const divideRanges = (a: Range, b: Range): Range => ({
  low: a.low / b.high,
  nominal: a.nominal / b.nominal,
  high: a.high / b.low,
});

/** Span figures that are not negative; the nominal value is the geometric mean of the two ends. */
export function rangeOver(values: readonly number[]): Range {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return { low, nominal: Math.sqrt(low * high), high };
}

/** Span two ranges; the nominal value is the geometric mean of theirs (positive figures). */
export const spanRanges = (a: Range, b: Range): Range => ({
  low: Math.min(a.low, b.low),
  nominal: Math.sqrt(a.nominal * b.nominal),
  high: Math.max(a.high, b.high),
});
