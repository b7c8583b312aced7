import { type EngineConfig, engineShape } from "../config.js";
import type { TransferValues } from "../interpret/decode.js";
import { loadFifoBeats } from "../rtl/transfer-load.js";
import type { Agenda } from "./agenda.js";
import type { EngineLatencies } from "./latencies.js";
import type { Beats, MemoryPort, MemoryTiming } from "./memory-port.js";

/** Words that a store reads ahead of its beats. */
const STORE_WORDS = 16;

/** What the transfer unit works with. */
export type TransferContext = {
  readonly agenda: Agenda;
  readonly latencies: EngineLatencies;
  readonly config: EngineConfig;
  readonly port: MemoryPort;
  readonly memory: MemoryTiming;
  /** Words that the drain has written into the activation memory until now: in those cycles a load writes none. */
  readonly drainWrites: () => number;
};

/** The transfer unit: one load or store after the other. */
export class Transfers {
  readonly #context: TransferContext;
  /** Words that earlier stores have read, and the store at work: words, those whose beats are written, begin. */
  #read = 0;
  #store = { words: 0, sent: 0, begin: 0 };

  constructor(context: TransferContext) {
    this.#context = context;
  }

  /** Words that stores have read until now, this cycle included. */
  storeReads(): number {
    const { words, sent, begin } = this.#store;
    const passed = Math.max(0, this.#context.agenda.now + 1 - begin);
    return this.#read + Math.min(words, passed, STORE_WORDS + sent);
  }

  /** Begin a load that is taken in this cycle; `ended` is called when it is complete. */
  load({ beats }: TransferValues, ended: () => void): void {
    const { agenda, latencies, config, port } = this.#context;
    let left = beats;
    let room = loadFifoBeats(config);
    let asking = false;
    let nextAt = agenda.now + latencies.transferToRequest;
    const written = (taken: number): void => {
      // The last word of these beats was written in the cycle before.
      const lastWrite = agenda.now - 1;
      if (left === 0 && !asking && bursts.isDone) agenda.at(lastWrite + latencies.transferToEnd, ended);
      agenda.at(lastWrite + latencies.writeToRequest, () => {
        room += taken;
        advance();
      });
    };
    const bursts = new LoadedBursts(this.#context, written);
    const advance = (): void => {
      const burst = Math.min(left, config.burstBeats);
      if (asking || burst === 0 || burst > room) return;
      asking = true;
      room -= burst;
      left -= burst;
      agenda.at(nextAt, () => {
        const asked = agenda.now;
        port.request("loads", burst, (granted) => {
          asking = false;
          nextAt = Math.max(asked + latencies.loadToLoad, agenda.now + latencies.grantToLoad);
          bursts.arrive(granted);
          advance();
        });
      });
    };
    advance();
  }

  /** Begin a store that is taken in this cycle; `ended` is called when it is complete. */
  store({ rows, rowWords }: TransferValues, ended: () => void): void {
    const { agenda, latencies, config, port, memory } = this.#context;
    const words = rows * rowWords;
    this.#read = this.storeReads();
    const begin = agenda.now + latencies.transferToRead;
    const store = { words, sent: 0, begin };
    this.#store = store;
    const { wordBytes } = engineShape(config);
    const beats = Math.ceil((words * wordBytes) / config.axiDataBytes);
    const write = (beat: number): void => {
      if (beat === beats) {
        agenda.at(agenda.now + memory.latencyCycles + latencies.transferToEnd, ended);
        return;
      }
      const wait = port.write();
      if (wait > 0) {
        agenda.at(agenda.now + wait, () => write(beat));
        return;
      }
      // A word is read a cycle, and leaves with its last beat.
      store.sent = Math.floor(((beat + 1) * config.axiDataBytes) / wordBytes);
      const lastWord = Math.ceil(((beat + 2) * config.axiDataBytes) / wordBytes) - 1;
      const there = begin + latencies.readToBeat + Math.min(lastWord, words - 1);
      agenda.at(Math.max(agenda.now + 1, there), () => write(beat + 1));
    };
    const firstWords = Math.min(words, Math.max(1, config.axiDataBytes / wordBytes));
    agenda.at(begin + latencies.readToBeat + firstWords - 1, () => write(0));
  }
}

/** Bursts of a load on their way from the port through the FIFO into the activation memory, one after the other. */
class LoadedBursts {
  readonly #context: TransferContext;
  readonly #written: (beats: number) => void;
  /** Beats that make a word, or words that a beat makes: one of the two is 1. */
  readonly #beatsPerWord: number;
  readonly #wordsPerBeat: number;
  readonly #waiting: Beats[] = [];
  #isWriting = false;

  /** @param written the last word of so many beats was written in the cycle before */
  constructor(context: TransferContext, written: (beats: number) => void) {
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
    agenda.at(burst.at(next - 1) + latencies.beatToWrite, () =>
      this.#words(this.#wordsPerBeat, () => {
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
