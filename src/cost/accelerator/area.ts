import type { EngineConfig } from "../../accel/index.js";
import { addRanges, exactly, scaleRange } from "../range.js";
import type { Range } from "../technology.js";
import { chipAssumptions } from "./assumptions.js";
import { engineMemories } from "./memories.js";
import type { AcceleratorTechnology } from "./types.js";
import type { EngineUnit } from "./units.js";

/** Area of a unit: placed cells, those of arrays of latches and memory wrappers included, and memory macros. */
export type UnitArea = { readonly cellsMm2: Range; readonly macrosMm2: Range };

/** Area and leakage of an engine, at its technology's node. */
export type EngineArea = {
  readonly units: ReadonlyMap<EngineUnit, UnitArea>;
  readonly totalMm2: Range;
  readonly leakageMw: Range;
};

/** Cell area over placement density. */
function placed(areaUm2: Range): Range {
  const { low, nominal, high } = chipAssumptions.placementDensity;
  return { low: areaUm2.low / high, nominal: areaUm2.nominal / nominal, high: areaUm2.high / low };
}

/** Price the area and leakage of an engine: its units' cells over the placement density, and every memory by its size. */
export function engineArea(config: EngineConfig, technology: AcceleratorTechnology): EngineArea {
  const memories = engineMemories(config);
  let leakageNw = exactly(0);
  let total = exactly(0);
  const units = new Map<EngineUnit, UnitArea>();
  for (const [unit, own] of technology.units(config)) {
    let cells = exactly(own.areaUm2);
    let macros = exactly(0);
    leakageNw = addRanges(leakageNw, exactly(own.leakageNw));
    for (const memory of memories) {
      if (memory.unit !== unit) continue;
      const figures = technology.memory(memory.words, memory.bits);
      leakageNw = addRanges(leakageNw, scaleRange(figures.leakageNw, memory.count));
      const share = figures.macroUm2 / figures.areaUm2.nominal;
      const wrapper = figures.areaUm2.nominal - figures.macroUm2;
      const macro = (level: keyof Range): number => (share > 0 ? figures.areaUm2[level] - wrapper : 0);
      const macroUm2 = { low: macro("low"), nominal: macro("nominal"), high: macro("high") };
      macros = addRanges(macros, scaleRange(macroUm2, memory.count));
      const cellUm2 = share > 0 ? exactly(wrapper) : figures.areaUm2;
      cells = addRanges(cells, scaleRange(cellUm2, memory.count));
    }
    const area = { cellsMm2: scaleRange(placed(cells), 1e-6), macrosMm2: scaleRange(macros, 1e-6) };
    units.set(unit, area);
    total = addRanges(total, area.cellsMm2, area.macrosMm2);
  }
  return { units, totalMm2: total, leakageMw: scaleRange(leakageNw, 1e-6) };
}
