import { FixynnError } from "../../core/index.js";
import {
  type CellLibrary,
  type EdgeTables,
  type LibraryCell,
  lookUpNldm,
  pinsOfBoolean,
} from "../cell-library/index.js";
import {
  HIGH,
  type MappedMemory,
  type MappedNet,
  type MappedNetlist,
  mappedNetName,
} from "./mapped-netlist.js";
import { memoryInputs } from "./memory-pins.js";
import { type CellArcs, dataArcs, netLoadsFf, timingOrder, type WireModel } from "./timing-graph.js";

/** When a memory's words come, and how early it wants its inputs. */
export type MemoryTiming = {
  /** RAM: clock edge to data; ROM: address to data. */
  readonly delayPs: number;
  /** RAM: inputs before the clock edge; 0 for a ROM. */
  readonly setupPs: number;
};

/** Choices of {@link analyzeTiming}. */
export type TimingOptions = {
  readonly periodPs: number;
  readonly wire: WireModel;
  readonly memory: (memory: MappedMemory) => MemoryTiming;
  /** When input ports change after the clock edge, and how early output ports must be there; default 0. */
  readonly inputArrivalPs?: number;
  readonly outputSetupPs?: number;
  /** Slew of the clock at every flip-flop and gate: an ideal tree. Default {@link CLOCK_SLEW_PS}. */
  readonly clockSlewPs?: number;
  /** Slew at input ports and memory outputs. Default {@link PORT_SLEW_PS}. */
  readonly portSlewPs?: number;
};

/** Assumed slew of the clock behind its tree, ps (an assumption: trees are built for slews of about a tenth of a nanosecond at 130 nm). */
export const CLOCK_SLEW_PS = 100;
/** Assumed slew at ports and memory outputs, ps. */
export const PORT_SLEW_PS = 100;

/** One step of a path. */
export type PathStep = {
  readonly instance: string;
  readonly cell: string;
  /** Edge of the net that the step drives. */
  readonly edge: "rise" | "fall";
  readonly net: string;
  readonly delayPs: number;
  readonly arrivalPs: number;
  readonly slewPs: number;
  readonly loadFf: number;
};

/** Result of {@link analyzeTiming}. */
export type TimingReport = {
  readonly kind: "timingReport";
  readonly periodPs: number;
  readonly endpoints: number;
  readonly violations: number;
  /** Of the worst endpoint; infinite when there is none. */
  readonly slackPs: number;
  /** The clock at which the worst endpoint just holds. */
  readonly achievableClockMhz: number;
  readonly startpoint: string;
  readonly endpoint: string;
  readonly setupPs: number;
  /** From the startpoint to the endpoint. */
  readonly path: readonly PathStep[];
};

type Edge = 0 | 1;
const RISE: Edge = 0;
const FALL: Edge = 1;
const edges = [RISE, FALL] as const;
const edgeName = (edge: Edge): "rise" | "fall" => (edge === RISE ? "rise" : "fall");
const at = (tables: EdgeTables, edge: Edge, row: number, column: number): number | null => {
  const table = edge === RISE ? tables.rise : tables.fall;
  return table === null ? null : lookUpNldm(table, row, column);
};

/** Arrival times, and where each came from. */
class Timing {
  /** By net and edge: 2·net + edge. */
  readonly arrival: Float64Array;
  readonly slew: Float64Array;
  /** Instance (or memory) that drives it, and the entry that it came from; −1 at a start. */
  readonly by: Int32Array;
  readonly from: Int32Array;
  readonly loads: Float64Array;
  readonly #arcs = new Map<string, CellArcs>();

  constructor(
    readonly netlist: MappedNetlist,
    readonly library: CellLibrary,
    readonly options: TimingOptions,
  ) {
    const size = 2 * netlist.netCount;
    this.arrival = new Float64Array(size).fill(Number.NEGATIVE_INFINITY);
    this.slew = new Float64Array(size);
    this.by = new Int32Array(size).fill(-1);
    this.from = new Int32Array(size).fill(-1);
    this.loads = netLoadsFf(netlist, library, options.wire);
  }

  cellOf(i: number): LibraryCell {
    return this.library.cells.get(this.netlist.instances[i]!.cell)!;
  }

  set(entry: number, arrivalPs: number, slewPs: number, by: number, from: number): void {
    if (slewPs > this.slew[entry]!) this.slew[entry] = slewPs;
    if (arrivalPs <= this.arrival[entry]!) return;
    this.arrival[entry] = arrivalPs;
    this.by[entry] = by;
    this.from[entry] = from;
  }

  /** Ports, flip-flops and RAMs. */
  start(): void {
    const {
      inputArrivalPs = 0,
      clockSlewPs = CLOCK_SLEW_PS,
      portSlewPs = PORT_SLEW_PS,
      memory: timingOf,
    } = this.options;
    for (const { direction, nets } of this.netlist.ports) {
      if (direction !== "input") continue;
      for (const net of nets) {
        if (net === this.netlist.clock) continue;
        for (const edge of edges) this.set(2 * net + edge, inputArrivalPs, portSlewPs, -1, -1);
      }
    }
    for (const [i, { pins }] of this.netlist.instances.entries()) {
      const cell = this.cellOf(i);
      if (cell.sequential?.kind !== "flipFlop") continue;
      for (const arc of cell.delays) {
        const net = pins[arc.to];
        if (arc.kind !== "edge" || net === undefined) continue;
        for (const edge of edges) {
          const delay = at(arc.delayPs, edge, clockSlewPs, this.loads[net]!);
          if (delay !== null)
            this.set(2 * net + edge, delay, at(arc.slewPs, edge, clockSlewPs, this.loads[net]!) ?? 0, i, -1);
        }
      }
    }
    for (const [m, memory] of this.netlist.memories.entries()) {
      if (memory.type === "rom") continue;
      const by = this.netlist.instances.length + m;
      for (const net of memory.readData)
        for (const edge of edges) this.set(2 * net + edge, timingOf(memory).delayPs, portSlewPs, by, -1);
    }
  }

  propagate(order: Int32Array): void {
    const { instances, memories } = this.netlist;
    const { portSlewPs = PORT_SLEW_PS, memory: timingOf } = this.options;
    for (const i of order) {
      if (i < instances.length) {
        this.#through(i);
        continue;
      }
      const memory = memories[i - instances.length]!;
      const { delayPs } = timingOf(memory);
      let worst = -1;
      for (const net of memory.readAddress) {
        for (const edge of edges) {
          const entry = 2 * net + edge;
          if (worst < 0 || this.arrival[entry]! > this.arrival[worst]!) worst = entry;
        }
      }
      if (worst < 0 || this.arrival[worst] === Number.NEGATIVE_INFINITY) continue;
      for (const net of memory.readData)
        for (const edge of edges)
          this.set(2 * net + edge, this.arrival[worst]! + delayPs, portSlewPs, i, worst);
    }
  }

  #through(i: number): void {
    const { cell: name, pins } = this.netlist.instances[i]!;
    let outputs = this.#arcs.get(name);
    if (outputs === undefined) {
      outputs = dataArcs(this.cellOf(i));
      this.#arcs.set(name, outputs);
    }
    for (const { output, arcs } of outputs) {
      const net = pins[output];
      if (net === undefined) continue;
      const load = this.loads[net]!;
      for (const arc of arcs) {
        const input = pins[arc.from];
        if (input === undefined || input <= HIGH) continue;
        for (const edge of edges) {
          for (const source of edges) {
            if (arc.sense === "positive" ? source !== edge : arc.sense === "negative" && source === edge)
              continue;
            const entry = 2 * input + source;
            const arrival = this.arrival[entry]!;
            if (arrival === Number.NEGATIVE_INFINITY) continue;
            const delay = at(arc.delayPs, edge, this.slew[entry]!, load);
            if (delay !== null)
              this.set(
                2 * net + edge,
                arrival + delay,
                at(arc.slewPs, edge, this.slew[entry]!, load) ?? 0,
                i,
                entry,
              );
          }
        }
      }
    }
  }

  /** Every place where data must be in time: calls back with the entry and its set-up. */
  forEachEndpoint(call: (entry: number, setupPs: number, name: string) => void): void {
    const { clockSlewPs = CLOCK_SLEW_PS, outputSetupPs = 0, memory: timingOf } = this.options;
    const both = (net: MappedNet, setupOf: (edge: Edge, entry: number) => number, name: string): void => {
      if (net <= HIGH) return;
      for (const edge of edges) {
        const entry = 2 * net + edge;
        if (this.arrival[entry] !== Number.NEGATIVE_INFINITY) call(entry, setupOf(edge, entry), name);
      }
    };
    for (const [i, { name, pins }] of this.netlist.instances.entries()) {
      const cell = this.cellOf(i);
      const { sequential } = cell;
      if (sequential?.kind !== "flipFlop" && sequential?.kind !== "clockGate") continue;
      const clocks =
        sequential.kind === "clockGate" ? [sequential.clock] : pinsOfBoolean(sequential.clockedOn);
      for (const arc of cell.constraints) {
        const net = pins[arc.pin];
        if (
          arc.kind !== "setup" ||
          arc.clockEdge !== "rise" ||
          net === undefined ||
          !clocks.includes(arc.clock)
        )
          continue;
        both(
          net,
          (edge, entry) => at(arc.limitPs, edge, clockSlewPs, this.slew[entry]!) ?? 0,
          `${name}.${arc.pin}`,
        );
      }
    }
    for (const memory of this.netlist.memories) {
      if (memory.type === "rom") continue;
      const { setupPs } = timingOf(memory);
      for (const net of memoryInputs(memory)) both(net, () => setupPs, memory.name);
    }
    for (const { name, direction, nets } of this.netlist.ports) {
      if (direction === "output") for (const net of nets) both(net, () => outputSetupPs, name);
    }
  }

  stepsTo(entry: number): PathStep[] {
    const { instances, memories } = this.netlist;
    const steps: PathStep[] = [];
    for (let e = entry; e >= 0 && this.by[e]! >= 0; e = this.from[e]!) {
      const by = this.by[e]!;
      const net = (e >> 1) as MappedNet;
      const before = this.from[e]! < 0 ? 0 : this.arrival[this.from[e]!]!;
      const memory = memories[by - instances.length];
      steps.unshift({
        instance: memory?.name ?? instances[by]!.name,
        cell: memory?.type ?? instances[by]!.cell,
        edge: edgeName((e & 1) as Edge),
        net: mappedNetName(this.netlist, net),
        delayPs: this.arrival[e]! - before,
        arrivalPs: this.arrival[e]!,
        slewPs: this.slew[e]!,
        loadFf: this.loads[net]!,
      });
    }
    return steps;
  }

  startOf(entry: number): string {
    let e = entry;
    while (this.from[e]! >= 0) e = this.from[e]!;
    return this.by[e]! >= 0
      ? (this.stepsTo(e)[0]?.instance ?? "")
      : mappedNetName(this.netlist, (e >> 1) as MappedNet);
  }
}

/**
 * Static timing of a mapped netlist: arrival times and slews, rise and fall apart, by NLDM look-up (Liberty user guide) with the loads of
 * pins and wires; the latest arrival and the largest slew win, whatever the conditions. Clock: ideal, at every flip-flop and clock gate at
 * the same time. Set-up only: hold is a matter of the clock tree.
 *
 * @throws FixynnError FX7068 for a combinational loop
 */
export function analyzeTiming(
  netlist: MappedNetlist,
  library: CellLibrary,
  options: TimingOptions,
): TimingReport {
  const { order, loops } = timingOrder(netlist, library);
  if (loops > 0)
    throw new FixynnError("FX7068", `${loops} cells stand in combinational loops`, { place: netlist.name });
  const timing = new Timing(netlist, library, options);
  timing.start();
  timing.propagate(order);
  let [endpoints, violations, worst, worstSetup] = [0, 0, -1, 0];
  let slackPs = Number.POSITIVE_INFINITY;
  let endpoint = "";
  timing.forEachEndpoint((entry, setupPs, name) => {
    const slack = options.periodPs - setupPs - timing.arrival[entry]!;
    endpoints++;
    if (slack < 0) violations++;
    if (slack >= slackPs) return;
    [slackPs, worst, worstSetup, endpoint] = [slack, entry, setupPs, name];
  });
  return {
    kind: "timingReport",
    periodPs: options.periodPs,
    endpoints,
    violations,
    slackPs,
    achievableClockMhz: 1e6 / (options.periodPs - slackPs),
    startpoint: worst < 0 ? "" : timing.startOf(worst),
    endpoint,
    setupPs: worstSetup,
    path: worst < 0 ? [] : timing.stepsTo(worst),
  };
}
