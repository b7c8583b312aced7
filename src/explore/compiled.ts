import type { ProgressListener } from "../core/index.js";
import type { LayerStats, ScheduleStage } from "../hw/index.js";
import type { Cut } from "./cuts.js";
import type { JobPool } from "./job-pool.js";
import type { JobResults } from "./jobs.js";
import { compileJob, type Plan, weightsOf } from "./plans.js";

type Compiled = JobResults["compile"];

/** A plan with every layer's counts. */
export type CompiledPlan = { readonly plan: Plan; readonly layers: readonly Compiled[] };

/** A front: a plan up to a cut. */
export type CompiledFront = {
  readonly plan: Plan;
  readonly cut: Cut;
  readonly stats: readonly LayerStats[];
  /** Between two frames, nothing outside pausing. */
  readonly cyclesPerFrame: number;
  /** From the last pixel of a frame to its last result, on the longest way. */
  readonly latencyCycles: number;
};

/** A share by which a front's cycles may be overestimated, see {@link cyclesOfCuts}. */
export const CYCLES_TOLERANCE = 0.02;

/** Compile the layers of all plans, equal ones once, the slowest first. */
export async function compilePlans(
  plans: readonly Plan[],
  pool: JobPool,
  onProgress: ProgressListener,
): Promise<readonly CompiledPlan[]> {
  const wanted = plans.flatMap((plan, p) => plan.layers.map((layer, i) => ({ plan, layer, p, i })));
  const cost = ({ plan, layer }: (typeof wanted)[number]): number =>
    weightsOf(layer) * (plan.parallelisms.get(layer.node.name)?.kind === "folded" ? 1 : 100);
  const results: Compiled[][] = plans.map(({ layers }) => new Array<Compiled>(layers.length));
  let done = 0;
  const report = (): void =>
    onProgress({ job: "compile layers", done, total: wanted.length, unit: "layers" });
  report();
  await Promise.all(
    wanted
      .sort((a, b) => cost(b) - cost(a))
      .map(async ({ plan, layer, p, i }) => {
        results[p]![i] = await pool.run(compileJob(plan, layer));
        done++;
        report();
      }),
  );
  return Promise.all(plans.map((plan, p) => withJoins({ plan, layers: results[p]! }, pool)));
}

/** Give residual sums the memories that the control of everything before them asks for. */
async function withJoins({ plan, layers }: CompiledPlan, pool: JobPool): Promise<CompiledPlan> {
  if (plan.layers.every(({ sources }) => sources.length < 2)) return { plan, layers };
  const joins = new Map(
    await pool.run({ kind: "joins", stages: stagesOf(plan, layers, [...layers.keys()]) }),
  );
  const own = layers.map((layer, i) => {
    const depths = joins.get(i);
    return depths === undefined ? layer : pool.run(compileJob(plan, plan.layers[i]!, depths));
  });
  return { plan, layers: await Promise.all(own) };
}

/** The control of some layers of a plan, renumbered. */
function stagesOf(
  plan: Plan,
  layers: readonly Compiled[],
  places: readonly number[],
): readonly ScheduleStage[] {
  return places.map((place) => ({
    timing: layers[place]!.timing,
    sources: plan.layers[place]!.sources.map((source) => (source < 0 ? -1 : places.indexOf(source))),
  }));
}

/** Cut a compiled plan wherever it can be, and find each front's cycles. */
export async function frontsOf(
  compiled: CompiledPlan,
  cuts: readonly Cut[],
  pool: JobPool,
): Promise<readonly CompiledFront[]> {
  const { plan, layers } = compiled;
  const possible = cuts.filter(({ places }) => places.every((place) => place < layers.length));
  const cycles = await cyclesOfCuts(possible.length, (i) => cyclesOf(compiled, possible[i]!.places, pool));
  return possible.map((cut, i) => ({
    ...{ plan, cut, cyclesPerFrame: cycles[i]! },
    stats: cut.places.map((place) => layers[place]!.stats),
    latencyCycles: latencyOf(plan, cut.places, layers),
  }));
}

/**
 * Find the cycles of fronts of growing depth with few simulations. What follows a front can only hold it up, so cycles never fall with
 * depth: where two fronts hardly differ, those between take the deeper one's.
 *
 * @param of finds those of one front
 */
export async function cyclesOfCuts(
  count: number,
  of: (place: number) => Promise<number>,
): Promise<readonly number[]> {
  const cycles = new Array<number>(count);
  const between = async (low: number, high: number): Promise<void> => {
    if (high - low < 2) return;
    if (cycles[high]! <= cycles[low]! * (1 + CYCLES_TOLERANCE)) {
      cycles.fill(cycles[high]!, low + 1, high);
      return;
    }
    const middle = (low + high) >> 1;
    cycles[middle] = await of(middle);
    await Promise.all([between(low, middle), between(middle, high)]);
  };
  if (count === 0) return cycles;
  [cycles[0], cycles[count - 1]] = await Promise.all([of(0), of(count - 1)]);
  await between(0, count - 1);
  return cycles;
}

/** Cycles a frame: of the slowest layer where none waits for another, else of the whole schedule. */
async function cyclesOf(
  { plan, layers }: CompiledPlan,
  places: readonly number[],
  pool: JobPool,
): Promise<number> {
  const stats = places.map((place) => layers[place]!.stats);
  const waits = places.some(
    (place, i) => stats[i]!.parallelism.kind === "folded" || plan.layers[place]!.sources.length > 1,
  );
  if (!waits) return Math.max(...stats.map(({ cyclesPerFrame }) => cyclesPerFrame));
  return (await pool.run({ kind: "schedule", stages: stagesOf(plan, layers, places) })).cyclesPerFrame;
}

function latencyOf(plan: Plan, places: readonly number[], layers: readonly Compiled[]): number {
  const latest = new Map([[-1, 0]]);
  for (const place of places) {
    const before = plan.layers[place]!.sources.map((source) => latest.get(source) ?? 0);
    latest.set(place, layers[place]!.stats.latencyCycles + Math.max(...before));
  }
  return latest.get(places.at(-1)!)!;
}
