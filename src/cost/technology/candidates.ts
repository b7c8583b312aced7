import { mean } from "../../core/index.js";
import { truthTable } from "../boolean-function.js";
import type { LibertyGroup } from "../liberty.js";
import { groupsNamed, type LibertyLibrary, pinsOf, readable, usable } from "./liberty-library.js";
import { capacitanceFf } from "./measure.js";

/** An output of a cell: its truth table over the inputs in order, and whether it is the opposite of what is wanted. */
export type Output = { readonly pin: LibertyGroup; readonly function: number; readonly inverted: boolean };

/** A cell that may take a role. */
export type Candidate = {
  readonly library: LibertyLibrary;
  readonly cell: LibertyGroup;
  readonly name: string;
  readonly areaUm2: number;
  readonly inputs: readonly LibertyGroup[];
  readonly outputs: readonly Output[];
};

/** Truth tables, input k = bit k of the row. */
export const tables = { not: 0b01, nand2: 0b0111, and2: 0b1000, or2: 0b1110, xor2: 0b0110 } as const;
/** Sum and carry of three bits. */
export const fullAdderTables = [0b10010110, 0b11101000] as const;
/** Sum and carry of two bits. */
export const halfAdderTables = [0b0110, 0b1000] as const;
/** Two-input multiplexers: select low picks the first data input; all six pin orders. */
export const mux2Tables: ReadonlySet<number> = new Set([0xca, 0xac, 0xe2, 0xb8, 0xe4, 0xd8]);

/** Find the combinational cells of at most three inputs, with the truth tables of their outputs; a function that cannot be read is skipped and said. */
export function combinationalCells(libraries: readonly LibertyLibrary[], warnings: Set<string>): Candidate[] {
  return libraries.flatMap((library) =>
    groupsNamed(library.group.groups, "cell").flatMap((cell): Candidate[] => {
      if (!usable(cell)) return [];
      const inputs = pinsOf(cell, "input");
      const pins = pinsOf(cell, "output");
      if (inputs.length < 1 || inputs.length > 3 || pins.length === 0) return [];
      if (groupsNamed(cell.groups, "ff", "latch", "statetable", "ff_bank", "latch_bank").length > 0)
        return [];
      const names = inputs.map((pin) => pin.args[0] ?? "");
      const outputs: Output[] = [];
      for (const pin of pins) {
        const text = pin.attributes.get("function");
        if (text === undefined || pin.attributes.has("three_state")) return [];
        const table = readable(cell, warnings, () => truthTable(text, names));
        if (table === undefined) return [];
        outputs.push({ pin, function: table, inverted: false });
      }
      const areaUm2 = Number(cell.attributes.get("area"));
      return [{ library, cell, name: cell.args[0] ?? "", areaUm2, inputs, outputs }];
    }),
  );
}

/** Match a cell's outputs to the wanted functions, either polarity when `inverted` is allowed. */
export function matchOutputs(
  candidate: Candidate,
  wanted: readonly number[],
  inverted: boolean,
): Candidate | undefined {
  if (candidate.outputs.length !== wanted.length) return undefined;
  const all = (1 << (1 << candidate.inputs.length)) - 1;
  const outputs: Output[] = [];
  for (const want of wanted) {
    const plain = candidate.outputs.find((o) => o.function === want);
    const opposite = inverted ? candidate.outputs.find((o) => o.function === (~want & all)) : undefined;
    const found = plain ?? opposite;
    if (!found) return undefined;
    outputs.push({ ...found, inverted: plain === undefined });
  }
  return { ...candidate, outputs };
}

const inputLoadFf = (candidate: Candidate): number =>
  mean(candidate.inputs.map((pin) => capacitanceFf(candidate.library, pin)));

/** Take the cell without inverted outputs, then the smallest, then the lightest input load, then by name. */
export const smallestOf = (candidates: readonly (Candidate | undefined)[]): Candidate | undefined =>
  candidates
    .filter((c) => c !== undefined)
    .sort(
      (a, b) =>
        Number(a.outputs.some((o) => o.inverted)) - Number(b.outputs.some((o) => o.inverted)) ||
        a.areaUm2 - b.areaUm2 ||
        inputLoadFf(a) - inputLoadFf(b) ||
        (a.name < b.name ? -1 : 1),
    )[0];
