import { romEnergyPjPerAccessedBit } from "../rom.js";
import type { Range, Technology } from "../technology.js";
import { structuralAssumptions } from "./assumptions.js";
import type { CellCounts, LayerActivity, LayerCounts } from "./counts.js";
import type { EnergyParts } from "./parts.js";
import { price } from "./price.js";

/** Which estimate of each range. */
export type Level = keyof Range;

/** Energy of one layer a frame, pJ, at one end of the assumed ranges. */
export function layerEnergy(
  layer: LayerCounts,
  technology: Technology,
  activity: LayerActivity | undefined,
  frame: { readonly cycles: number; readonly seconds: number; readonly leakageNw: number },
  level: Level,
): EnergyParts {
  const { logicToggleRate, registerToggleRate, glitchFactor, clockTreeFactor } = structuralAssumptions;
  const flop = technology.cells.enableFlipFlop;
  const active = layer.activeCyclesPerFrame;
  const { datapath: d, window: w, control: c, configuration = 0 } = layer.registerBits;
  // What is written once does not toggle.
  const bits = d + w + c;
  const logic = (counts: CellCounts, toggles: number | undefined): number => {
    const { outputs, energyPerTogglePj } = price(counts, technology);
    return (toggles ?? outputs * logicToggleRate[level] * active) * energyPerTogglePj;
  };
  const parts = {
    datapath: logic(layer.datapath, activity?.datapathToggles) * glitchFactor[level],
    requantization: logic(layer.requantization, activity?.requantizationToggles) * glitchFactor[level],
    registers:
      (activity?.registerToggles ?? bits * registerToggleRate[level] * active) * flop.energyPerTogglePj,
    sram: layer.sramAccessedBitsPerFrame * technology.sram.energyPjPerAccessedBit[level],
    rom: (layer.romAccessedBitsPerFrame ?? 0) * romEnergyPjPerAccessedBit(technology)[level],
    control: logic(layer.control, activity?.controlToggles),
    clock: (bits + configuration) * frame.cycles * flop.clockEnergyPerCyclePj * clockTreeFactor[level],
    leakage: frame.leakageNw * frame.seconds * 1e3,
  };
  return { ...parts, total: Object.values(parts).reduce((a, b) => a + b, 0) };
}
