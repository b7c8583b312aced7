import { describe, expect, it } from "vitest";
import { createRng } from "../core/index.js";
import { type Augmentation, createBatchFiller, fillBatch, NO_AUGMENTATION } from "./augment.js";
import type { Split } from "./dataset.js";
import { gatherImages } from "./records.js";

const SIDE = 8;
const IMAGE = SIDE * SIDE * 3;

/** Image i has the byte 1 + 7·x + y of channel c plus 60·c, so that every pixel tells where it came from. */
function tagged(count: number): Split {
  const pixels = new Uint8Array(count * IMAGE);
  for (let i = 0; i < count; i++) {
    for (let p = 0; p < SIDE * SIDE; p++) {
      for (let c = 0; c < 3; c++) {
        pixels[i * IMAGE + p * 3 + c] = 1 + 7 * (p % SIDE) + Math.floor(p / SIDE) + 60 * c + (i & 1);
      }
    }
  }
  const store = { kind: "memory", bytes: pixels } as const;
  return { count, height: SIDE, width: SIDE, channels: 3, store, labels: new Uint16Array(count) };
}

const size = { height: SIDE, width: SIDE };
const split = tagged(4);

function filled(augmentation: Augmentation, seed: number, indices: readonly number[] = [0]): Uint8Array {
  const target = new Uint8Array(indices.length * IMAGE);
  fillBatch({ split, indices, size, augmentation }, target, createRng(seed));
  return target;
}

const pixel = (bytes: Uint8Array, y: number, x: number): number => bytes[(y * SIDE + x) * 3]!;

describe("batch filling", () => {
  it("copies the chosen images unchanged without augmentation", () => {
    const target = filled(NO_AUGMENTATION, 1, [3, 0]);
    expect(target.subarray(0, IMAGE)).toEqual(gatherImages(split).subarray(3 * IMAGE));
    expect(target.subarray(IMAGE)).toEqual(gatherImages(split).subarray(0, IMAGE));
  });

  it("mirrors about half of the images, exactly", () => {
    let mirrored = 0;
    for (let seed = 0; seed < 200; seed++) {
      const bytes = filled({ ...NO_AUGMENTATION, flip: true }, seed);
      const original = gatherImages(split);
      const isMirrored = pixel(bytes, 0, 0) === pixel(original, 0, SIDE - 1);
      if (isMirrored) mirrored++;
      for (let y = 0; y < SIDE; y++) {
        for (let x = 0; x < SIDE; x++) {
          expect(pixel(bytes, y, x)).toBe(pixel(original, y, isMirrored ? SIDE - 1 - x : x));
        }
      }
    }
    expect(mirrored).toBeGreaterThan(70);
    expect(mirrored).toBeLessThan(130);
  });

  it("never mirrors when flips are off", () => {
    for (let seed = 0; seed < 50; seed++) {
      expect(filled({ ...NO_AUGMENTATION, cutout: 0, shift: 0 }, seed)).toEqual(
        gatherImages(split).subarray(0, IMAGE),
      );
    }
  });

  it("shifts by at most the bound, every shift occurs, borders reflect", () => {
    const seen = new Set<string>();
    const reflected = (i: number) => (i < 0 ? -i : i >= SIDE ? 2 * SIDE - 2 - i : i);
    for (let seed = 0; seed < 400; seed++) {
      const bytes = filled({ ...NO_AUGMENTATION, shift: 2 }, seed);
      const candidates = [-2, -1, 0, 1, 2].flatMap((dy) => [-2, -1, 0, 1, 2].map((dx) => [dy, dx] as const));
      const matches = candidates.filter(([dy, dx]) => {
        for (let y = 0; y < SIDE; y++) {
          for (let x = 0; x < SIDE; x++) {
            if (pixel(bytes, y, x) !== pixel(gatherImages(split), reflected(y + dy), reflected(x + dx)))
              return false;
          }
        }
        return true;
      });
      expect(matches).toHaveLength(1);
      seen.add(String(matches[0]));
    }
    expect(seen.size).toBe(25);
  });

  it("fills a zero border with the byte of real 0", () => {
    const bytes = Array.from({ length: 50 }, (_, seed) =>
      filled({ ...NO_AUGMENTATION, shift: 3, border: "zero" }, seed),
    );
    expect(bytes.some((image) => pixel(image, 0, 0) === 128)).toBe(true);
    expect(bytes.every((image) => pixel(image, 4, 4) !== 128 && pixel(image, 3, 3) !== 128)).toBe(true);
  });

  it("cuts out at most one square", () => {
    for (let seed = 0; seed < 50; seed++) {
      const bytes = filled({ ...NO_AUGMENTATION, cutout: 4 }, seed);
      const cut = [];
      for (let p = 0; p < SIDE * SIDE; p++) if (bytes[p * 3] === 128 && bytes[p * 3 + 1] === 128) cut.push(p);
      const rows = new Set(cut.map((p) => Math.floor(p / SIDE)));
      const columns = new Set(cut.map((p) => p % SIDE));
      expect(cut).toHaveLength(rows.size * columns.size);
      expect(rows.size).toBeGreaterThanOrEqual(2);
      expect(Math.max(rows.size, columns.size)).toBeLessThanOrEqual(4);
    }
  });

  it("depends on the seed alone", () => {
    const augmentation: Augmentation = { flip: true, shift: 3, border: "reflect", cutout: 3 };
    expect(filled(augmentation, 5, [0, 1, 2])).toEqual(filled(augmentation, 5, [0, 1, 2]));
    expect(filled(augmentation, 5, [0, 1, 2])).not.toEqual(filled(augmentation, 6, [0, 1, 2]));
  });

  it("draws nothing more for options that are off", () => {
    const augmentation: Augmentation = { flip: true, shift: 2, border: "zero", cutout: 2 };
    const before = createRng(9);
    const target = new Uint8Array(IMAGE);
    fillBatch({ split, indices: [0], size, augmentation }, target, before);
    // A mirror, two shifts and two centres.
    const after = createRng(9);
    for (let i = 0; i < 5; i++) after.next();
    expect(before.next()).toBe(after.next());
  });

  it("changes colours before it moves, and cuts out mid-grey after", () => {
    const jitter = { brightness: 0.5, contrast: 0.5, saturation: 0.5 };
    const augmentation: Augmentation = { ...NO_AUGMENTATION, jitter, cutout: 8 };
    for (let seed = 0; seed < 20; seed++) {
      const bytes = filled(augmentation, seed);
      expect(bytes).not.toEqual(filled({ ...NO_AUGMENTATION, cutout: 8 }, seed));
      expect(bytes.filter((byte) => byte === 128).length).toBeGreaterThanOrEqual(3 * 16);
      expect(filled(augmentation, seed)).toEqual(bytes);
    }
    const features = { ...split, channels: 6, width: 4 };
    expect(() => createBatchFiller(features, size, augmentation)).toThrow(RangeError);
  });

  it("crops at random, and resizes to the network's input", () => {
    const crop = { minScale: 0.2, maxRatio: 4 / 3 };
    const big = { height: 16, width: 16 };
    const target = new Uint8Array(16 * 16 * 3);
    const seen = new Set<number>();
    for (let seed = 0; seed < 30; seed++) {
      fillBatch(
        { split, indices: [0], size: big, augmentation: { ...NO_AUGMENTATION, crop } },
        target,
        createRng(seed),
      );
      seen.add(target[0]!);
      // Values rise to the right and downwards, in every part of the image.
      expect(target[15 * 3]!).toBeGreaterThanOrEqual(target[0]!);
      expect(target[15 * 16 * 3]!).toBeGreaterThanOrEqual(target[0]!);
    }
    expect(seen.size).toBeGreaterThan(10);
    const whole = new Uint8Array(IMAGE);
    const all = { minScale: 1, maxRatio: 1 };
    fillBatch(
      { split, indices: [2], size, augmentation: { ...NO_AUGMENTATION, crop: all } },
      whole,
      createRng(1),
    );
    expect(whole).toEqual(gatherImages(split, [2]));
  });

  it("resizes to the network's input", () => {
    const filler = createBatchFiller(split, { height: 12, width: 12 }, NO_AUGMENTATION);
    const target = new Uint8Array(2 * 12 * 12 * 3);
    filler.fill({ indices: [9, 1, 2], first: 1, count: 2 }, target, createRng(1));
    expect(target[0]).toBe(gatherImages(split)[IMAGE]);
    expect(target[12 * 12 * 3]).toBe(gatherImages(split)[2 * IMAGE]);
  });
});
