import { csdDigitCount } from "../csd.js";

/** How an output is made: from nothing, or as ±2^shift times another output plus what differs. */
export type ColumnParent = { readonly output: number; readonly factor: number };

/** Choices of {@link decomposeColumns}. */
export type ColumnOptions = {
  /** Signed digits that reading another output counts as: it is a wide word. */
  readonly parentDigits: number;
  /** Most outputs on a path. */
  readonly maxLevel: number;
};

/**
 * Write outputs as other outputs plus a difference where that has fewer signed digits: a spanning tree grown from nothing by the
 * cheapest edge (Prim 1957), as da4ml does (Sun et al. 2025), also with a parent doubled. Quadratic in the outputs.
 *
 * @param rows weights of each output
 * @returns for each output its parent, or undefined when it is made from nothing
 */
export function decomposeColumns(
  rows: readonly Float64Array[],
  { parentDigits, maxLevel }: ColumnOptions,
): readonly (ColumnParent | undefined)[] {
  const digits = digitTable(rows);
  const cost = rows.map((row) => row.reduce((sum, w) => sum + digits(w), 0));
  const parents = new Array<ColumnParent | undefined>(rows.length).fill(undefined);
  const level = new Array<number>(rows.length).fill(1);
  const open = new Set(rows.keys());
  while (open.size > 0) {
    let next = -1;
    for (const o of open) if (next < 0 || cost[o]! < cost[next]!) next = o;
    open.delete(next);
    const parent = parents[next];
    if (parent !== undefined) level[next] = level[parent.output]! + 1;
    if (level[next]! >= maxLevel) continue;
    const from = rows[next]!;
    for (const o of open) {
      const row = rows[o]!;
      for (const factor of [1, -1, 2, -2]) {
        let sum = parentDigits;
        for (let i = 0; i < row.length && sum < cost[o]!; i++) sum += digits(row[i]! - factor * from[i]!);
        if (sum >= cost[o]!) continue;
        cost[o] = sum;
        parents[o] = { output: next, factor };
      }
    }
  }
  return parents;
}

/** Digit counts by table as far as differences of usual weights reach. */
function digitTable(rows: readonly Float64Array[]): (n: number) => number {
  const largest = rows.reduce((most, row) => row.reduce((m, w) => Math.max(m, Math.abs(w)), most), 0);
  const table = Uint8Array.from({ length: Math.min(3 * largest + 1, 1 << 16) }, (_, n) => csdDigitCount(n));
  return (n) => table[Math.abs(n)] ?? csdDigitCount(n);
}
