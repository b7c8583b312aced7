import type { Rng } from "../core/index.js";
import type { Size2 } from "../tensor/index.js";

/** Random resized crops (Szegedy et al. 2015, section 6): a part of the image, of random area and aspect, becomes the input. */
export type RandomCrop = {
  /** Least share of the area, in (0, 1]. */
  readonly minScale: number;
  /** Largest aspect ratio, width to height or height to width, at least 1. */
  readonly maxRatio: number;
};

/** A rectangle inside an image, pixels. */
export type Box = {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
};

const TRIES = 10;

/**
 * Draw a rectangle: area even from `minScale` to 1 of the image's, aspect ratio even in its logarithm from 1/`maxRatio` to
 * `maxRatio`, place even. When ten draws do not fit, the whole image.
 */
export function drawBox(image: Size2, crop: RandomCrop, rng: Rng): Box {
  const { width: fullWidth, height: fullHeight } = image;
  for (let i = 0; i < TRIES; i++) {
    const area = fullWidth * fullHeight * (crop.minScale + (1 - crop.minScale) * rng.next());
    const ratio = Math.exp(Math.log(crop.maxRatio) * (2 * rng.next() - 1));
    const width = Math.max(Math.round(Math.sqrt(area * ratio)), 1);
    const height = Math.max(Math.round(Math.sqrt(area / ratio)), 1);
    if (width <= fullWidth && height <= fullHeight) {
      return {
        width,
        height,
        left: rng.integer(fullWidth - width + 1),
        top: rng.integer(fullHeight - height + 1),
      };
    }
  }
  return { left: 0, top: 0, width: fullWidth, height: fullHeight };
}

/** Bits of a weight: two of them and a byte fit into 31 bits. */
const WEIGHT_BITS = 11;
const ONE = 2 ** WEIGHT_BITS;
const HALF = 2 ** (2 * WEIGHT_BITS - 1);

type Taps = { readonly near: Int32Array; readonly far: Int32Array; readonly weight: Int32Array };

const createTaps = (length: number): Taps => ({
  near: new Int32Array(length),
  far: new Int32Array(length),
  weight: new Int32Array(length),
});

/** Half-pixel centres as in `createResizer`, inside `length` positions from `start` on; weights of the far one out of {@link ONE}. */
function setTaps(taps: Taps, start: number, length: number): void {
  const targetLength = taps.near.length;
  const last = start + length - 1;
  for (let t = 0; t < targetLength; t++) {
    const position = ((2 * t + 1) * length) / (2 * targetLength) - 0.5;
    const index = Math.floor(position);
    taps.near[t] = Math.max(start + index, start);
    taps.far[t] = Math.min(start + index + 1, last);
    taps.weight[t] = Math.round((position - index) * ONE);
  }
}

/** Resizes rectangles of images of one size to another size. */
export type CropResizer = {
  resize(source: Uint8Array, box: Box, target: Uint8Array, targetOffset: number): void;
};

/** Prepare bilinear resizing of rectangles: the definition of `createResizer` with weights of 11 bits, so that each image is quick. */
export function createCropResizer(sourceSize: Size2, targetSize: Size2, channels: number): CropResizer {
  const horizontal = createTaps(targetSize.width);
  const vertical = createTaps(targetSize.height);
  const rowLength = targetSize.width * channels;
  const sourceRow = sourceSize.width * channels;
  // Two source rows, horizontally weighted; which ones they are.
  const rows = [new Int32Array(rowLength), new Int32Array(rowLength)] as const;
  const held = [-1, -1];
  const fillRow = (slot: 0 | 1, source: Uint8Array, y: number): void => {
    const row = rows[slot];
    const line = y * sourceRow;
    const { near, far, weight } = horizontal;
    for (let x = 0, to = 0; x < near.length; x++) {
      const a = line + near[x]! * channels;
      const b = line + far[x]! * channels;
      const w = weight[x]!;
      for (let c = 0; c < channels; c++) row[to++] = source[a + c]! * (ONE - w) + source[b + c]! * w;
    }
    held[slot] = y;
  };
  return {
    resize(source, box, target, targetOffset) {
      setTaps(horizontal, box.left, box.width);
      setTaps(vertical, box.top, box.height);
      held.fill(-1);
      let to = targetOffset;
      for (let y = 0; y < targetSize.height; y++) {
        // Neighbouring source rows have different parity, so each keeps its slot while the window moves down.
        const near = vertical.near[y]!;
        const far = vertical.far[y]!;
        const nearSlot = (near & 1) as 0 | 1;
        const farSlot = (far & 1) as 0 | 1;
        if (held[nearSlot] !== near) fillRow(nearSlot, source, near);
        if (held[farSlot] !== far) fillRow(farSlot, source, far);
        const w = vertical.weight[y]!;
        const a = rows[nearSlot];
        const b = rows[farSlot];
        for (let i = 0; i < rowLength; i++) {
          target[to++] = (Math.imul(a[i]!, ONE - w) + Math.imul(b[i]!, w) + HALF) >> (2 * WEIGHT_BITS);
        }
      }
    },
  };
}
