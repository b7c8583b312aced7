import type { LayerValues } from "../interpret/decode.js";
import { SMALL_STRIPE_CYCLES } from "../rtl/walker.js";
import type { Agenda } from "./agenda.js";
import type { EngineLatencies } from "./latencies.js";
import { type PassWork, passesOf, type StripeWork } from "./loops.js";

/** Where a layer's cycles go between its start and the issue of its last fetch. */
export type WalkerCycles = {
  /** Fetches, a cycle each. */
  fetches: number;
  /** A frame of the stream input was not there. */
  input: number;
  /** The next block of weights was not in the shadow registers. */
  weights: number;
  /** Both banks of sums were taken. */
  drain: number;
  /** A store read the activation memory. */
  stores: number;
  /** The next pass was still being worked out, or kept its distance in a small stripe. */
  sequence: number;
};

/** What the walker works with. */
export type WalkerContext = {
  readonly agenda: Agenda;
  readonly latencies: EngineLatencies;
  /** A pass fetches for the first time, with the block that is ready. */
  readonly claim: () => void;
  /** The last pass of a stripe is fetched; its sums are complete in the cycle that is given. */
  readonly stripe: (work: StripeWork, sumsAt: number) => void;
  /** Words that stores have read until now. */
  readonly storeReads: () => number;
};

/** The walker: the passes of a layer, one after the other, each when its weights, its sums' bank and its own addresses are there. */
export class Walker {
  readonly #context: WalkerContext;
  #passes: Iterator<PassWork> | undefined;
  #pass: PassWork | undefined;
  #cycles: WalkerCycles | undefined;
  /** A pass is being fetched, or its start is entered. */
  #busy = false;
  /** Since when the next pass stands, the last one is over, a block is ready. */
  #passAt = 0;
  #freeAt = 0;
  #weightsAt: number | undefined;
  /** Since when banks of sums are free. */
  readonly #banks: number[];
  #storeReads = 0;

  constructor(context: WalkerContext) {
    this.#context = context;
    this.#banks = [context.agenda.now, context.agenda.now];
  }

  /**
   * Begin a layer that is taken in this cycle.
   *
   * @param inputAt when the frame that it waits for is there
   * @param cycles gets where its cycles go
   */
  layer(values: LayerValues, inputAt: number, cycles: WalkerCycles): void {
    const { agenda, latencies } = this.#context;
    const missing = Math.max(0, Math.ceil(inputAt) - agenda.now - 1);
    cycles.input += missing;
    this.#cycles = cycles;
    this.#freeAt = agenda.now + missing;
    this.#passAt = this.#freeAt + latencies.layerToPass;
    this.#passes = passesOf(values);
    this.#nextPass();
    this.#advance();
  }

  /** A block is in the shadow registers. */
  blockReady(): void {
    this.#weightsAt = this.#context.agenda.now;
    this.#advance();
  }

  /** A bank of sums is free. */
  bankFree(): void {
    this.#banks.push(this.#context.agenda.now);
    this.#advance();
  }

  #nextPass(): void {
    const next = this.#passes?.next();
    this.#pass = next === undefined || next.done === true ? undefined : next.value;
  }

  #advance(): void {
    const { agenda } = this.#context;
    const pass = this.#pass;
    if (this.#busy || pass === undefined || this.#weightsAt === undefined) return;
    if (pass.opens && this.#banks.length === 0) return;
    this.#busy = true;
    agenda.at(Math.max(this.#passAt, this.#freeAt), () => this.#start(pass));
  }

  #start(pass: PassWork): void {
    const { agenda, latencies, storeReads } = this.#context;
    const { now } = agenda;
    const cycles = this.#cycles!;
    const sequenced = Math.max(this.#freeAt, this.#passAt);
    const weighted = Math.max(sequenced, this.#weightsAt!);
    cycles.sequence += sequenced - this.#freeAt;
    cycles.weights += weighted - sequenced;
    cycles.drain += now - weighted;
    cycles.fetches += pass.fetches;
    if (pass.opens) this.#banks.shift();
    this.#weightsAt = undefined;
    this.#passAt = now + latencies.passInterval;
    this.#storeReads = storeReads();
    this.#firstFetch(this.#storeReads);
    agenda.at(now + pass.fetches, () => this.#finish(pass));
  }

  /** The array takes the block with the first fetch, which waits for a cycle in which no store reads. */
  #firstFetch(readBefore: number): void {
    const { agenda, latencies, claim, storeReads } = this.#context;
    agenda.at(agenda.now + latencies.startToFetch, () => {
      const read = storeReads();
      if (read === readBefore) claim();
      else this.#firstFetch(read);
    });
  }

  /** The pass is over, unless stores took cycles from it. */
  #finish(pass: PassWork): void {
    const { agenda, latencies, stripe, storeReads } = this.#context;
    const taken = storeReads() - this.#storeReads;
    if (taken > 0) {
      this.#storeReads += taken;
      this.#cycles!.stores += taken;
      agenda.at(agenda.now + taken, () => this.#finish(pass));
      return;
    }
    this.#freeAt = agenda.now;
    this.#busy = false;
    if (pass.closes !== undefined) stripe(pass.closes, agenda.now + latencies.fetchToSums);
    this.#nextPass();
    if (pass.small && this.#pass?.opens === false)
      this.#passAt = Math.max(this.#passAt, agenda.now + SMALL_STRIPE_CYCLES + 1);
    this.#advance();
  }
}
