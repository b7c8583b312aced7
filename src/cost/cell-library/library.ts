import { bilinear } from "../bilinear.js";
import type { BooleanExpression } from "../boolean-expression.js";

/**
 * An NLDM table: a value over two axes, bilinear between them, held at their edges. `values` has `rows.length × columns.length`
 * entries, row by row; an absent axis is a single 0.
 */
export type NldmTable = {
  readonly rows: readonly number[];
  readonly columns: readonly number[];
  readonly values: readonly number[];
};

/** Rise and fall of the same quantity; one of them may be absent in the file. */
export type EdgeTables = { readonly rise: NldmTable | null; readonly fall: NldmTable | null };

/** How an output follows an input: same edge, opposite edge, or either. */
export type TimingSense = "positive" | "negative" | "either";

/**
 * Delay from an input pin to an output pin. Rows: input slew (ps, of Liberty's own thresholds), columns: output load (fF), values: ps.
 * `rise` and `fall` are the edges of the output.
 */
export type DelayArc = {
  /** `edge`: from the active edge of the clock (or of a latch's or clock gate's enable); `clear`/`preset`: asynchronous. */
  readonly kind: "combinational" | "edge" | "clear" | "preset";
  readonly from: string;
  readonly to: string;
  readonly sense: TimingSense;
  /** Condition on the other pins, if the file states one. */
  readonly when: BooleanExpression | null;
  readonly delayPs: EdgeTables;
  readonly slewPs: EdgeTables;
};

/**
 * Constraint of a data pin against a clock edge. Rows: clock slew (ps), columns: data slew (ps), values: ps. `rise` and `fall` are the
 * edges of the data.
 */
export type ConstraintArc = {
  readonly kind: "setup" | "hold";
  readonly pin: string;
  readonly clock: string;
  readonly clockEdge: "rise" | "fall";
  readonly limitPs: EdgeTables;
};

/**
 * Internal energy of one transition of `pin`. Rows: slew of the related (or of this) input in ps, columns: load in fF (a single 0 for input
 * pins), values: pJ, the energy of charging the load not included. `rise` and `fall` are the edges of `pin`. Several supplies: one entry each, to be added.
 */
export type PowerArc = {
  readonly pin: string;
  /** Input whose edge causes it; `null`: the pin's own. */
  readonly related: string | null;
  readonly when: BooleanExpression | null;
  readonly supply: string | null;
  readonly energyPj: EdgeTables;
};

/** A pin of a library cell. */
export type CellPin = {
  readonly name: string;
  readonly direction: "input" | "output";
  /** Input capacitance; 0 for outputs. */
  readonly capacitanceFf: number;
  /** Largest load the library allows an output; `null` when it states none. */
  readonly maxCapacitanceFf: number | null;
  readonly isClock: boolean;
  /** Of outputs: over input pins, and over state names of sequential cells; `null` when the file has none, or the output is tri-state. */
  readonly function: BooleanExpression | null;
};

/** What a sequential cell stores. Expressions name input pins and the cell's own state names. */
export type Sequential =
  | {
      readonly kind: "flipFlop";
      readonly state: string;
      /** Name of the complement of the state. */
      readonly stateInverted: string;
      /** The state takes `next` when this rises; a falling edge is written `!CLK`. */
      readonly clockedOn: BooleanExpression;
      readonly next: BooleanExpression;
      readonly clear: BooleanExpression | null;
      readonly preset: BooleanExpression | null;
    }
  | {
      readonly kind: "latch";
      readonly state: string;
      readonly stateInverted: string;
      /** The state follows `data` while this is 1. */
      readonly enable: BooleanExpression;
      readonly data: BooleanExpression;
      readonly clear: BooleanExpression | null;
      readonly preset: BooleanExpression | null;
    }
  | {
      /**
       * Integrated clock gate on the rising edge: a latch, open while the clock is low, holds enable (or test); output = clock ∧ latch
       * (Liberty `latch_posedge…`).
       */
      readonly kind: "clockGate";
      readonly clock: string;
      readonly enable: string;
      /** Test pin, or-ed to the enable; `null` when it has none. */
      readonly test: string | null;
      readonly output: string;
    }
  /** Has a state that we do not model (other clock gates, state tables): not mapped to. */
  | { readonly kind: "unknown" };

/** A cell of a library. */
export type LibraryCell = {
  readonly name: string;
  readonly areaUm2: number;
  /** Mean over the states that the file lists, all supplies together, when it states no total. */
  readonly leakageNw: number;
  /** Leakage by state of the pins; empty when the file has only a total. */
  readonly leakageStates: readonly { readonly when: BooleanExpression; readonly leakageNw: number }[];
  /** Marked so, or an isolation cell, level shifter, or a cell with a supply that most others lack. */
  readonly dontUse: boolean;
  readonly pins: readonly CellPin[];
  /** `null` for a combinational cell. */
  readonly sequential: Sequential | null;
  /** Read from the file when first asked for. */
  readonly delays: readonly DelayArc[];
  readonly constraints: readonly ConstraintArc[];
  readonly power: readonly PowerArc[];
};

/** Capacitance of a net's wire by its fan-out, from a library's `wire_load` table. */
export type FanoutWireLoad = {
  readonly name: string;
  /** Entry i is the capacitance at fan-out i + 1. */
  readonly capacitanceFf: readonly number[];
  /** For each further sink. */
  readonly slopeFf: number;
};

/** One or several Liberty files as one library of cells. Units: µm², nW, fF, ps, pJ, V. */
export type CellLibrary = {
  readonly kind: "cellLibrary";
  readonly names: readonly string[];
  readonly supplyV: number;
  readonly files: readonly { readonly name: string; readonly sha256: string }[];
  readonly cells: ReadonlyMap<string, LibraryCell>;
  /** `wire_load` tables by name; the default one's name, if the files state it. */
  readonly wireLoads: ReadonlyMap<string, FanoutWireLoad>;
  readonly defaultWireLoad: string | null;
};

/** Find a pin of a cell. */
export const pinOf = (cell: LibraryCell, name: string): CellPin | undefined =>
  cell.pins.find((pin) => pin.name === name);

/** Input pins of a cell, in the file's order. */
export const inputsOf = (cell: LibraryCell): readonly CellPin[] =>
  cell.pins.filter((pin) => pin.direction === "input");

/** Output pins of a cell, in the file's order. */
export const outputsOf = (cell: LibraryCell): readonly CellPin[] =>
  cell.pins.filter((pin) => pin.direction === "output");

/** Look an NLDM table up: bilinear between the axes' points; outside them the nearest edge holds. */
export const lookUpNldm = ({ rows, columns, values }: NldmTable, row: number, column: number): number =>
  bilinear(rows, columns, values, row, column);
