import { csdDigitCount } from "../arith/index.js";
import { figureAt16Nm } from "./at-16nm.js";
import { addRanges, exactly, scaleRange, spanRanges } from "./range.js";
import { structuralAssumptions } from "./structural/index.js";
import type { Range, Technology } from "./technology.js";

/** DeepFreeze's coefficients that the estimate is compared with. */
export type DeepFreezeCoefficients = {
  readonly multiplierAreaMm2PerBitSquare: number;
  readonly memoryAreaMm2PerBit: number;
  readonly multiplierPowerWPerBitSquare: number;
  readonly memoryPowerWPerBit: number;
  readonly clockMhz: number;
};

/** One compared figure at 16 nm. */
export type CrossCheckRow = {
  readonly quantity: string;
  readonly unit: "µm²" | "fJ";
  readonly from130Nm: Range;
  readonly from7Nm: Range;
  readonly estimate: Range;
  readonly deepFreeze: number;
  /** Nominal estimate over DeepFreeze's figure. */
  readonly ratio: number;
};

/** Mean number of digits of the canonical signed digit form of the non-zero 8-bit weights −127 … 127, 2.8. */
export const meanCsdDigits =
  Array.from({ length: 127 }, (_, i) => csdDigitCount(i + 1)).reduce((a, b) => a + b, 0) / 127;

type Pick = (technology: Technology) => number | Range;

/**
 * Compare the 16 nm estimate with the coefficients of DeepFreeze (16 nm, 810 MHz), for 8-bit activations and weights.
 *
 * - constant multiplier: digits × 8 full adders, as a tree of digits takes without sharing (bits in − bits out); energy a cycle =
 *   2 outputs × toggle rate × energy of a toggle
 * - register bit: flip-flop with enable; energy a cycle = its clock and the toggle rate × a toggle
 * - memory bit: of a two-port macro of 256 × 32 bits; DeepFreeze has one figure for registers and memories
 */
export function crossCheck16Nm(
  at130: Technology,
  at7: Technology,
  deepFreeze: DeepFreezeCoefficients,
): CrossCheckRow[] {
  const { logicToggleRate, registerToggleRate } = structuralAssumptions;
  const adders = meanCsdDigits * 8;
  const row = (quantity: string, unit: "µm²" | "fJ", pick: Pick, theirs: number): CrossCheckRow => {
    const of = (technology: Technology): Range =>
      unit === "µm²"
        ? figureAt16Nm("areaUm2", pick(technology), technology)
        : scaleRange(figureAt16Nm("energyPj", pick(technology), technology), 1e3);
    const [from130Nm, from7Nm] = [of(at130), of(at7)];
    const estimate = spanRanges(from130Nm, from7Nm);
    return {
      quantity,
      unit,
      from130Nm,
      from7Nm,
      estimate,
      deepFreeze: theirs,
      ratio: estimate.nominal / theirs,
    };
  };
  const um2 = 1e6;
  const fjPerCycle = (powerW: number): number => (powerW / (deepFreeze.clockMhz * 1e6)) * 1e15;
  return [
    row(
      "constant multiplier, a non-zero weight",
      "µm²",
      ({ cells }) => adders * cells.fullAdder.areaUm2,
      deepFreeze.multiplierAreaMm2PerBitSquare * 64 * um2,
    ),
    row(
      "register bit",
      "µm²",
      ({ cells }) => cells.enableFlipFlop.areaUm2,
      deepFreeze.memoryAreaMm2PerBit * um2,
    ),
    row("memory bit", "µm²", ({ sram }) => sram.areaUm2PerBit, deepFreeze.memoryAreaMm2PerBit * um2),
    row(
      "constant multiplier, a cycle",
      "fJ",
      ({ cells }) => scaleRange(logicToggleRate, 2 * adders * cells.fullAdder.energyPerTogglePj),
      fjPerCycle(deepFreeze.multiplierPowerWPerBitSquare * 64),
    ),
    row(
      "register bit, a cycle",
      "fJ",
      ({ cells }) => {
        const { energyPerTogglePj, clockEnergyPerCyclePj } = cells.enableFlipFlop;
        return addRanges(scaleRange(registerToggleRate, energyPerTogglePj), exactly(clockEnergyPerCyclePj));
      },
      fjPerCycle(deepFreeze.memoryPowerWPerBit),
    ),
    row(
      "memory bit, an access (theirs: a stored bit, a cycle)",
      "fJ",
      ({ sram }) => sram.energyPjPerAccessedBit,
      fjPerCycle(deepFreeze.memoryPowerWPerBit),
    ),
  ];
}
