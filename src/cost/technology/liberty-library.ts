import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { gunzipSync } from "node:zlib";
import { FixynnError, sha256 } from "../../core/index.js";
import { type LibertyGroup, parseLiberty } from "../liberty.js";

/** Factors from a library's units to ps, fF and nW; its nominal supply. */
export type LibertyUnits = {
  readonly ps: number;
  readonly fF: number;
  readonly nW: number;
  readonly supplyV: number;
};

/** One Liberty file, parsed, with its units and its table templates. */
export type LibertyLibrary = {
  readonly group: LibertyGroup;
  readonly units: LibertyUnits;
  readonly templates: ReadonlyMap<string, LibertyGroup>;
  readonly file: { readonly name: string; readonly sha256: string };
};

const prefixes: Readonly<Record<string, number>> = { f: 1e-15, p: 1e-12, n: 1e-9, u: 1e-6, m: 1e-3, "": 1 };

function unit(text: string | undefined, symbol: string, attribute: string, place: string): number {
  const match = text?.trim().match(/^([\d.eE+-]*)\s*([fpnum]?)([a-zA-Z]+)$/);
  const prefix = prefixes[match?.[2]?.toLowerCase() ?? "?"];
  const factor = Number(match?.[1] === "" ? 1 : match?.[1]);
  if (!match || prefix === undefined || match[3]?.toLowerCase() !== symbol || !(factor > 0)) {
    throw new FixynnError("FX7004", `unknown unit ${attribute} = ${JSON.stringify(text ?? "(absent)")}`, {
      place,
      hint: `expected e.g. "1n${symbol}"`,
    });
  }
  return factor * prefix;
}

/**
 * Read a Liberty file (`.lib` or `.lib.gz`).
 *
 * @throws FixynnError FX7000 unreadable, FX7001 braces or quotes, FX7004 an unknown unit or no supply voltage, FX7005 no cells
 */
export function openLibrary(path: string): LibertyLibrary {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = gunzipSync(bytes);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FixynnError("FX7000", `cannot read the Liberty file: ${reason}`, { place: path, cause });
  }
  const group = parseLiberty(bytes.toString("latin1"), path);
  if (!group.groups.some((g) => g.name === "cell")) {
    throw new FixynnError("FX7005", `the library ${JSON.stringify(group.args[0] ?? "")} has no cells`, {
      place: path,
      hint: "is this the library of standard cells, not a header or a wire-load file?",
    });
  }
  const load = group.complex.get("capacitive_load_unit") ?? [];
  const conditions = group.groups.find((g) => g.name === "operating_conditions");
  const supplyV = Number(group.attributes.get("nom_voltage") ?? conditions?.attributes.get("voltage"));
  const farad = unit(`${load[0] ?? ""}${load[1] ?? ""}`, "f", "capacitive_load_unit", path);
  unit(group.attributes.get("voltage_unit"), "v", "voltage_unit", path);
  if (!(supplyV > 0)) throw new FixynnError("FX7004", "no supply voltage (nom_voltage)", { place: path });
  return {
    group,
    templates: new Map(
      group.groups
        .filter((g) => g.name === "lu_table_template" || g.name === "power_lut_template")
        .map((g) => [g.args[0] ?? "", g]),
    ),
    units: {
      ps: unit(group.attributes.get("time_unit"), "s", "time_unit", path) * 1e12,
      fF: farad * 1e15,
      nW: unit(group.attributes.get("leakage_power_unit"), "w", "leakage_power_unit", path) * 1e9,
      supplyV,
    },
    file: { name: basename(path), sha256: sha256(bytes) },
  };
}

/** Pins of a cell with a direction. */
export const pinsOf = (cell: LibertyGroup, direction: string): LibertyGroup[] =>
  cell.groups.filter((g) => g.name === "pin" && g.attributes.get("direction") === direction);

/** Groups with one of the names. */
export const groupsNamed = (groups: readonly LibertyGroup[], ...names: string[]): LibertyGroup[] =>
  groups.filter((g) => names.includes(g.name));

/** Mean, 0 of nothing. */
export const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((a, b) => a + b, 0) / values.length;

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
