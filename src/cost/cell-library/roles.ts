import { FixynnError } from "../../core/index.js";
import { type BooleanExpression, pinsOfBoolean, tabulateBoolean } from "../boolean-expression.js";
import { type CellLibrary, type CellPin, inputsOf, type LibraryCell, outputsOf } from "./library.js";

/** A combinational cell with one output, in the order of the function's operands. */
export type GateRole = {
  readonly cell: LibraryCell;
  readonly inputs: readonly string[];
  readonly output: string;
};

/** A full or half adder; outputs may come inverted. */
export type AdderRole = {
  readonly cell: LibraryCell;
  readonly inputs: readonly string[];
  readonly sum: string;
  readonly carry: string;
  readonly sumInverted: boolean;
  readonly carryInverted: boolean;
};

/** A rising-edge flip-flop; `tied` pins (asynchronous resets, scan) are held so that they do nothing. */
export type FlipFlopRole = {
  readonly cell: LibraryCell;
  readonly clock: string;
  readonly data: string;
  readonly output: string;
  /** The output is the opposite of the stored value. */
  readonly inverted: boolean;
  readonly tied: Readonly<Record<string, 0 | 1>>;
};

/** An integrated clock gate; a test pin is tied low. */
export type ClockGateRole = {
  readonly cell: LibraryCell;
  readonly clock: string;
  readonly enable: string;
  readonly output: string;
  readonly tied: Readonly<Record<string, 0 | 1>>;
};

/** Cells of a library by what they do: the smallest usable one each, ties by input load, then name. */
export type CellRoles = {
  readonly inverter: GateRole;
  readonly buffer: GateRole;
  readonly and2: GateRole;
  readonly or2: GateRole;
  readonly xor2: GateRole;
  readonly xnor2: GateRole;
  /** inputs: value when the select is 0, value when it is 1, select; `null` when the library has none. */
  readonly mux2: GateRole | null;
  readonly majority: GateRole | null;
  readonly fullAdder: AdderRole | null;
  readonly halfAdder: AdderRole | null;
  readonly flipFlop: FlipFlopRole;
  readonly clockGate: ClockGateRole | null;
};

/** Whether mapping may use a cell: not marked `dont_use`, with an area, every pin of a known kind. */
export const isUsable = (cell: LibraryCell): boolean => !cell.dontUse && cell.areaUm2 > 0;

const smallest = <T extends { readonly cell: LibraryCell }>(
  found: readonly T[],
  areaOf: (role: T) => number = (role) => role.cell.areaUm2,
): T | null =>
  [...found].sort(
    (a, b) =>
      areaOf(a) - areaOf(b) ||
      inputLoadFf(a.cell) - inputLoadFf(b.cell) ||
      (a.cell.name < b.cell.name ? -1 : 1),
  )[0] ?? null;

const inputLoadFf = (cell: LibraryCell): number =>
  inputsOf(cell).reduce((sum, pin) => sum + pin.capacitanceFf, 0);

function* permutations<T>(items: readonly T[]): Generator<readonly T[]> {
  if (items.length < 2) yield items;
  for (const [i, item] of items.entries())
    for (const rest of permutations(items.filter((_, k) => k !== i)))
      if (items.length > 1) yield [item, ...rest];
}

const combinational = (library: CellLibrary): LibraryCell[] =>
  [...library.cells.values()].filter(
    (cell) =>
      isUsable(cell) &&
      cell.sequential === null &&
      outputsOf(cell).every((pin) => pin.function !== null) &&
      inputsOf(cell).length <= 3 &&
      inputsOf(cell).length > 0,
  );

function gate(cells: readonly LibraryCell[], inputs: number, wanted: number): GateRole | null {
  const found = cells.flatMap((cell): GateRole[] => {
    const pins = inputsOf(cell).map((pin) => pin.name);
    const [output, more] = outputsOf(cell);
    if (pins.length !== inputs || output === undefined || more !== undefined) return [];
    for (const order of permutations(pins)) {
      if (tabulateBoolean(output.function!, order) === wanted)
        return [{ cell, inputs: order, output: output.name }];
    }
    return [];
  });
  return smallest(found);
}

function adder(
  cells: readonly LibraryCell[],
  inputs: number,
  sum: number,
  carry: number,
  inverterUm2: number,
): AdderRole | null {
  const all = 2 ** (2 ** inputs) - 1;
  const found = cells.flatMap((cell): AdderRole[] => {
    const pins = inputsOf(cell).map((pin) => pin.name);
    const outputs = outputsOf(cell);
    if (pins.length !== inputs || outputs.length !== 2) return [];
    const find = (wanted: number): { readonly pin: CellPin; readonly inverted: boolean } | undefined =>
      outputs
        .map((pin) => ({ pin, table: tabulateBoolean(pin.function!, pins) }))
        .filter(({ table }) => table === wanted || table === (~wanted & all))
        .map(({ pin, table }) => ({ pin, inverted: table !== wanted }))[0];
    const [s, c] = [find(sum), find(carry)];
    if (s === undefined || c === undefined) return [];
    return [
      {
        cell,
        inputs: pins,
        sum: s.pin.name,
        carry: c.pin.name,
        sumInverted: s.inverted,
        carryInverted: c.inverted,
      },
    ];
  });
  return smallest(
    found,
    (role) => role.cell.areaUm2 + (Number(role.sumInverted) + Number(role.carryInverted)) * inverterUm2,
  );
}

/** Values of pins that make a clear or preset expression 0; `null` when none of single pins does. */
function quiet(expressions: readonly (BooleanExpression | null)[]): Record<string, 0 | 1> | null {
  const tied: Record<string, 0 | 1> = {};
  for (const expression of expressions) {
    if (expression === null) continue;
    const pins = pinsOfBoolean(expression);
    if (pins.length !== 1) return null;
    tied[pins[0]!] = tabulateBoolean(expression, pins) === 0b10 ? 0 : 1;
  }
  return tied;
}

function flipFlops(library: CellLibrary): readonly FlipFlopRole[] {
  return [...library.cells.values()].flatMap((cell): FlipFlopRole[] => {
    const ff = cell.sequential;
    if (!isUsable(cell) || ff?.kind !== "flipFlop" || ff.clockedOn.kind !== "pin") return [];
    const tied = quiet([ff.clear, ff.preset]);
    if (tied === null) return [];
    const nextPins = pinsOfBoolean(ff.next);
    const pins = nextPins.filter((name) => name !== ff.state && name !== ff.stateInverted);
    const names = new Set(inputsOf(cell).map((pin) => pin.name));
    if (pins.some((name) => !names.has(name)) || nextPins.includes(ff.stateInverted)) return [];
    const used = new Set([...pins, ff.clockedOn.name, ...Object.keys(tied)]);
    if ([...names].some((name) => !used.has(name))) return [];
    const [data] = pins;
    if (data === undefined || pins.length !== 1 || nextPins.length !== 1) return [];
    const storesOpposite = tabulateBoolean(ff.next, [data]) === 0b01;
    const clock = ff.clockedOn.name;
    return outputsOf(cell).flatMap((pin): FlipFlopRole[] => {
      const f = pin.function;
      if (f === null) return [];
      const state = tabulateBoolean(
        f,
        [ff.state, ff.stateInverted].filter((name) => pinsOfBoolean(f).includes(name)),
      );
      const [name] = pinsOfBoolean(f);
      if (pinsOfBoolean(f).length !== 1 || name === undefined) return [];
      const isState = (name === ff.state) === (state === 0b10);
      return [{ cell, clock, data, output: pin.name, inverted: isState === storesOpposite, tied }];
    });
  });
}

function pickFlipFlop(found: readonly FlipFlopRole[], inverterUm2: number): FlipFlopRole | null {
  const synchronous = found.filter((role) => Object.keys(role.tied).length === 0);
  return smallest(
    synchronous.length > 0 ? synchronous : found,
    (role) => role.cell.areaUm2 + (role.inverted ? inverterUm2 : 0),
  );
}

function clockGates(library: CellLibrary): readonly ClockGateRole[] {
  return [...library.cells.values()].flatMap((cell): ClockGateRole[] => {
    const gate = cell.sequential;
    // Libraries mark clock gates `dont_use` to keep them out of plain logic mapping.
    if (!(cell.areaUm2 > 0) || gate?.kind !== "clockGate") return [];
    const { clock, enable, output, test } = gate;
    return [{ cell, clock, enable, output, tied: test === null ? {} : { [test]: 0 } }];
  });
}

/**
 * Find cells by their Boolean functions, not by their names.
 *
 * @throws FixynnError FX7005 naming a role that the library lacks and that nothing can replace
 */
export function findCellRoles(library: CellLibrary): CellRoles {
  const cells = combinational(library);
  const need = <T>(role: string, found: T | null): T => {
    if (found !== null) return found;
    throw new FixynnError("FX7005", `the library has no usable ${role} cell`, {
      place: library.files.map(({ name }) => name).join(" "),
      hint: "give all files of the library together",
    });
  };
  const inverter = need("inverter", gate(cells, 1, 0b01));
  const inverterUm2 = inverter.cell.areaUm2;
  return {
    inverter,
    buffer: need("buffer", gate(cells, 1, 0b10)),
    and2: need("two-input and", gate(cells, 2, 0b1000)),
    or2: need("two-input or", gate(cells, 2, 0b1110)),
    xor2: need("two-input xor", gate(cells, 2, 0b0110)),
    xnor2: need("two-input xnor", gate(cells, 2, 0b1001)),
    mux2: gate(cells, 3, 0b11001010),
    majority: gate(cells, 3, 0b11101000),
    fullAdder: adder(cells, 3, 0b10010110, 0b11101000, inverterUm2),
    halfAdder: adder(cells, 2, 0b0110, 0b1000, inverterUm2),
    flipFlop: need("rising-edge flip-flop", pickFlipFlop(flipFlops(library), inverterUm2)),
    clockGate: smallest(clockGates(library)),
  };
}
