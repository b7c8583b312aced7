import type { Brand } from "../../core/index.js";

/** Number of a one-bit net of a mapped netlist; {@link LOW} and {@link HIGH} are the constants. */
export type MappedNet = Brand<number, "mappedNet">;
export const LOW = 0 as MappedNet;
export const HIGH = 1 as MappedNet;

/** What a cell is for; the tiers report areas and energies by these. */
export const mappedComponents = [
  "datapath",
  "requantization",
  "registers",
  "control",
  "clockGating",
] as const;
export type MappedComponent = (typeof mappedComponents)[number];

/** An instance of a library cell: combinational, flip-flop or clock gate, as the library says. */
export type MappedInstance = {
  readonly kind: "instance";
  readonly name: string;
  /** Name in the cell library. */
  readonly cell: string;
  /** Pin to net; an output that nothing reads may be left out. */
  readonly pins: Readonly<Record<string, MappedNet>>;
  readonly component: MappedComponent;
};

/**
 * A memory that stays a black box. Words least significant bit first.
 *
 * - `ram`: contract of `RamCell`: one clock, synchronous read of the word as it was before the edge, held while `readEnable` is 0.
 * - `rom`: combinational, `readData` = contents[readAddress], 0 beyond; the register of the word read is made of flip-flops
 *   outside.
 */
export type MappedMemory =
  | {
      readonly kind: "memory";
      readonly type: "ram";
      readonly name: string;
      readonly depth: number;
      readonly width: number;
      readonly clock: MappedNet;
      readonly writeEnable: MappedNet;
      readonly writeAddress: readonly MappedNet[];
      readonly writeData: readonly MappedNet[];
      readonly readEnable: MappedNet;
      readonly readAddress: readonly MappedNet[];
      readonly readData: readonly MappedNet[];
    }
  | {
      readonly kind: "memory";
      readonly type: "rom";
      readonly name: string;
      readonly depth: number;
      readonly width: number;
      /** One word each, as a string of 0 and 1, least significant bit first. */
      readonly contents: readonly string[];
      readonly readAddress: readonly MappedNet[];
      readonly readData: readonly MappedNet[];
    };

/** A port of the mapped module, bits least significant first. */
export type MappedPort = {
  readonly name: string;
  readonly direction: "input" | "output";
  readonly nets: readonly MappedNet[];
};

/** A module mapped to library cells, flat; every net has exactly one driver, one rising-edge clock port. */
export type MappedNetlist = {
  readonly kind: "mappedNetlist";
  readonly name: string;
  /** Names of the libraries that the cells come from. */
  readonly libraries: readonly string[];
  /** Nets are numbered below this. */
  readonly netCount: number;
  readonly ports: readonly MappedPort[];
  /** The clock's input port net; `null` in a combinational module. */
  readonly clock: MappedNet | null;
  readonly instances: readonly MappedInstance[];
  readonly memories: readonly MappedMemory[];
  /** Names of nets, for messages and for matching registers to the source; not every net has one. */
  readonly netNames: ReadonlyMap<MappedNet, string>;
};

/** Name a net for a message. */
export const mappedNetName = (netlist: MappedNetlist, net: MappedNet): string =>
  net === LOW ? "0" : net === HIGH ? "1" : (netlist.netNames.get(net) ?? `n${net}`);
