import type { Engine } from "../src/accel/index.js";
import { FixynnError, sha256 } from "../src/core/index.js";
import {
  type CellLibrary,
  defaultEngine,
  type EngineUnit,
  type MappedNetlist,
  mapLayers,
  type Technology,
  type UnitCells,
  unitModules,
} from "../src/cost/index.js";
import { type Module, printVerilog, verilogLibrary } from "../src/hw/index.js";

/** What maps an engine's units. */
export type EngineMapper = {
  readonly library: CellLibrary;
  readonly technology: Technology;
  /** Where mapped modules are kept. */
  readonly cache: string;
  /** Units to look at; all unless told. */
  readonly only?: ReadonlySet<EngineUnit> | undefined;
};

/** An engine's units that a mapper looks at. */
export const unitsOf = (
  engine: Engine,
  { only }: Pick<EngineMapper, "only">,
): readonly (readonly [EngineUnit, readonly Module[]])[] =>
  [...unitModules(engine)].filter(([unit]) => only?.has(unit) ?? true);

/** A unit's own text and that of what it instantiates. */
function textsOf(modules: readonly Module[]): ReadonlyMap<string, string> {
  const byName = new Map(modules.map((module) => [module.name, module]));
  return new Map(modules.map((module) => [`${module.name}.sv`, printVerilog(module, byName)]));
}

/**
 * Map an engine's units to a library.
 *
 * @returns for each unit, what builds its netlist
 * @throws FixynnError FX9012 when a unit cannot be mapped
 */
export async function mapEngine(
  engine: Engine,
  { library, technology, cache, only }: EngineMapper,
): Promise<ReadonlyMap<EngineUnit, () => MappedNetlist>> {
  const units = unitsOf(engine, { only });
  const files = new Map([...verilogLibrary, ...units.flatMap(([, modules]) => [...textsOf(modules)])]);
  const mapped = await mapLayers(
    units.map(([unit, modules]) => ({ name: unit, module: modules.at(-1)!.name })),
    files,
    { library, technology, engine: defaultEngine(), cacheFolder: cache },
  );
  return new Map(
    units.map(([unit]) => {
      const mapping = mapped.get(unit)!;
      if (mapping.kind === "failed")
        throw new FixynnError("FX9012", `cannot map the engine's ${unit}: ${mapping.message}`, {
          place: technology.name,
        });
      return [unit, mapping.netlist] as const;
    }),
  );
}

/** Adds up the cells of mapped units; units that several engines share are looked at once. */
export class MappedCells {
  readonly #known = new Map<string, UnitCells>();

  async of(engine: Engine, mapper: EngineMapper): Promise<ReadonlyMap<EngineUnit, UnitCells>> {
    const netlists = await mapEngine(engine, mapper);
    return new Map(
      unitsOf(engine, mapper).map(([unit, modules]) => {
        const key = sha256([...textsOf(modules).values()].join("\0"));
        const known = this.#known.get(key) ?? cellsOf(netlists.get(unit)!(), mapper.library);
        this.#known.set(key, known);
        return [unit, known] as const;
      }),
    );
  }
}

/** Area and leakage of a netlist's cells. */
export function cellsOf({ instances }: MappedNetlist, library: CellLibrary): UnitCells {
  let [areaUm2, leakageNw] = [0, 0];
  for (const { cell } of instances) {
    const found = library.cells.get(cell)!;
    areaUm2 += found.areaUm2;
    leakageNw += found.leakageNw;
  }
  return { areaUm2, leakageNw };
}
