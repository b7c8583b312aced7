import type { LayerStats } from "../../hw/index.js";
import type { LayerCounts } from "./counts.js";

/** Two-input gates that a majority of three takes: it is what a full adder is whose sum nobody reads. */
const NANDS_OF_A_MAJORITY = 3;

/** How much larger the next size of a cell is, in inverters: one finger more in sky130. */
const INVERTERS_PER_SIZE = 1 / 3;

/** Library cells of a datapath: a final adder is a full adder a bit; of some adders only the carry is read. */
function cellsOf(counts: LayerStats["datapath"]): LayerCounts["datapath"] {
  const { fullCarries = 0, halfCarries = 0, increments = 0, buffers = 0, largerCells = 0 } = counts;
  return {
    fullAdder: counts.fullAdders + counts.finalAdderBits - fullCarries,
    // Of half adders, one output in two is an and of half the size.
    halfAdder: counts.halfAdders - halfCarries / 2 - increments,
    // A buffer is charged as an inverter, which in sky130 is as large.
    inverter: counts.inverters + buffers + INVERTERS_PER_SIZE * largerCells,
    xor2: counts.topXors + increments,
    or2: increments,
    nand2: NANDS_OF_A_MAJORITY * fullCarries,
  };
}

/**
 * A layer's counts as the structural tier wants them: clamps count as requantization, flip-flops of output buffers as control, partial products and
 * accumulators of a folded layer as datapath; multipliers of programmable normalization are requantization.
 */
export function countsOf(name: string, stats: LayerStats): LayerCounts {
  const { kind, macs, registerBits, memories } = stats;
  const { cyclesPerFrame, activeCyclesPerFrame, latencyCycles, longestAdderPath } = stats;
  const datapath: Record<string, number> = { ...stats.selectionCells };
  for (const [role, count] of Object.entries(cellsOf(stats.datapath))) {
    datapath[role] = (datapath[role] ?? 0) + count;
  }
  const requantization: Record<string, number> = { ...stats.clampCells };
  for (const [role, count] of Object.entries(cellsOf(stats.requantization))) {
    requantization[role] = (requantization[role] ?? 0) + count;
  }
  return {
    name,
    kind,
    macs,
    datapath,
    requantization,
    control: {
      ...stats.controlCells,
      // Mapping counts the buffers behind registers as control.
      inverter:
        stats.controlCells.inverter +
        (stats.datapath.registerBuffers ?? 0) +
        (stats.requantization.registerBuffers ?? 0),
    },
    registerBits: {
      datapath: registerBits.datapath,
      window: registerBits.window,
      control: registerBits.control + registerBits.buffer,
      ...(registerBits.configuration === undefined ? {} : { configuration: registerBits.configuration }),
    },
    registerBanks: stats.registerBanks,
    memories,
    cyclesPerFrame,
    activeCyclesPerFrame,
    latencyCycles,
    criticalFullAdders: longestAdderPath,
  };
}
