import { engineShape } from "../config.js";
import { STORE_WORDS } from "../rtl/transfer-store.js";
import type { TransferContext } from "./transfer-context.js";

/** Words of a store on their way from the activation memory through the FIFO to the port. */
export class StoredWords {
  readonly #context: TransferContext;
  readonly #words: number;
  readonly #ended: () => void;
  /** Cycle before the first word may be read. */
  readonly #begin: number;
  /** Words that are read until now. */
  #read = 0;
  /** Cycles in which words are read, as far as that is known, and leave the FIFO. */
  readonly #readAt: number[] = [];
  readonly #leftAt: number[] = [];
  /** Cycle in which something last moved from the FIFO towards the register of beats. */
  #movedAt = 0;

  /** Begin a store that is taken in this cycle; `ended` is called when it is complete. */
  constructor(
    context: TransferContext,
    { words, waited }: { readonly words: number; readonly waited: boolean },
    ended: () => void,
  ) {
    const { agenda, latencies } = context;
    this.#context = context;
    this.#words = words;
    this.#ended = ended;
    this.#begin = agenda.now + (waited ? latencies.waitedToRead : latencies.transferToRead) - 1;
    this.#next(0, agenda.now);
  }

  /** Words that are read until now, this cycle included. */
  reads(): number {
    const { now } = this.#context.agenda;
    this.#foresee(this.#words);
    while (this.#read < this.#readAt.length && this.#readAt[this.#read]! <= now) this.#read++;
    return this.#read;
  }

  /** Work out when words before one are read, as far as the words that have left say it: one a cycle, as long as the FIFO has room. */
  #foresee(words: number): void {
    for (let word = this.#readAt.length; word < words; word++) {
      const before = this.#readAt[word - 1] ?? this.#begin;
      const left = word < STORE_WORDS ? before : this.#leftAt[word - STORE_WORDS];
      if (left === undefined) return;
      this.#readAt.push(Math.max(before, left) + 1);
    }
  }

  /** Make the next beat: a word, or part of one, moves a cycle, from the one on in which the beat before it leaves the register. */
  #next(beat: number, from: number): void {
    const { agenda, latencies, config, memory } = this.#context;
    const { wordBytes } = engineShape(config);
    const firstByte = beat * config.axiDataBytes;
    if (firstByte >= this.#words * wordBytes) {
      agenda.at(from + memory.latencyCycles + latencies.transferToEnd, this.#ended);
      return;
    }
    const end = firstByte + config.axiDataBytes;
    const words = Math.min(this.#words, Math.ceil(end / wordBytes));
    for (let word = Math.floor(firstByte / wordBytes); word < words; word++) {
      this.#foresee(word + 1);
      const there = this.#readAt[word]! + latencies.readToBeat - 1;
      this.#movedAt = Math.max(there, this.#movedAt + 1, from);
      if ((word + 1) * wordBytes <= end) this.#leftAt.push(this.#movedAt);
    }
    agenda.at(this.#movedAt + 1, () => this.#write(beat));
  }

  /** Write a beat in this cycle, or when memory has room for it. */
  #write(beat: number): void {
    const { agenda, port } = this.#context;
    const wait = port.write();
    if (wait > 0) agenda.at(agenda.now + wait, () => this.#write(beat));
    else this.#next(beat + 1, agenda.now);
  }
}
