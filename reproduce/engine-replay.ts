import type { PricedNetlist } from "../src/cost/energy/priced-netlist.js";
import { type WindowEnergy, windowEnergy } from "../src/cost/energy/windows-energy.js";
import { type Range, structuralAssumptions } from "../src/cost/index.js";
import {
  createSimulator,
  createTimedSimulator,
  type Simulator,
  simModuleOf,
  type TimedNet,
} from "../src/sim/index.js";
import type { RecordedPort } from "./engine-probe.js";

/** Cycles of a run, the first one excluded: its inputs and state are where the others begin. */
export type ReplayWindow = { readonly start: number; readonly cycles: number };

/** Energy of a window, pJ: low is settled transitions and the least clock tree, nominal has glitches, high the most wire and clock tree. */
export type MeasuredWindow = ReplayWindow & { readonly energyPj: Range };

const RESET_CYCLES = 4;

function rangeOf(energy: WindowEnergy, priced: PricedNetlist): Range {
  const sum = (parts: Readonly<Record<string, number>>): number =>
    Object.values(parts).reduce((a, b) => a + b, 0);
  const nets = sum(energy.netsPj);
  const moreWire = energy.wiresPj * (priced.wireSpread.high - 1);
  const { low, nominal, high } = structuralAssumptions.clockTreeFactor;
  return {
    low: sum(energy.settledPj) + energy.clockPj * low,
    nominal: nets + energy.clockPj * nominal,
    high: nets + moreWire + energy.clockPj * high,
  };
}

/**
 * Replay what entered a unit into a priced netlist of it, from reset on: a run without delays up to each window, which gives its state, then the window with
 * delays and glitches.
 */
export function replayUnit(
  priced: PricedNetlist,
  recorded: readonly RecordedPort[],
  windows: readonly ReplayWindow[],
): readonly MeasuredWindow[] {
  const { netlist } = priced;
  const module = simModuleOf(netlist);
  const ports = netlist.ports.flatMap(({ name, direction, nets }) => {
    const record = recorded.find((one) => one.name === name);
    return direction === "input" && record !== undefined ? [{ name, nets, record }] : [];
  });
  const simulator = createSimulator(module, { lanes: 1, dataPorts: ports.map(({ name }) => name) });
  const timed = createTimedSimulator(netlist);
  const bitAt = (record: RecordedPort, cycle: number, i: number): number =>
    record.bits[cycle * record.width + i]!;
  const drive = drivePorts(simulator, ports);
  for (let i = 0; i < RESET_CYCLES; i++) {
    drive(() => 0, -1);
    simulator.settle();
    simulator.tick();
  }
  const measured: MeasuredWindow[] = [];
  const last = Math.max(...windows.map(({ start }) => start));
  const byStart = new Map(windows.map((window) => [window.start, window]));
  for (let cycle = 0; cycle <= last; cycle++) {
    drive(undefined, cycle);
    simulator.settle();
    const window = byStart.get(cycle);
    if (window !== undefined) {
      const memories = netlist.memories.map((_, m) => simulator.readMemory(m, 0));
      timed.restore(simulator.readLane(0, netlist.netCount), memories);
      const enabled = new Uint32Array(netlist.groups.length);
      let lastPs = 0;
      for (let c = cycle + 1; c <= cycle + window.cycles; c++) {
        for (const [g, { enable }] of netlist.groups.entries()) enabled[g]! += timed.values[enable]!;
        const inputs = ports.flatMap(({ nets, record }) =>
          nets.map((net, i): readonly [TimedNet, number] => [net, bitAt(record, c, i)]),
        );
        lastPs = Math.max(lastPs, timed.cycle(inputs));
      }
      const none = new Uint32Array(0);
      const { cycles } = window;
      const counts = timed.takeCounts();
      const all = { image: 0, start: cycle, cycles, counts, enabled, reads: none, writes: none, lastPs };
      measured.push({ ...window, energyPj: rangeOf(windowEnergy(priced, all), priced) });
    }
    simulator.tick();
  }
  return measured;
}

type DrivenPort = {
  readonly name: string;
  readonly nets: readonly TimedNet[];
  readonly record: RecordedPort;
};

/** Drive the input ports of a simulator with a cycle's record, or all of them alike; only what changes. */
function drivePorts(simulator: Simulator, ports: readonly DrivenPort[]) {
  const planes = new Map(ports.map(({ name, nets }) => [name, new Uint32Array(4 * nets.length)]));
  return (value: (() => number) | undefined, cycle: number): void => {
    for (const { name, nets, record } of ports) {
      const words = planes.get(name)!;
      let changed = cycle <= 0;
      for (let i = 0; i < nets.length; i++) {
        const bit = value === undefined ? record.bits[cycle * record.width + i]! : value();
        if (words[4 * i] === bit) continue;
        words[4 * i] = bit;
        changed = true;
      }
      if (changed) simulator.setWord(name, words);
    }
  };
}

/** Windows of so many cycles, one in the middle of each of as many equal parts of a run. */
export function spreadWindows(cycles: number, count: number, length: number): readonly ReplayWindow[] {
  const part = Math.floor((cycles - 1) / count);
  const within = Math.max(0, Math.floor((part - length) / 2));
  return Array.from({ length: count }, (_, i) => ({
    start: i * part + within,
    cycles: Math.min(length, part),
  }));
}
