import type { cellRoles, Technology } from "../technology.js";
import type { CellCounts } from "./counts.js";

type Role = (typeof cellRoles)[number];

/** Counted cells of a component and their area after mapping. */
export type AreaSample = { readonly counts: CellCounts; readonly areaUm2: number };

/**
 * Weight of a factor's distance from 1 against the relative errors: keeps factors of roles that hardly occur where the cell's own area
 * puts them.
 */
const PRIOR = 0.002;
const ROUNDS = 4000;

/**
 * Fit factors f so that Σ count · cell area · f is each sample's area: least squares of relative errors, with a weak pull towards 1, f ≥ 0;
 * coordinate descent.
 *
 * @param fixed roles whose factor is 1: what is bound to its cell one by one
 * @returns factors by role, for the roles that occur; and the root mean square of the relative errors
 */
export function fitAreaFactors(
  samples: readonly AreaSample[],
  technology: Technology,
  fixed: readonly Role[] = [],
): { readonly factors: { readonly [R in Role]?: number }; readonly residual: number } {
  const used = samples.filter(({ areaUm2 }) => areaUm2 > 0);
  const roles = [
    ...new Set(
      used.flatMap(({ counts }) => Object.entries(counts).flatMap(([r, n]) => (n > 0 ? [r as Role] : []))),
    ),
  ].sort();
  const rows = used.map(({ counts, areaUm2 }) =>
    roles.map((role) => ((counts[role] ?? 0) * technology.cells[role].areaUm2) / areaUm2),
  );
  const factors = roles.map(() => 1);
  const errors = rows.map((row) => row.reduce((sum, x, i) => sum + x * factors[i]!, 0) - 1);
  const prior = PRIOR * used.length;
  for (let round = 0; round < ROUNDS; round++) {
    for (const [r, role] of roles.entries()) {
      if (fixed.includes(role)) continue;
      let [slope, weight] = [prior * (factors[r]! - 1), prior];
      for (const [s, row] of rows.entries()) {
        slope += row[r]! * errors[s]!;
        weight += row[r]! ** 2;
      }
      const next = Math.max(0, factors[r]! - slope / weight);
      const step = next - factors[r]!;
      if (step === 0) continue;
      factors[r] = next;
      for (const [s, row] of rows.entries()) errors[s] = errors[s]! + row[r]! * step;
    }
  }
  const residual = Math.sqrt(errors.reduce((sum, e) => sum + e * e, 0) / Math.max(1, errors.length));
  return { factors: Object.fromEntries(roles.map((role, i) => [role, factors[i]!])), residual };
}
