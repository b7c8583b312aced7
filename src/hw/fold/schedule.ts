import { isPointwise, type WindowPlan } from "../window-plan.js";
import { windowSteps } from "./cycles.js";

/** A layer's control, as far as time depends on it. */
export type LayerTiming = {
  readonly plan: WindowPlan;
  /** Pixels that the memory in front of the layer holds; none when 0, any number when infinite. */
  readonly fifo: number;
} & (
  | { readonly kind: "parallel"; readonly latency: number }
  | {
      readonly kind: "held" | "serial";
      readonly groups: number;
      readonly slices: number;
      /** Cycles from a group's last slice to its first result. */
      readonly latency: number;
      /** Results that a group gives, one a cycle. */
      readonly beats: number;
      /** Results that may wait for the collector. */
      readonly entries: number;
    }
);

/** What {@link simulateSchedule} finds. */
export type Schedule = {
  /** Cycles between the ends of the last two frames. */
  readonly cyclesPerFrame: number;
  /** Cycles from the reset's end to the last output beat. */
  readonly cycles: number;
  /** Most pixels that each layer's memory held. */
  readonly fifoUse: readonly number[];
  /** Most results that waited in each folded layer. */
  readonly entryUse: readonly number[];
};

/** Which steps of a frame want a pixel, and which complete a window. */
function stepTable(plan: WindowPlan): { readonly wanted: Uint8Array; readonly complete: Uint8Array } {
  const { steps, period, input } = plan;
  const wanted = new Uint8Array(steps);
  for (let t = 0; t < steps; t++) {
    if (t % period < input.width && Math.floor(t / period) < input.height) wanted[t] = 1;
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

/** One layer's control, cycle by cycle, exactly as its hardware's; data does not matter. */
class LayerModel {
  readonly #timing: LayerTiming;
  readonly #wanted: Uint8Array;
  readonly #complete: Uint8Array;
  readonly #pointwise: boolean;
  readonly #words: number;
  readonly #results: number;
  readonly #buffer = new OutputBuffer();
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
  #stored = 0;
  #front = false;
  #waiting = 0;
  fifoUse = 0;
  entryUse = 0;

  constructor(timing: LayerTiming) {
    this.#timing = timing;
    const { wanted, complete } = stepTable(timing.plan);
    this.#wanted = wanted;
    this.#complete = complete;
    this.#pointwise = isPointwise(timing.plan);
    this.#words = timing.kind === "parallel" ? 1 : timing.groups * timing.slices;
    this.#results = timing.kind === "parallel" ? 1 : timing.groups * timing.beats;
  }

  get valid(): boolean {
    return this.#results > 1 ? this.#full : this.#buffer.out;
  }

  /** Take a pixel if there is one; returns whether the layer takes it in this cycle. Call before {@link clock}. */
  ready(valid: boolean): boolean {
    return this.#timing.fifo > 0 ? this.#stored < this.#timing.fifo : this.#coreReady(valid);
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

  #coreReady(valid: boolean): boolean {
    const wanted = this.#wanted[this.#step] === 1;
    return wanted && this.#mayStep() && (valid || this.#timing.kind !== "serial");
  }

  /** Apply a clock edge. */
  clock(valid: boolean, ready: boolean): void {
    const { fifo } = this.#timing;
    if (fifo === 0) {
      this.#clockCore(valid, ready);
      return;
    }
    const write = valid && this.#stored < fifo;
    const take = this.#front && this.#coreReady(true);
    const read = this.#stored > 0 && (!this.#front || take);
    this.#clockCore(this.#front, ready);
    this.#stored += Number(write) - Number(read);
    this.#front = read || (this.#front && !take);
    if (this.#stored > this.fifoUse) this.fifoUse = this.#stored;
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
      if (fire) this.#due.push(this.#tick + 1 + timing.latency);
    } else {
      const work = this.#held && advance;
      if (work) {
        if ((this.#word + 1) % timing.slices === 0) {
          for (let i = 0; i < timing.beats; i++) this.#due.push(this.#tick + timing.latency + i);
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

/**
 * Run the control of a chain of layers, cycle by cycle, with an input that always has a pixel and an output that always takes one. Control
 * does not depend on data, so this is exact: the cycles per frame are the hardware's, and a memory that is as deep as its largest use
 * with unlimited depth never fills.
 */
export function simulateSchedule(layers: readonly LayerTiming[], frames: number): Schedule {
  const models = layers.map((timing) => new LayerModel(timing));
  const last = layers.at(-1)!.plan.output;
  const perFrame = last.height * last.width;
  const ends: number[] = [];
  const valid: boolean[] = [];
  const ready: boolean[] = [];
  let sent = 0;
  for (let cycle = 0; ends.length < frames; cycle++) {
    valid[0] = true;
    for (const [i, model] of models.entries()) valid[i + 1] = model.valid;
    for (const [i, model] of models.entries()) ready[i] = model.ready(valid[i]!);
    ready[models.length] = true;
    if (valid[models.length] && ++sent % perFrame === 0) ends.push(cycle);
    for (const [i, model] of models.entries()) model.clock(valid[i]!, ready[i + 1]!);
    if (cycle > 1e8) break;
  }
  return {
    cyclesPerFrame: ends.at(-1)! - (ends.at(-2) ?? -1),
    cycles: ends.at(-1)! + 1,
    fifoUse: models.map((model) => model.fifoUse),
    entryUse: models.map((model) => model.entryUse),
  };
}
