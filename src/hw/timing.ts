import { adderDelayPs, type CellTable, type ClockTarget } from "../arith/index.js";
import { invariant } from "../core/index.js";
import {
  type Cell,
  cellInputs,
  cellOutputs,
  type Design,
  type Module,
  type NetId,
  type Signal,
  signalWidth,
} from "./netlist.js";

/** A path from a register, memory or input to a register, memory or output. */
export type TimingPath = {
  /** Instances and cell or port at the end, joined by dots. */
  readonly to: string;
  /** Nets on the way, first to last, with the time at which each is settled. */
  readonly through: readonly { readonly net: string; readonly ps: number }[];
  /** From clock edge to clock edge: clock-to-output and setup included. */
  readonly ps: number;
};

export type TimingOptions = {
  /** From the clock edge to a memory's read data; default half the period: what a macro leaves is not known here. */
  readonly memoryAccessPs?: number;
  /** When inputs of the top come, after the edge; default the clock-to-output time of a flip-flop. */
  readonly inputPs?: number;
};

/** Delay of a tree of two-input gates over n operands. */
const tree = (gatePs: number, operands: number): number =>
  Math.ceil(Math.log2(Math.max(1, operands))) * gatePs;

/** Each bit of a signal that is a literal, `null` for others; lowest first. */
const literalBits = (signal: Signal): readonly (string | null)[] =>
  signal.flatMap((slice) =>
    slice.kind === "constant" ? [...slice.bits].reverse() : new Array<null>(slice.width).fill(null),
  );

/** Arrival times of a net's bits, and from where the latest of them comes. */
type Arrival = { readonly bits: Float64Array; readonly from: string | null };

/**
 * Static timing of a word-level netlist before mapping, by the delays of a cell table: each cell's worst arc at a typical load, so wires, fan-out and what
 * mapping gains are not in it. Paths run through instances.
 */
export class NetlistTiming {
  readonly #modules: ReadonlyMap<string, Module>;
  readonly #clock: ClockTarget;
  readonly #memoryPs: number;
  readonly #inputPs: number;
  readonly #top: Module;
  readonly #known = new Map<string, Arrival>();
  readonly #drivers = new Map<string, ReadonlyMap<NetId, Cell>>();

  constructor(design: Design, clock: ClockTarget, options: TimingOptions = {}) {
    this.#modules = new Map(design.modules.map((module) => [module.name, module]));
    this.#clock = clock;
    this.#memoryPs = options.memoryAccessPs ?? clock.periodPs / 2;
    this.#inputPs = options.inputPs ?? clock.cells.register.clockToOutputPs;
    const top = design.modules.at(-1);
    invariant(top !== undefined, "a design without modules");
    this.#top = top;
  }

  /** List the `count` longest paths, longest first, one for each end. */
  longest(count: number): readonly TimingPath[] {
    const ends: { to: string; ps: number; from: string | null }[] = [];
    const { setupPs } = this.#clock.cells.register;
    const visit = (path: Scope): void => {
      for (const cell of path.module.cells) {
        const name = `${path.prefix}${cell.name}`;
        if (cell.kind === "instance") {
          visit(this.#inside(path, cell));
          continue;
        }
        if (cell.kind !== "register" && cell.kind !== "ram" && cell.kind !== "rom") continue;
        for (const { pin, signal } of cellInputs(cell)) {
          if (pin === "resetN") continue;
          const { latest, from } = this.#latest(path, signal);
          // An enable is a multiplexer in front of the flip-flop.
          const more = cell.kind === "register" && pin === "enable" ? this.#clock.cells.mux2.delayPs : 0;
          ends.push({ to: `${name}.${pin}`, ps: latest + setupPs + more, from });
        }
      }
    };
    const top: Scope = { module: this.#top, prefix: "", parent: null };
    visit(top);
    for (const port of this.#top.ports) {
      if (port.direction !== "output") continue;
      const arrival = this.#arrival(top, port.net);
      ends.push({ to: port.name, ps: Math.max(...arrival.bits), from: this.#key(top, port.net) });
    }
    ends.sort((a, b) => b.ps - a.ps);
    return ends.slice(0, count).map(({ to, ps, from }) => ({ to, ps, through: this.#trace(from) }));
  }

  #key(scope: Scope, net: NetId): string {
    return `${scope.prefix}${scope.module.nets[net]!.name}`;
  }

  #trace(from: string | null): readonly { readonly net: string; readonly ps: number }[] {
    const through: { net: string; ps: number }[] = [];
    for (let at = from; at !== null; at = this.#known.get(at)?.from ?? null) {
      const bits = this.#known.get(at)?.bits ?? new Float64Array(1);
      through.unshift({ net: at, ps: Math.max(...bits) });
    }
    return through;
  }

  #inside(scope: Scope, cell: Extract<Cell, { kind: "instance" }>): Scope {
    const module = this.#modules.get(cell.module);
    invariant(module !== undefined, `no module ${cell.module}`);
    return { module, prefix: `${scope.prefix}${cell.name}.`, parent: { scope, cell } };
  }

  #driver(module: Module, net: NetId): Cell | undefined {
    let drivers = this.#drivers.get(module.name);
    if (drivers === undefined) {
      drivers = new Map(
        module.cells.flatMap((cell) => cellOutputs(cell).map((out) => [out.net, cell] as const)),
      );
      this.#drivers.set(module.name, drivers);
    }
    return drivers.get(net);
  }

  /** When a signal's last bit is there, and by which net; constants are always there. */
  #latest(scope: Scope, signal: Signal): { readonly latest: number; readonly from: string | null } {
    let latest = 0;
    let from: string | null = null;
    for (const slice of signal) {
      if (slice.kind === "constant") continue;
      const { bits } = this.#arrival(scope, slice.net);
      for (let i = slice.low; i < slice.low + slice.width; i++)
        if (bits[i]! > latest) {
          latest = bits[i]!;
          from = this.#key(scope, slice.net);
        }
    }
    return { latest, from };
  }

  /** Bit by bit. */
  #bits(scope: Scope, signal: Signal): Float64Array {
    const times = new Float64Array(signalWidth(signal));
    let at = 0;
    for (const slice of signal) {
      if (slice.kind === "constant") at += slice.bits.length;
      else {
        const { bits } = this.#arrival(scope, slice.net);
        for (let i = 0; i < slice.width; i++) times[at++] = bits[slice.low + i]!;
      }
    }
    return times;
  }

  #arrival(scope: Scope, net: NetId): Arrival {
    const key = this.#key(scope, net);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const made = this.#compute(scope, net);
    this.#known.set(key, made);
    return made;
  }

  #compute(scope: Scope, net: NetId): Arrival {
    const { width } = scope.module.nets[net]!;
    const all = (ps: number, from: string | null = null): Arrival => ({
      bits: new Float64Array(width).fill(ps),
      from,
    });
    const { cells } = this.#clock;
    const cell = this.#driver(scope.module, net);
    if (cell === undefined) {
      const port = scope.module.ports.find((candidate) => candidate.net === net);
      if (scope.parent === null || port === undefined || net === scope.module.clock)
        return all(this.#inputPs);
      const { scope: outer, cell: instance } = scope.parent;
      const input = instance.inputs.find((candidate) => candidate.port === port.name);
      if (input === undefined) return all(0);
      return { bits: this.#bits(outer, input.signal), from: this.#latest(outer, input.signal).from };
    }
    switch (cell.kind) {
      case "register":
        return all(cells.register.clockToOutputPs);
      case "ram":
      case "rom":
        return all(this.#memoryPs);
      case "constant":
        return all(0);
      case "instance": {
        const inner = this.#inside(scope, cell);
        const output = cell.outputs.find((candidate) => candidate.net === net)!;
        const port = inner.module.ports.find((candidate) => candidate.name === output.port)!;
        return { bits: this.#arrival(inner, port.net).bits, from: this.#key(inner, port.net) };
      }
      case "assign":
        return { bits: this.#bits(scope, cell.a), from: this.#latest(scope, cell.a).from };
      case "not":
      case "and":
      case "or":
      case "xor":
      case "mux":
      case "fullAdders":
      case "halfAdders":
        return this.#bitwise(scope, cell, net);
      case "add":
      case "sub": {
        const { latest, from } = this.#latest(scope, [...cell.a, ...cell.b]);
        const architecture = cell.architecture ?? "ripple";
        const { fullAdder, halfAdder } = cells;
        if (architecture !== "ripple") return all(latest + adderDelayPs(architecture, width, cells), from);
        const [a, b] = [this.#bits(scope, cell.a), this.#bits(scope, cell.b)];
        const [fixedA, fixedB] = [literalBits(cell.a), literalBits(cell.b)];
        const bits = new Float64Array(width);
        let carry = 0;
        let carries: boolean = false;
        for (let i = 0; i < width; i++) {
          const ready = Math.max(a[i]!, b[i]!, carry);
          // What literals decide needs no cell: two bits make a half adder, one passes.
          const fixed = [fixedA[i], fixedB[i]].filter((bit) => bit !== null);
          const variable: number = 2 - fixed.length + Number(carries);
          const adder = variable > 2 ? fullAdder : halfAdder;
          bits[i] = variable < 2 ? ready : ready + adder.sumPs;
          carry = variable < 2 ? ready : ready + adder.carryPs;
          carries = variable > 1 || (variable === 1 && fixed.includes("1"));
        }
        return { bits, from };
      }
      case "equal": {
        const { latest, from } = this.#latest(scope, [...cell.a, ...cell.b]);
        const constant = [cell.a, cell.b].some((signal) =>
          signal.every((slice) => slice.kind === "constant"),
        );
        const compare = constant ? cells.inverter.delayPs : cells.xor2.delayPs;
        return all(latest + compare + tree(cells.and2.delayPs, signalWidth(cell.a)), from);
      }
      case "less": {
        const { latest, from } = this.#latest(scope, [...cell.a, ...cell.b]);
        return all(latest + adderDelayPs("ripple", signalWidth(cell.a) + 1, cells), from);
      }
    }
  }

  /** Cells without a carry: each bit waits for its own operands. */
  #bitwise(scope: Scope, cell: Cell, net: NetId): Arrival {
    const inputs = cellInputs(cell);
    const { width } = scope.module.nets[net]!;
    const delay = bitwiseDelay(cell, net, this.#clock.cells);
    const bits = new Float64Array(width);
    let from: string | null = null;
    let latest = -1;
    for (const { signal } of inputs) {
      const times = this.#bits(scope, signal);
      const own = this.#latest(scope, signal);
      if (own.latest > latest) [latest, from] = [own.latest, own.from];
      for (let i = 0; i < width; i++) bits[i] = Math.max(bits[i]!, times[times.length === 1 ? 0 : i]!);
    }
    return { bits: bits.map((ps) => ps + delay), from };
  }
}

type Scope = {
  readonly module: Module;
  readonly prefix: string;
  readonly parent: { readonly scope: Scope; readonly cell: Extract<Cell, { kind: "instance" }> } | null;
};

function bitwiseDelay(cell: Cell, net: NetId, cells: CellTable): number {
  switch (cell.kind) {
    case "not":
      return cells.inverter.delayPs;
    case "and":
      return tree(cells.and2.delayPs, cell.operands.length);
    case "or":
      return tree(cells.or2.delayPs, cell.operands.length);
    case "xor":
      return tree(cells.xor2.delayPs, cell.operands.length);
    case "mux":
      return cells.mux2.delayPs;
    case "fullAdders":
      return net === cell.sum ? cells.fullAdder.sumPs : cells.fullAdder.carryPs;
    case "halfAdders":
      return net === cell.sum ? cells.halfAdder.sumPs : cells.halfAdder.carryPs;
    default:
      throw new Error(`internal error: ${cell.kind} is not bitwise`);
  }
}
