import type { Brand } from "../../core/index.js";

/** Number of a one-bit net; {@link TIMED_LOW} and {@link TIMED_HIGH} are the constants. */
export type TimedNet = Brand<number, "timedNet">;
export const TIMED_LOW = 0 as TimedNet;
export const TIMED_HIGH = 1 as TimedNet;

/** Most inputs of a cell: its truth table has 64 bits. */
export const MAX_TIMED_INPUTS = 6;
/** Longest delay of a cell or flip-flop, in picoseconds: delays are 16-bit numbers. */
export const MAX_DELAY_PS = 65_535;

/** What computes: a truth table for each output. */
export type TimedCellType = {
  readonly name: string;
  /** Pins in the order of the table's index: input i is bit i. */
  readonly inputs: readonly string[];
  /** One or two outputs; bit i of the table (low word, high word) is the value for input state i. */
  readonly outputs: readonly { readonly pin: string; readonly table: readonly [low: number, high: number] }[];
};

/** One cell. An output that nothing reads may be `null`. */
export type TimedCell = {
  readonly type: number;
  readonly inputs: readonly TimedNet[];
  readonly outputs: readonly (TimedNet | null)[];
  /** Delay of a rise and of a fall of each output, input by input: (input · 2 + output) · 2 + (0 rise, 1 fall); 1 ps or more. */
  readonly delaysPs: readonly number[];
  readonly component: number;
};

/** A clock group: flip-flops that one gate (or none) clocks. */
export type TimedClockGroup = {
  /** They are clocked when this is 1 at the end of the cycle before; {@link TIMED_HIGH}: always. */
  readonly enable: TimedNet;
  /** Whether a clock gating cell stands before them. */
  readonly gated: boolean;
};

/** A rising-edge flip-flop. Reset and, without a clock gate, enable are logic in front of `d`. */
export type TimedFlipFlop = {
  readonly d: TimedNet;
  readonly q: TimedNet;
  readonly group: number;
  /** From the clock edge to a rise and a fall of q; 1 ps or more. */
  readonly delayPs: readonly [rise: number, fall: number];
  readonly component: number;
};

/** A memory with the contract of `SimRam`: synchronous ports, a read gives the word as it was before the edge, 0 beyond the depth. */
export type TimedMemory = {
  readonly name: string;
  readonly depth: number;
  readonly width: number;
  readonly reads: readonly {
    readonly enable: TimedNet;
    readonly address: readonly TimedNet[];
    readonly q: readonly TimedNet[];
  }[];
  readonly writes: readonly {
    readonly enable: TimedNet;
    readonly address: readonly TimedNet[];
    readonly data: readonly TimedNet[];
  }[];
  /** Of a ROM: one word each, least significant bit first. */
  readonly contents: readonly string[] | null;
  /** From the clock edge to the data. */
  readonly accessPs: number;
  readonly component: number;
};

/** A port, bits least significant first. */
export type TimedPort = {
  readonly name: string;
  readonly direction: "input" | "output";
  readonly nets: readonly TimedNet[];
};

/** A flat netlist of cells with delays and one clock, which is no net of it; every net has exactly one driver. */
export type TimedNetlist = {
  readonly kind: "timedNetlist";
  readonly name: string;
  readonly netCount: number;
  readonly types: readonly TimedCellType[];
  readonly cells: readonly TimedCell[];
  readonly groups: readonly TimedClockGroup[];
  readonly flipFlops: readonly TimedFlipFlop[];
  readonly memories: readonly TimedMemory[];
  readonly ports: readonly TimedPort[];
  /** From the clock edge to a change of an input port. */
  readonly inputDelayPs: number;
  /** Names of the components that cells are charged to. */
  readonly components: readonly string[];
};

/** Bit of an output's truth table. */
export const tableBit = ([low, high]: readonly [number, number], state: number): 0 | 1 =>
  (((state < 32 ? low : high) >>> (state & 31)) & 1) as 0 | 1;

/** Tabulate a function of so many inputs. */
export function tabulate(inputs: number, f: (state: number) => number): readonly [number, number] {
  let [low, high] = [0, 0];
  for (let state = 0; state < 2 ** inputs; state++) {
    if (f(state) === 0) continue;
    if (state < 32) low |= 1 << state;
    else high |= 1 << (state - 32);
  }
  return [low >>> 0, high >>> 0];
}
