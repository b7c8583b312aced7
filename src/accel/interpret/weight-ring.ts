import { type EngineConfig, engineShape } from "../config.js";
import type { WeightEntry } from "./decode.js";
import { failure, type Place } from "./failures.js";

/**
 * The weight stream of a frame, as the feeder sees it through the ring: a reading position that goes back and forth, and a position up to which words
 * were released. Positions count ring words from the frame's start.
 *
 * A word can be read only if the weight reader can bring it: the burst that ends with or behind it must fit beside all words that are not yet released.
 */
export class WeightRing {
  readonly #program: Uint8Array;
  readonly #wordBytes: number;
  readonly #ringWords: number;
  /** Offset in the program of each word of the stream, or of each of its beats when words are longer. */
  readonly #beats: Float64Array;
  readonly #beatBytes: number;
  /** The ring holds all words before this one once the word is there. */
  readonly #burstEnds: Float64Array;
  position = 0;
  released = 0;

  constructor(program: Uint8Array, list: readonly WeightEntry[], config: EngineConfig) {
    const { ringWordBytes, ringWords } = engineShape(config);
    this.#program = program;
    this.#wordBytes = ringWordBytes;
    this.#ringWords = ringWords;
    this.#beatBytes = config.axiDataBytes;
    const total = list.reduce((sum, { beats, repeat }) => sum + beats * repeat, 0);
    this.#beats = new Float64Array(total);
    const burstEndOfBeat = new Float64Array(total);
    let beat = 0;
    for (const { offset, beats, repeat } of list)
      for (let round = 0; round < repeat; round++)
        for (let i = 0; i < beats; i++, beat++) {
          const inBurst = i % config.burstBeats;
          const left = Math.min(config.burstBeats - inBurst, beats - i);
          this.#beats[beat] = offset + i * config.axiDataBytes;
          burstEndOfBeat[beat] = beat + left;
        }
    const beatsPerWord = ringWordBytes / config.axiDataBytes;
    this.#burstEnds = Float64Array.from({ length: Math.floor(total / beatsPerWord) }, (_, word) =>
      Math.ceil(burstEndOfBeat[(word + 1) * beatsPerWord - 1]! / beatsPerWord),
    );
  }

  /** Words of the stream. */
  get words(): number {
    return this.#burstEnds.length;
  }

  /** Beats behind the last whole word. */
  get looseBeats(): number {
    return this.#beats.length - (this.words * this.#wordBytes) / this.#beatBytes;
  }

  /**
   * Read the next words into `target` and go on behind them.
   *
   * @param release whether the words are free from now on
   * @throws CheckFailedError FX5120 when the stream ends before, when the ring cannot take the word beside those that are not released, or when it was released
   */
  read(target: Uint8Array, release: boolean, place: Place): void {
    for (let at = 0; at < target.length; at += this.#wordBytes) {
      const word = this.position;
      const end = this.#burstEnds[word];
      if (end === undefined)
        throw failure(
          "hang",
          place,
          `the weight stream ends after ${this.words} words of ${this.#wordBytes}`,
        );
      if (word < this.released) throw failure("hang", place, `word ${word} of the weights was released`);
      if (end - this.released > this.#ringWords)
        throw failure(
          "hang",
          place,
          `word ${word} of the weights does not fit into the ring of ${this.#ringWords} words: ${this.released} are released`,
          "shorter runs of passes, weightsStream, or a larger weightBufferBytes",
        );
      this.#copy(word, target, at);
      this.position++;
      if (release) this.released++;
    }
  }

  #copy(word: number, target: Uint8Array, at: number): void {
    const beats = this.#wordBytes / this.#beatBytes;
    for (let i = 0; i < beats; i++) {
      const from = this.#beats[word * beats + i]!;
      target.set(this.#program.subarray(from, from + this.#beatBytes), at + i * this.#beatBytes);
    }
  }
}
