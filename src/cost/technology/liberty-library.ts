import { FixynnError } from "../../core/index.js";
import type { LibertyGroup } from "../liberty.js";
import { type LibertyFile, openLibertyFile } from "../liberty-file.js";

/** A Liberty file with cells. */
export type LibertyLibrary = LibertyFile;

/**
 * Read a Liberty file with cells.
 *
 * @throws FixynnError as `openLibertyFile`; FX7005 no cells
 */
export function openLibrary(path: string): LibertyLibrary {
  const library = openLibertyFile(path);
  const { group } = library;
  if (!group.groups.some((g) => g.name === "cell")) {
    throw new FixynnError("FX7005", `the library ${JSON.stringify(group.args[0] ?? "")} has no cells`, {
      place: path,
      hint: "is this the library of standard cells, not a header or a wire-load file?",
    });
  }
  return library;
}

/** Pins of a cell with a direction. */
export const pinsOf = (cell: LibertyGroup, direction: string): LibertyGroup[] =>
  cell.groups.filter((g) => g.name === "pin" && g.attributes.get("direction") === direction);

/** Groups with one of the names. */
export const groupsNamed = (groups: readonly LibertyGroup[], ...names: string[]): LibertyGroup[] =>
  groups.filter((g) => names.includes(g.name));

/** A cell that logic may be made of: it has an area and is no isolation cell or level shifter. */
export const isLogic = (cell: LibertyGroup): boolean =>
  cell.attributes.get("is_isolation_cell") !== "true" &&
  cell.attributes.get("is_level_shifter") !== "true" &&
  Number(cell.attributes.get("area")) > 0;

/** A logic cell that the library does not forbid. */
export const usable = (cell: LibertyGroup): boolean =>
  cell.attributes.get("dont_use") !== "true" && isLogic(cell);

/** Read something of a cell; when its text cannot be read, warn, naming the cell, and go on without. */
export function readable<T>(cell: LibertyGroup, warnings: Set<string>, read: () => T): T | undefined {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof FixynnError)) throw cause;
    warnings.add(`${cell.args[0] ?? "a cell without a name"} is left out: ${cause.message}`);
    return undefined;
  }
}
