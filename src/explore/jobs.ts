import type { ClockTarget } from "../arith/index.js";
import type { NodeName } from "../graph/index.js";
import {
  type ComputedNode,
  chooseFolding,
  compileLayer,
  type FrontLayer,
  type LayerParallelism,
  type LayerStats,
  type LayerTiming,
  type ScheduleStage,
  sizeJoins,
  steadySchedule,
} from "../hw/index.js";
import type { Clamp, QuantType } from "../quant/index.js";

/** Choose the parallelism of all layers at a rate. */
export type ChooseJob = {
  readonly kind: "choose";
  readonly graph: readonly FrontLayer[];
  readonly cyclesPerInputPixel: number;
};

/** Compile one layer in one form. */
export type CompileJob = {
  readonly kind: "compile";
  readonly node: ComputedNode;
  readonly inputs: readonly QuantType[];
  readonly inputClamps: readonly Clamp[];
  readonly parallelism: LayerParallelism;
  readonly clock: ClockTarget;
  /** Memories in front of a residual sum. */
  readonly fifos?: readonly number[];
};

/** Find how deep the memories in front of residual sums must be. */
export type JoinsJob = { readonly kind: "joins"; readonly stages: readonly ScheduleStage[] };

/** Find the cycles between two frames. */
export type ScheduleJob = { readonly kind: "schedule"; readonly stages: readonly ScheduleStage[] };

/** Something that takes a while, by what it depends on. */
export type Job = ChooseJob | CompileJob | JoinsJob | ScheduleJob;

/** What each kind of job gives: JSON values. */
export type JobResults = {
  readonly choose: readonly (readonly [NodeName, LayerParallelism])[];
  readonly compile: { readonly stats: LayerStats; readonly timing: LayerTiming };
  readonly joins: readonly (readonly [number, readonly number[]])[];
  readonly schedule: { readonly cyclesPerFrame: number };
};

/** Frames after which control that never repeats is taken as it is; as `compileFrontEnd`. */
const MOST_FRAMES = 8;

const handlers: { readonly [Kind in Job["kind"]]: (job: Extract<Job, { kind: Kind }>) => JobResults[Kind] } =
  {
    choose: ({ graph, cyclesPerInputPixel }) => [...chooseFolding(graph, { cyclesPerInputPixel })],
    compile: ({ node, inputs, inputClamps, parallelism, clock, fifos }) => {
      const options = { inputClamps, parallelism, clock, ...(fifos === undefined ? {} : { fifos }) };
      const { stats, timing } = compileLayer(node, inputs, options);
      return { stats, timing };
    },
    joins: ({ stages }) => [...sizeJoins(stages)].map(([place, { depths }]) => [place, depths]),
    schedule: ({ stages }) => ({ cyclesPerFrame: steadySchedule(stages, MOST_FRAMES).cyclesPerFrame }),
  };

/** Do a job here and now. */
export function runJob<Kind extends Job["kind"]>(job: Extract<Job, { kind: Kind }>): JobResults[Kind] {
  const handler = handlers[job.kind] as (job: Extract<Job, { kind: Kind }>) => JobResults[Kind];
  return handler(job);
}
