import { WORDS_PER_BIT } from "../simulator.js";
import { pack } from "../stream.js";

const PAGE = 4096;

/**
 * Memory of all lanes: bytes that they share, and beats that differ, which are kept as bit planes as they came. What nobody wrote is 0.
 */
export class LaneMemory {
  readonly #beatBytes: number;
  readonly #pages = new Map<number, Uint8Array>();
  readonly #beats = new Map<number, Uint32Array>();

  constructor(beatBytes: number) {
    this.#beatBytes = beatBytes;
  }

  /** Put bytes that all lanes share; before anything is written there. */
  load(address: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const page = Math.floor((address + at) / PAGE);
      const offset = (address + at) % PAGE;
      const count = Math.min(PAGE - offset, bytes.length - at);
      this.#page(page).set(bytes.subarray(at, at + count), offset);
      at += count;
    }
  }

  /** Put bytes of each lane, equally many, from the start of a beat on. */
  loadLanes(address: number, lanes: readonly Uint8Array[]): void {
    const count = lanes[0]?.length ?? 0;
    for (let at = 0; at < count; at += this.#beatBytes) {
      const bytes = Math.min(this.#beatBytes, count - at);
      const planes = new Uint32Array(8 * this.#beatBytes * WORDS_PER_BIT);
      pack(lanes, at, bytes, 8, planes);
      this.write(
        address + at,
        planes,
        Uint8Array.from({ length: this.#beatBytes }, (_, i) => (i < bytes ? 1 : 0)),
      );
    }
  }

  /** The beat at an address, in planes; not to be changed. */
  read(address: number): Uint32Array {
    const known = this.#beats.get(address / this.#beatBytes);
    if (known !== undefined) return known;
    const planes = new Uint32Array(8 * this.#beatBytes * WORDS_PER_BIT);
    const page = this.#pages.get(Math.floor(address / PAGE));
    if (page === undefined) return planes;
    for (let i = 0; i < this.#beatBytes; i++) {
      const byte = page[(address % PAGE) + i]!;
      for (let bit = 0; bit < 8; bit++)
        if (((byte >>> bit) & 1) === 1)
          planes.fill(0xffffffff, (8 * i + bit) * WORDS_PER_BIT, (8 * i + bit + 1) * WORDS_PER_BIT);
    }
    return planes;
  }

  /** Write the bytes of a beat whose strobe is not 0. */
  write(address: number, planes: Uint32Array, strobe: Uint8Array): void {
    const words = strobe.every((bit) => bit !== 0) ? planes.slice() : this.read(address).slice();
    const byteWords = 8 * WORDS_PER_BIT;
    for (const [i, bit] of strobe.entries())
      if (bit !== 0) words.set(planes.subarray(i * byteWords, (i + 1) * byteWords), i * byteWords);
    this.#beats.set(address / this.#beatBytes, words);
  }

  /** Read bytes in each of the first `lanes` lanes. */
  bytes(address: number, count: number, lanes: number): readonly Uint8Array[] {
    const result = Array.from({ length: lanes }, () => new Uint8Array(count));
    for (let at = 0; at < count; ) {
      const offset = (address + at) % this.#beatBytes;
      const planes = this.read(address + at - offset);
      for (let i = offset; i < this.#beatBytes && at < count; i++, at++) {
        for (const [lane, bytes] of result.entries()) {
          let byte = 0;
          const from = 8 * i * WORDS_PER_BIT + (lane >>> 5);
          for (let bit = 0; bit < 8; bit++)
            byte |= ((planes[from + bit * WORDS_PER_BIT]! >>> (lane & 31)) & 1) << bit;
          bytes[at] = byte;
        }
      }
    }
    return result;
  }

  #page(number: number): Uint8Array {
    const known = this.#pages.get(number);
    if (known !== undefined) return known;
    const page = new Uint8Array(PAGE);
    this.#pages.set(number, page);
    return page;
  }
}
