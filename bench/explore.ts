import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { silent } from "../src/core/index.js";
import {
  type AcceleratorLayer,
  acceleratorTechnologyAt16Nm,
  createArrayCatalogue,
  readTechnology,
  type Technology,
} from "../src/cost/index.js";
import { compilePlans, frontsOf } from "../src/explore/compiled.js";
import { costCompiled } from "../src/explore/costed.js";
import { cutsOf, defaultSpace, parseFolding, programmableModel } from "../src/explore/index.js";
import { JobPool } from "../src/explore/job-pool.js";
import { plansOf, variantsOf } from "../src/explore/plans.js";
import { AcceleratorTable, pointsOf } from "../src/explore/points.js";
import { ResultStore } from "../src/explore/store.js";
import { exploreSource } from "../src/flow/index.js";
import type { BenchRow, BenchTable } from "./table.js";

const DEEPEST = "conv_pw_11";
const ROUNDS = 5;

/** Area of the choices that are timed, mm². */
const CHOICE_MM2 = 2;

const cpuMsSince = (before: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
};

/** Time a catalogue of engines: making it, the first choice of each tail, later ones. */
function catalogueRows(
  name: string,
  layers: readonly AcceleratorLayer[],
  technology: Technology,
): BenchRow[] {
  const scaled = acceleratorTechnologyAt16Nm(technology);
  let before = process.cpuUsage();
  const catalogue = createArrayCatalogue({ layers, technology: scaled });
  const made = cpuMsSince(before);
  before = process.cpuUsage();
  for (const fromLayer of layers.keys()) catalogue.largest({ areaMm2: CHOICE_MM2, fromLayer });
  const first = cpuMsSince(before) / layers.length;
  before = process.cpuUsage();
  for (let round = 0; round < ROUNDS; round++)
    for (const fromLayer of layers.keys())
      catalogue.largest({ areaMm2: CHOICE_MM2 - round / 10, fromLayer, framesPerSecond: 30 });
  const later = cpuMsSince(before) / layers.length / ROUNDS;
  const unit = "ms of processor time";
  return [
    { name, metric: "catalogue", value: made, unit },
    { name, metric: "catalogue.tail", value: first, unit: `${unit}, first choice of a tail` },
    { name, metric: "catalogue.choice", value: later, unit: `${unit}, a later choice` },
  ];
}

/**
 * Time the exploration of the default backbone: compiling its layers in three foldings (nothing cached), and evaluating design points once the layers
 * are compiled, every front priced anew, the accelerators' runs kept as the exploration keeps them.
 */
export async function run(): Promise<BenchTable> {
  const folder = mkdtempSync(join(tmpdir(), "fixynn-bench-explore-"));
  const technology = readTechnology("sky130hd");
  const { network, layers } = await exploreSource(undefined);
  const store = new ResultStore(folder);
  const pool = new JobPool({ threads: 2, store, codeVersion: "bench" });
  try {
    const foldings = ["keep:256", "auto", "auto:4"].map(parseFolding);
    const defaults = defaultSpace(technology);
    const space = { ...defaults, foldings, periodsPs: defaults.periodsPs.slice(0, 1) };
    const start = performance.now();
    const { variants } = variantsOf(network, ["own"]);
    const cuts = cutsOf(variants[0]!.graph);
    const kept = cuts.slice(0, 1 + cuts.findIndex(({ layer }) => layer === DEEPEST));
    const compiled = await compilePlans(await plansOf(variants, { space, technology, pool }), pool, silent);
    const fronts = (await Promise.all(compiled.map((plan) => frontsOf(plan, kept, pool)))).flat();
    const compileSeconds = (performance.now() - start) / 1000;
    const rates: number[] = [];
    let cpuMs = Number.POSITIVE_INFINITY;
    let points = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const programmable = programmableModel("array", { layers, technology });
      const accelerators = new AcceleratorTable();
      const context = {
        ...{ technology, layers, programmable, accelerators },
        ...{ clockShares: space.clockShares, acceleratorsMm2: programmable.areasMm2 },
        cameraFramesPerSecond: space.cameraFramesPerSecond,
      };
      const from = performance.now();
      const before = process.cpuUsage();
      points = 0;
      for (const [place, front] of fronts.entries()) {
        const names = new Set<string>(front.cut.places.map((i) => front.plan.layers[i]!.node.name));
        points += pointsOf(costCompiled(front, technology), place, names, context).length;
      }
      rates.push((1000 * points) / (performance.now() - from));
      cpuMs = Math.min(cpuMs, cpuMsSince(before) / points);
    }
    const [first = 0, ...later] = rates;
    const warm = Math.max(...later);
    const name = `default backbone up to ${DEEPEST}`;
    const rows: BenchRow[] = [
      { name, metric: "compile", value: compileSeconds, unit: "s, 3 foldings, 2 threads, nothing cached" },
      { name, metric: "fronts", value: fronts.length, unit: "" },
      { name, metric: "points", value: points, unit: "" },
      { name, metric: "pointsPerSecondCold", value: first, unit: "points/s, first round" },
      { name, metric: "pointsPerSecond", value: warm, unit: "points/s, best later round" },
      { name, metric: "pointTime", value: 1000 / warm, unit: "ms" },
      {
        name,
        metric: "pointCpuTime",
        value: cpuMs,
        unit: "ms of processor time, garbage collection included",
      },
      ...catalogueRows("engines for the default backbone", layers, technology),
    ];
    return { bench: "explore", machine: cpus()[0]?.model ?? "unknown", rows };
  } finally {
    await pool.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
