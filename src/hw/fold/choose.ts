import { FixynnError } from "../../core/index.js";
import type { NodeName } from "../../graph/index.js";
import type { FrontLayer } from "../front-graph.js";
import { planOfLayer, weightedNodeOf } from "../layer.js";
import type { WindowPlan } from "../window-plan.js";
import {
  defaultFullAdderAreas,
  type FullAdderAreas,
  foldedArea,
  type LayerSketch,
  parallelArea,
  sketchLayer,
} from "./area.js";
import { requantizersOf } from "./core.js";
import { serialCyclesPerFrame } from "./cycles.js";
import { sizeJoins, withFifos } from "./joins.js";
import type { LayerTiming } from "./layer-model.js";
import { type Folding, foldedSteps, type LayerParallelism } from "./parallelism.js";
import { type ScheduleStage, simulateSchedule } from "./schedule.js";

/** Choices of {@link chooseFolding}. */
export type ChoiceOptions = {
  /** Cycles that an input pixel may take; default 1, the rate of the parallel front. */
  readonly cyclesPerInputPixel?: number;
  readonly units?: FullAdderAreas;
};

/** A layer in one form: its area, and the cycles that it needs. */
type Candidate = {
  readonly parallelism: LayerParallelism;
  readonly area: number;
  readonly cyclesPerFrame: number;
  /** Cycles for the input pixels between two windows of a row. */
  readonly burst: number;
};

/** Different ways to cut something into parts: the smallest part for each number of them. */
function partSizes(whole: number): number[] {
  const counts = new Set<number>();
  for (let parts = 1; parts <= whole; parts++) counts.add(Math.ceil(whole / parts));
  return [...counts];
}

function candidatesOf(sketch: LayerSketch, budget: number, units: FullAdderAreas): Candidate[] {
  const { plan, taps, outputs } = sketch;
  const windows = plan.output.height * plan.output.width;
  const parallel: Candidate = {
    parallelism: { kind: "parallel" },
    area: parallelArea(sketch, units),
    cyclesPerFrame: plan.steps,
    burst: plan.stride.width,
  };
  const out = [parallel];
  for (const lanes of partSizes(outputs)) {
    for (const inputs of partSizes(taps)) {
      const folding: Folding = { kind: "folded", lanes, inputs };
      const { steps, groups } = foldedSteps(folding, outputs, taps);
      if (steps === 1) continue;
      const serial = isSerial(sketch, inputs);
      const cyclesPerFrame = serial
        ? serialCyclesPerFrame(plan, { write: groups, read: steps })
        : Math.max(plan.steps, windows * steps);
      if (cyclesPerFrame > budget) continue;
      const burst = serial ? plan.stride.width * groups + steps : Math.max(plan.stride.width, steps);
      out.push({ parallelism: folding, area: foldedArea(sketch, folding, units), cyclesPerFrame, burst });
    }
  }
  return out;
}

/** A choice for the layers so far. */
type State = {
  readonly area: number;
  /** Least cycles between two pixels of a row, for each stream that later layers read. */
  readonly peaks: readonly number[];
  readonly choices: readonly LayerParallelism[];
};

/** Pixels that gather in a row when they come every `peak` cycles and go every `rate`. */
const backlog = (plan: WindowPlan, peak: number, rate: number): number =>
  Math.max(1, Math.ceil(plan.input.width * (1 - peak / rate)) + 1);

/** Keep the states for which no other is both smaller and, in every stream, smoother. */
function pareto(states: readonly State[]): State[] {
  const sorted = [...states].sort((a, b) => a.area - b.area || (b.peaks[0] ?? 0) - (a.peaks[0] ?? 0));
  const kept: State[] = [];
  for (const state of sorted) {
    const isBeaten = kept.some(({ peaks }) => peaks.every((peak, i) => peak >= state.peaks[i]!));
    if (!isBeaten) kept.push(state);
  }
  return kept;
}

/** How a layer in a form passes time on; latencies are about right, the depth of memories unlimited. */
function roughTiming(
  plan: WindowPlan,
  parallelism: LayerParallelism,
  sketch: LayerSketch | undefined,
  inputs: number,
): LayerTiming {
  if (parallelism.kind === "parallel" || sketch === undefined)
    return { kind: "parallel", plan, fifos: new Array<number>(inputs).fill(0), latencyCycles: 8 };
  const steps = foldedSteps(parallelism, sketch.outputs, sketch.taps);
  const { groups, slices } = steps;
  const beats = parallelism.lanes / requantizersOf(parallelism, steps);
  const kind = isSerial(sketch, parallelism.inputs) ? "serial" : "held";
  const fifo = parallelism.fifo === undefined ? 0 : Number.POSITIVE_INFINITY;
  return {
    kind,
    plan,
    fifos: [fifo],
    groups,
    slices,
    beats,
    latencyCycles: 8,
    entries: parallelism.entries ?? 2,
  };
}

const isSerial = ({ node, taps }: LayerSketch, inputs: number): boolean =>
  node.kind === "depthwiseConv2d" && inputs === 1 && taps > 1 && node.weights.shape[3] === 1;

/**
 * Share of a frame's cycles in which pixels come at a layer's resolution: at the end of a frame the windows that reach below the image are
 * completed, about a row of them, while nothing is taken in.
 */
const share = ({ output: { height, width } }: WindowPlan): number =>
  (height * width) / (height * width + (height > 1 ? width + 1 : 0));

/** Give each layer as many waiting results as come while the next one takes a pixel over. */
function withEntries(
  graph: readonly FrontLayer[],
  choices: readonly LayerParallelism[],
  sketches: readonly (LayerSketch | undefined)[],
): LayerParallelism[] {
  return choices.map((choice, i) => {
    const sketch = sketches[i];
    if (choice.kind === "parallel" || sketch === undefined) return choice;
    const takings = [...graph.keys()].map((r) => {
      const next = choices[r]!;
      const after = sketches[r];
      return graph[r]!.sources.includes(i) &&
        next.kind === "folded" &&
        next.fifo === undefined &&
        after !== undefined &&
        isSerial(after, next.inputs)
        ? Math.ceil(after.outputs / next.lanes)
        : 1;
    });
    const taking = Math.max(...takings);
    const { slices } = foldedSteps(choice, sketch.outputs, sketch.taps);
    return { ...choice, entries: Math.min(16, 2 + Math.ceil(taking / slices)) };
  });
}

/**
 * Choose each layer's parallelism so that the estimated area is least and the front takes `cyclesPerInputPixel` cycles an input pixel.
 *
 * Each form of a layer whose cycles per frame fit the frame's is a candidate. Behind a stride of 2 pixels come twice as fast as on average,
 * in every second row: a layer either keeps up with that, or has a memory in front. Dynamic programming along the layers, in topological order,
 * keeps for each least distance between pixels of the streams that are still to be read the smallest front so far. The exact schedule
 * of the whole front, with unlimited memories, then gives their depths and decides: while the frame takes longer than it may, all layers
 * get a little less time. A front that no choice keeps in time stays parallel.
 *
 * @throws FixynnError FX5041 when cyclesPerInputPixel is below 1
 */
export function chooseFolding(
  graph: readonly FrontLayer[],
  options: ChoiceOptions = {},
): ReadonlyMap<NodeName, LayerParallelism> {
  const { cyclesPerInputPixel = 1, units = defaultFullAdderAreas } = options;
  if (!(cyclesPerInputPixel >= 1))
    throw new FixynnError("FX5041", `${cyclesPerInputPixel} cycles an input pixel: at least 1`, {
      place: "folding",
    });
  const plans = graph.map(({ node, inputs }) => planOfLayer(node, inputs[0]!));
  const budget = Math.max(...plans.map((plan) => plan.steps)) * cyclesPerInputPixel;
  const sketches = graph.map(({ node, inputs }, i) => {
    const weighted = weightedNodeOf(node, inputs[0]!);
    return weighted === undefined ? undefined : sketchLayer(weighted, inputs[0]!, plans[i]!);
  });
  for (let margin = 1; margin > 0.5; margin *= 0.985) {
    const budgets = plans.map((plan) => budget * margin * share(plan));
    const smallest = leastArea({ graph, plans, sketches, budgets, units }, cyclesPerInputPixel);
    const choices = withEntries(graph, smallest, sketches);
    const kept = keptInTime({ graph, plans, sketches, choices }, budget);
    if (kept !== undefined) return new Map(kept.map((choice, i) => [graph[i]!.node.name, choice]));
  }
  return new Map(graph.map(({ node }) => [node.name, { kind: "parallel" }]));
}

/** Give memories their depths if the schedule keeps the budget, those of residual joins included. */
function keptInTime(
  {
    graph,
    plans,
    sketches,
    choices,
  }: {
    readonly graph: readonly FrontLayer[];
    readonly plans: readonly WindowPlan[];
    readonly sketches: readonly (LayerSketch | undefined)[];
    readonly choices: readonly LayerParallelism[];
  },
  budget: number,
): readonly LayerParallelism[] | undefined {
  const stagesOf = (forms: readonly LayerParallelism[]): readonly ScheduleStage[] =>
    graph.map(({ sources }, i) => ({
      timing: roughTiming(plans[i]!, forms[i]!, sketches[i], sources.length),
      sources,
    }));
  const open = graph.reduce<readonly ScheduleStage[]>(
    (stages, { sources }, i) =>
      sources.length < 2
        ? stages
        : withFifos(
            stages,
            i,
            sources.map(() => Number.POSITIVE_INFINITY),
          ),
    stagesOf(choices),
  );
  // Two frames tell most choices that are too slow; three decide.
  if (simulateSchedule(open, 2).cyclesPerFrame > budget) return undefined;
  const { cyclesPerFrame, fifoUse } = simulateSchedule(open, 3);
  if (cyclesPerFrame > budget) return undefined;
  const sized = choices.map((choice, i) =>
    choice.kind === "folded" && choice.fifo !== undefined
      ? { ...choice, fifo: Math.max(2, fifoUse[i]![0]! + 1) }
      : choice,
  );
  if (graph.every(({ sources }) => sources.length < 2)) return sized;
  const stages = stagesOf(sized);
  const closed = [...sizeJoins(stages)].reduce((all, [i, { depths }]) => withFifos(all, i, depths), stages);
  return simulateSchedule(closed, 4).cyclesPerFrame > budget ? undefined : sized;
}

/** The smallest front in which each layer keeps to its budget, memories in front of layers that cannot follow bursts. */
function leastArea(
  {
    graph,
    plans,
    sketches,
    budgets,
    units,
  }: {
    readonly graph: readonly FrontLayer[];
    readonly plans: readonly WindowPlan[];
    readonly sketches: readonly (LayerSketch | undefined)[];
    readonly budgets: readonly number[];
    readonly units: FullAdderAreas;
  },
  cyclesPerInputPixel: number,
): readonly LayerParallelism[] {
  let live: readonly number[] = [-1];
  let states: State[] = [{ area: 0, peaks: [cyclesPerInputPixel], choices: [] }];
  for (const [i, plan] of plans.entries()) {
    const sketch = sketches[i];
    const { inputs, sources } = graph[i]!;
    const stride = plan.stride.width;
    const pools: Candidate = {
      parallelism: { kind: "parallel" },
      area: 0,
      cyclesPerFrame: plan.steps,
      burst: stride,
    };
    const candidates = sketch === undefined ? [pools] : candidatesOf(sketch, budgets[i]!, units);
    const isRead = (stream: number): boolean =>
      graph.some((layer, r) => r > i && layer.sources.includes(stream));
    const stays = live.flatMap((stream, k) => (isRead(stream) ? [k] : []));
    const next: State[] = [];
    for (const state of states) {
      const others = stays.map((k) => state.peaks[k]!);
      // Where streams meet, the slower one sets the pace.
      const before = Math.max(...sources.map((source) => state.peaks[live.indexOf(source)]!));
      for (const { parallelism, area, burst } of candidates) {
        const keepsUp = burst <= stride * before;
        if (keepsUp || parallelism.kind === "parallel") {
          const peak = Math.max(burst, stride * before);
          const choices = [...state.choices, parallelism];
          next.push({ area: state.area + area, peaks: [peak, ...others], choices });
          continue;
        }
        const fifo = backlog(plan, before, burst / stride);
        const choices = [...state.choices, { ...parallelism, fifo }];
        const bits = inputs[0]!.shape.at(-1)! * inputs[0]!.bits;
        const more = fifo * bits * units.sramBit + 75;
        next.push({ area: state.area + area + more, peaks: [burst, ...others], choices });
      }
    }
    live = [i, ...stays.map((k) => live[k]!)];
    states = pareto(next);
  }
  return states.reduce((a, b) => (b.area < a.area ? b : a)).choices;
}
