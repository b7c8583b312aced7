/** Where a value lies on an axis: the point before it, and the share of the way to the next, held at the ends. */
function place(axis: readonly number[], at: number): readonly [index: number, share: number] {
  if (axis.length < 2) return [0, 0];
  let i = 0;
  while (i < axis.length - 2 && at > axis[i + 1]!) i++;
  const share = (at - axis[i]!) / (axis[i + 1]! - axis[i]!);
  return [i, Math.min(Math.max(share, 0), 1)];
}

/**
 * Interpolate bilinearly between the points of two axes; outside them the nearest edge holds.
 *
 * @param values `rows.length × columns.length`, row by row; an axis of one point is a constant
 */
export function bilinear(
  rows: readonly number[],
  columns: readonly number[],
  values: readonly number[],
  row: number,
  column: number,
): number {
  const [i, u] = place(rows, row);
  const [j, v] = place(columns, column);
  const width = columns.length;
  const at = (r: number, c: number): number =>
    values[Math.min(r, rows.length - 1) * width + Math.min(c, width - 1)]!;
  return (
    (1 - u) * ((1 - v) * at(i, j) + v * at(i, j + 1)) + u * ((1 - v) * at(i + 1, j) + v * at(i + 1, j + 1))
  );
}
