import { invariant } from "../../core/index.js";
import type { Geometry } from "./operation.js";

/**
 * A tensor in external memory: rows of words; channel c of a pixel in byte c of its words. Rows are contiguous, but where parts of the tensor are moved and
 * rows are no whole bursts, each begins at a burst.
 */
export type EngineLayout = Geometry & {
  /** Bytes from the space's base of the frame. */
  readonly offset: number;
  readonly pixelWords: number;
  readonly wordBytes: number;
  /** Bytes from row to row. */
  readonly rowPitchBytes: number;
  /** Bytes of all rows. */
  readonly bytes: number;
  /** Bytes have 128 added to the tensor's integers. */
  readonly signed: boolean;
};

/** What is added to a signed integer to make the engine's byte. */
const SIGNED_OFFSET = 128;

/**
 * Write a tensor's integers to memory as the engine reads them.
 *
 * @param values height · width · channels integers, channels fastest
 * @param memory the layout's space, from the frame's base on; belongs to the caller
 */
export function packTensor(values: ArrayLike<number>, layout: EngineLayout, memory: Uint8Array): void {
  const { height, width, channels, signed } = layout;
  invariant(values.length === height * width * channels, `${values.length} values for a tensor`);
  visitPixels(layout, (at, from) => {
    for (let c = 0; c < channels; c++) memory[at + c] = values[from + c]! + (signed ? SIGNED_OFFSET : 0);
  });
}

/**
 * Read a tensor's integers from memory as the engine left them.
 *
 * @param memory the layout's space, from the frame's base on
 * @returns height · width · channels integers, channels fastest
 */
export function unpackTensor(memory: Uint8Array, layout: EngineLayout): Uint8Array | Int8Array {
  const { height, width, channels, signed } = layout;
  const count = height * width * channels;
  const values = signed ? new Int8Array(count) : new Uint8Array(count);
  visitPixels(layout, (at, to) => {
    for (let c = 0; c < channels; c++) values[to + c] = memory[at + c]! - (signed ? SIGNED_OFFSET : 0);
  });
  return values;
}

/** Visit each pixel: where its first byte lies, and the number of its first value. */
function visitPixels(layout: EngineLayout, visit: (at: number, value: number) => void): void {
  const { height, width, channels, pixelWords, wordBytes, rowPitchBytes, offset } = layout;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      visit(offset + y * rowPitchBytes + x * pixelWords * wordBytes, (y * width + x) * channels);
}
