import type { LibertyGroup } from "../liberty.js";
import type { LibertyUnits } from "../liberty-file.js";
import type { FanoutWireLoad } from "./library.js";

/** Length at each fan-out that is written. */
function lengthsOf(group: LibertyGroup): readonly number[] {
  const lengths: number[] = [];
  for (const [fanout, length] of group.repeated.get("fanout_length") ?? [])
    lengths[Number(fanout) - 1] = Number(length);
  return lengths;
}

/** Read the `wire_load` groups of a library: capacitance = length by fan-out × capacitance a length unit. */
export function readWireLoads(library: LibertyGroup, units: LibertyUnits): FanoutWireLoad[] {
  return library.groups
    .filter((group) => group.name === "wire_load")
    .map((group) => {
      const name = group.args[0] ?? "";
      const perLength = Number(group.attributes.get("capacitance") ?? 0) * units.fF;
      const slope = Number(group.attributes.get("slope") ?? 0);
      let last = 0;
      const capacitanceFf = Array.from(lengthsOf(group), (length: number | undefined) => {
        last = length ?? last + slope;
        return last * perLength;
      });
      return { name, capacitanceFf, slopeFf: slope * perLength };
    });
}
