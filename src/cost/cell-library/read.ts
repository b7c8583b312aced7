import { basename } from "node:path";
import { FixynnError } from "../../core/index.js";
import type { LibertyGroup } from "../liberty.js";
import { openLibertyFile } from "../liberty-file.js";
import type { CellLibrary, FanoutWireLoad, LibraryCell } from "./library.js";
import { powerPins, readCell } from "./read-cell.js";
import { readWireLoads } from "./read-wire-loads.js";

/** Supply pins that most cells have; cells with others (always-on buffers, power switches) are not for plain logic. */
function usualSupplies(library: LibertyGroup): ReadonlySet<string> {
  const cells = library.groups.filter((g) => g.name === "cell");
  const counts = new Map<string, number>();
  for (const cell of cells) for (const name of powerPins(cell)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return new Set([...counts].filter(([, n]) => 2 * n > cells.length).map(([name]) => name));
}

/**
 * Read Liberty files (`.lib` or `.lib.gz`), several as one library. Timing and power tables are read cell by cell, when they are
 * first asked for.
 *
 * @throws FixynnError FX7000 unreadable, FX7001 broken syntax, FX7002 a table, FX7003 a function, FX7004 units, FX7005 no cells,
 *   FX7060 a cell that stands in two of the files
 */
export function readCellLibrary(paths: readonly string[]): CellLibrary {
  const cells = new Map<string, LibraryCell>();
  const wireLoads = new Map<string, FanoutWireLoad>();
  const names: string[] = [];
  const files: CellLibrary["files"][number][] = [];
  let supplyV = 0;
  let defaultWireLoad: string | null = null;
  for (const path of paths) {
    const { group, units, templates, file } = openLibertyFile(path);
    if (supplyV > 0 && Math.abs(units.supplyV - supplyV) > 1e-6) {
      throw new FixynnError("FX7004", `supply of ${units.supplyV} V, but ${supplyV} V in the files before`, {
        place: path,
        hint: "give files of one corner",
      });
    }
    supplyV = units.supplyV;
    const supplies = usualSupplies(group);
    for (const child of group.groups) {
      if (child.name !== "cell") continue;
      const cell = readCell(child, { units, templates, supplies, place: path });
      if (cells.has(cell.name)) {
        throw new FixynnError("FX7060", `cell ${cell.name} stands in two files`, { place: path });
      }
      cells.set(cell.name, cell);
    }
    for (const load of readWireLoads(group, units)) wireLoads.set(load.name, load);
    defaultWireLoad ??= group.attributes.get("default_wire_load") ?? null;
    names.push(group.args[0] ?? file.name);
    files.push(file);
  }
  if (cells.size === 0) {
    throw new FixynnError("FX7005", "the library has no cells", {
      place: paths.map((path) => basename(path)).join(" "),
      hint: "give all files of the library together",
    });
  }
  return { kind: "cellLibrary", names, supplyV, files, cells, wireLoads, defaultWireLoad };
}
