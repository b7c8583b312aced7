import type { AdderArchitecture } from "../arith/index.js";
import { invariant } from "../core/index.js";
import { verilogKeywords } from "./keywords.js";
import {
  type Cell,
  type CellKind,
  type Module,
  type Net,
  type NetId,
  type Port,
  type RegisterCell,
  type Signal,
  type Slice,
  signalWidth,
  toBits,
} from "./netlist.js";

/** Arguments of a register beyond its data. */
export type RegisterOptions = {
  readonly enable?: Signal | undefined;
  readonly resetN?: Signal | undefined;
  readonly resetValue?: number | bigint;
  readonly role: RegisterCell["role"];
  readonly doc?: string;
};

/** Literal bits as a signal. */
export const literal = (value: number | bigint, width: number): Signal =>
  width === 0 ? [] : [{ kind: "constant", bits: toBits(value, width) }];

/** Join signals, least significant first, and merge neighbouring slices of one net. */
export function concat(signals: readonly Signal[]): Signal {
  const out: Slice[] = [];
  for (const signal of signals) {
    for (const slice of signal) {
      const last = out.at(-1);
      if (last === undefined) out.push(slice);
      else if (slice.kind === "constant") {
        if (last.kind === "constant")
          out[out.length - 1] = { kind: "constant", bits: slice.bits + last.bits };
        else out.push(slice);
      } else if (last.kind === "net" && last.net === slice.net && last.low + last.width === slice.low) {
        out[out.length - 1] = { kind: "net", net: last.net, low: last.low, width: last.width + slice.width };
      } else out.push(slice);
    }
  }
  return out;
}

/** Take bits `low` … `low + width − 1` of a signal. */
export function sliceOf(signal: Signal, low: number, width: number): Signal {
  const out: Slice[] = [];
  let at = 0;
  for (const slice of signal) {
    const size = slice.kind === "net" ? slice.width : slice.bits.length;
    const from = Math.max(low - at, 0);
    const to = Math.min(low + width - at, size);
    if (from < to) {
      out.push(
        slice.kind === "net"
          ? { kind: "net", net: slice.net, low: slice.low + from, width: to - from }
          : { kind: "constant", bits: slice.bits.slice(size - to, size - from) },
      );
    }
    at += size;
  }
  invariant(low >= 0 && low + width <= at, `slice ${low}+${width} of ${at} bits`);
  return out;
}

/** Repeat a one-bit signal, e.g. to extend a sign. */
export const repeat = (bit: Signal, copies: number): Signal =>
  concat(Array.from({ length: copies }, () => bit));

/** Builds one {@link Module}; each operation adds a cell and returns the signal it drives. */
export class ModuleBuilder {
  readonly #nets: Net[] = [];
  readonly #ports: Port[] = [];
  readonly #cells: Cell[] = [];
  readonly #names = new Set<string>();
  readonly #name: string;
  readonly #doc: readonly string[];
  #clock: NetId | null = null;

  constructor(name: string, doc: readonly string[]) {
    this.#name = name;
    this.#doc = doc;
  }

  /** Declare a net; the name is made unique, and a reserved word of Verilog another one. */
  net(name: string, width: number, doc?: string): NetId {
    invariant(width > 0, `net ${name} has no bits`);
    const allowed = verilogKeywords.has(name) ? `${name}_` : name;
    let unique = allowed;
    for (let i = 1; this.#names.has(unique); i++) unique = `${allowed}_${i}`;
    this.#names.add(unique);
    const id = this.#nets.length as NetId;
    this.#nets.push(doc === undefined ? { id, name: unique, width } : { id, name: unique, width, doc });
    return id;
  }

  /** The whole of a net as a signal. */
  signal(net: NetId): Signal {
    return [{ kind: "net", net, low: 0, width: this.#nets[net]!.width }];
  }

  /** Declare an input port. */
  input(name: string, width: number, doc?: string): Signal {
    const net = this.net(name, width, doc);
    this.#ports.push({ name: this.#nets[net]!.name, direction: "input", net });
    return this.signal(net);
  }

  /** Declare the clock port. */
  clock(name: string): void {
    const [slice] = this.input(name, 1, "clock, rising edge");
    if (slice?.kind === "net") this.#clock = slice.net;
  }

  /** Declare an output port and what drives it. */
  output(name: string, value: Signal, doc?: string): void {
    const net = this.net(name, signalWidth(value), doc);
    this.#ports.push({ name, direction: "output", net });
    this.add({ kind: "assign", name: `drive_${name}`, a: value, y: net });
  }

  /** Add a finished cell. */
  add(cell: Cell): void {
    this.#cells.push(cell);
  }

  not(name: string, a: Signal): Signal {
    const y = this.net(name, signalWidth(a));
    this.add({ kind: "not", name, a, y });
    return this.signal(y);
  }

  /** Combine signals bit by bit; a single operand passes. */
  logic(kind: "and" | "or" | "xor", name: string, operands: readonly Signal[], doc?: string): Signal {
    if (operands.length === 1) return operands[0]!;
    const y = this.net(name, signalWidth(operands[0]!), doc);
    this.add({ kind, name, operands, y });
    return this.signal(y);
  }

  mux(name: string, select: Signal, whenTrue: Signal, whenFalse: Signal, doc?: string): Signal {
    const y = this.net(name, signalWidth(whenTrue), doc);
    this.add({ kind: "mux", name, select, whenTrue, whenFalse, y });
    return this.signal(y);
  }

  /** Add or subtract; an addition may ask for a faster adder than a ripple adder. */
  arithmetic(
    kind: "add" | "sub",
    name: string,
    a: Signal,
    b: Signal,
    architecture: AdderArchitecture = "ripple",
  ): Signal {
    const y = this.net(name, signalWidth(a));
    this.add({ kind, name, a, b, y, ...(architecture === "ripple" ? {} : { architecture }) });
    return this.signal(y);
  }

  compare(kind: "equal" | "less", name: string, a: Signal, b: Signal, signed = false): Signal {
    const y = this.net(name, 1);
    this.add({ kind, name, a, b, y, signed });
    return this.signal(y);
  }

  constant(name: string, value: number | bigint, width: number, doc?: string): Signal {
    const y = this.net(name, width, doc);
    this.add({ kind: "constant", name, bits: toBits(value, width), y });
    return this.signal(y);
  }

  register(name: string, d: Signal, options: RegisterOptions): Signal {
    const q = this.net(name, signalWidth(d), options.doc);
    this.registerInto(q, name, d, options);
    return this.signal(q);
  }

  /** As {@link register}, for a net declared before, so that `d` may depend on it. */
  registerInto(q: NetId, name: string, d: Signal, options: RegisterOptions): void {
    const { enable = null, resetN = null, resetValue = 0, role } = options;
    const bits = resetN === null ? null : toBits(resetValue, this.#nets[q]!.width);
    this.add({ kind: "register", name, d, q, enable, resetN, resetValue: bits, role });
  }

  /** Number of bits held by registers of each role so far. */
  registerBits(): Record<RegisterCell["role"], number> {
    const bits = { datapath: 0, window: 0, control: 0, buffer: 0, configuration: 0 };
    for (const cell of this.#cells) if (cell.kind === "register") bits[cell.role] += signalWidth(cell.d);
    return bits;
  }

  /** Count the cells of a kind. */
  count(kind: CellKind): number {
    return this.#cells.filter((cell) => cell.kind === kind).length;
  }

  /** Freeze the module. */
  build(): Module {
    return {
      kind: "module",
      name: this.#name,
      doc: this.#doc,
      ports: this.#ports,
      nets: this.#nets,
      cells: this.#cells,
      clock: this.#clock,
    };
  }
}
