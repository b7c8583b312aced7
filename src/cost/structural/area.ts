import { clockBank } from "../clock-gating.js";
import type { Technology } from "../technology.js";
import { type AreaCalibration, areaCalibration } from "./area-calibration.js";
import type { CellCounts, LayerCounts } from "./counts.js";
import { memoryArea } from "./memories.js";
import type { AreaParts } from "./parts.js";

/** Flip-flops of a layer and what clocks them. */
export type RegisterCells = {
  readonly flipFlops: number;
  /** Flip-flops that keep an enable. */
  readonly enableFlipFlops: number;
  readonly clockGates: number;
  /** Flip-flops with a synchronous reset: a gate in front of each. */
  readonly resetBits: number;
};

/** Count a layer's registers as they are mapped, by the clock gating rule. */
export function registerCells({ registerBits, registerBanks }: LayerCounts): RegisterCells {
  const { datapath, window, control, configuration = 0 } = registerBits;
  const banks =
    registerBanks ??
    [datapath, window, configuration, control].map((bits, i) => ({
      bits,
      copies: 1,
      enabled: true,
      reset: i === 3,
    }));
  let [flipFlops, enableFlipFlops, clockGates, resetBits] = [0, 0, 0, 0];
  for (const { bits, copies, enabled, reset } of banks) {
    if (reset) resetBits += copies * bits;
    if (!enabled) {
      flipFlops += copies * bits;
      continue;
    }
    const bank = clockBank(bits);
    flipFlops += copies * bank.gatedBits;
    enableFlipFlops += copies * bank.enableBits;
    clockGates += copies * bank.clockGates;
  }
  return { flipFlops, enableFlipFlops, clockGates, resetBits };
}

/** Area and leakage of counted cells, each role's at its size after mapping. */
function logic(
  counts: CellCounts,
  technology: Technology,
  factors: AreaCalibration["factors"]["datapath"],
): { areaUm2: number; leakageNw: number } {
  const total = { areaUm2: 0, leakageNw: 0 };
  for (const [role, count] of Object.entries(counts) as [keyof CellCounts, number | undefined][]) {
    const cell = technology.cells[role];
    const n = (count ?? 0) * (factors[role] ?? 1);
    total.areaUm2 += n * cell.areaUm2;
    total.leakageNw += n * cell.leakageNw;
  }
  return total;
}

/**
 * Area of one layer, µm² of cells, and its leakage, nW. Logic: counted cells × area × the factor of {@link areaCalibration}; registers: exact,
 * with the clock gates in front of them; memories by the laws of their sizes, of which `macroUm2` is macros.
 *
 * @param calibration factors from counted cells to mapped area; default those that ship
 */
export function layerArea(
  layer: LayerCounts,
  technology: Technology,
  calibration: AreaCalibration = areaCalibration(),
): { readonly areaUm2: AreaParts; readonly macroUm2: number; readonly leakageNw: number } {
  const { cells, clockGate } = technology;
  const { factors } = calibration;
  const datapath = logic(layer.datapath, technology, factors.datapath);
  const requantization = logic(layer.requantization, technology, factors.requantization);
  const { flipFlops, enableFlipFlops, clockGates, resetBits } = registerCells(layer);
  const control = logic(
    { ...layer.control, and2: (layer.control.and2 ?? 0) + resetBits },
    technology,
    factors.control,
  );
  const registers =
    flipFlops * cells.flipFlop.areaUm2 +
    enableFlipFlops * (cells.flipFlop.areaUm2 + cells.mux2.areaUm2) +
    clockGates * clockGate.areaUm2;
  const rams = memoryArea(layer, "ram", technology);
  const roms = memoryArea(layer, "rom", technology);
  const area = {
    datapath: datapath.areaUm2,
    requantization: requantization.areaUm2,
    registers,
    sram: rams.areaUm2,
    rom: roms.areaUm2,
    control: control.areaUm2,
  };
  const leakageNw =
    datapath.leakageNw +
    requantization.leakageNw +
    control.leakageNw +
    flipFlops * cells.flipFlop.leakageNw +
    enableFlipFlops * (cells.flipFlop.leakageNw + cells.mux2.leakageNw) +
    clockGates * clockGate.leakageNw +
    rams.leakageNw +
    roms.leakageNw;
  const total = Object.values(area).reduce((a, b) => a + b, 0);
  return { areaUm2: { ...area, total }, macroUm2: rams.macroUm2, leakageNw };
}
