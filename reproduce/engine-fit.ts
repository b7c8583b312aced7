import { invariant } from "../src/core/index.js";

/** Solve a small symmetric system by elimination; undefined where it has no unique solution. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] | undefined {
  const n = right.length;
  const rows = matrix.map((row, i) => [...row, right[i]!]);
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(rows[i]![k]!) > Math.abs(rows[pivot]![k]!)) pivot = i;
    const row = rows[pivot]!;
    if (Math.abs(row[k]!) < 1e-9 * Math.max(...matrix.map((own, i) => Math.abs(own[i]!)))) return undefined;
    [rows[k], rows[pivot]] = [row, rows[k]!];
    for (let i = 0; i < n; i++) {
      if (i === k) continue;
      const factor = rows[i]![k]! / row[k]!;
      for (let j = k; j <= n; j++) rows[i]![j]! -= factor * row[j]!;
    }
  }
  return rows.map((row, i) => row[n]! / row[i]!);
}

/** A price a column, not negative, and what they leave. */
export type FittedPrices = {
  readonly prices: readonly number[];
  /** Root mean square of what is left over that of the measured values. */
  readonly residual: number;
};

/**
 * Fit prices to measured sums by least squares, none of them negative: the best of all subsets of columns, which is exact for the few columns there are.
 *
 * @param rows how often each event occurred
 * @param measured the sum that each row is to give
 */
export function fitPrices(rows: readonly (readonly number[])[], measured: readonly number[]): FittedPrices {
  const columns = rows[0]?.length ?? 0;
  invariant(rows.length === measured.length && columns > 0 && columns <= 10, "a row for each measured value");
  // Columns of like size, so that a pivot's smallness means something.
  const sizes = Array.from({ length: columns }, (_, c) => Math.hypot(...rows.map((row) => row[c]!)));
  const scaled = rows.map((row) => row.map((count, c) => (sizes[c] === 0 ? 0 : count / sizes[c]!)));
  const dot = (a: (row: number) => number, b: (row: number) => number): number =>
    rows.reduce((sum, _, i) => sum + a(i) * b(i), 0);
  const column = (c: number) => (i: number) => scaled[i]![c]!;
  const value = (i: number) => measured[i]!;
  const all = dot(value, value);
  let best: FittedPrices = { prices: new Array<number>(columns).fill(0), residual: 1 };
  for (let subset = 1; subset < 2 ** columns; subset++) {
    const used = sizes.flatMap((size, c) => (size > 0 && (subset >> c) & 1 ? [c] : []));
    if (used.length === 0) continue;
    const solution = solve(
      used.map((c) => used.map((d) => dot(column(c), column(d)))),
      used.map((c) => dot(column(c), value)),
    );
    if (solution === undefined || solution.some((price) => price < 0)) continue;
    const left = rows.map(
      (_, i) => measured[i]! - used.reduce((sum, c, k) => sum + solution[k]! * scaled[i]![c]!, 0),
    );
    const residual = all === 0 ? 0 : Math.sqrt(left.reduce((sum, one) => sum + one * one, 0) / all);
    if (residual >= best.residual) continue;
    const prices = new Array<number>(columns).fill(0);
    for (const [k, c] of used.entries()) prices[c] = solution[k]! / sizes[c]!;
    best = { prices, residual };
  }
  return best;
}
