import type { Technology } from "../technology.js";
import type { CellCounts } from "./counts.js";

/** Cells added up. */
export type Totals = { areaUm2: number; leakageNw: number; outputs: number; energyPerTogglePj: number };

/** Add cells up; energy per toggle is the mean over their outputs. */
export function price(counts: CellCounts, technology: Technology): Totals {
  const totals = { areaUm2: 0, leakageNw: 0, outputs: 0, energyPerTogglePj: 0 };
  for (const [role, count] of Object.entries(counts) as [keyof CellCounts, number | undefined][]) {
    const cell = technology.cells[role];
    const n = count ?? 0;
    const outputs = n * (role === "fullAdder" || role === "halfAdder" ? 2 : 1);
    totals.areaUm2 += n * cell.areaUm2;
    totals.leakageNw += n * cell.leakageNw;
    totals.outputs += outputs;
    totals.energyPerTogglePj += outputs * cell.energyPerTogglePj;
  }
  if (totals.outputs > 0) totals.energyPerTogglePj /= totals.outputs;
  return totals;
}
