import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { sharedPath } from "../bench/photos.js";
import { buildEngine, type Engine, type EngineConfig } from "../src/accel/index.js";
import { FixynnError, writeFileAtomic } from "../src/core/index.js";
import { mappedPriced } from "../src/cost/energy/mapped-priced.js";
import { structuralPriced } from "../src/cost/energy/structural-priced.js";
import {
  analyzeTiming,
  type CellLibrary,
  defaultEngine,
  type EngineClock,
  type EngineFile,
  type EngineUnit,
  engineClock,
  engineFilePath,
  engineFileSchema,
  engineShapes,
  type PricedNetlist,
  priceScale,
  readCellLibrary,
  readEngineFile,
  readTechnology,
  shapeConfig,
  streamedShape,
  structuralUnits,
  type Technology,
  unitEvents,
  wireCapacitanceFf,
} from "../src/cost/index.js";
import { type EngineLayerCase, engineLayerCases } from "./engine-layers.js";
import { cellsOf, type EngineMapper, MappedCells, mapEngine, unitsOf } from "./engine-mapping.js";
import { fitUnit, measureUnit, runCase, totalOf, type UnitWindow } from "./engine-prices.js";

/** Technologies whose engines are mapped, and their Liberty files by the beginning of their names. */
const libraries: Readonly<Record<string, string>> = {
  sky130hd: "sky130hd",
  asap7: "asap7",
  sg13g2: "sg13g2",
};

const tiers = ["structural", "synthesized"] as const;
type Tier = (typeof tiers)[number];

/** A layer on an engine: whether its pixels come by the stream input, and how much of the picture. */
type Run = { readonly layer: string; readonly side: number; readonly streamed?: boolean };

/** Engine and runs that the prices are of: all lanes and channels busy, half of them, windows, and passes as short as a load of weights. */
const reference = {
  config: shapeConfig({ cPar: 16, kPar: 16 }),
  runs: [
    { layer: "Conv2d_5_pointwise", side: 14 },
    { layer: "Conv2d_1_pointwise", side: 28 },
    { layer: "Conv2d_7_pointwise", side: 4 },
    { layer: "Conv2d_5_depthwise", side: 20, streamed: true },
  ],
} as const satisfies { readonly config: EngineConfig; readonly runs: readonly Run[] };

/** Other engines and other layers, to see how far the prices carry. */
const judges: readonly { readonly config: EngineConfig; readonly runs: readonly Run[] }[] = [
  {
    config: shapeConfig({ cPar: 16, kPar: 16 }),
    runs: [
      { layer: "Conv2d_3_pointwise", side: 14 },
      { layer: "Conv2d_6_depthwise", side: 20 },
    ],
  },
  {
    config: shapeConfig({ cPar: 8, kPar: 8 }),
    runs: [
      { layer: "Conv2d_4_pointwise", side: 14 },
      { layer: "Conv2d_3_depthwise", side: 20 },
    ],
  },
  {
    config: shapeConfig({ cPar: 32, kPar: 16 }),
    runs: [
      { layer: "Conv2d_7_pointwise", side: 14 },
      { layer: "Conv2d_4_depthwise", side: 20 },
    ],
  },
  { config: shapeConfig({ cPar: 4, kPar: 4 }), runs: [{ layer: "Conv2d_2_pointwise", side: 14 }] },
];

/** What a technology's engines are built and measured with. */
type Bench = EngineMapper & {
  readonly clock: EngineClock;
  readonly cases: (runs: readonly Run[]) => Promise<readonly EngineLayerCase[]>;
};

type Measured = Readonly<Record<Tier, { readonly areaUm2: number; readonly windows: readonly UnitWindow[] }>>;

/** Measure an engine's units in both tiers on layers. */
async function measureEngine(
  config: EngineConfig,
  runs: readonly Run[],
  bench: Bench,
): Promise<ReadonlyMap<EngineUnit, Measured>> {
  const measured = new Map<EngineUnit, Record<Tier, { areaUm2: number; windows: UnitWindow[] }>>();
  for (const streamed of [false, true]) {
    const own = runs.filter((run) => (run.streamed ?? false) === streamed);
    if (own.length === 0) continue;
    const cases = await bench.cases(own);
    const shape = cases[0]!.network.nodes[0]!.output.shape;
    const [height, width, channels] = shape as [number, number, number];
    const engine = buildEngine(
      streamed ? { ...config, input: { height, width, channels } } : config,
      bench.clock.target,
    );
    const netlists = await mapEngine(engine, bench);
    const counted = structuralUnits(engine, bench.technology);
    const recorded = cases.map((one) => runCase(engine, one));
    for (const [unit, modules] of unitsOf(engine, bench)) {
      const mapped = netlists.get(unit)!();
      const priced: Readonly<Record<Tier, { areaUm2: number; netlist: PricedNetlist }>> = {
        structural: {
          areaUm2: counted.get(unit)!.areaUm2,
          netlist: structuralPriced({ kind: "design", modules }, bench.technology),
        },
        synthesized: {
          areaUm2: cellsOf(mapped, bench.library).areaUm2,
          netlist: mappedPriced(mapped, bench.library, bench.technology),
        },
      };
      const entry = measured.get(unit) ?? {
        structural: { areaUm2: priced.structural.areaUm2, windows: [] },
        synthesized: { areaUm2: priced.synthesized.areaUm2, windows: [] },
      };
      for (const tier of tiers)
        entry[tier].windows.push(...measureUnit(unit, priced[tier].netlist, recorded));
      measured.set(unit, entry);
    }
  }
  return measured;
}

type Prices = EngineFile["energy"][Tier];

/** Compare what the prices say of some runs with what was measured. */
function checkOf(
  measured: ReadonlyMap<EngineUnit, Measured>,
  { config, layer, tier, prices }: { config: EngineConfig; layer: string; tier: Tier; prices: Prices },
): EngineFile["checks"][number] {
  let [measuredPj, pricedPj] = [0, 0];
  for (const [unit, own] of measured) {
    const { areaUm2, windows } = own[tier];
    const { events, energyPj } = totalOf(windows);
    measuredPj += energyPj.nominal;
    const of = prices[unit]!;
    const from = { config: reference.config, areaUm2: of.areaUm2 };
    for (const event of unitEvents[unit])
      pricedPj +=
        events[event] * of.pricesPj[event]!.nominal * priceScale(unit, event, { config, areaUm2 }, from);
  }
  const { cPar, kPar } = config;
  return { cPar, kPar, layer, tier, measuredPj, pricedPj };
}

async function energyOf(
  bench: Bench,
  log: (line: string) => void,
): Promise<Pick<EngineFile, "energy" | "checks">> {
  const isWhole = bench.only === undefined;
  const measured = await measureEngine(reference.config, reference.runs, bench);
  const pricesOf = (tier: Tier): Prices =>
    Object.fromEntries(
      [...measured].map(([unit, own]) => {
        const { areaUm2, windows } = own[tier];
        return [unit, { areaUm2, ...fitUnit(unit, windows) }];
      }),
    );
  const prices = { structural: pricesOf("structural"), synthesized: pricesOf("synthesized") };
  const checks: EngineFile["checks"][number][] = [];
  // What some units take says nothing of the whole.
  for (const { config, runs } of isWhole ? judges : [])
    for (const run of runs) {
      const own = await measureEngine(config, [run], bench);
      for (const tier of tiers) {
        const check = checkOf(own, { config, layer: run.layer, tier, prices: prices[tier] });
        checks.push(check);
        const { cPar, kPar, layer, measuredPj, pricedPj } = check;
        log(`${cPar}×${kPar} ${layer}, ${tier}: priced ${(pricedPj / measuredPj).toFixed(3)} of measured`);
      }
    }
  const { cPar, kPar } = reference.config;
  const layers = reference.runs.map(({ layer }) => layer);
  return { energy: { cPar, kPar, layers, ...prices }, checks };
}

/** Cells of every shape, counted and mapped. */
async function shapesOf(bench: Bench, log: (line: string) => void): Promise<EngineFile["shapes"]> {
  const cells = new MappedCells();
  const shapes: EngineFile["shapes"][number][] = [];
  for (const config of engineShapes) {
    const engine: Engine = buildEngine(streamedShape(config), bench.clock.target);
    const counted = structuralUnits(engine, bench.technology);
    const mapped = await cells.of(engine, bench);
    const { cPar, kPar, requantizers } = config;
    shapes.push({
      cPar,
      kPar,
      requantizers,
      units: Object.fromEntries(
        [...mapped].map(([unit, synthesized]) => [unit, { structural: counted.get(unit)!, synthesized }]),
      ),
    });
    log(`${cPar}×${kPar}, ${requantizers} requantizers`);
  }
  return shapes;
}

/** Longest path within a unit after mapping; inputs and outputs are registers outside. */
async function mappedPeriodPs({ clock, technology, library, cache, only }: Bench): Promise<number> {
  const engine = buildEngine(reference.config, clock.target);
  const netlists = await mapEngine(engine, { technology, library, cache, only });
  const { flipFlop } = technology.cells;
  return Math.max(
    ...[...netlists.values()].map((netlist) => {
      const timing = analyzeTiming(netlist(), library, {
        periodPs: clock.periodPs,
        wire: (fanOut) => wireCapacitanceFf(technology.wire, fanOut).nominal,
        memory: () => ({ delayPs: clock.target.periodPs / 2, setupPs: flipFlop.setupPs }),
        inputArrivalPs: flipFlop.delayPs,
      });
      return 1e6 / timing.achievableClockMhz;
    }),
  );
}

function libertyFiles(folder: string, prefix: string): readonly string[] {
  const files = existsSync(folder)
    ? readdirSync(folder).filter((file) => file.startsWith(prefix) && /\.lib(\.gz)?$/.test(file))
    : [];
  if (files.length > 0) return files.sort().map((file) => join(folder, file));
  throw new FixynnError("FX9002", `no Liberty file ${prefix}*.lib`, {
    place: folder,
    hint: "give the folder by --libraries, or set FIXYNN_SHARED",
  });
}

/**
 * Cost the engine in each technology: count and map the cells of its units in every shape; run real layers on its netlist, replay what enters each unit into the
 * unit's counted and mapped netlists with delays, and fit energies to what happens; write `technologies/engine/NAME.json`.
 *
 * @returns paths of the files
 * @throws FixynnError FX9002 without libraries, models or photos; FX9012 when a unit cannot be mapped; FX9013 when an engine's bytes are wrong
 */
export async function reproduceEngine(options: {
  readonly libraries?: string | undefined;
  readonly cache: string;
  /** Names of technologies; default all. */
  readonly technologies?: readonly string[] | undefined;
  /** Units that alone have changed since the files were written; the others' figures, and the checks, stay. */
  readonly units?: readonly EngineUnit[] | undefined;
  readonly log: (line: string) => void;
}): Promise<readonly string[]> {
  const folder = options.libraries ?? sharedPath("tech");
  const paths: string[] = [];
  const wanted = options.technologies ?? Object.keys(libraries);
  for (const name of wanted) {
    const log = (line: string): void => options.log(`${name}: ${line}`);
    const technology: Technology = readTechnology(name);
    const library: CellLibrary = readCellLibrary(libertyFiles(folder, libraries[name] ?? name));
    const clock = engineClock(technology);
    log(`pipelines for ${clock.target.periodPs} ps, longest path ${Math.round(clock.periodPs)} ps`);
    const only = options.units && new Set(options.units);
    const bench: Bench = { technology, library, cache: options.cache, only, clock, cases: engineLayerCases };
    const energy = await energyOf(bench, log);
    const shapes = await shapesOf(bench, log);
    const before = only && readEngineFile(name);
    const file = engineFileSchema.parse({
      schema: "fixynn.engine-cost.v1",
      technology: name,
      nodeNm: technology.nodeNm,
      supplyV: library.supplyV,
      targetPs: clock.target.periodPs,
      periodPs: clock.periodPs,
      mappedPeriodPs: Math.max(await mappedPeriodPs(bench), before?.mappedPeriodPs ?? 0),
      source: {
        libraries: library.files.map((one) => one.name),
        tool: `Yosys (${defaultEngine().name}) and ABC, adders as library cells`,
        command: "npm run reproduce -- engine",
      },
      ...(before === undefined ? { shapes, ...energy } : joined(before, { shapes, ...energy })),
      notes: [
        "structural: cells counted from the netlist × the technology's table × the area calibration; synthesized: mapped cells; both without placement and memories",
        "energies: transitions with delays and glitches, clock pins × the clock-tree factor, in windows of runs on a photo's activations; low is settled transitions and the least clock tree, high the most wire and clock tree",
      ],
    });
    const path = engineFilePath(name);
    writeFileAtomic(path, textOf(file));
    paths.push(path);
  }
  return paths;
}

/** A file's figures with those of some units in the place of what they were. */
function joined(
  before: EngineFile,
  { shapes, energy }: Pick<EngineFile, "shapes" | "energy">,
): Pick<EngineFile, "shapes" | "energy" | "checks"> {
  return {
    shapes: before.shapes.map((shape, i) => ({ ...shape, units: { ...shape.units, ...shapes[i]!.units } })),
    energy: {
      ...energy,
      structural: { ...before.energy.structural, ...energy.structural },
      synthesized: { ...before.energy.synthesized, ...energy.synthesized },
    },
    checks: before.checks,
  };
}

/** The file's text: a line a shape, six digits a number, which is more than the figures are good for. */
function textOf({ shapes, ...rest }: EngineFile): string {
  const rounded = (_: string, one: unknown): unknown =>
    typeof one === "number" ? Number(one.toPrecision(6)) : one;
  const lines = shapes.map((shape) => `    ${JSON.stringify(shape, rounded)}`).join(",\n");
  const text = JSON.stringify({ ...rest, shapes: [] }, rounded, 2);
  return `${text.replace('"shapes": []', `"shapes": [\n${lines}\n  ]`)}\n`;
}
