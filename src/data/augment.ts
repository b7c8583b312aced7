import type { Rng } from "../core/index.js";
import type { Size2 } from "../tensor/index.js";
import type { Split } from "./dataset.js";
import { type Jitter, jitterImage } from "./jitter.js";
import { createCropResizer, drawBox, type RandomCrop } from "./random-crop.js";
import { createImageReader } from "./records.js";
import { createResizer, type Resizer } from "./resize.js";

/** Random changes of training images. All lengths are in pixels of the source image. */
export type Augmentation = {
  /** Mirror left and right with probability ½. Off where mirrored classes differ (traffic signs). */
  readonly flip: boolean;
  /** Largest shift in each direction. */
  readonly shift: number;
  /** What a shift moves in. */
  readonly border: "zero" | "reflect";
  /** Side of a square that is painted mid-grey at a random place; 0 for none. */
  readonly cutout: number;
  /** Change colours; absent: not. */
  readonly jitter?: Jitter;
  /** Use a random part of the image, resized; absent: all of it. */
  readonly crop?: RandomCrop;
};

/** Leave images as they are. */
export const NO_AUGMENTATION: Augmentation = { flip: false, shift: 0, border: "reflect", cutout: 0 };

/** Fills batches of network input bytes from a split; keeps its tables and scratch memory. */
export type BatchFiller = {
  /**
   * Write some images of the split, augmented and resized, one after the other; of an image with several views that of the round.
   *
   * @param indices which images, at least `count` from `first` on
   * @param target count · height · width · channels bytes
   * @param rng source of the augmentation; not used without it
   */
  fill(
    options: {
      readonly indices: ArrayLike<number>;
      readonly first: number;
      readonly count: number;
      /** Which pass over the split it is: each image takes its views in turn, so that none comes twice before all have come. */
      readonly round?: number;
    },
    target: Uint8Array,
    rng: Rng,
  ): void;
  /** Close the split's file. */
  close(): void;
};

/** Reflect an index at the borders without repeating the border pixel. */
function reflect(index: number, length: number): number {
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const wrapped = ((index % period) + period) % period;
  return wrapped < length ? wrapped : period - wrapped;
}

/** Copy an image with a shift and perhaps mirrored. Mid-grey stands for zero: 128 is the real value 0 of [−1, 1]. */
function moveImage(
  source: Uint8Array,
  size: Pick<Split, "height" | "width" | "channels">,
  move: {
    readonly dx: number;
    readonly dy: number;
    readonly flip: boolean;
    readonly border: "zero" | "reflect";
  },
  target: Uint8Array,
): void {
  const { height, width, channels } = size;
  for (let y = 0; y < height; y++) {
    const fromY = y + move.dy;
    const insideY = fromY >= 0 && fromY < height;
    const sourceY = insideY ? fromY : reflect(fromY, height);
    for (let x = 0; x < width; x++) {
      const fromX = (move.flip ? width - 1 - x : x) + move.dx;
      const insideX = fromX >= 0 && fromX < width;
      const sourceX = insideX ? fromX : reflect(fromX, width);
      const to = (y * width + x) * channels;
      const from = (sourceY * width + sourceX) * channels;
      const blank = move.border === "zero" && !(insideX && insideY);
      for (let c = 0; c < channels; c++) target[to + c] = blank ? 128 : source[from + c]!;
    }
  }
}

function cutSquare(split: Split, side: number, rng: Rng, target: Uint8Array): void {
  const { height, width, channels } = split;
  const centreY = rng.integer(height);
  const centreX = rng.integer(width);
  const top = Math.max(centreY - (side >> 1), 0);
  const left = Math.max(centreX - (side >> 1), 0);
  const bottom = Math.min(centreY - (side >> 1) + side, height);
  const right = Math.min(centreX - (side >> 1) + side, width);
  for (let y = top; y < bottom; y++) {
    target.fill(128, (y * width + left) * channels, (y * width + right) * channels);
  }
}

/**
 * Prepare the filling of batches. In source resolution: colour jitter, flip and shift, cutout; then all of the image, or a
 * random part of it, is resized to the network's input side.
 *
 * @throws RangeError colour jitter of other than 1 or 3 channels: a bug of the caller
 */
export function createBatchFiller(split: Split, targetSize: Size2, augmentation: Augmentation): BatchFiller {
  const { height, width, channels, views = 1 } = split;
  const reader = createImageReader(split);
  const sourceBytes = height * width * channels;
  const targetBytes = targetSize.height * targetSize.width * channels;
  const resizer: Resizer = createResizer({ height, width }, targetSize, channels);
  const scratch = new Uint8Array(sourceBytes);
  const { flip, shift, border, cutout, jitter, crop } = augmentation;
  if (jitter !== undefined && channels !== 3 && channels !== 1) {
    throw new RangeError(`colour jitter of ${channels} channels`);
  }
  const coloured = new Uint8Array(jitter === undefined ? 0 : sourceBytes);
  const cropper = crop && createCropResizer({ height, width }, targetSize, channels);
  const isMoved = flip || shift > 0 || cutout > 0;
  return {
    fill({ indices, first, count, round = 0 }, target, rng) {
      for (let i = 0; i < count; i++) {
        const index = indices[first + i]!;
        let image = reader.read(index, (index + round) % views);
        if (jitter !== undefined) {
          jitterImage(image, channels, jitter, coloured, rng);
          image = coloured;
        }
        if (isMoved) {
          const mirrored = flip && rng.integer(2) === 1;
          const dx = shift === 0 ? 0 : rng.integer(2 * shift + 1) - shift;
          const dy = shift === 0 ? 0 : rng.integer(2 * shift + 1) - shift;
          moveImage(image, split, { dx, dy, flip: mirrored, border }, scratch);
          if (cutout > 0) cutSquare(split, cutout, rng, scratch);
          image = scratch;
        }
        if (cropper !== undefined && crop !== undefined) {
          cropper.resize(image, drawBox({ height, width }, crop, rng), target, i * targetBytes);
        } else {
          resizer.resize(image, 0, target, i * targetBytes);
        }
      }
    },
    close: () => reader.close(),
  };
}

/**
 * Write images `indices[0..]` of a split into a buffer as network input bytes; see {@link createBatchFiller}, which is
 * the form for many batches.
 */
export function fillBatch(
  options: {
    readonly split: Split;
    readonly indices: ArrayLike<number>;
    readonly size: Size2;
    readonly augmentation?: Augmentation;
  },
  target: Uint8Array,
  rng: Rng,
): void {
  const filler = createBatchFiller(options.split, options.size, options.augmentation ?? NO_AUGMENTATION);
  filler.fill({ indices: options.indices, first: 0, count: options.indices.length }, target, rng);
  filler.close();
}
