import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { gunzipSync } from "node:zlib";
import { FixynnError, sha256 } from "../core/index.js";
import { type LibertyGroup, parseLiberty } from "./liberty.js";

/** Factors from a library's units to ps, fF, nW and pJ; its nominal supply. */
export type LibertyUnits = {
  readonly ps: number;
  readonly fF: number;
  readonly nW: number;
  /** Liberty's energy unit is load unit × volt². */
  readonly pJ: number;
  readonly supplyV: number;
};

/** One Liberty file, parsed, with its units and its table templates. */
export type LibertyFile = {
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

function unitsOf(group: LibertyGroup, place: string): LibertyUnits {
  const load = group.complex.get("capacitive_load_unit") ?? [];
  const conditions = group.groups.find((g) => g.name === "operating_conditions");
  const supplyV = Number(group.attributes.get("nom_voltage") ?? conditions?.attributes.get("voltage"));
  const farad = unit(`${load[0] ?? ""}${load[1] ?? ""}`, "f", "capacitive_load_unit", place);
  const volt = unit(group.attributes.get("voltage_unit"), "v", "voltage_unit", place);
  if (!(supplyV > 0)) throw new FixynnError("FX7004", "no supply voltage (nom_voltage)", { place });
  // Powers of ten, without the noise of binary fractions.
  const exact = (factor: number): number => Number(factor.toPrecision(12));
  return {
    ps: exact(unit(group.attributes.get("time_unit"), "s", "time_unit", place) * 1e12),
    fF: exact(farad * 1e15),
    nW: exact(unit(group.attributes.get("leakage_power_unit"), "w", "leakage_power_unit", place) * 1e9),
    pJ: exact(farad * volt ** 2 * 1e12),
    supplyV,
  };
}

/**
 * Read a Liberty file (`.lib` or `.lib.gz`).
 *
 * @throws FixynnError FX7000 unreadable, FX7001 braces or quotes, FX7004 an unknown unit or no supply voltage
 */
export function openLibertyFile(path: string): LibertyFile {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = gunzipSync(bytes);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FixynnError("FX7000", `cannot read the Liberty file: ${reason}`, { place: path, cause });
  }
  const group = parseLiberty(bytes.toString("latin1"), path);
  return {
    group,
    templates: new Map(
      group.groups
        .filter((g) => g.name === "lu_table_template" || g.name === "power_lut_template")
        .map((g) => [g.args[0] ?? "", g]),
    ),
    units: unitsOf(group, path),
    file: { name: basename(path), sha256: sha256(bytes) },
  };
}
