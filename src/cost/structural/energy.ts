import type { MeasuredEnergy } from "../energy/measure.js";
import type { Range, Technology } from "../technology.js";
import { registerCells } from "./area.js";
import { structuralAssumptions } from "./assumptions.js";
import type { CellCounts, LayerActivity, LayerCounts } from "./counts.js";
import { memoryEnergyPj } from "./memories.js";
import type { EnergyParts } from "./parts.js";
import { price } from "./price.js";

/** Which estimate of each range. */
export type Level = keyof Range;

/** Between two frames of the front: cycles, seconds, and the layer's leakage. */
export type FrameTime = { readonly cycles: number; readonly seconds: number; readonly leakageNw: number };

/** Register bits that an average frame clocks, added over its cycles, with clock gating: pipelines in active cycles, windows in their own. */
function clockedBitCycles(layer: LayerCounts, frame: FrameTime): number {
  const { datapath, window, control } = layer.registerBits;
  return (
    datapath * layer.activeCyclesPerFrame +
    window * Math.min(layer.cyclesPerFrame, frame.cycles) +
    control * frame.cycles
  );
}

/** Energy of one layer a frame, pJ, at one end of the assumed ranges, without timed simulation. */
export function layerEnergy(
  layer: LayerCounts,
  technology: Technology,
  activity: LayerActivity | undefined,
  frame: FrameTime,
  level: Level,
): EnergyParts {
  const { logicToggleRate, registerToggleRate, glitchFactor, clockTreeFactor } = structuralAssumptions;
  const { clockGate } = technology;
  const flop = technology.cells.flipFlop;
  const active = layer.activeCyclesPerFrame;
  const { datapath: d, window: w, control: c } = layer.registerBits;
  // What is written once does not toggle.
  const bits = d + w + c;
  const logic = (counts: CellCounts, toggles: number | undefined): number => {
    const { outputs, energyPerTogglePj } = price(counts, technology);
    return (toggles ?? outputs * logicToggleRate[level] * active) * energyPerTogglePj;
  };
  const { clockGates } = registerCells(layer);
  const gatesPj =
    clockGates *
    (active * clockGate.energyPerEnabledCyclePj +
      Math.max(0, frame.cycles - active) * clockGate.energyPerDisabledCyclePj);
  const parts = {
    datapath: logic(layer.datapath, activity?.datapathToggles) * glitchFactor[level],
    requantization: logic(layer.requantization, activity?.requantizationToggles) * glitchFactor[level],
    registers:
      (activity?.registerToggles ?? bits * registerToggleRate[level] * active) * flop.energyPerTogglePj,
    sram: memoryEnergyPj(layer, "ram", technology, { cycles: frame.cycles, level }),
    rom: memoryEnergyPj(layer, "rom", technology, { cycles: frame.cycles, level }),
    control: logic(layer.control, activity?.controlToggles),
    clock: (clockedBitCycles(layer, frame) * flop.clockEnergyPerCyclePj + gatesPj) * clockTreeFactor[level],
    leakage: frame.leakageNw * frame.seconds * 1e3,
  };
  return { ...parts, total: Object.values(parts).reduce((a, b) => a + b, 0) };
}

/**
 * Energy of one layer a frame from its timed simulation, pJ, at one end of the range: the wires' spread, the clock tree's, the memories', and
 * two standard errors of the sampling.
 */
export function measuredLayerEnergy(
  layer: LayerCounts,
  technology: Technology,
  measured: MeasuredEnergy,
  frame: FrameTime,
  level: Level,
): EnergyParts {
  const { netsPj, wireShare, wireSpread, relativeError } = measured;
  const sampling = 1 + { low: -2, nominal: 0, high: 2 }[level] * relativeError;
  const nets = Math.max(0, sampling) * (1 + (wireSpread[level] - 1) * wireShare);
  const idleCycles = Math.max(0, frame.cycles - measured.cyclesPerFrame);
  const parts = {
    datapath: netsPj.datapath * nets,
    requantization: netsPj.requantization * nets,
    registers: netsPj.registers * nets,
    sram:
      netsPj.lineBuffers * nets + memoryEnergyPj(layer, "ram", technology, { cycles: frame.cycles, level }),
    rom: netsPj.rom * nets + memoryEnergyPj(layer, "rom", technology, { cycles: frame.cycles, level }),
    control: netsPj.control * nets,
    clock:
      (measured.clockPinsPj + idleCycles * measured.idleClockPinsPj) *
      structuralAssumptions.clockTreeFactor[level],
    leakage: frame.leakageNw * frame.seconds * 1e3,
  };
  return { ...parts, total: Object.values(parts).reduce((a, b) => a + b, 0) };
}

/** What scan flip-flops in the place of plain ones cost: area, and energy a frame of clock, a larger data pin and leakage. */
export function testOverhead(
  layer: LayerCounts,
  technology: Technology,
  frame: FrameTime,
): { readonly areaUm2: number; readonly energyPj: number } {
  const { flipFlop, scanFlipFlop } = technology.cells;
  const { flipFlops, enableFlipFlops } = registerCells(layer);
  const count = flipFlops + enableFlipFlops;
  const clockPj = Math.max(0, scanFlipFlop.clockEnergyPerCyclePj - flipFlop.clockEnergyPerCyclePj);
  const pinPj =
    0.5e-3 *
    Math.max(0, scanFlipFlop.inputCapacitanceFf - flipFlop.inputCapacitanceFf) *
    technology.supplyV ** 2;
  const dataPj = Math.max(0, scanFlipFlop.dataEnergyPerTogglePj - flipFlop.dataEnergyPerTogglePj);
  const { datapath, window, control } = layer.registerBits;
  const toggles =
    (datapath + window + control) *
    structuralAssumptions.registerToggleRate.nominal *
    layer.activeCyclesPerFrame;
  return {
    areaUm2: count * Math.max(0, scanFlipFlop.areaUm2 - flipFlop.areaUm2),
    energyPj:
      clockedBitCycles(layer, frame) * clockPj +
      toggles * (pinPj + dataPj) +
      count * Math.max(0, scanFlipFlop.leakageNw - flipFlop.leakageNw) * frame.seconds * 1e3,
  };
}
