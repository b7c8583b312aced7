import { FixynnError, invariant } from "../../core/index.js";
import { stepTable } from "./layer-model.js";
import { type ScheduleStage, simulateSchedule, steadySchedule } from "./schedule.js";

/** Memories of a join's two streams, and why they are deep enough. */
export type JoinDepths = {
  /** Pixels for each stream; 0 for no memory. */
  readonly depths: readonly number[];
  /** Pixels of each stream that must wait however the sides pause, and most that waited at full speed. */
  readonly needed: readonly number[];
  readonly used: readonly number[];
  /** Frames after which the schedule at full speed repeats. */
  readonly periodFrames: number;
};

/** A stream with room for one beat, as the output register of its producer: which readers still want it. */
class Slot {
  readonly wants = new Set<string>();
  readonly #readers: readonly string[];

  constructor(readers: readonly string[]) {
    this.#readers = readers;
  }

  get free(): boolean {
    return this.wants.size === 0;
  }

  put(): void {
    for (const reader of this.#readers) this.wants.add(reader);
  }
}

/**
 * Work off a frame without regard to time, beat by beat, each stream holding one beat and each layer none: whatever can move does, the
 * last layer first; only when nothing else can move, a beat is put aside for a join; only when nothing can be put aside either, the
 * next pixel comes in. What is put aside at most, for each stream of each stage, is what a join's memory must hold.
 */
export function putAside(stages: readonly ScheduleStage[]): readonly (readonly number[])[] {
  const pin = (stage: number, input: number): string => `${stage}.${input}`;
  const slots = [-1, ...stages.keys()].map(
    (source) =>
      new Slot(
        stages.flatMap(({ sources }, i) => sources.flatMap((s, k) => (s === source ? [pin(i, k)] : []))),
      ),
  );
  const tables = stages.map(({ timing }) => stepTable(timing.plan));
  const step = new Int32Array(stages.length);
  const aside = stages.map(({ sources }) => sources.map(() => 0));
  const most = stages.map(({ sources }) => sources.map(() => 0));
  const has = (i: number, k: number): boolean =>
    aside[i]![k]! > 0 || slots[stages[i]!.sources[k]! + 1]!.wants.has(pin(i, k));
  /** Let a layer take a step if it can. */
  const moves = (i: number): boolean => {
    const { wanted, complete } = tables[i]!;
    const t = step[i]!;
    const { sources } = stages[i]!;
    const wants = wanted[t] === 1;
    if (wants && !sources.every((_, k) => has(i, k))) return false;
    if (complete[t] === 1 && !slots[i + 1]!.free) return false;
    if (wants)
      for (const [k, source] of sources.entries()) {
        if (aside[i]![k]! > 0) aside[i]![k]!--;
        else slots[source + 1]!.wants.delete(pin(i, k));
      }
    if (complete[t] === 1) slots[i + 1]!.put();
    step[i] = t + 1 === wanted.length ? 0 : t + 1;
    return true;
  };
  const anyMoves = (): boolean => {
    for (let i = stages.length - 1; i >= 0; i--) if (moves(i)) return true;
    return false;
  };
  const putOneAside = (alone: boolean): boolean => {
    for (const [i, { sources }] of stages.entries()) {
      if (sources.length < 2) continue;
      for (const [k, source] of sources.entries()) {
        if (alone && has(i, 1 - k)) continue;
        if (!slots[source + 1]!.wants.delete(pin(i, k))) continue;
        aside[i]![k]!++;
        most[i]![k] = Math.max(most[i]![k]!, aside[i]![k]!);
        return true;
      }
    }
    return false;
  };
  // Rather one whose partner is not there.
  const anyPutAside = (): boolean => putOneAside(true) || putOneAside(false);
  const first = stages.find(({ sources }) => sources.includes(-1))!.timing.plan.input;
  for (let beat = 0; beat < first.height * first.width; beat++) {
    slots[0]!.put();
    while (anyMoves() || (!slots[0]!.free && anyPutAside())) {}
  }
  while (anyMoves() || anyPutAside()) {}
  invariant(
    step.every((t) => t === 0) && aside.flat().every((n) => n === 0),
    "a frame is worked off completely",
  );
  return most;
}

/** A stage and all that it depends on, numbered anew; the stage itself comes last. */
export function coneOf(stages: readonly ScheduleStage[], top: number): readonly ScheduleStage[] {
  const needed = new Set([top]);
  for (let i = top; i >= 0; i--)
    if (needed.has(i)) for (const source of stages[i]!.sources) needed.add(source);
  const kept = [...stages.keys()].filter((i) => needed.has(i));
  const place = new Map(kept.map((i, k) => [i, k]));
  return kept.map((i) => ({
    timing: stages[i]!.timing,
    sources: stages[i]!.sources.map((source) => (source < 0 ? -1 : place.get(source)!)),
  }));
}

/** Replace the memories of one stage. */
export function withFifos(
  stages: readonly ScheduleStage[],
  at: number,
  fifos: readonly number[],
): readonly ScheduleStage[] {
  return stages.map((stage, i) => (i === at ? { ...stage, timing: { ...stage.timing, fifos } } : stage));
}

/** Memories that all joins have, both in front of them. */
function withJoins(
  stages: readonly ScheduleStage[],
  joins: ReadonlyMap<number, Pick<JoinDepths, "depths">>,
): readonly ScheduleStage[] {
  return [...joins].reduce((all, [i, { depths }]) => withFifos(all, i, depths), stages);
}

/** Size every join once, in topological order; with `least` both of its streams have memories of so many pixels at least. */
function sizeOnce(
  stages: readonly ScheduleStage[],
  needs: readonly (readonly number[])[],
  least: number,
): ReadonlyMap<number, JoinDepths> {
  const joins = new Map<number, JoinDepths>();
  for (const [i, { sources }] of stages.entries()) {
    if (sources.length < 2) continue;
    const needed = needs[i]!;
    const forced = needed.map((lead) => lead > 0 || least > 0);
    const tried = [...(forced.every((has) => has) ? [] : [forced]), [true, true]].map((memories) => {
      const unlimited = memories.map((has) => (has ? Number.POSITIVE_INFINITY : 0));
      return {
        memories,
        schedule: steadySchedule(coneOf(withFifos(withJoins(stages, joins), i, unlimited), i)),
      };
    });
    const fastest = Math.min(...tried.map(({ schedule }) => schedule.cyclesPerFrame));
    const { memories, schedule } = tried.find((one) => one.schedule.cyclesPerFrame === fastest)!;
    const { periodFrames } = schedule;
    if (periodFrames === undefined)
      throw new FixynnError("FX5042", "the schedule of a residual join does not repeat", {
        place: `stage ${i}`,
        hint: "give the layers before it other parallelisms",
      });
    const used = schedule.fifoUse.at(-1)!;
    const depths = memories.map((has, k) => (has ? Math.max(needed[k]!, used[k]! + 1, least) : 0));
    joins.set(i, { depths, needed, used, periodFrames });
  }
  return joins;
}

/** Frames of a run with memories that may grow without end, and its first ones, which do not count. */
const [FRAMES, WARM_UP] = [24, 12];
/** What counts as slower: a few frames tell the rate of an uneven schedule about so well. */
const SLOWER = 1.01;
const MOST_LEAST = 1024;

/** Cycles a frame that no memories can better: of the slowest layer alone. */
function slowestAlone(stages: readonly ScheduleStage[]): number {
  const alone = stages.map(({ timing, sources }) => {
    const free = { timing: { ...timing, fifos: sources.map(() => 0) }, sources: sources.map(() => -1) };
    return steadySchedule([free]).cyclesPerFrame;
  });
  return Math.max(...alone);
}

/** Cycles a frame with unlimited memories in front of all joins. */
function unlimitedRate(stages: readonly ScheduleStage[], joins: ReadonlyMap<number, JoinDepths>): number {
  const depths = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const { ends } = simulateSchedule(
    withJoins(stages, new Map([...joins.keys()].map((i) => [i, { depths }]))),
    FRAMES,
  );
  return (ends[FRAMES - 1]! - ends[WARM_UP - 1]!) / (FRAMES - WARM_UP);
}

/**
 * Find how deep the memories in front of each join must be, so that the pipeline neither deadlocks nor loses rate. Two bounds, both proven
 * (docs/hw.md):
 *
 * - *needed*, no deadlock under any pauses: what {@link putAside} puts aside. Layers and forks are determinate processes, so whether a
 *   network of bounded memories comes to a stop does not depend on the order of its moves: if that order never does, none does.
 * - *used*, no lost rate: the exact schedule of the join and all before it, with unlimited memories, until its state repeats. One pixel
 *   deeper than its largest use, a memory is never full, so the schedule is the same cycle by cycle.
 *
 * A stream that is never ahead has no memory if the schedule is as fast without it. Earlier joins are sized first. In the end the schedule of
 * the whole front decides: where what follows a join is uneven, its memories may have to even that out too, so while the
 * whole is slower than its slowest layer and than with unlimited memories, all of them get deeper.
 *
 * @throws FixynnError FX5042 when a schedule does not repeat within 256 frames
 */
export function sizeJoins(stages: readonly ScheduleStage[]): ReadonlyMap<number, JoinDepths> {
  if (stages.every(({ sources }) => sources.length < 2)) return new Map();
  const needs = putAside(stages);
  const first = sizeOnce(stages, needs, 0);
  const rateOf = (joins: typeof first): number => steadySchedule(withJoins(stages, joins)).cyclesPerFrame;
  let best = { joins: first, rate: rateOf(first) };
  if (best.rate <= slowestAlone(stages)) return first;
  const wanted = unlimitedRate(stages, first) * SLOWER;
  for (let least = 2; best.rate > wanted && least <= MOST_LEAST; least *= 2) {
    const joins = sizeOnce(stages, needs, least);
    const rate = rateOf(joins);
    if (rate < best.rate) best = { joins, rate };
  }
  return best.joins;
}
