import type { PricedNetlist } from "../src/cost/energy/priced-netlist.js";
import { windowEnergy } from "../src/cost/energy/windows-energy.js";
import { type Range, structuralAssumptions } from "../src/cost/index.js";
import { createTimedSimulator, type TimedNetlist, tableBit } from "../src/sim/index.js";
import type { Operands } from "./parts-operands.js";

/** Energy of one operation, and its transitions with glitches over settled ones, priced. */
export type PartEnergy = { readonly energyPj: Range; readonly glitchFactor: number };

/** Let all cells settle with every input and flip-flop at 0. */
function settled(netlist: TimedNetlist): Uint8Array {
  const values = new Uint8Array(netlist.netCount);
  values[1] = 1;
  for (let changed = true; changed; ) {
    changed = false;
    for (const { type, inputs, outputs } of netlist.cells) {
      const state = inputs.reduce((sum, net, i) => sum + values[net]! * 2 ** i, 0);
      for (const [o, net] of outputs.entries()) {
        if (net === null) continue;
        const value = tableBit(netlist.types[type]!.outputs[o]!.table, state);
        if (values[net] !== value) changed = true;
        values[net] = value;
      }
    }
  }
  return values;
}

/**
 * Simulate a mapped part with delays, one operation a cycle, and price its transitions. Low: settled transitions only and the least clock tree;
 * nominal: with glitches; high: with glitches, the most clock tree and the most wire.
 */
export function partEnergy(priced: PricedNetlist, operands: Operands): PartEnergy {
  const { netlist } = priced;
  const simulator = createTimedSimulator(netlist);
  simulator.restore(settled(netlist), []);
  const ports = netlist.ports.filter(({ direction }) => direction === "input");
  const cycles = Math.max(...[...operands.values()].map((list) => list.length));
  const enabled = new Uint32Array(netlist.groups.length);
  let lastPs = 0;
  const step = (cycle: number): void => {
    const inputs = ports.flatMap(({ name, nets }) => {
      const list = operands.get(name);
      const value = list?.[cycle % list.length] ?? 1n;
      return nets.map((net, i) => [net, Number((value >> BigInt(i)) & 1n)] as const);
    });
    lastPs = Math.max(lastPs, simulator.cycle(inputs));
  };
  const warmUp = 64;
  for (let cycle = 0; cycle < warmUp; cycle++) step(cycle);
  simulator.takeCounts();
  for (let cycle = 0; cycle < cycles; cycle++) {
    for (const [g, { enable }] of netlist.groups.entries()) enabled[g]! += simulator.values[enable]!;
    step(warmUp + cycle);
  }
  const none = new Uint32Array(0);
  const energy = windowEnergy(priced, {
    image: 0,
    start: 0,
    cycles,
    counts: simulator.takeCounts(),
    enabled,
    reads: none,
    writes: none,
    lastPs,
  });
  const sum = (parts: Readonly<Record<string, number>>): number =>
    Object.values(parts).reduce((a, b) => a + b, 0);
  const nets = sum(energy.netsPj);
  const quiet = sum(energy.settledPj);
  const { clockTreeFactor } = structuralAssumptions;
  const moreWire = energy.wiresPj * (priced.wireSpread.high - 1);
  return {
    energyPj: {
      low: (quiet + energy.clockPj * clockTreeFactor.low) / cycles,
      nominal: (nets + energy.clockPj * clockTreeFactor.nominal) / cycles,
      high: (nets + moreWire + energy.clockPj * clockTreeFactor.high) / cycles,
    },
    glitchFactor: quiet > 0 ? nets / quiet : 1,
  };
}
