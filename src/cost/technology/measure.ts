import { mean } from "../../core/index.js";
import { evaluateFunction } from "../boolean-function.js";
import { type LibertyGroup, libertyTable, lookUp } from "../liberty.js";
import type { TechnologyCell } from "../technology.js";
import type { Candidate } from "./candidates.js";
import { groupsNamed, type LibertyLibrary } from "./liberty-library.js";

/** Where tables are read: the slew of inputs and the load of outputs; and the charge of a typical net. */
export type Point = { readonly slewPs: number; readonly loadFf: number; readonly netFf: number };

/** Values of pins, by name. */
export type PinValues = ReadonlyMap<string, boolean>;

function at(library: LibertyLibrary, group: LibertyGroup, point: Point): number {
  const table = libertyTable(group, library.templates);
  return lookUp(table, point.slewPs / library.units.ps, point.loadFf / library.units.fF);
}

/** Groups that apply in a state: those whose condition holds, else those without a condition (Liberty's default). */
function inState(groups: readonly LibertyGroup[], state: PinValues | undefined): readonly LibertyGroup[] {
  if (state === undefined) return groups;
  const when = (group: LibertyGroup): string | undefined => group.attributes.get("when");
  const holding = groups.filter((group) => {
    const text = when(group);
    return text !== undefined && evaluateFunction(text, state);
  });
  return holding.length > 0 ? holding : groups.filter((group) => when(group) === undefined);
}

const groundRails = new WeakMap<LibertyGroup, ReadonlySet<string>>();

/** Names of a cell's ground rails. */
function groundsOf(cell: LibertyGroup): ReadonlySet<string> {
  const known = groundRails.get(cell);
  if (known) return known;
  const names = groupsNamed(cell.groups, "pg_pin")
    .filter((pin) => pin.attributes.get("pg_type")?.includes("ground"))
    .map((pin) => pin.args[0] ?? "");
  const found = new Set(names);
  groundRails.set(cell, found);
  return found;
}

/** Which internal power is asked for. */
export type PowerQuery = {
  readonly edges: readonly ("rise" | "fall")[];
  /** State of the cell's pins; without one, the mean over all conditions. */
  readonly state?: PinValues | undefined;
  readonly relatedPin?: string | undefined;
};

/**
 * Internal energy of one transition of a pin, pJ: mean over arcs, conditions and the edges asked for, summed over power rails.
 * Energy unit of Liberty: load unit × volt² (fF·V² = fJ). Ground rails are left out: the charge that leaves by the ground came by
 * the supply. (ASAP7 states both; over a cycle of two edges they are equal, so that their sum counts each joule twice.)
 *
 * @returns undefined when the pin has no power tables at all
 */
export function internalPj(
  { library, cell }: { readonly library: LibertyLibrary; readonly cell: LibertyGroup },
  pin: LibertyGroup,
  point: Point,
  { edges, state, relatedPin }: PowerQuery = { edges: ["rise", "fall"] },
): number | undefined {
  const grounds = groundsOf(cell);
  const all = groupsNamed(pin.groups, "internal_power").filter(
    (g) => groupsNamed(g.groups, "rise_power", "fall_power", "power").length > 0,
  );
  if (all.length === 0) return undefined;
  const related = all.filter(
    (g) => relatedPin === undefined || (g.attributes.get("related_pin") ?? relatedPin) === relatedPin,
  );
  const bySupply = new Map<string, number[]>();
  for (const power of inState(related, state)) {
    const supply = power.attributes.get("related_pg_pin") ?? "";
    if (grounds.has(supply)) continue;
    const tables = edges.flatMap((edge) => {
      const own = groupsNamed(power.groups, `${edge}_power`);
      return own.length > 0 ? own : groupsNamed(power.groups, "power");
    });
    const values = bySupply.get(supply) ?? [];
    values.push(mean(tables.map((table) => at(library, table, point))));
    bySupply.set(supply, values);
  }
  const total = [...bySupply.values()].reduce((sum, values) => sum + mean(values), 0);
  return total * library.units.fF * 1e-3;
}

const arcs = (pin: LibertyGroup): LibertyGroup[] =>
  groupsNamed(pin.groups, "timing").filter((t) => {
    const type = t.attributes.get("timing_type") ?? "combinational";
    return type === "combinational" || type === "rising_edge";
  });

/** Worst arc to an output, and its worse edge, ps: a chain of adders, which do not invert, may pass that edge on all the way. */
export const delayPs = (library: LibertyLibrary, pin: LibertyGroup, point: Point): number =>
  Math.max(
    0,
    ...arcs(pin).flatMap((arc) =>
      groupsNamed(arc.groups, "cell_rise", "cell_fall").map((t) => at(library, t, point)),
    ),
  ) * library.units.ps;

/** Slew of an output, mean over arcs and edges, ps. */
export const transitionPs = (library: LibertyLibrary, pin: LibertyGroup, point: Point): number =>
  mean(
    arcs(pin).flatMap((arc) =>
      groupsNamed(arc.groups, "rise_transition", "fall_transition").map((t) => at(library, t, point)),
    ),
  ) * library.units.ps;

/** Worst set-up constraint over the pins and edges, ps. */
export const setupPs = (library: LibertyLibrary, pins: readonly LibertyGroup[], slewPs: number): number =>
  Math.max(
    0,
    ...pins.flatMap((pin) =>
      groupsNamed(pin.groups, "timing")
        .filter((t) => /^setup_(rising|falling)$/.test(t.attributes.get("timing_type") ?? ""))
        .flatMap((t) =>
          groupsNamed(t.groups, "rise_constraint", "fall_constraint").map((table) => {
            const slew = slewPs / library.units.ps;
            return lookUp(libertyTable(table, library.templates), slew, slew);
          }),
        ),
    ),
  ) * library.units.ps;

/** Capacitance of an input pin, fF; 0 where none is stated. */
export const capacitanceFf = (library: LibertyLibrary, pin: LibertyGroup): number =>
  (Number(pin.attributes.get("capacitance") ?? 0) || 0) * library.units.fF;

/** Leakage, nW: the stated total, else the mean over the listed states of the rail that leaks most. */
export function leakageNw(library: LibertyLibrary, cell: LibertyGroup): number {
  const stated = Number(cell.attributes.get("cell_leakage_power") ?? Number.NaN);
  if (Number.isFinite(stated)) return Math.max(0, stated) * library.units.nW;
  const bySupply = new Map<string, number[]>();
  for (const group of groupsNamed(cell.groups, "leakage_power")) {
    const supply = group.attributes.get("related_pg_pin") ?? "";
    const value = Number(group.attributes.get("value"));
    if (Number.isFinite(value)) bySupply.set(supply, [...(bySupply.get(supply) ?? []), value]);
  }
  return Math.max(0, ...[...bySupply.values()].map(mean)) * library.units.nW;
}

/** Energy of charging or discharging a load once, pJ: ½·C·V². */
export const switchingPj = (library: LibertyLibrary, loadFf: number): number =>
  0.5 * loadFf * library.units.supplyV ** 2 * 1e-3;

/** Read a combinational cell's figures at a point; what the file lacks is counted as zero and said. */
export function measure(candidate: Candidate, point: Point, warnings: Set<string>): TechnologyCell {
  const { library, cell } = candidate;
  const energies = candidate.outputs.map(({ pin }) => internalPj(candidate, pin, point));
  const delays = candidate.outputs.map(({ pin }) => delayPs(library, pin, point));
  if (energies.includes(undefined))
    warnings.add(`${candidate.name} has no internal power: only its load counts`);
  if (!delays.some((delay) => delay > 0)) warnings.add(`${candidate.name} has no delay: 0 ps`);
  const leakage = leakageNw(library, cell);
  if (!(leakage > 0)) warnings.add(`${candidate.name} has no leakage: 0 nW`);
  if (candidate.inputs.some((pin) => !(capacitanceFf(library, pin) > 0)))
    warnings.add(`${candidate.name} has an input without capacitance: 0 fF`);
  const internal = mean(energies.map((e) => e ?? 0));
  return {
    cell: candidate.name,
    composed: false,
    areaUm2: candidate.areaUm2,
    leakageNw: leakage,
    inputCapacitanceFf: mean(candidate.inputs.map((pin) => capacitanceFf(library, pin))),
    internalEnergyPerTogglePj: internal,
    energyPerTogglePj: internal + switchingPj(library, point.netFf),
    delayPs: Math.max(...delays),
    ...(delays[1] === undefined ? {} : { carryDelayPs: delays[1] }),
  };
}
