import type { Design } from "../../hw/index.js";
import {
  type Bit,
  ONE,
  TIMED_HIGH,
  TimedBuilder,
  type TimedCellType,
  type TimedNet,
  tabulate,
} from "../../sim/index.js";
import { clockBank } from "../clock-gating.js";
import { MAXIMUM_FANOUT } from "../synthesis/index.js";
import { type Technology, wireCapacitanceFf } from "../technology.js";
import { type NetComponent, netComponents } from "./components.js";
import { delayScale } from "./delay-shape.js";
import { bufferFanOuts } from "./fan-out.js";
import {
  componentsOfNets,
  Loads,
  type PricedGroup,
  type PricedNetlist,
  switchingPj,
  TotalsBuilder,
} from "./priced-netlist.js";
import { sky130Delays, sky130Reference } from "./sky130-delays.js";
import { type StructuralGate, type StructuralRole, structuralLogic } from "./structural-netlist.js";

const bit = (s: number, i: number): number => (s >> i) & 1;
const truths: Readonly<Record<StructuralRole, readonly [inputs: number, ...((s: number) => number)[]]>> = {
  inverter: [1, (s) => 1 - s],
  and2: [2, (s) => (s === 3 ? 1 : 0)],
  or2: [2, (s) => (s > 0 ? 1 : 0)],
  xor2: [2, (s) => bit(s, 0) ^ bit(s, 1)],
  mux2: [3, (s) => (bit(s, 0) === 1 ? bit(s, 1) : bit(s, 2))],
  halfAdder: [2, (s) => bit(s, 0) ^ bit(s, 1), (s) => (s === 3 ? 1 : 0)],
  fullAdder: [
    3,
    (s) => bit(s, 0) ^ bit(s, 1) ^ bit(s, 2),
    (s) => (bit(s, 0) + bit(s, 1) + bit(s, 2) > 1 ? 1 : 0),
  ],
};

function cellType(role: StructuralRole, inverted: boolean): TimedCellType {
  const [inputs, ...functions] = truths[role];
  return {
    name: inverted ? `${role}Inverted` : role,
    inputs: ["a", "b", "c"].slice(0, inputs),
    outputs: functions.map((f, o) => ({
      pin: o === 0 ? "y" : "carry",
      table: tabulate(inputs, (s) => (inverted ? 1 - f(s) : f(s))),
    })),
  };
}

const bufferType: TimedCellType = {
  name: "buffer",
  inputs: ["a"],
  outputs: [{ pin: "y", table: tabulate(1, (s) => s) }],
};

/** Roles of the cells that were added: a gate's, a buffer, or a word of a ROM. */
type CellKind = StructuralRole | "buffer" | "rom";

/** Delays of a cell in the order of `TimedCell.delaysPs`, at its outputs' loads. */
function delaysOf(
  role: StructuralRole | "buffer",
  loadsFf: readonly number[],
  technology: Technology,
): readonly number[] {
  const scale = delayScale(role, technology, sky130Reference);
  const shape = sky130Delays[role];
  const delays: number[] = [];
  for (let pin = 0; pin < shape[0]!.length; pin++) {
    for (let o = 0; o < 2; o++) {
      const { rise, fall } = shape[Math.min(o, shape.length - 1)]![pin]!;
      const load = loadsFf[o] ?? 0;
      for (const [fixedPs, slope] of [rise, fall])
        delays.push(Math.max(1, Math.round(scale * (fixedPs + slope * load))));
    }
  }
  return delays;
}

/** A layer's registers, one bank for each module, enable and reset. */
type Bank = { readonly enable: number; readonly resetN: number; readonly bits: BankBit[] };
type BankBit = { readonly d: number; readonly q: number; readonly resetsTo: 0 | 1 };

/**
 * Make a layer's own netlist (one library cell a gate) a timed and priced one, by a technology table.
 *
 * - nets with many sinks get buffers as in mapping; delays by input, edge and load have the shape of {@link sky130Delays}, scaled to the table
 * - energy of a transition: the table's internal energy, ½·C·V² of the pins driven (mean pin of each role) and of the wire by fan-out
 * - registers: banks of one module and enable follow {@link clockBank}; a small bank has an enable multiplexer a bit; a reset is a gate
 *   in front of the data pin
 * - ROMs are combinational words in front of flip-flops; memories stay macros and are not priced here
 */
export function structuralPriced(design: Design, technology: Technology): PricedNetlist {
  const { module, gates, source } = structuralLogic(design);
  const { cells, clockGate, supplyV, wire } = technology;
  const b = new TimedBuilder(module.name, netComponents, module.bitCount);
  const net = (at: number): TimedNet => source[at]! as TimedNet;
  const nets = (bits: readonly Bit[]): TimedNet[] => bits.map(net);
  const totals = new TotalsBuilder();
  const roles: CellKind[] = [];
  /** Delays come last, when loads are known. */
  const later = (inputs: number): number[] => new Array<number>(4 * inputs).fill(1);
  const add = (gate: StructuralGate): void => {
    const { role, inverted, inputs, outputs, component } = gate;
    const pins = outputs.map((y) => (y < 0 ? null : (y as TimedNet)));
    b.cell(cellType(role, inverted), inputs as TimedNet[], pins, later(inputs.length), component);
    roles.push(role);
    totals.add(component, cells[role]);
  };
  for (const gate of gates) add(gate);
  const logic = (
    role: StructuralRole,
    inputs: readonly number[],
    component: "registers" | "control",
  ): number => {
    const y = b.net();
    b.cell(cellType(role, false), inputs as TimedNet[], [y], later(inputs.length), component);
    roles.push(role);
    totals.add(component, cells[role]);
    return y;
  };
  const inverted = new Map<number, number>();
  const not = (x: number): number => {
    const known = inverted.get(x) ?? logic("inverter", [x], "control");
    inverted.set(x, known);
    return known;
  };

  const banks = new Map<string, Bank>();
  const bankOf = (path: string, enable: number, resetN: number): Bank => {
    const key = `${path} ${enable} ${resetN}`;
    const bank = banks.get(key) ?? { enable, resetN, bits: [] };
    banks.set(key, bank);
    return bank;
  };
  const pathOf = (name: string): string => name.slice(0, name.lastIndexOf(".") + 1);
  for (const r of module.registers) {
    const bank = bankOf(pathOf(r.name), net(r.enable), net(r.resetN));
    for (const [i, d] of r.d.entries())
      bank.bits.push({ d: net(d), q: r.q[i]!, resetsTo: r.resetValue[i] === "1" ? 1 : 0 });
  }
  for (const ram of module.rams) {
    if (ram.contents === null) {
      const { name, depth, width } = ram;
      b.memories.push({
        name,
        depth,
        width,
        reads: ram.reads.map((p) => ({ enable: net(p.enable), address: nets(p.address), q: nets(p.q) })),
        writes: ram.writes.map((p) => ({
          enable: net(p.enable),
          address: nets(p.address),
          data: nets(p.data),
        })),
        contents: null,
        accessPs: Math.round(cells.flipFlop.delayPs),
        component: b.component("lineBuffers"),
      });
      continue;
    }
    for (const port of ram.reads) {
      const data = port.q.map(() => b.net());
      const options = { delayPs: Math.round(cells.mux2.delayPs), component: "rom" };
      const before = b.cells.length;
      b.rom(ram.contents, nets(port.address), data, options);
      for (let i = before; i < b.cells.length; i++) roles.push("rom");
      const bank = bankOf(pathOf(ram.name), net(port.enable), ONE);
      for (const [i, q] of port.q.entries()) bank.bits.push({ d: data[i]!, q, resetsTo: 0 });
    }
  }

  const flop = cells.flipFlop;
  const delay = Math.max(1, Math.round(flop.delayPs));
  const groups: PricedGroup[] = [];
  /** Enable pins of clock gates by net. */
  const gatePins: [TimedNet, number][] = [];
  for (const { enable, resetN, bits } of banks.values()) {
    const clocking = enable === TIMED_HIGH ? { clockGates: 0, gatedBits: 0 } : clockBank(bits.length);
    const gated = clocking.clockGates > 0;
    const reset = (one: BankBit, d: number): number =>
      resetN === TIMED_HIGH
        ? d
        : one.resetsTo === 1
          ? logic("or2", [d, not(resetN)], "registers")
          : logic("and2", [d, resetN], "registers");
    const always =
      resetN === TIMED_HIGH ? enable : gated ? logic("or2", [enable, not(resetN)], "control") : enable;
    const group = b.group((gated ? always : TIMED_HIGH) as TimedNet, gated);
    if (gated) gatePins.push([always as TimedNet, clocking.clockGates]);
    for (const one of bits) {
      const kept =
        gated || enable === TIMED_HIGH ? one.d : logic("mux2", [enable, one.d, one.q], "registers");
      const d = reset(one, kept) as TimedNet;
      b.flipFlops.push({
        d,
        q: one.q as TimedNet,
        group,
        delayPs: [delay, delay],
        component: b.component("registers"),
      });
    }
    totals.add("registers", flop, bits.length);
    totals.add("clockGating", clockGate, clocking.clockGates);
    const before = groups[group] ?? { flipFlops: 0, clockGates: 0, enabledPj: 0, disabledPj: 0 };
    groups[group] = {
      flipFlops: before.flipFlops + bits.length,
      clockGates: before.clockGates + clocking.clockGates,
      enabledPj:
        before.enabledPj +
        bits.length * flop.clockEnergyPerCyclePj +
        clocking.clockGates * clockGate.energyPerEnabledCyclePj,
      disabledPj: before.disabledPj + clocking.clockGates * clockGate.energyPerDisabledCyclePj,
    };
  }
  for (const port of module.ports) {
    if (port.bits.includes(module.clock ?? ONE)) continue;
    const bits =
      port.direction === "input" ? (port.bits as readonly number[] as readonly TimedNet[]) : nets(port.bits);
    b.ports.push({ name: port.name, direction: port.direction, nets: bits });
  }
  const componentNames = (net: TimedNet, of: ReadonlyMap<TimedNet, number>): string =>
    netComponents[of.get(net) ?? b.component("control")]!;
  const componentOfDriver = new Map<TimedNet, number>();
  for (const { outputs, component } of b.cells)
    for (const y of outputs) if (y !== null) componentOfDriver.set(y, component);
  for (const { q, component } of b.flipFlops) componentOfDriver.set(q, component);
  bufferFanOuts(b, MAXIMUM_FANOUT, (input, driver) => {
    const output = b.net();
    const driven = componentNames(driver, componentOfDriver) as NetComponent;
    // As in mapping: what spreads a register's bit is charged to control.
    const component = driven === "registers" ? "control" : driven;
    const index = b.cell(bufferType, [input], [output], later(1), component);
    roles.push("buffer");
    // As much as two inverters; a library's buffer is a little smaller.
    totals.add(component, cells.inverter, 2);
    const connect = (to: TimedNet): void => {
      b.cells[index] = { ...b.cells[index]!, inputs: [to] };
    };
    return { output, sink: { connect } };
  });

  const loads = new Loads(b.netCount);
  for (const [c, cell] of b.cells.entries()) {
    const kind = roles[c]!;
    if (kind === "rom") continue;
    const { inputCapacitanceFf } = cells[kind === "buffer" ? "inverter" : kind];
    for (const x of cell.inputs) loads.add(x, inputCapacitanceFf);
  }
  for (const { d } of b.flipFlops) loads.add(d, flop.inputCapacitanceFf);
  for (const [enable, count] of gatePins) loads.add(enable, clockGate.enablePinCapacitanceFf, count);
  // A memory's pin is taken like a flip-flop's.
  for (const { reads, writes } of b.memories) {
    for (const p of reads) for (const x of [p.enable, ...p.address]) loads.add(x, flop.inputCapacitanceFf);
    for (const p of writes)
      for (const x of [p.enable, ...p.address, ...p.data]) loads.add(x, flop.inputCapacitanceFf);
  }
  const wireFf = Float64Array.from(loads.fanOut, (n) => wireCapacitanceFf(wire, n).nominal);
  const loadOf = (y: TimedNet | null): number => (y === null ? 0 : loads.pinsFf[y]! + wireFf[y]!);
  const internal = new Float64Array(b.netCount);
  const flipFlopDataPj = new Float64Array(b.netCount);
  /** A buffer is two inverters, the first of which drives the second. */
  const bufferPj =
    2 * cells.inverter.internalEnergyPerTogglePj + switchingPj(cells.inverter.inputCapacitanceFf, supplyV);
  for (const [c, cell] of b.cells.entries()) {
    const kind = roles[c]!;
    if (kind === "rom") continue;
    b.cells[c] = { ...cell, delaysPs: delaysOf(kind, cell.outputs.map(loadOf), technology) };
    const pj = kind === "buffer" ? bufferPj : cells[kind].internalEnergyPerTogglePj;
    for (const y of cell.outputs) if (y !== null) internal[y] = pj;
  }
  const launch = sky130Delays.flipFlop[0]![0]!;
  const launchScale = delayScale("flipFlop", technology, sky130Reference);
  for (const [i, ff] of b.flipFlops.entries()) {
    const ps = ([fixedPs, slope]: readonly [number, number]): number =>
      Math.max(1, Math.round(launchScale * (fixedPs + slope * loadOf(ff.q))));
    b.flipFlops[i] = { ...ff, delayPs: [ps(launch.rise), ps(launch.fall)] };
    flipFlopDataPj[ff.d]! += flop.dataEnergyPerTogglePj;
    internal[ff.q] = flop.internalEnergyPerTogglePj;
  }
  const netlist = b.build(delay);
  return {
    netlist,
    internalRisePj: internal,
    internalFallPj: internal,
    pinPj: loads.pinsFf.map((c) => switchingPj(c, supplyV)),
    wirePj: wireFf.map((c) => switchingPj(c, supplyV)),
    flipFlopDataPj,
    componentOfNet: componentsOfNets(netlist),
    groups,
    wireSpread: wire.spread,
    totals: totals.build(),
  };
}
