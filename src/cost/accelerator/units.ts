import { ENGINE_MODULE, type Engine } from "../../accel/index.js";
import { invariant } from "../../core/index.js";
import { type CellCounts, copiesOf, countCells, type Module, registerBanks } from "../../hw/index.js";
import { layerArea } from "../structural/area.js";
import type { LayerCounts } from "../structural/counts.js";
import type { Technology } from "../technology.js";

/**
 * Units of the engine (`src/accel/rtl`), as its top module instantiates them; memories are counted apart.
 *
 * - `array`: lanes with their weights and windows, and what tags them
 * - `accumulators`, `drain` (requantizers and their order), `feeder` (ring to array), `weights` (memory port to ring), `activations`
 * - `walker` (passes and fetches), `dispatcher`, `registers`, `reads` (the read port), `transfer` (loads and stores), `stream` (the stream input)
 */
export const engineUnits = [
  "array",
  "accumulators",
  "drain",
  "feeder",
  "weights",
  "activations",
  "walker",
  "dispatcher",
  "registers",
  "reads",
  "transfer",
  "stream",
] as const;
/** Name of a unit. */
export type EngineUnit = (typeof engineUnits)[number];

/** Cells of a unit at the node of its technology: µm² without placement, nW. */
export type UnitCells = { readonly areaUm2: number; readonly leakageNw: number };

/** What a module's cells are for, in the terms of the area calibration. */
const componentOf: Readonly<Record<string, "datapath" | "requantization">> = {
  fxa_lane: "datapath",
  fxa_requantizer: "requantization",
};

/** Modules of each unit that an engine has, instantiated ones before those that use them; the unit's own is the last. */
export function unitModules({ design }: Pick<Engine, "design">): ReadonlyMap<EngineUnit, readonly Module[]> {
  const byName = new Map(design.modules.map((module) => [module.name, module]));
  const top = byName.get(ENGINE_MODULE);
  invariant(top !== undefined, "an engine's top module");
  const below = (name: string): readonly Module[] => {
    const module = byName.get(name);
    invariant(module !== undefined, `module ${name}`);
    const instantiated = module.cells.flatMap((cell) => (cell.kind === "instance" ? [cell.module] : []));
    return [...[...new Set(instantiated)].flatMap(below), module];
  };
  const units = new Map<EngineUnit, readonly Module[]>();
  for (const cell of top.cells) {
    if (cell.kind !== "instance") continue;
    const unit = engineUnits.find((one) => cell.name === `u_${one}`);
    invariant(unit !== undefined, `unit ${cell.name}`);
    units.set(unit, below(cell.module));
  }
  return units;
}

/** Count a unit's cells as the structural tier prices a layer's: by component, registers by what loads them. */
function countsOfUnit(name: string, modules: readonly Module[]): LayerCounts {
  const copies = copiesOf(modules);
  const counts = { datapath: {}, requantization: {}, control: {} } as Record<
    "datapath" | "requantization" | "control",
    Record<string, number>
  >;
  for (const module of modules) {
    const own = Object.entries(countCells(module.cells)) as [keyof CellCounts, number][];
    const into = counts[componentOf[module.name] ?? "control"];
    for (const [role, count] of own) into[role] = (into[role] ?? 0) + count * copies.get(module.name)!;
  }
  return {
    name,
    kind: "engine",
    macs: 0,
    ...counts,
    registerBits: { datapath: 0, window: 0, control: 0 },
    registerBanks: registerBanks(modules),
    memories: [],
    cyclesPerFrame: 1,
    activeCyclesPerFrame: 0,
    latencyCycles: 0,
    criticalFullAdders: 0,
  };
}

/**
 * Price an engine's units in the structural tier: cells counted from its netlist (instances times module) × the technology's table × the area
 * calibration, flip-flops with the clock gates in front of them. Memories are not in it.
 */
export function structuralUnits(
  engine: Pick<Engine, "design">,
  technology: Technology,
): ReadonlyMap<EngineUnit, UnitCells> {
  return new Map(
    [...unitModules(engine)].map(([unit, modules]) => {
      const { areaUm2, leakageNw } = layerArea(countsOfUnit(unit, modules), technology);
      return [unit, { areaUm2: areaUm2.total, leakageNw }] as const;
    }),
  );
}
