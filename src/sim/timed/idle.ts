import { createSimulator } from "../simulator.js";
import type { TimedNetlist } from "./ir.js";
import { simModuleOf } from "./to-sim-module.js";

/** Cycles after the reset in which a layer comes to rest. */
const SETTLING_CYCLES = 64;

/** Which clock groups are enabled (1) while a layer waits for input, nothing being offered and everything being taken. */
export function idleEnables(netlist: TimedNetlist): Uint8Array {
  const simulator = createSimulator(simModuleOf(netlist), { lanes: 1 });
  const inputs = netlist.ports.filter(({ direction }) => direction === "input");
  for (const { name, nets } of inputs)
    if (nets.length === 1) simulator.setBit(name, name === "m_axis_tready");
  for (let cycle = 0; cycle < SETTLING_CYCLES; cycle++) {
    if (cycle === 4) simulator.setBit("aresetn", true);
    simulator.settle();
    simulator.tick();
  }
  simulator.settle();
  const values = simulator.readLane(0, netlist.netCount);
  return Uint8Array.from(netlist.groups, ({ enable }) => (enable === 1 ? 1 : values[enable]!));
}
