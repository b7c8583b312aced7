import type { Brand } from "../core/index.js";

/** Number of a one-bit net in its module. {@link ZERO} and {@link ONE} are the constants. */
export type Bit = Brand<number, "bit">;
export const ZERO = 0 as Bit;
export const ONE = 1 as Bit;

/**
 * What a gate computes from a, b, c.
 *
 * - `not` y = ¬a; `and`, `or`, `xor` y = a ∘ b; `mux` y = a ? b : c
 * - `fullAdder`, `carryBit` y0 = a ⊕ b ⊕ c, y1 = majority; the first is a library cell, the second one bit of a `+` or `−`
 * - `halfAdder` y0 = a ⊕ b, y1 = a ∧ b
 */
export type GateKind = "not" | "and" | "or" | "xor" | "mux" | "fullAdder" | "halfAdder" | "carryBit";
/** Gate kinds in the order of their codes in {@link SimModule.gates}. */
export const gateKinds: readonly GateKind[] = [
  "not",
  "and",
  "or",
  "xor",
  "mux",
  "fullAdder",
  "halfAdder",
  "carryBit",
];
/** Code of each gate kind. */
export const gateCode: Readonly<Record<GateKind, number>> = {
  not: 0,
  and: 1,
  or: 2,
  xor: 3,
  mux: 4,
  fullAdder: 5,
  halfAdder: 6,
  carryBit: 7,
};
/** Operands of each gate kind, by code. */
export const gateInputs: readonly number[] = [1, 2, 2, 2, 3, 3, 2, 3];
/** Outputs of each gate kind, by code. */
export const gateOutputs: readonly number[] = [1, 1, 1, 1, 1, 2, 2, 2];
/** Numbers a gate takes in {@link SimModule.gates}: code, y0, y1, a, b, c; unused ones are 0. */
export const GATE_WORDS = 6;

export type SimPort = {
  readonly name: string;
  readonly direction: "input" | "output";
  /** Least significant first. */
  readonly bits: readonly Bit[];
};

/**
 * Rising-edge flip-flops: at each edge, if `resetN` is 0, q takes `resetValue`; otherwise, if `enable` is 1, q takes d.
 * {@link ONE} stands for always enabled or never reset. Start value unknown.
 */
export type SimRegister = {
  readonly name: string;
  readonly d: readonly Bit[];
  readonly q: readonly Bit[];
  readonly enable: Bit;
  readonly resetN: Bit;
  /** Bit i of q resets to character i (least significant first). */
  readonly resetValue: string;
};

export type SimRamRead = {
  readonly enable: Bit;
  readonly address: readonly Bit[];
  readonly q: readonly Bit[];
};
export type SimRamWrite = {
  readonly enable: Bit;
  readonly address: readonly Bit[];
  readonly data: readonly Bit[];
};
/**
 * A memory with synchronous ports: reads give the word as it was before the edge, and 0 beyond the depth. Start content unknown, or
 * `contents`, one word each, least significant bit first: then there are no writes and the memory is a ROM.
 */
export type SimRam = {
  readonly name: string;
  readonly depth: number;
  readonly width: number;
  readonly reads: readonly SimRamRead[];
  readonly writes: readonly SimRamWrite[];
  readonly contents: readonly string[] | null;
};

export type SimInstance = {
  readonly name: string;
  readonly module: string;
  readonly inputs: readonly { readonly port: string; readonly bits: readonly Bit[] }[];
  readonly outputs: readonly { readonly port: string; readonly bits: readonly Bit[] }[];
};

/** A named group of bits, for messages. */
export type SimNet = { readonly name: string; readonly bits: readonly Bit[] };

/** A module at bit level with one clock; every bit has exactly one driver. */
export type SimModule = {
  readonly kind: "simModule";
  readonly name: string;
  readonly bitCount: number;
  /** The input bit that clocks registers and memories; `null` in a combinational module. */
  readonly clock: Bit | null;
  readonly ports: readonly SimPort[];
  /** Gates in any order, {@link GATE_WORDS} numbers each. */
  readonly gates: Int32Array;
  readonly registers: readonly SimRegister[];
  readonly rams: readonly SimRam[];
  readonly instances: readonly SimInstance[];
  readonly nets: readonly SimNet[];
};

/** Modules that instantiate one another; `top` is one of them. */
export type SimNetlist = {
  readonly kind: "simNetlist";
  readonly top: string;
  readonly modules: ReadonlyMap<string, SimModule>;
};

/** One gate, unpacked. */
export type SimGate = {
  readonly kind: GateKind;
  readonly outputs: readonly Bit[];
  readonly inputs: readonly Bit[];
};

/** Number of gates of a module. */
export const gateCount = (module: SimModule): number => module.gates.length / GATE_WORDS;

/** Unpack a gate. */
export function gateAt(module: SimModule, index: number): SimGate {
  const [code = 0, y0 = 0, y1 = 0, a = 0, b = 0, c = 0] = module.gates.subarray(
    index * GATE_WORDS,
    (index + 1) * GATE_WORDS,
  );
  return {
    kind: gateKinds[code]!,
    outputs: [y0, y1].slice(0, gateOutputs[code]) as Bit[],
    inputs: [a, b, c].slice(0, gateInputs[code]) as Bit[],
  };
}

/** Find a port by name. */
export function portOf(module: SimModule, name: string): SimPort | undefined {
  return module.ports.find((port) => port.name === name);
}

/** Name a bit as `net[index]` where a net contains it. */
export function bitName(module: SimModule, bit: Bit): string {
  if (bit === ZERO || bit === ONE) return `constant ${bit}`;
  for (const net of [...module.ports, ...module.nets]) {
    const index = net.bits.indexOf(bit);
    if (index >= 0) return net.bits.length === 1 ? net.name : `${net.name}[${index}]`;
  }
  return `bit ${bit}`;
}
