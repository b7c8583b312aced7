import type { Technology } from "../technology.js";

/**
 * Estimate the clock that a pipeline stage allows, in MHz: 1 / (clock to output + full adders in a row × their worst arc +
 * set-up). The worst arc at every adder makes it an underestimate; wires are only in the table's load.
 */
export function achievableClockMhz(criticalFullAdders: number, technology: Technology): number {
  const { fullAdder, enableFlipFlop } = technology.cells;
  return 1e6 / (enableFlipFlop.delayPs + criticalFullAdders * fullAdder.delayPs + enableFlipFlop.setupPs);
}
