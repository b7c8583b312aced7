import type { LibertyGroup } from "../liberty.js";
import type { TechnologyWire } from "../technology.js";
import { groupsNamed, type LibertyLibrary } from "./liberty-library.js";

/** Capacitance of routed wire, taken from extracted layouts rather than from the library's wire-load table. */
export type WireCapacitance = { readonly capacitanceFfPerUm: number; readonly source: string };

/** Block for which the upper wire-load table of a library that selects by area is taken, µm²; a frozen layer's order of size. */
const largeBlockUm2 = 1e5;

/**
 * Wire lengths in pitches (√ of the area of a two-input nand) by fan-out 1 to 6, where a library states none: geometric mean of the two
 * 130 nm libraries that do, sky130_fd_sc_hd `Small` (23.27, 32.11, 48.49, 64.10, 86.26, 84.26 µm, then 8.363 µm each; pitch 1.937 µm) and SG13G2
 * `1k` (9.93 µm at 1, 59.59 µm at 5, 215.6 µm at 20, linear between, then 10.9 µm each; pitch 2.694 µm). Low and high: the two libraries at fan-out 1.
 */
const estimate = {
  pitches: [6.654, 11.73, 17.97, 24.07, 31.38, 33.62],
  slopePitches: 4.179,
  spread: { low: 0.55, nominal: 1, high: 1.81 },
} as const;

/** Least capacitance of a real wire, fF/µm; below it the table is taken for a mistake and said so. Ours: all three kits are at 0.14 or more. */
const leastFfPerUm = 0.05;

type Lengths = { readonly fanOuts: number[]; readonly lengthsUm: number[]; readonly slopeUm: number };

function lengthsOf(table: LibertyGroup): Lengths {
  const points = (table.repeated.get("fanout_length") ?? [])
    .map(([fanOut, length]) => [Number(fanOut), Number(length)] as const)
    .filter(([fanOut, length]) => fanOut >= 1 && length >= 0)
    .sort((a, b) => a[0] - b[0]);
  return {
    fanOuts: points.map(([fanOut]) => fanOut),
    lengthsUm: points.map(([, length]) => length),
    slopeUm: Number(table.attributes.get("slope") ?? 0),
  };
}

/** Find the table that a library selects for a block of an area. */
function selected(library: LibertyGroup, areaUm2: number): string | undefined {
  const name = library.attributes.get("default_wire_load_selection");
  const selection = groupsNamed(library.groups, "wire_load_selection").find(
    (g) => name === undefined || g.args[0] === name,
  );
  return (selection?.repeated.get("wire_load_from_area") ?? []).find(
    ([from, to]) => Number(from) <= areaUm2 && areaUm2 < Number(to),
  )?.[2];
}

/**
 * Build the wire model: length by fan-out from the library's default `wire_load` table (µm, Liberty's usual length unit), else estimated
 * from the cell pitch; × capacitance per µm given, else the table's own.
 */
export function wireModel(
  libraries: readonly LibertyLibrary[],
  nandUm2: number,
  given: WireCapacitance | undefined,
  warnings: Set<string>,
): TechnologyWire | undefined {
  for (const { group, units } of libraries) {
    const all = groupsNamed(group.groups, "wire_load");
    const find = (name: string | undefined) => all.find((g) => name !== undefined && g.args[0] === name);
    const table = find(group.attributes.get("default_wire_load"));
    if (!table) continue;
    const lengths = lengthsOf(table);
    const firstUm = lengths.lengthsUm[0];
    if (firstUm === undefined || !(firstUm > 0)) continue;
    const ownFfPerUm = Number(table.attributes.get("capacitance") ?? Number.NaN) * units.fF;
    if (given === undefined && !(ownFfPerUm >= leastFfPerUm)) {
      warnings.add(
        `wire_load ${table.args[0]}: ${Number(ownFfPerUm.toPrecision(3))} fF a length unit is less than any wire has; give the capacitance of routed wire`,
      );
    }
    const large = find(selected(group, largeBlockUm2));
    const small = all.map((g) => lengthsOf(g).lengthsUm[0] ?? 0).filter((um) => um > 1);
    const largeUm = large === undefined ? undefined : lengthsOf(large).lengthsUm[0];
    const spread =
      largeUm === undefined
        ? { low: 0.65, nominal: 1, high: 1.77 }
        : {
            low: Math.min(firstUm, ...small) / firstUm,
            nominal: 1,
            high: Math.max(largeUm, firstUm) / firstUm,
          };
    return {
      ...lengths,
      capacitanceFfPerUm: given?.capacitanceFfPerUm ?? ownFfPerUm,
      spread,
      estimated: false,
      source:
        `lengths: wire_load ${table.args[0]} of the library` +
        (largeUm === undefined
          ? ", range as of SG13G2's tables by block size; "
          : `, range: its smallest table to ${large?.args[0]} (a block of 0.1 mm²); `) +
        (given === undefined ? "capacitance: the same table" : `capacitance: ${given.source}`),
    };
  }
  if (given === undefined) return undefined;
  const pitchUm = Math.sqrt(nandUm2);
  return {
    fanOuts: estimate.pitches.map((_, i) => i + 1),
    lengthsUm: estimate.pitches.map((pitches) => pitches * pitchUm),
    slopeUm: estimate.slopePitches * pitchUm,
    capacitanceFfPerUm: given.capacitanceFfPerUm,
    spread: estimate.spread,
    estimated: true,
    source: `lengths: an estimate, those of sky130 and SG13G2 in cell pitches (root of a nand's area); capacitance: ${given.source}`,
  };
}

/** Assume a wire model where nothing is known. */
export function assumedWire(pinFf: number, warnings: Set<string>): TechnologyWire {
  warnings.add(
    `wire: nothing is known of it; ${pinFf.toPrecision(3)} fF a sink assumed, as much as a driven pin`,
  );
  return {
    fanOuts: [1],
    lengthsUm: [pinFf],
    slopeUm: pinFf,
    capacitanceFfPerUm: 1,
    spread: { low: 0.5, nominal: 1, high: 2 },
    estimated: true,
    source: "an assumption: as much capacitance as the driven pins (written as lengths at 1 fF/µm)",
  };
}
