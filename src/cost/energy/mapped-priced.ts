import { FixynnError } from "../../core/index.js";
import { MAX_DELAY_PS, TimedBuilder, type TimedNet, tabulate } from "../../sim/index.js";
import { type CellLibrary, pinOf, pinsOfBoolean } from "../cell-library/index.js";
import type { MappedComponent, MappedInstance, MappedNet, MappedNetlist } from "../synthesis/index.js";
import { type Technology, wireCapacitanceFf } from "../technology.js";
import { type CellModel, CellModels } from "./cell-model.js";
import { type NetComponent, netComponents } from "./components.js";
import {
  componentsOfNets,
  Loads,
  type PricedGroup,
  type PricedNetlist,
  switchingPj,
  TotalsBuilder,
} from "./priced-netlist.js";

const asNet = (net: MappedNet): TimedNet => net as unknown as TimedNet;
const asNets = (nets: readonly MappedNet[]): TimedNet[] => nets.map(asNet);
const wholePs = (ps: number): number => Math.min(MAX_DELAY_PS, Math.max(1, Math.round(ps)));

const componentOf: Readonly<Record<MappedComponent, NetComponent>> = {
  datapath: "datapath",
  requantization: "requantization",
  registers: "registers",
  control: "control",
  clockGating: "control",
};

/** Instances of a mapped netlist by what they are. */
function sortInstances(netlist: MappedNetlist, models: CellModels) {
  const logic: { readonly instance: MappedInstance; readonly model: CellModel }[] = [];
  const flops: { readonly instance: MappedInstance; readonly model: CellModel }[] = [];
  /** Enable net and instance of each clock gate, by the clock net that it drives. */
  const gates = new Map<MappedNet, { readonly enable: MappedNet; readonly instance: MappedInstance }>();
  for (const instance of netlist.instances) {
    const model = models.get(instance.cell);
    const fail = (what: string): never => {
      throw new FixynnError("FX7067", what, {
        place: `${netlist.name}: ${instance.name} (${instance.cell})`,
      });
    };
    if (model === undefined) return fail("no such cell in the library");
    const { sequential } = model.cell;
    if (sequential === null) {
      if (model.type === null) return fail("a cell without a truth table of six inputs and two outputs");
      logic.push({ instance, model });
    } else if (sequential.kind === "flipFlop") flops.push({ instance, model });
    else if (sequential.kind === "clockGate") {
      const output = instance.pins[sequential.output];
      if (output !== undefined) gates.set(output, { enable: instance.pins[sequential.enable]!, instance });
    } else return fail("a sequential cell that is no flip-flop and no clock gate");
  }
  return { logic, flops, gates };
}

/** Pins of a flip-flop: clock, data, output and whether that is inverted. */
function flipFlopPins({ cell }: CellModel, place: string) {
  const { sequential } = cell;
  const fail = (what: string): never => {
    throw new FixynnError("FX7067", what, { place });
  };
  if (sequential?.kind !== "flipFlop") return fail("no flip-flop");
  // A flip-flop that stores the complement of its data (ASAP7's) has its outputs the other way round.
  const { next } = sequential;
  const complemented = next.kind === "not";
  const stored = next.kind === "not" ? next.operand : next;
  const data = stored.kind === "pin" ? stored.name : undefined;
  const clock = pinsOfBoolean(sequential.clockedOn)[0];
  if (data === undefined || clock === undefined || sequential.clockedOn.kind !== "pin")
    return fail("a flip-flop with more than data and a rising clock");
  const outputs = cell.pins.flatMap((pin) =>
    pin.direction === "output" && pin.function?.kind === "pin"
      ? [{ pin: pin.name, inverted: (pin.function.name === sequential.stateInverted) !== complemented }]
      : [],
  );
  return { clock, data, outputs };
}

/**
 * Make a mapped netlist a timed and priced one, by the library's NLDM tables at each cell's own slews and load.
 *
 * - load: pin capacitances and the wire by fan-out; slew: propagated from the inputs, the slowest arc's
 * - delays by input, output and edge, mean over the conditions that the file lists
 * - internal energy by output and edge, mean over inputs and conditions; flip-flops, their clock and clock gates as in the technology table,
 *   which was measured on the same library, with the output's load from the tables
 */
export function mappedPriced(
  netlist: MappedNetlist,
  library: CellLibrary,
  technology: Technology,
): PricedNetlist {
  const models = new CellModels(library);
  const { logic, flops, gates } = sortInstances(netlist, models);
  const { wire, operatingPoint, cells, clockGate } = technology;
  const { supplyV } = library;
  const totals = new TotalsBuilder();

  const clocks = new Set<MappedNet>([...gates.keys()]);
  if (netlist.clock !== null) clocks.add(netlist.clock);
  const loads = new Loads(netlist.netCount);
  for (const instance of netlist.instances) {
    const { cell } = models.get(instance.cell)!;
    const isClockGate = cell.sequential?.kind === "clockGate";
    totals.add(isClockGate ? "clockGating" : componentOf[instance.component], cell);
    for (const [name, net] of Object.entries(instance.pins)) {
      const pin = pinOf(cell, name);
      if (pin?.direction === "input" && !clocks.has(net)) loads.add(asNet(net), pin.capacitanceFf);
    }
  }
  const memoryPinFf = cells.flipFlop.inputCapacitanceFf;
  for (const memory of netlist.memories) {
    // A ROM is priced as a whole; a memory's pin is taken like a flip-flop's.
    if (memory.type === "rom") continue;
    const { readEnable, writeEnable, readAddress, writeAddress, writeData } = memory;
    for (const net of [readEnable, writeEnable, ...readAddress, ...writeAddress, ...writeData])
      loads.add(asNet(net), memoryPinFf);
  }
  const wireFf = Float64Array.from(loads.fanOut, (n) => wireCapacitanceFf(wire, n).nominal);
  const loadOf = (net: TimedNet): number => loads.pinsFf[net]! + wireFf[net]!;

  const b = new TimedBuilder(netlist.name, netComponents, netlist.netCount);
  const slewPs = new Float64Array(netlist.netCount).fill(operatingPoint.slewPs);
  const internalRisePj = new Float64Array(netlist.netCount);
  const internalFallPj = new Float64Array(netlist.netCount);
  const flipFlopDataPj = new Float64Array(netlist.netCount);
  /** Q_N outputs: net of the stored value, and of its opposite. */
  const opposites: [TimedNet, TimedNet][] = [];

  const groups: PricedGroup[] = [];
  const addToGroup = (group: number, more: PricedGroup): void => {
    const before = groups[group] ?? { flipFlops: 0, clockGates: 0, enabledPj: 0, disabledPj: 0 };
    groups[group] = {
      flipFlops: before.flipFlops + more.flipFlops,
      clockGates: before.clockGates + more.clockGates,
      enabledPj: before.enabledPj + more.enabledPj,
      disabledPj: before.disabledPj + more.disabledPj,
    };
  };
  const none = { flipFlops: 0, clockGates: 0, enabledPj: 0, disabledPj: 0 };
  for (const { enable } of gates.values()) {
    addToGroup(b.group(asNet(enable), true), {
      ...none,
      clockGates: 1,
      enabledPj: clockGate.energyPerEnabledCyclePj,
      disabledPj: clockGate.energyPerDisabledCyclePj,
    });
  }
  const flopFigures = cells.flipFlop;
  const ofTable = models.get(flopFigures.cell);
  const clockPjs = new Map<CellModel, number>();
  /** Energy of a clock cycle inside a flip-flop and of its clock pin: the table's, moved from the table's cell to this one. */
  const clockPj = (model: CellModel, pin: string): number => {
    const before = clockPjs.get(model);
    if (before !== undefined) return before;
    const own = (one: CellModel): number => {
      const { rise, fall } = one.internalPj(pin, () => operatingPoint.slewPs, 0);
      return rise + fall + 2 * switchingPj(pinOf(one.cell, pin)?.capacitanceFf ?? 0, supplyV);
    };
    const moved = ofTable === undefined ? 0 : own(model) - own(ofTable);
    const pj = flopFigures.clockEnergyPerCyclePj + moved;
    clockPjs.set(model, pj);
    return pj;
  };
  for (const { instance, model } of flops) {
    const place = `${netlist.name}: ${instance.name}`;
    const { clock, data, outputs } = flipFlopPins(model, place);
    const clockNet = instance.pins[clock]!;
    const gate = gates.get(clockNet);
    if (gate === undefined && clockNet !== netlist.clock)
      throw new FixynnError(
        "FX7067",
        "a flip-flop on a clock that is neither the port's nor a clock gate's",
        { place },
      );
    const group = gate === undefined ? b.group(1 as TimedNet, false) : b.group(asNet(gate.enable), true);
    addToGroup(group, { ...none, flipFlops: 1, enabledPj: clockPj(model, clock) });
    const d = asNet(instance.pins[data]!);
    flipFlopDataPj[d]! += flopFigures.dataEnergyPerTogglePj;
    const driven = outputs.filter(({ pin }) => instance.pins[pin] !== undefined);
    const [first, ...others] = [...driven].sort((x, y) => Number(x.inverted) - Number(y.inverted));
    if (first === undefined) continue;
    const q = first.inverted ? b.net() : asNet(instance.pins[first.pin]!);
    const netOf = (pin: string): TimedNet => asNet(instance.pins[pin]!);
    const at = netOf(first.pin);
    const load = loadOf(at);
    const delay = model.delayPs(clock, first.pin, operatingPoint.slewPs, load);
    const rise = wholePs(delay?.rise ?? flopFigures.delayPs);
    const fall = wholePs(delay?.fall ?? flopFigures.delayPs);
    b.flipFlops.push({
      d,
      q,
      group,
      delayPs: first.inverted ? [fall, rise] : [rise, fall],
      component: b.component("registers"),
    });
    for (const { pin } of first.inverted ? [first, ...others] : others) opposites.push([q, netOf(pin)]);
    for (const { pin } of driven) {
      const y = netOf(pin);
      const out = model.slewPs(clock, pin, operatingPoint.slewPs, loadOf(y));
      if (out !== undefined) slewPs[y] = Math.max(out.rise, out.fall);
      // The table's figure for its own cell and load, moved to these.
      const slew = (): number => operatingPoint.slewPs;
      const here = model.internalPj(pin, slew, loadOf(y));
      const there = (ofTable ?? model).internalPj(pin, slew, operatingPoint.loadFf);
      internalRisePj[y] = flopFigures.internalEnergyPerTogglePj + here.rise - there.rise;
      internalFallPj[y] = flopFigures.internalEnergyPerTogglePj + here.fall - there.fall;
    }
  }
  for (const [q, y] of opposites) {
    const table = tabulate(1, (s) => 1 - s);
    const type = { name: "opposite", inputs: ["q"], outputs: [{ pin: "qn", table }] };
    b.cell(type, [q], [y], [1, 1, 1, 1], "registers");
  }
  for (const memory of netlist.memories) {
    const q = asNets(memory.readData);
    if (memory.type === "rom") {
      const options = { delayPs: wholePs(cells.mux2.delayPs), component: "rom" };
      b.rom(memory.contents, asNets(memory.readAddress), q, options);
      continue;
    }
    const { name, depth, width } = memory;
    b.memories.push({
      name,
      depth,
      width,
      reads: [{ enable: asNet(memory.readEnable), address: asNets(memory.readAddress), q }],
      writes: [
        {
          enable: asNet(memory.writeEnable),
          address: asNets(memory.writeAddress),
          data: asNets(memory.writeData),
        },
      ],
      contents: null,
      accessPs: wholePs(flopFigures.delayPs),
      component: b.component("lineBuffers"),
    });
  }

  for (const { instance, model } of inOrder(logic, netlist.netCount)) {
    const { inputs, outputs } = model;
    const ins = inputs.map((pin) => asNet(instance.pins[pin]!));
    const outs = outputs.map((pin) => (instance.pins[pin] === undefined ? null : asNet(instance.pins[pin])));
    const slewOf = (pin: string): number => {
      const i = inputs.indexOf(pin);
      return i < 0 ? operatingPoint.slewPs : slewPs[ins[i]!]!;
    };
    const delays = new Array<number>(ins.length * 4).fill(1);
    for (const [o, pin] of outputs.entries()) {
      const y = outs[o];
      if (y === null || y === undefined) continue;
      const load = loadOf(y);
      const arcs = inputs.map((from) => model.delayPs(from, pin, slewOf(from), load));
      const worst = Math.max(1, ...arcs.flatMap((arc) => (arc === undefined ? [] : [arc.rise, arc.fall])));
      for (const [i, arc] of arcs.entries()) {
        delays[(i * 2 + o) * 2] = wholePs(arc?.rise ?? worst);
        delays[(i * 2 + o) * 2 + 1] = wholePs(arc?.fall ?? worst);
      }
      const out = inputs.flatMap((from) => {
        const slew = model.slewPs(from, pin, slewOf(from), load);
        return slew === undefined ? [] : [Math.max(slew.rise, slew.fall)];
      });
      if (out.length > 0) slewPs[y] = Math.max(...out);
      const internal = model.internalPj(pin, slewOf, load);
      internalRisePj[y] = internal.rise;
      internalFallPj[y] = internal.fall;
    }
    b.cell(model.type!, ins, outs, delays, componentOf[instance.component]);
  }
  for (const port of netlist.ports) {
    if (netlist.clock !== null && port.nets.includes(netlist.clock)) continue;
    b.ports.push({ name: port.name, direction: port.direction, nets: asNets(port.nets) });
  }
  const timed = b.build(wholePs(flopFigures.delayPs));
  const grown = (list: Float64Array): Float64Array => {
    const all = new Float64Array(timed.netCount);
    all.set(list);
    return all;
  };
  return {
    netlist: timed,
    internalRisePj: grown(internalRisePj),
    internalFallPj: grown(internalFallPj),
    pinPj: grown(loads.pinsFf.map((c) => switchingPj(c, supplyV))),
    wirePj: grown(wireFf.map((c) => switchingPj(c, supplyV))),
    flipFlopDataPj: grown(flipFlopDataPj),
    componentOfNet: componentsOfNets(timed),
    groups: b.groups.map((_, g) => groups[g] ?? none),
    wireSpread: wire.spread,
    totals: totals.build(),
  };
}

type Placed = { readonly instance: MappedInstance; readonly model: CellModel };

/** Logic cells, each after those that feed it. */
function inOrder(logic: readonly Placed[], nets: number): readonly Placed[] {
  const driver = new Int32Array(nets).fill(-1);
  for (const [i, { instance, model }] of logic.entries())
    for (const pin of model.outputs) {
      const net = instance.pins[pin];
      if (net !== undefined) driver[net] = i;
    }
  const waiting = new Int32Array(logic.length);
  const readers: number[][] = logic.map(() => []);
  for (const [i, { instance, model }] of logic.entries())
    for (const pin of model.inputs) {
      const from = driver[instance.pins[pin]!]!;
      if (from < 0) continue;
      waiting[i]! += 1;
      readers[from]!.push(i);
    }
  const ready = logic.flatMap((_, i) => (waiting[i] === 0 ? [i] : []));
  for (const i of ready) for (const r of readers[i]!) if (--waiting[r]! === 0) ready.push(r);
  return ready.map((i) => logic[i]!);
}
