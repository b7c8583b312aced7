import { type CellLibrary, type LibraryCell, lookUpNldm, outputsOf } from "../cell-library/index.js";
import type { MappedInstance, MappedNetlist } from "./mapped-netlist.js";
import { netLoadsFf, type WireModel } from "./timing-graph.js";

/** Slew up to which a driver stays as it is, in slews of a full adder that drives two: common to all libraries. */
const SLOWEST_SLEWS = 2;

/** A cell's worst slew and delay at an output load, over its outputs, arcs and edges. */
type Speed = { readonly slewPs: number; readonly delayPs: number };

function speedOf(cell: LibraryCell, slewPs: number, loadsFf: readonly number[]): Speed {
  const speed = { slewPs: 0, delayPs: 0 };
  for (const [o, { name }] of outputsOf(cell).entries()) {
    for (const arc of cell.delays) {
      if (arc.to !== name || (arc.kind !== "combinational" && arc.kind !== "edge")) continue;
      for (const key of ["slewPs", "delayPs"] as const)
        for (const table of [arc[key].rise, arc[key].fall])
          if (table !== null) speed[key] = Math.max(speed[key], lookUpNldm(table, slewPs, loadsFf[o]!));
    }
  }
  return speed;
}

/** What cells that may stand for one another have in common: pins and functions; `null` for what is no gate and no flip-flop. */
function kindOf({ pins, sequential }: LibraryCell): string | null {
  if (sequential !== null && sequential.kind !== "flipFlop") return null;
  const described = pins.map(
    ({ name, direction, function: f }) => `${direction} ${name} ${JSON.stringify(f)}`,
  );
  return [JSON.stringify(sequential), ...described.sort()].join("; ");
}

/** Cells by what they do, smallest first. */
function sizesOf({ cells }: CellLibrary): ReadonlyMap<string, readonly LibraryCell[]> {
  const sizes = new Map<string, LibraryCell[]>();
  for (const cell of cells.values()) {
    const kind = cell.dontUse ? null : kindOf(cell);
    if (kind === null) continue;
    const known = sizes.get(kind);
    if (known === undefined) sizes.set(kind, [cell]);
    else known.push(cell);
  }
  for (const known of sizes.values()) known.sort((a, b) => a.areaUm2 - b.areaUm2);
  return sizes;
}

/**
 * Give drivers of heavy nets a larger cell of the same pins and function: where the output changes more slowly than {@link SLOWEST_SLEWS} typical
 * slews, the smallest cell that is fast enough, or else the fastest, of those whose area × delay is no larger. Twice, since larger cells load their
 * drivers more.
 *
 * @param slewPs typical slew, at the cells' inputs
 */
export function sizeDrivers(
  netlist: MappedNetlist,
  library: CellLibrary,
  { wire, slewPs }: { readonly wire: WireModel; readonly slewPs: number },
): MappedNetlist {
  const sizes = sizesOf(library);
  const limitPs = SLOWEST_SLEWS * slewPs;
  const choose = (own: LibraryCell, loads: readonly number[]): string => {
    const others = sizes.get(kindOf(own) ?? "") ?? [];
    const now = speedOf(own, slewPs, loads);
    if (others.length < 2 || now.slewPs <= limitPs) return own.name;
    const faster = others
      .map((cell) => ({ cell, ...speedOf(cell, slewPs, loads) }))
      .filter(({ cell, delayPs }) => cell.areaUm2 * delayPs <= own.areaUm2 * now.delayPs);
    const best = faster.find((one) => one.slewPs <= limitPs) ?? faster.sort((a, b) => a.slewPs - b.slewPs)[0];
    return best?.cell.name ?? own.name;
  };
  const chosen = new Map<string, string>();
  const once = (before: MappedNetlist): MappedNetlist => {
    const loadsFf = netLoadsFf(before, library, wire);
    const sized = (instance: MappedInstance): MappedInstance => {
      const own = library.cells.get(instance.cell)!;
      const loads = outputsOf(own).map(({ name }) => {
        const net = instance.pins[name];
        return net === undefined ? 0 : loadsFf[net]!;
      });
      const key = `${own.name} ${loads.map((load) => load.toFixed(1)).join(" ")}`;
      const cell = chosen.get(key) ?? choose(own, loads);
      chosen.set(key, cell);
      return cell === own.name ? instance : { ...instance, cell };
    };
    return { ...before, instances: before.instances.map(sized) };
  };
  return once(once(netlist));
}
