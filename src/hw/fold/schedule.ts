import { LayerModel, type LayerTiming } from "./layer-model.js";

/** A layer in a front's graph: its control, and for each stream that it reads the place of its producer, −1 for the front's input. */
export type ScheduleStage = { readonly timing: LayerTiming; readonly sources: readonly number[] };

/** What {@link simulateSchedule} finds. */
export type Schedule = {
  /** Cycles between the ends of the last two frames; infinite when the front comes to a stop. */
  readonly cyclesPerFrame: number;
  /** Cycles from the reset's end to the last output beat. */
  readonly cycles: number;
  /** Cycles in which the frames ended. */
  readonly ends: readonly number[];
  /** Most pixels that the memory in front of each layer held, for each stream that it reads. */
  readonly fifoUse: readonly (readonly number[])[];
  /** Most results that waited in each folded layer. */
  readonly entryUse: readonly number[];
};

/** As {@link Schedule}, over all time: from the frame after which everything repeats. */
export type SteadySchedule = Schedule & {
  /** Frames after which the control state came again; undefined when it did not within the frames tried. */
  readonly periodFrames: number | undefined;
};

/** Stages one after another. */
export function chainOf(timings: readonly LayerTiming[]): readonly ScheduleStage[] {
  return timings.map((timing, i) => ({ timing, sources: [i - 1] }));
}

/** One reader of a stream, and in a fork whether it has the present beat already. */
type Pin = { readonly stage: number; readonly input: number; readonly source: number; done: boolean };

/** The control of a front, cycle by cycle. */
export class ScheduleRun {
  readonly models: readonly LayerModel[];
  readonly #pins: readonly Pin[];
  /** Pins of each stage, and readers of each stream (the input first). */
  readonly #pinsOf: readonly (readonly Pin[])[];
  readonly #readers: readonly (readonly Pin[])[];
  readonly #valid: boolean[][];
  readonly #ready: boolean[][];
  readonly #offered: boolean[];
  readonly #taken: boolean[];

  constructor(stages: readonly ScheduleStage[]) {
    this.models = stages.map(({ timing }) => new LayerModel(timing));
    this.#pinsOf = stages.map(({ sources }, stage) =>
      sources.map((source, input) => ({ stage, input, source, done: false })),
    );
    this.#pins = this.#pinsOf.flat();
    this.#readers = [-1, ...stages.keys()].map((source) => this.#pins.filter((pin) => pin.source === source));
    this.#valid = this.#pinsOf.map((pins) => pins.map(() => false));
    this.#ready = this.#pinsOf.map((pins) => pins.map(() => false));
    this.#offered = this.#readers.map(() => false);
    this.#taken = this.#readers.map(() => false);
  }

  /**
   * Let a cycle pass.
   *
   * @returns whether a beat entered and whether one left
   */
  cycle(offers: boolean, takes: boolean): { readonly entered: boolean; readonly left: boolean } {
    const last = this.models.length;
    this.#offered[0] = offers;
    for (let i = 0; i < last; i++) this.#offered[i + 1] = this.models[i]!.valid;
    for (const { stage, input, source, done } of this.#pins)
      this.#valid[stage]![input] = this.#offered[source + 1]! && !done;
    for (const { stage, input } of this.#pins)
      this.#ready[stage]![input] = this.models[stage]!.ready(input, this.#valid[stage]!);
    for (let s = 0; s <= last; s++) {
      const readers = this.#readers[s]!;
      let all = readers.length > 0 || takes;
      for (const { stage, input, done } of readers) if (!done && !this.#ready[stage]![input]!) all = false;
      this.#taken[s] = all;
      if (readers.length < 2) continue;
      for (const pin of readers)
        pin.done = this.#offered[s]! && !all && (pin.done || this.#ready[pin.stage]![pin.input]!);
    }
    for (let i = 0; i < last; i++) this.models[i]!.clock(this.#valid[i]!, this.#taken[i + 1]!);
    return { entered: offers && this.#taken[0]!, left: this.#offered[last]! && takes };
  }

  /** Everything that the future depends on. */
  snapshot(): string {
    const done = this.#pins.map((pin) => Number(pin.done)).join("");
    return `${done};${this.models.map((model) => model.snapshot()).join(";")}`;
  }
}

/** Cycles without a beat leaving after which to look whether anything moves at all. */
const PATIENCE = 1000;

function run(stages: readonly ScheduleStage[], frames: number, untilRepeated: boolean): SteadySchedule {
  const schedule = new ScheduleRun(stages);
  const { height, width } = stages.at(-1)!.timing.plan.output;
  const perFrame = height * width;
  const ends: number[] = [];
  const seen = new Map<string, number>();
  let periodFrames: number | undefined;
  let sent = 0;
  let moved = 0;
  for (let cycle = 0; ends.length < frames; cycle++) {
    const look = cycle > moved && (cycle - moved) % PATIENCE === 0;
    const still = look ? schedule.snapshot() : undefined;
    const { left } = schedule.cycle(true, true);
    // Offered and asked for everything, what does not move in one cycle never does.
    if (still !== undefined && still === schedule.snapshot()) break;
    if (!left) continue;
    moved = cycle;
    if (++sent % perFrame !== 0) continue;
    ends.push(cycle);
    if (!untilRepeated) continue;
    const state = schedule.snapshot();
    const before = seen.get(state);
    if (before !== undefined) {
      periodFrames = ends.length - before;
      break;
    }
    seen.set(state, ends.length);
  }
  const stopped = ends.length < frames && periodFrames === undefined;
  const last = stopped ? Number.POSITIVE_INFINITY : ends.at(-1)!;
  return {
    cyclesPerFrame:
      periodFrames === undefined
        ? last - (ends.at(-2) ?? -1)
        : (last - ends.at(-1 - periodFrames)!) / periodFrames,
    cycles: last + 1,
    ends,
    fifoUse: schedule.models.map((model) => model.fifoUse),
    entryUse: schedule.models.map((model) => model.entryUse),
    periodFrames,
  };
}

/**
 * Run the control of a front, cycle by cycle, with an input that always has a pixel and an output that always takes one. Control
 * does not depend on data, so this is exact: the cycles per frame are the hardware's, and a memory that is as deep as its largest use
 * with unlimited depth never fills. The last stage is the output.
 */
export function simulateSchedule(stages: readonly ScheduleStage[], frames: number): Schedule {
  return run(stages, frames, false);
}

/**
 * As {@link simulateSchedule}, until a frame ends in the same state of all control as an earlier one: from there on everything repeats, so that
 * the largest uses and the rate are those of all time.
 */
export function steadySchedule(stages: readonly ScheduleStage[], mostFrames = 256): SteadySchedule {
  return run(stages, mostFrames, true);
}
