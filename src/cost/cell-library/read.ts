import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { gunzipSync } from "node:zlib";
import { FixynnError, sha256 } from "../../core/index.js";
import { type LibertyGroup, parseLiberty } from "../liberty.js";
import type { CellLibrary, FanoutWireLoad, LibraryCell } from "./library.js";
import { powerPins, readCell } from "./read-cell.js";
import { readWireLoads } from "./read-wire-loads.js";

/** Factors from a library's units to ps, fF, nW and pJ. */
export type LibraryUnits = {
  readonly ps: number;
  readonly fF: number;
  readonly nW: number;
  /** Liberty's energy unit is load unit × volt². */
  readonly pJ: number;
};

const prefixes: Readonly<Record<string, number>> = { f: 1e-15, p: 1e-12, n: 1e-9, u: 1e-6, m: 1e-3, "": 1 };

function unit(text: string | undefined, symbol: string, attribute: string, place: string): number {
  const match = text?.trim().match(/^([\d.eE+-]*)\s*([fpnum]?)([a-zA-Z]+)$/);
  const prefix = prefixes[match?.[2]?.toLowerCase() ?? "?"];
  if (!match || prefix === undefined || match[3]?.toLowerCase() !== symbol) {
    throw new FixynnError("FX7004", `unknown unit ${attribute} = ${JSON.stringify(text ?? "(absent)")}`, {
      place,
      hint: `expected e.g. "1n${symbol}"`,
    });
  }
  return Number(match[1] === "" ? 1 : match[1]) * prefix;
}

function unitsOf(group: LibertyGroup, place: string): LibraryUnits {
  const load = group.complex.get("capacitive_load_unit") ?? [];
  const farad = unit(`${load[0] ?? ""}${load[1] ?? ""}`, "f", "capacitive_load_unit", place);
  const volt = unit(group.attributes.get("voltage_unit"), "v", "voltage_unit", place);
  return {
    ps: unit(group.attributes.get("time_unit"), "s", "time_unit", place) * 1e12,
    fF: farad * 1e15,
    nW: unit(group.attributes.get("leakage_power_unit"), "w", "leakage_power_unit", place) * 1e9,
    pJ: farad * volt ** 2 * 1e12,
  };
}

function textOf(path: string): { readonly text: string; readonly hash: string } {
  try {
    let bytes: Buffer = readFileSync(path);
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = gunzipSync(bytes);
    return { text: bytes.toString("latin1"), hash: sha256(bytes) };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FixynnError("FX7000", `cannot read the Liberty file: ${reason}`, { place: path, cause });
  }
}

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
  const files: { name: string; sha256: string }[] = [];
  let supplyV = 0;
  let defaultWireLoad: string | null = null;
  for (const path of paths) {
    const { text, hash } = textOf(path);
    const group = parseLiberty(text, path);
    const units = unitsOf(group, path);
    const conditions = group.groups.find((g) => g.name === "operating_conditions");
    const supply = Number(group.attributes.get("nom_voltage") ?? conditions?.attributes.get("voltage"));
    if (!(supply > 0)) throw new FixynnError("FX7004", "no supply voltage (nom_voltage)", { place: path });
    if (supplyV > 0 && Math.abs(supply - supplyV) > 1e-6) {
      throw new FixynnError("FX7004", `supply of ${supply} V, but ${supplyV} V in the files before`, {
        place: path,
        hint: "give files of one corner",
      });
    }
    supplyV = supply;
    const templates = new Map(
      group.groups
        .filter((g) => g.name === "lu_table_template" || g.name === "power_lut_template")
        .map((g) => [g.args[0] ?? "", g]),
    );
    const supplies = usualSupplies(group);
    for (const child of group.groups) {
      if (child.name !== "cell") continue;
      const cell = readCell(child, { units, templates, supplies, place: path });
      if (cells.has(cell.name)) {
        throw new FixynnError("FX7060", `cell ${cell.name} stands in two files`, { place: path });
      }
      cells.set(cell.name, cell);
    }
    for (const load of readWireLoads(text, group, units)) wireLoads.set(load.name, load);
    defaultWireLoad ??= group.attributes.get("default_wire_load") ?? null;
    names.push(group.args[0] ?? basename(path));
    files.push({ name: basename(path), sha256: hash });
  }
  if (cells.size === 0) {
    throw new FixynnError("FX7005", "the library has no cells", {
      place: paths.map((path) => basename(path)).join(" "),
      hint: "give all files of the library together",
    });
  }
  return { kind: "cellLibrary", names, supplyV, files, cells, wireLoads, defaultWireLoad };
}
