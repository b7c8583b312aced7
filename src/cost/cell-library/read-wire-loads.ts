import type { LibertyGroup } from "../liberty.js";
import type { FanoutWireLoad } from "./library.js";
import type { LibraryUnits } from "./read.js";

/** `fanout_length` is written once for each fan-out; the tree of groups keeps only the last one, so these are taken from the text. */
function lengthsByLoad(text: string): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>();
  for (const [, name, body] of text.matchAll(/\bwire_load\s*\(\s*"?([^")]+?)"?\s*\)\s*\{([^}]*)\}/g)) {
    const lengths: number[] = [];
    for (const [, fanout, length] of body!.matchAll(/fanout_length\s*\(\s*"?(\d+)"?\s*,\s*"?([\d.eE+-]+)/g))
      lengths[Number(fanout) - 1] = Number(length);
    found.set(name!, lengths);
  }
  return found;
}

/** Read the `wire_load` groups of a library: capacitance = length by fan-out × capacitance a length unit. */
export function readWireLoads(text: string, library: LibertyGroup, units: LibraryUnits): FanoutWireLoad[] {
  const groups = library.groups.filter((group) => group.name === "wire_load");
  if (groups.length === 0) return [];
  const lengths = lengthsByLoad(text);
  return groups.map((group) => {
    const name = group.args[0] ?? "";
    const perLength = Number(group.attributes.get("capacitance") ?? 0) * units.fF;
    const slope = Number(group.attributes.get("slope") ?? 0);
    const own = lengths.get(name) ?? [];
    let last = 0;
    const capacitanceFf = Array.from(own, (length: number | undefined) => {
      last = length ?? last + slope;
      return last * perLength;
    });
    return { name, capacitanceFf, slopeFf: slope * perLength };
  });
}
