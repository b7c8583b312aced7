import { engineShape } from "../config.js";
import type { Beats } from "./memory-port.js";
import type { TransferContext } from "./transfer-context.js";

/** Bursts of a load on their way from the port through the FIFO into the activation memory, one after the other. */
export class LoadedBursts {
  readonly #context: TransferContext;
  readonly #written: (beats: number) => void;
  /** Beats that make a word, or words that a beat makes: one of the two is 1. */
  readonly #beatsPerWord: number;
  readonly #wordsPerBeat: number;
  readonly #waiting: Beats[] = [];
  #isWriting = false;
  #wordsLeft: number;

  /**
   * @param words of the load: what is beyond them in the last beat is not written
   * @param written the last word of so many beats was written in the cycle before
   */
  constructor(context: TransferContext, words: number, written: (beats: number) => void) {
    this.#wordsLeft = words;
    const { axiDataBytes } = context.config;
    const { wordBytes } = engineShape(context.config);
    this.#context = context;
    this.#written = written;
    this.#beatsPerWord = Math.max(1, wordBytes / axiDataBytes);
    this.#wordsPerBeat = Math.max(1, axiDataBytes / wordBytes);
  }

  get isDone(): boolean {
    return !this.#isWriting && this.#waiting.length === 0;
  }

  arrive(burst: Beats): void {
    this.#waiting.push(burst);
    if (!this.#isWriting) this.#begin();
  }

  #begin(): void {
    const burst = this.#waiting.shift();
    this.#isWriting = burst !== undefined;
    if (burst !== undefined) this.#write(burst, 0);
  }

  /** Write what the beats from `from` on make, as many at a time as make a word. */
  #write(burst: Beats, from: number): void {
    const { agenda, latencies } = this.#context;
    const next = Math.min(from + this.#beatsPerWord, burst.count);
    const words = Math.min(this.#wordsPerBeat, this.#wordsLeft);
    this.#wordsLeft -= words;
    agenda.at(burst.at(next - 1) + latencies.beatToWrite, () =>
      this.#words(words, () => {
        if (next < burst.count) this.#write(burst, next);
        else this.#begin();
        this.#written(next - from);
      }),
    );
  }

  /** Write words, from this cycle on, in cycles in which the drain writes none; `done` is called in the cycle of the last one's successor. */
  #words(count: number, done: () => void): void {
    const { agenda, drainWrites } = this.#context;
    if (count === 0) {
      done();
      return;
    }
    const before = drainWrites();
    agenda.at(agenda.now + count, () => this.#words(drainWrites() - before, done));
  }
}
