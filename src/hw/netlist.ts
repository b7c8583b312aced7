import type { AdderArchitecture } from "../arith/index.js";
import type { Brand } from "../core/index.js";

/** Index of a net in its module's `nets`. */
export type NetId = Brand<number, "net">;

/** A run of adjacent bits of a net: bits `low` … `low + width − 1`. */
export type NetSlice = {
  readonly kind: "net";
  readonly net: NetId;
  readonly low: number;
  readonly width: number;
};
/** Literal bits, most significant first, e.g. `"0101"` is 5 in four bits. */
export type ConstantSlice = { readonly kind: "constant"; readonly bits: string };
export type Slice = NetSlice | ConstantSlice;
/** A concatenation, **least significant slice first** (Verilog writes it the other way round). */
export type Signal = readonly Slice[];

export type Net = {
  readonly id: NetId;
  readonly name: string;
  readonly width: number;
  readonly doc?: string;
};
export type Port = { readonly name: string; readonly direction: "input" | "output"; readonly net: NetId };

type Named<Kind extends string> = { readonly kind: Kind; readonly name: string; readonly doc?: string };

/** N independent full adders: sum = a ^ b ^ c, carry = majority(a, b, c), bit by bit. */
export type FullAddersCell = Named<"fullAdders"> & {
  readonly a: Signal;
  readonly b: Signal;
  readonly c: Signal;
  readonly sum: NetId;
  readonly carry: NetId;
};
/** N independent half adders: sum = a ^ b, carry = a & b, bit by bit. */
export type HalfAddersCell = Named<"halfAdders"> & {
  readonly a: Signal;
  readonly b: Signal;
  readonly sum: NetId;
  readonly carry: NetId;
};
/** y = ~a, bit by bit. */
export type NotCell = Named<"not"> & { readonly a: Signal; readonly y: NetId };
/** y = the operands combined bit by bit; two operands or more, all as wide as y. */
export type LogicCell = Named<"and" | "or" | "xor"> & {
  readonly operands: readonly Signal[];
  readonly y: NetId;
};
/** y = select ? whenTrue : whenFalse; `select` has one bit. */
export type MuxCell = Named<"mux"> & {
  readonly select: Signal;
  readonly whenTrue: Signal;
  readonly whenFalse: Signal;
  readonly y: NetId;
};
/** y = a + b or a − b modulo 2^width, one carry-propagate adder; all three equally wide. */
export type AddCell = Named<"add" | "sub"> & {
  readonly a: Signal;
  readonly b: Signal;
  readonly y: NetId;
  /** How an addition is to be built; absent for a plain `+`, of which synthesis makes a ripple adder or what it sees fit. */
  readonly architecture?: Exclude<AdderArchitecture, "ripple">;
};
/** y (one bit) = a OP b; two's complement when `signed`. */
export type CompareCell = Named<"equal" | "less"> & {
  readonly signed: boolean;
  readonly a: Signal;
  readonly b: Signal;
  readonly y: NetId;
};
/**
 * Rising-edge flip-flops: at each edge, if `resetN` is given and 0, q takes `resetValue`; otherwise, if `enable` is absent
 * or 1, q takes d. Without `resetN` the start value is unknown (simulators may take 0).
 */
export type RegisterCell = Named<"register"> & {
  readonly d: Signal;
  readonly q: NetId;
  readonly enable: Signal | null;
  readonly resetN: Signal | null;
  /** Bits, most significant first, as wide as q; `null` when there is no reset. */
  readonly resetValue: string | null;
  /** What the bits are for, in the statistics. `configuration` is written once, before the first frame. */
  readonly role: "datapath" | "window" | "control" | "buffer" | "configuration";
};
/**
 * Simple dual-port memory, synchronous read: at each edge, if `readEnable` then readData takes word[readAddress] **as it was before**
 * the edge; if `writeEnable` then word[writeAddress] takes writeData. Start content unknown.
 */
export type RamCell = Named<"ram"> & {
  readonly depth: number;
  readonly writeEnable: Signal;
  readonly writeAddress: Signal;
  readonly writeData: Signal;
  readonly readEnable: Signal;
  readonly readAddress: Signal;
  readonly readData: NetId;
};
/**
 * Memory of constants, synchronous read: at each edge, if `readEnable` then readData takes contents[readAddress]; an address beyond
 * the contents reads 0. The contents are part of the design, like every other constant.
 */
export type RomCell = Named<"rom"> & {
  readonly depth: number;
  /** Bits of each word, most significant first; `depth` words, all as wide as readData. */
  readonly contents: readonly string[];
  readonly readEnable: Signal;
  readonly readAddress: Signal;
  readonly readData: NetId;
};
/** y = fixed bits, most significant first: a bias, a rounding constant, a zero point or a counter bound. */
export type ConstantCell = Named<"constant"> & { readonly bits: string; readonly y: NetId };
/** y = a. */
export type AssignCell = Named<"assign"> & { readonly a: Signal; readonly y: NetId };
/** Another module of the design. Every input port is connected; an output may be left out. */
export type InstanceCell = Named<"instance"> & {
  readonly module: string;
  readonly inputs: readonly { readonly port: string; readonly signal: Signal }[];
  readonly outputs: readonly { readonly port: string; readonly net: NetId }[];
};

export type Cell =
  | FullAddersCell
  | HalfAddersCell
  | NotCell
  | LogicCell
  | MuxCell
  | AddCell
  | CompareCell
  | RegisterCell
  | RamCell
  | RomCell
  | ConstantCell
  | AssignCell
  | InstanceCell;
export type CellKind = Cell["kind"];

/** A flat word-level module with one clock; every net has exactly one driver: a whole cell output or an input port. */
export type Module = {
  readonly kind: "module";
  readonly name: string;
  /** Lines of prose printed above the module. */
  readonly doc: readonly string[];
  readonly ports: readonly Port[];
  readonly nets: readonly Net[];
  readonly cells: readonly Cell[];
  /** The input net that clocks registers, memories and instances; `null` in a combinational module. */
  readonly clock: NetId | null;
};

/** Modules, instantiated ones before those that use them; the top is the last. */
export type Design = { readonly kind: "design"; readonly modules: readonly Module[] };

/** A named signal that a cell reads. */
export type CellInput = { readonly pin: string; readonly signal: Signal };
/** A net that a cell drives. */
export type CellOutput = { readonly pin: string; readonly net: NetId };

/** Add up the widths of a signal's slices. */
export function signalWidth(signal: Signal): number {
  let width = 0;
  for (const slice of signal) width += slice.kind === "net" ? slice.width : slice.bits.length;
  return width;
}

const pins = (entries: readonly (readonly [string, Signal | null])[]): CellInput[] =>
  entries.flatMap(([pin, signal]) => (signal === null ? [] : [{ pin, signal }]));

/** List the signals that a cell reads. */
export function cellInputs(cell: Cell): readonly CellInput[] {
  switch (cell.kind) {
    case "fullAdders":
      return pins([
        ["a", cell.a],
        ["b", cell.b],
        ["c", cell.c],
      ]);
    case "halfAdders":
    case "add":
    case "sub":
    case "equal":
    case "less":
      return pins([
        ["a", cell.a],
        ["b", cell.b],
      ]);
    case "not":
    case "assign":
      return pins([["a", cell.a]]);
    case "and":
    case "or":
    case "xor":
      return cell.operands.map((signal, i) => ({ pin: `operand${i}`, signal }));
    case "mux":
      return pins([
        ["select", cell.select],
        ["whenTrue", cell.whenTrue],
        ["whenFalse", cell.whenFalse],
      ]);
    case "register":
      return pins([
        ["d", cell.d],
        ["enable", cell.enable],
        ["resetN", cell.resetN],
      ]);
    case "ram":
      return pins([
        ["writeEnable", cell.writeEnable],
        ["writeAddress", cell.writeAddress],
        ["writeData", cell.writeData],
        ["readEnable", cell.readEnable],
        ["readAddress", cell.readAddress],
      ]);
    case "rom":
      return pins([
        ["readEnable", cell.readEnable],
        ["readAddress", cell.readAddress],
      ]);
    case "constant":
      return [];
    case "instance":
      return cell.inputs.map(({ port, signal }) => ({ pin: port, signal }));
  }
}

/** List the nets that a cell drives. */
export function cellOutputs(cell: Cell): readonly CellOutput[] {
  switch (cell.kind) {
    case "fullAdders":
    case "halfAdders":
      return [
        { pin: "sum", net: cell.sum },
        { pin: "carry", net: cell.carry },
      ];
    case "register":
      return [{ pin: "q", net: cell.q }];
    case "ram":
    case "rom":
      return [{ pin: "readData", net: cell.readData }];
    case "instance":
      return cell.outputs.map(({ port, net }) => ({ pin: port, net }));
    default:
      return [{ pin: "y", net: cell.y }];
  }
}

/** Tell whether a cell's outputs depend on its inputs within the same clock cycle (instances: assumed so by no one, see verify). */
export function isSequential(cell: Cell): boolean {
  return cell.kind === "register" || cell.kind === "ram" || cell.kind === "rom";
}

/** Write an integer as bits, most significant first, modulo 2^width. */
export function toBits(value: number | bigint, width: number): string {
  return width === 0 ? "" : BigInt.asUintN(width, BigInt(value)).toString(2).padStart(width, "0");
}

/** Bits needed to count 0 … maximum (at least one). */
export function counterWidth(maximum: number): number {
  return Math.max(1, Math.ceil(Math.log2(maximum + 1)));
}
