import type { Pattern } from "./digit-matrix.js";

/** Patterns by integer score, the highest first; among equals the one that came last. */
export class PatternQueue {
  readonly #scores: number;
  #heads = new Int32Array(1024).fill(-1);
  readonly #words: number[] = [];
  readonly #free: number[] = [];
  #top = -1;

  /** @param scores number of distinct scores; higher ones count as the highest */
  constructor(scores: number) {
    this.#scores = scores;
  }

  push(score: number, { a, b, distance, opposite }: Pattern): void {
    const at = this.#free.pop() ?? this.#words.length;
    const bucket = Math.min(score, this.#scores - 1);
    // Small matrices, of which there are many, need few buckets.
    if (bucket >= this.#heads.length) {
      const grown = new Int32Array(Math.max(bucket + 1, 2 * this.#heads.length)).fill(-1);
      grown.set(this.#heads);
      this.#heads = grown;
    }
    this.#words[at] = a;
    this.#words[at + 1] = b;
    this.#words[at + 2] = distance * 2 + (opposite ? 1 : 0);
    this.#words[at + 3] = this.#heads[bucket]!;
    this.#heads[bucket] = at;
    this.#top = Math.max(this.#top, bucket);
  }

  /** Score of the best pattern, or −1 when there is none. */
  best(): number {
    while (this.#top >= 0 && this.#heads[this.#top] === -1) this.#top--;
    return this.#top;
  }

  /** Take a best pattern; there must be one. */
  pop(): Pattern {
    const at = this.#heads[this.best()]!;
    this.#heads[this.#top] = this.#words[at + 3]!;
    this.#free.push(at);
    const code = this.#words[at + 2]!;
    return { a: this.#words[at]!, b: this.#words[at + 1]!, distance: code >> 1, opposite: (code & 1) === 1 };
  }
}
