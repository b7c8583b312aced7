import type { Rng } from "../../core/index.js";
import { ACTIVATION_BANKS, type EngineConfig, engineShape } from "../config.js";
import { failure, type Place } from "./failures.js";

/** Place of a tensor in the banks, as descriptors give it. */
export type TensorPlace = {
  /** Bank address of the first row. */
  readonly start: number;
  /** Bank of the first row. */
  readonly startBank?: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
};

/** Fill bytes with what nobody should rely on. */
export function fillRandom(bytes: Uint8Array, rng: Rng): void {
  for (let i = 0; i < bytes.length; i++) bytes[i] = rng.integer(256);
}

/**
 * The activation memory: four banks of `bankWords` words of `wordBytes` bytes, one after the other in `bytes`.
 *
 * An address has 16 bits; a bank takes as many of them as it needs.
 */
export class ActivationMemory {
  readonly bytes: Uint8Array;
  readonly wordBytes: number;
  readonly bankWords: number;
  readonly #addressMask: number;

  constructor(config: EngineConfig, rng: Rng) {
    const { wordBytes, bankWords } = engineShape(config);
    this.wordBytes = wordBytes;
    this.bankWords = bankWords;
    this.#addressMask = 2 ** Math.ceil(Math.log2(bankWords)) - 1;
    this.bytes = new Uint8Array(ACTIVATION_BANKS * bankWords * wordBytes);
    fillRandom(this.bytes, rng);
  }

  /**
   * Return the number of the word at a bank's address, counted through all banks; it begins at byte `wordBytes` times that.
   *
   * @throws CheckFailedError FX5121 when the bank, not a power of two deep, has no such word
   */
  wordAt(bank: number, address: number, place: Place): number {
    const word = address & this.#addressMask;
    if (word >= this.bankWords)
      throw failure("meaningless", place, `address ${word} of a bank of ${this.bankWords} words`);
    return (bank & 3) * this.bankWords + word;
  }

  /**
   * Visit the words of whole rows in the order of external memory: row after row, each in the next bank.
   *
   * @param visit gets the number of the word, counted through all banks, and its number among those visited
   */
  walkRows(
    rows: {
      readonly start: number;
      readonly startBank: number;
      readonly rows: number;
      readonly rowWords: number;
    },
    place: Place,
    visit: (word: number, index: number) => void,
  ): void {
    for (let row = 0, index = 0; row < rows.rows; row++) {
      const bank = rows.startBank + row;
      const start = rows.start + Math.floor(bank / ACTIVATION_BANKS) * rows.rowWords;
      for (let i = 0; i < rows.rowWords; i++, index++)
        visit(this.wordAt(bank % ACTIVATION_BANKS, start + i, place), index);
    }
  }

  /** Read a tensor, H × W × C. */
  tensor({ start, startBank = 0, height, width, channels }: TensorPlace): Uint8Array {
    const pixelWords = Math.ceil(channels / this.wordBytes);
    const result = new Uint8Array(height * width * channels);
    const place = { frame: 0, descriptor: 0 };
    const rows = { start, startBank, rows: height, rowWords: width * pixelWords };
    this.walkRows(rows, place, (word, index) => {
      const from = (index % pixelWords) * this.wordBytes;
      const count = Math.min(this.wordBytes, channels - from);
      const at = word * this.wordBytes;
      result.set(this.bytes.subarray(at, at + count), Math.floor(index / pixelWords) * channels + from);
    });
    return result;
  }

  /** Write a tensor, H × W × C; bytes of its words beyond the channels become 0. */
  setTensor(
    { start, startBank = 0, height, width, channels }: TensorPlace,
    values: Uint8Array,
    place: Place,
  ): void {
    const pixelWords = Math.ceil(channels / this.wordBytes);
    const rows = { start, startBank, rows: height, rowWords: width * pixelWords };
    this.walkRows(rows, place, (word, index) => {
      const from = (index % pixelWords) * this.wordBytes;
      const count = Math.min(this.wordBytes, channels - from);
      const pixel = Math.floor(index / pixelWords) * channels;
      const at = word * this.wordBytes;
      this.bytes.fill(0, at, at + this.wordBytes);
      this.bytes.set(values.subarray(pixel + from, pixel + from + count), at);
    });
  }
}
