/** Solve a small linear system by elimination with pivots. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((row, i) => [...row, right[i] ?? 0]);
  const n = rows.length;
  for (let i = 0; i < n; i++) {
    let pivot = i;
    for (let k = i + 1; k < n; k++) if (Math.abs(rows[k]![i]!) > Math.abs(rows[pivot]![i]!)) pivot = k;
    [rows[i], rows[pivot]] = [rows[pivot]!, rows[i]!];
    for (let k = 0; k < n; k++) {
      if (k === i) continue;
      const factor = rows[k]![i]! / rows[i]![i]!;
      for (let j = i; j <= n; j++) rows[k]![j]! -= factor * rows[i]![j]!;
    }
  }
  return rows.map((row, i) => row[n]! / row[i]!);
}

/** Fit `target ≈ Σ coefficient × basis` by least squares of the relative errors. */
export function fitRelative(basis: readonly (readonly number[])[], targets: readonly number[]): number[] {
  const scaled = basis.map((row, i) => row.map((value) => value / (targets[i] ?? 1)));
  const size = scaled[0]?.length ?? 0;
  const index = Array.from({ length: size }, (_, i) => i);
  const normal = index.map((i) => index.map((j) => scaled.reduce((sum, row) => sum + row[i]! * row[j]!, 0)));
  const right = index.map((i) => scaled.reduce((sum, row) => sum + row[i]!, 0));
  return solve(normal, right);
}

/** Area of a memory: `cellUm2 × (columns + overheadColumns) × (rows + overheadRows)`. */
export type AreaLaw = {
  readonly cellUm2: number;
  readonly overheadColumns: number;
  readonly overheadRows: number;
};

/** A point of an area law. */
export type AreaPoint = { readonly columns: number; readonly rows: number; readonly areaUm2: number };

/** Fit an area law by alternating least squares of the relative errors; with `cellUm2` only the overheads are fitted. */
export function fitArea(points: readonly AreaPoint[], cellUm2?: number): AreaLaw {
  const areas = points.map(({ areaUm2 }) => areaUm2);
  let law: AreaLaw = { cellUm2: cellUm2 ?? 1, overheadColumns: 20, overheadRows: 20 };
  for (let i = 0; i < 400; i++) {
    const heights = points.map(({ rows }) => rows + law.overheadRows);
    if (cellUm2 === undefined) {
      const [b = 0, a = 0] = fitRelative(
        points.map(({ columns }, k) => [columns * heights[k]!, heights[k]!]),
        areas,
      );
      const widths = points.map(({ columns }) => columns * b + a);
      const [t = 0, s = 0] = fitRelative(
        points.map(({ rows }, k) => [rows * widths[k]!, widths[k]!]),
        areas,
      );
      law = { cellUm2: b * t, overheadColumns: a / b, overheadRows: s / t };
    } else {
      // One unknown at a time: minimize Σ (u + w·x − 1)², x the overhead, u and w relative to the area.
      const step = (known: readonly number[], other: readonly number[]): number => {
        const w = other.map((value, k) => (cellUm2 * value) / areas[k]!);
        const rest = known.map((value, k) => 1 - value * w[k]!);
        return rest.reduce((sum, r, k) => sum + r * w[k]!, 0) / w.reduce((sum, value) => sum + value ** 2, 0);
      };
      const overheadColumns = step(
        points.map(({ columns }) => columns),
        heights,
      );
      const overheadRows = step(
        points.map(({ rows }) => rows),
        points.map(({ columns }) => columns + overheadColumns),
      );
      law = { cellUm2, overheadColumns, overheadRows };
    }
  }
  return law;
}

/** Evaluate an area law, µm². */
export const areaUm2Of = (
  { cellUm2, overheadColumns, overheadRows }: AreaLaw,
  { columns, rows }: { readonly columns: number; readonly rows: number },
): number => cellUm2 * (columns + overheadColumns) * (rows + overheadRows);
