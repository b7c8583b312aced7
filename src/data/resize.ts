import type { Size2 } from "../tensor/index.js";

/** For each target position: the two source positions and the weight of the second, out of `2 · target length`. */
type Taps = {
  readonly near: Int32Array;
  readonly far: Int32Array;
  readonly weight: Int32Array;
  readonly unit: number;
};

/** Half-pixel centres: target t lies at source ((2t + 1)·S / T − 1) / 2, clamped to the image. Exact in integers. */
function taps(sourceLength: number, targetLength: number): Taps {
  const unit = 2 * targetLength;
  const near = new Int32Array(targetLength);
  const far = new Int32Array(targetLength);
  const weight = new Int32Array(targetLength);
  for (let t = 0; t < targetLength; t++) {
    const position = (2 * t + 1) * sourceLength - targetLength;
    const index = Math.floor(position / unit);
    near[t] = Math.min(Math.max(index, 0), sourceLength - 1);
    far[t] = Math.min(Math.max(index + 1, 0), sourceLength - 1);
    weight[t] = position - index * unit;
  }
  return { near, far, weight, unit };
}

/** A resizer for many images of the same size; keeps its tables and its row buffer. */
export type Resizer = {
  /**
   * Resize one image.
   *
   * @param source pixels, channels last; read from `sourceOffset` on
   * @param target written from `targetOffset` on
   */
  resize(source: Uint8Array, sourceOffset: number, target: Uint8Array, targetOffset: number): void;
};

/**
 * Prepare bilinear resizing, the one definition of how image bytes become network input bytes: half-pixel centres, edge
 * pixels repeated, both directions weighted by exact rationals and rounded once, half up. No antialiasing.
 */
export function createResizer(sourceSize: Size2, targetSize: Size2, channels: number): Resizer {
  const sourceBytes = sourceSize.height * sourceSize.width * channels;
  if (sourceSize.height === targetSize.height && sourceSize.width === targetSize.width) {
    return {
      resize: (source, sourceOffset, target, targetOffset) =>
        target.set(source.subarray(sourceOffset, sourceOffset + sourceBytes), targetOffset),
    };
  }
  const vertical = taps(sourceSize.height, targetSize.height);
  const horizontal = taps(sourceSize.width, targetSize.width);
  const rowLength = targetSize.width * channels;
  // Each row, horizontally weighted: at most 255 · unit.
  const rows = new Int32Array(sourceSize.height * rowLength);
  const divisor = vertical.unit * horizontal.unit;
  const half = divisor / 2;
  return {
    resize(source, sourceOffset, target, targetOffset) {
      const { near, far, weight, unit } = horizontal;
      let to = 0;
      for (let y = 0; y < sourceSize.height; y++) {
        const line = sourceOffset + y * sourceSize.width * channels;
        for (let x = 0; x < targetSize.width; x++) {
          const a = line + near[x]! * channels;
          const b = line + far[x]! * channels;
          const w = weight[x]!;
          for (let c = 0; c < channels; c++) rows[to++] = source[a + c]! * (unit - w) + source[b + c]! * w;
        }
      }
      to = targetOffset;
      for (let y = 0; y < targetSize.height; y++) {
        const a = vertical.near[y]! * rowLength;
        const b = vertical.far[y]! * rowLength;
        const w = vertical.weight[y]!;
        const v = vertical.unit - w;
        for (let i = 0; i < rowLength; i++) {
          // Below 2^53, so the quotient's floor is exact.
          target[to++] = Math.floor((rows[a + i]! * v + rows[b + i]! * w + half) / divisor);
        }
      }
    },
  };
}

/**
 * Resize one image of bytes, channels last, into a buffer of the caller. See {@link createResizer}.
 */
export function resizeBilinear(
  source: Uint8Array,
  sourceSize: Size2,
  target: Uint8Array,
  targetSize: Size2,
): void {
  const channels = source.length / (sourceSize.height * sourceSize.width);
  createResizer(sourceSize, targetSize, channels).resize(source, 0, target, 0);
}
