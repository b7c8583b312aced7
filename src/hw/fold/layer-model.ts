import { isPointwise, type WindowPlan } from "../window-plan.js";
import { windowSteps } from "./cycles.js";

/** A layer's control, as far as time depends on it. */
export type LayerTiming = {
  readonly plan: WindowPlan;
  /** For each stream that the layer reads: pixels that the memory in front of it holds; none when 0, any number when infinite. */
  readonly fifos: readonly number[];
} & (
  | { readonly kind: "parallel"; readonly latencyCycles: number }
  | {
      readonly kind: "held" | "serial";
      readonly groups: number;
      readonly slices: number;
      /** Cycles from a group's last slice to its first result. */
      readonly latencyCycles: number;
      /** Results that a group gives, one a cycle. */
      readonly beats: number;
      /** Results that may wait for the collector. */
      readonly entries: number;
    }
);

/** Which steps of a frame want a pixel, and which complete a window. */
export function stepTable(plan: WindowPlan): { readonly wanted: Uint8Array; readonly complete: Uint8Array } {
  const { steps, periodSteps, input } = plan;
  const wanted = new Uint8Array(steps);
  for (let t = 0; t < steps; t++) {
    if (t % periodSteps < input.width && Math.floor(t / periodSteps) < input.height) wanted[t] = 1;
  }
  const complete = new Uint8Array(steps);
  for (const t of windowSteps(plan)) complete[t] = 1;
  return { wanted, complete };
}

/** The two entries behind a pipeline (see `addOutputBuffer`). */
class OutputBuffer {
  out = false;
  skid = false;

  /** Apply a clock edge; `valid` is the pipeline's result, and it is left if `skid` was set. */
  clock(valid: boolean, ready: boolean): void {
    const load = !this.out || ready;
    const any = this.skid || valid;
    if (load) this.out = any;
    this.skid = !load && any;
  }
}

/** A memory of pixels in front of a layer (see `addPixelFifo`), or nothing. */
class PixelQueue {
  readonly depth: number;
  stored = 0;
  front = false;
  /** Most pixels that the memory held. */
  use = 0;

  constructor(depth: number) {
    this.depth = depth;
  }

  /** Apply a clock edge. */
  clock(valid: boolean, take: boolean): void {
    const write = valid && this.stored < this.depth;
    const read = this.stored > 0 && (!this.front || take);
    this.stored += Number(write) - Number(read);
    this.front = read || (this.front && !take);
    if (this.stored > this.use) this.use = this.stored;
  }
}

/** One layer's control, cycle by cycle, exactly as its hardware's; data does not matter. */
export class LayerModel {
  readonly #timing: LayerTiming;
  readonly #wanted: Uint8Array;
  readonly #complete: Uint8Array;
  readonly #pointwise: boolean;
  readonly #words: number;
  readonly #results: number;
  readonly #buffer = new OutputBuffer();
  readonly #queues: readonly PixelQueue[];
  /** Ticks (cycles in which the pipeline moves) at which a result is there. */
  readonly #due: number[] = [];
  #dueHead = 0;
  #tick = 0;
  #step = 0;
  #held = false;
  #word = 0;
  #writing = 0;
  #collected = 0;
  #full = false;
  #waiting = 0;
  entryUse = 0;

  constructor(timing: LayerTiming) {
    this.#timing = timing;
    const { wanted, complete } = stepTable(timing.plan);
    this.#wanted = wanted;
    this.#complete = complete;
    this.#pointwise = isPointwise(timing.plan);
    this.#words = timing.kind === "parallel" ? 1 : timing.groups * timing.slices;
    this.#results = timing.kind === "parallel" ? 1 : timing.groups * timing.beats;
    this.#queues = timing.fifos.map((depth) => new PixelQueue(depth));
  }

  /** The layer offers a result. */
  get valid(): boolean {
    return this.#results > 1 ? this.#full : this.#buffer.out;
  }

  /** Most pixels that the memory of each input held. */
  get fifoUse(): readonly number[] {
    return this.#queues.map(({ use }) => use);
  }

  /** Streams that the layer reads. */
  get inputs(): number {
    return this.#queues.length;
  }

  /** Everything that the future depends on. */
  snapshot(): string {
    const due = this.#due.slice(this.#dueHead).map((tick) => tick - this.#tick);
    const { out, skid } = this.#buffer;
    const counters = [this.#step, this.#word, this.#writing, this.#collected, this.#waiting];
    const flags = [this.#held, this.#full, out, skid].map(Number);
    const queues = this.#queues.flatMap(({ stored, front }) => [stored, Number(front)]);
    return [...counters, ...flags, ...queues, ...due].join();
  }

  /** Tell whether the layer takes a pixel of one of its streams in this cycle if there is one; `valid` of all streams is given. */
  ready(input: number, valid: readonly boolean[]): boolean {
    const queue = this.#queues[input]!;
    if (queue.depth > 0) return queue.stored < queue.depth;
    return this.#coreReady(this.#present(valid, this.#queues.length > 1 ? input : -1), valid[input]!);
  }

  /** A pixel stands in front of the layer's core on every stream, one possibly excepted. */
  #present(valid: readonly boolean[], except = -1): boolean {
    for (let i = 0; i < this.#queues.length; i++) {
      const { depth, front } = this.#queues[i]!;
      if (i !== except && !(depth > 0 ? front : valid[i]!)) return false;
    }
    return true;
  }

  /** The pipeline stands still. */
  #blocked(): boolean {
    if (this.#timing.kind === "parallel" || this.#results === 1) return this.#buffer.skid;
    return this.#waiting === this.#timing.entries;
  }

  #free(): boolean {
    return !this.#held || (!this.#blocked() && this.#word === this.#words - 1);
  }

  #mayStep(): boolean {
    switch (this.#timing.kind) {
      case "parallel":
        return !this.#buffer.skid;
      case "held":
        return this.#free() || (!this.#pointwise && this.#complete[this.#step] === 0);
      case "serial":
        return this.#free() && this.#writing === this.#timing.groups - 1;
    }
  }

  /** A join is ready for one pixel when the other is there; a layer that reads one stream mostly needs not look. */
  #coreReady(others: boolean, valid: boolean): boolean {
    if (this.#wanted[this.#step] === 0 || !this.#mayStep()) return false;
    return this.#queues.length > 1 ? others : valid || this.#timing.kind !== "serial";
  }

  /** Apply a clock edge. */
  clock(valid: readonly boolean[], ready: boolean): void {
    const present = this.#present(valid);
    const take = present && this.#wanted[this.#step] === 1 && this.#mayStep();
    this.#clockCore(present, ready);
    for (let i = 0; i < this.#queues.length; i++) {
      const queue = this.#queues[i]!;
      if (queue.depth > 0) queue.clock(valid[i]!, take);
    }
  }

  #clockCore(valid: boolean, ready: boolean): void {
    const timing = this.#timing;
    const advance = !this.#blocked();
    const present = valid || this.#wanted[this.#step] === 0;
    const mayStep = this.#mayStep();
    const free = this.#free();
    const step = mayStep && present;
    const fire = step && this.#complete[this.#step] === 1;
    if (timing.kind === "serial" && free && present) {
      this.#writing = this.#writing === timing.groups - 1 ? 0 : this.#writing + 1;
    }
    if (step) this.#step = this.#step + 1 === this.#wanted.length ? 0 : this.#step + 1;
    const result = this.#due[this.#dueHead] === this.#tick;
    // Output side, from the state before this edge.
    if (this.#results > 1) {
      const open = !this.#full || ready;
      const collect = this.#waiting > 0 && open;
      this.#full = (collect && this.#collected === this.#results - 1) || (this.#full && !ready);
      if (collect) this.#collected = this.#collected === this.#results - 1 ? 0 : this.#collected + 1;
      this.#waiting += Number(result && advance) - Number(collect);
      if (this.#waiting > this.entryUse) this.entryUse = this.#waiting;
    } else this.#buffer.clock(result, ready);
    if (timing.kind === "parallel") {
      if (fire) this.#due.push(this.#tick + 1 + timing.latencyCycles);
    } else {
      const work = this.#held && advance;
      if (work) {
        if ((this.#word + 1) % timing.slices === 0) {
          for (let i = 0; i < timing.beats; i++) this.#due.push(this.#tick + timing.latencyCycles + i);
        }
        this.#word = this.#word === this.#words - 1 ? 0 : this.#word + 1;
        if (this.#word === 0) this.#held = false;
      }
      if (fire) this.#held = true;
    }
    if (advance) {
      if (result) this.#dueHead++;
      this.#tick++;
      if (this.#dueHead > 4096) {
        this.#due.splice(0, this.#dueHead);
        this.#dueHead = 0;
      }
    }
  }
}
