import type { ClockTarget } from "../../../arith/index.js";
import { countCells, type Module } from "../../../hw/index.js";
import { cellTableOf } from "../../cell-table.js";
import { type CellCounts, structuralAssumptions } from "../../structural/index.js";
import type { Range, Technology } from "../../technology.js";
import { type PartFigures, type PartName, partNames } from "../types.js";
import { buildPart } from "./modules.js";

/** Cells of a part: by role, and its flip-flops. */
type PartCells = { readonly cells: CellCounts; readonly registerBits: number };

function cellsOf(module: Module): PartCells {
  const width = new Map(module.nets.map((net) => [net.id, net.width]));
  const registerBits = module.cells.reduce(
    (bits, cell) => bits + (cell.kind === "register" ? (width.get(cell.q) ?? 0) : 0),
    0,
  );
  return { cells: countCells(module.cells), registerBits };
}

/** The clock that parts are pipelined for: eight full adders in a row between two registers. */
export function partClock(technology: Technology): ClockTarget {
  const cells = cellTableOf(technology);
  const { clockToOutputPs, setupPs } = cells.register;
  return { periodPs: clockToOutputPs + setupPs + 8 * cells.fullAdder.sumPs, cells };
}

function figuresOf(
  { cells, registerBits }: PartCells,
  clock: ClockTarget,
  technology: Technology,
): PartFigures {
  const flop = technology.cells.enableFlipFlop;
  const counts = Object.entries(cells) as [keyof CellCounts, number][];
  const sum = (figure: (role: keyof CellCounts) => number): number =>
    counts.reduce((total, [role, count]) => total + count * figure(role), 0);
  const outputs = (role: keyof CellCounts): number => (role === "fullAdder" || role === "halfAdder" ? 2 : 1);
  const toggled = sum((role) => outputs(role) * technology.cells[role].energyPerTogglePj);
  const { logicToggleRate, registerToggleRate, glitchFactor, clockTreeFactor } = structuralAssumptions;
  const at = (level: keyof Range): number =>
    toggled * logicToggleRate[level] * glitchFactor[level] +
    registerBits *
      (flop.energyPerTogglePj * registerToggleRate[level] +
        flop.clockEnergyPerCyclePj * clockTreeFactor[level]);
  const exact = (value: number): Range => ({ low: value, nominal: value, high: value });
  return {
    areaUm2: exact(sum((role) => technology.cells[role].areaUm2) + registerBits * flop.areaUm2),
    leakageNw: exact(sum((role) => technology.cells[role].leakageNw) + registerBits * flop.leakageNw),
    energyPjPerOperation: { low: at("low"), nominal: at("nominal"), high: at("high") },
    delayPs: exact(clock.periodPs),
  };
}

/**
 * Estimate the parts from a technology's table alone, without synthesis: cells of their circuits × the table's figures, at the structural
 * tier's assumed toggle rates, glitch and clock-tree factors. For technologies that no synthesized parts ship with.
 */
export function partsFromTable(technology: Technology): { readonly [Part in PartName]: PartFigures } {
  const clock = partClock(technology);
  const entries = partNames.map(
    (part) => [part, figuresOf(cellsOf(buildPart(part, clock).module), clock, technology)] as const,
  );
  return Object.fromEntries(entries) as { [Part in PartName]: PartFigures };
}
