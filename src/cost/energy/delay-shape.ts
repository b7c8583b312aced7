import type { CellLibrary } from "../cell-library/index.js";
import { type AdderRole, findCellRoles, type GateRole } from "../cell-library/index.js";
import type { Technology } from "../technology.js";
import { CellModel } from "./cell-model.js";

/** Roles of cells whose delays are shaped; `buffer` stands behind nets with many sinks. */
export type ShapedRole =
  | "fullAdder"
  | "halfAdder"
  | "inverter"
  | "and2"
  | "or2"
  | "xor2"
  | "mux2"
  | "buffer"
  | "flipFlop";

/** Delay of one arc: `fixedPs + slopePsPerFf · load`, for a rise and a fall of the output. */
export type DelayLine = {
  readonly rise: readonly [fixedPs: number, slopePsPerFf: number];
  readonly fall: readonly [fixedPs: number, slopePsPerFf: number];
};

/** Arcs of each role: by output, then by input, in the order of the structural tier's pins. */
export type DelayShape = Readonly<Record<ShapedRole, readonly (readonly DelayLine[])[]>>;

const round = (value: number): number => Math.round(value * 100) / 100;

/**
 * Read the arcs of the cells that the roles are mapped to, at the technology's slew: a line through the delays at half and at four times
 * its load.
 *
 * @returns `null` when the library lacks a full adder, a half adder or a multiplexer
 */
export function delayShapeOf(library: CellLibrary, { operatingPoint }: Technology): DelayShape | null {
  const roles = findCellRoles(library);
  const { fullAdder, halfAdder, mux2, flipFlop } = roles;
  if (fullAdder === null || halfAdder === null || mux2 === null) return null;
  const { slewPs, loadFf } = operatingPoint;
  const [light, heavy] = [loadFf / 2, loadFf * 4];
  const line = (model: CellModel, from: string, to: string): DelayLine => {
    const [a, b] = [model.delayPs(from, to, slewPs, light), model.delayPs(from, to, slewPs, heavy)];
    const through = (edge: "rise" | "fall"): [number, number] => {
      const [y0, y1] = [a?.[edge] ?? 1, b?.[edge] ?? 1];
      const slope = (y1 - y0) / (heavy - light);
      return [round(y0 - slope * light), round(slope)];
    };
    return { rise: through("rise"), fall: through("fall") };
  };
  const gate = ({ cell, inputs, output }: GateRole, order = inputs): DelayShape["and2"] => {
    const model = new CellModel(cell);
    return [order.map((from) => line(model, from, output))];
  };
  const adder = ({ cell, inputs, sum, carry }: AdderRole): DelayShape["fullAdder"] => {
    const model = new CellModel(cell);
    return [sum, carry].map((to) => inputs.map((from) => line(model, from, to)));
  };
  const [low, high, select] = mux2.inputs as [string, string, string];
  return {
    fullAdder: adder(fullAdder),
    halfAdder: adder(halfAdder),
    inverter: gate(roles.inverter),
    and2: gate(roles.and2),
    or2: gate(roles.or2),
    xor2: gate(roles.xor2),
    mux2: gate(mux2, [select, high, low]),
    buffer: gate(roles.buffer),
    flipFlop: [[line(new CellModel(flipFlop.cell), flipFlop.clock, flipFlop.output)]],
  };
}

/** How many picoseconds each role of another technology takes for one of the shape's: the ratio of their tables' delays. */
export function delayScale(role: ShapedRole, technology: Technology, reference: ReferenceDelays): number {
  const of = role === "buffer" ? "inverter" : role;
  return technology.cells[of].delayPs / reference[of];
}

/** `delayPs` of the roles in the table that the shape was read with. */
export type ReferenceDelays = Readonly<Record<Exclude<ShapedRole, "buffer">, number>>;
