import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/helpers/data-files.js";
import { createRng } from "../core/index.js";
import type { Split } from "./dataset.js";
import { gatherImages } from "./records.js";
import { resizeBilinear } from "./resize.js";
import { allocateSplit, holdOut, resizeSplit, splitValidation, subset } from "./split.js";

function synthetic(labels: readonly number[], groups?: readonly number[]): Split {
  const { split, pixels } = allocateSplit({ count: labels.length, height: 3, width: 4, channels: 3 });
  split.labels.set(labels);
  for (let i = 0; i < pixels.length; i++) pixels[i] = (i * 7) & 255;
  return groups === undefined ? split : { ...split, groups: Uint32Array.from(groups) };
}

const image = (split: Split, i: number) => {
  const bytes = split.height * split.width * split.channels;
  return Array.from(gatherImages(split).subarray(i * bytes, (i + 1) * bytes));
};

describe("subset", () => {
  it("chooses pixels, labels and groups in the order asked for", () => {
    const split = synthetic([0, 1, 2, 3], [10, 11, 12, 13]);
    const part = subset(split, [3, 1, 3]);
    expect(Array.from(part.labels)).toEqual([3, 1, 3]);
    expect(Array.from(part.groups ?? [])).toEqual([13, 11, 13]);
    expect([0, 1, 2].map((i) => image(part, i))).toEqual([3, 1, 3].map((i) => image(split, i)));
    expect(part.store).toBe(split.store);
  });

  it("refuses an index outside", () => {
    expect(() => subset(synthetic([0, 1]), [2])).toThrow(RangeError);
    expect(() => subset(synthetic([0, 1]), [-1])).toThrow(RangeError);
  });
});

const storage = () => ({ cacheFolder: temporaryFolder(), name: "test" });

describe("resizeSplit", () => {
  it("keeps large sets in a file, with the same bytes, and makes it once", async () => {
    const split = synthetic([4, 5], [1, 2]);
    const where = storage();
    const inMemory = await resizeSplit(split, 6, where);
    const inFile = await resizeSplit(split, 6, { ...where, memoryLimitBytes: 100 });
    expect([inMemory.store.kind, inFile.store.kind]).toEqual(["memory", "file"]);
    expect(gatherImages(inFile)).toEqual(gatherImages(inMemory));
    const [file] = readdirSync(join(where.cacheFolder, "images"));
    const { ino } = statSync(join(where.cacheFolder, "images", file ?? ""));
    const again = await resizeSplit(split, 6, { ...where, memoryLimitBytes: 100 });
    expect(gatherImages(again)).toEqual(gatherImages(inMemory));
    expect(statSync(join(where.cacheFolder, "images", file ?? "")).ino).toBe(ino);
  });

  it("resizes each image by the one bilinear definition and keeps labels and groups", async () => {
    const split = synthetic([4, 5], [1, 2]);
    const resized = await resizeSplit(split, 6, storage());
    expect([resized.count, resized.height, resized.width, resized.channels]).toEqual([2, 6, 6, 3]);
    expect(Array.from(resized.labels)).toEqual([4, 5]);
    expect(resized.groups).toBe(split.groups);
    for (const i of [0, 1]) {
      const expected = new Uint8Array(6 * 6 * 3);
      resizeBilinear(Uint8Array.from(image(split, i)), { height: 3, width: 4 }, expected, {
        height: 6,
        width: 6,
      });
      expect(image(resized, i)).toEqual(Array.from(expected));
    }
  });

  it("returns the split itself when nothing changes", async () => {
    const { split } = allocateSplit({ count: 1, height: 5, width: 5, channels: 1 });
    expect(await resizeSplit(split, 5, storage())).toBe(split);
  });
});

describe("holdOut", () => {
  const labelled = fc.array(fc.nat(4), { minLength: 8, maxLength: 200 });
  const fraction = fc.double({ min: 0.01, max: 0.9, noNaN: true });

  it("divides all images, keeps and gives at least one of each class, and takes the share within one image", () => {
    fc.assert(
      fc.property(labelled, fraction, fc.nat(1000), (labels, share, seed) => {
        const counts = new Map<number, number>();
        for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
        fc.pre([...counts.values()].some((n) => n > 1));
        const { kept, held } = holdOut(
          { labels: Uint16Array.from(labels) },
          { fraction: share, rng: createRng(seed) },
        );
        expect([...kept, ...held].sort((a, b) => a - b)).toEqual(labels.map((_, i) => i));
        for (const [label, n] of counts) {
          const taken = [...held].filter((i) => labels[i] === label).length;
          const target = n === 1 ? 0 : Math.min(Math.max(share * n, 1), n - 1);
          expect(Math.abs(taken - target)).toBeLessThanOrEqual(n === 1 ? 0 : 0.5 + 1e-9);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("never cuts a group and comes within half a group of the share", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 9 })), { minLength: 6, maxLength: 60 }),
        fc.nat(1000),
        (tracks, seed) => {
          const labels: number[] = [];
          const groups: number[] = [];
          for (const [track, [label, frames]] of tracks.entries()) {
            for (let f = 0; f < frames; f++) {
              labels.push(label);
              groups.push(track * 3 + 1);
            }
          }
          fc.pre([0, 1, 2].some((label) => tracks.filter(([l]) => l === label).length > 1));
          const split = { labels: Uint16Array.from(labels), groups: Uint32Array.from(groups) };
          const { kept, held } = holdOut(split, { fraction: 0.2, rng: createRng(seed) });
          const inKept = new Set(Array.from(kept, (i) => groups[i]));
          expect(Array.from(held).filter((i) => inKept.has(groups[i]))).toEqual([]);
          for (const label of [0, 1, 2]) {
            const ofClass = tracks.filter(([l]) => l === label);
            const images = ofClass.reduce((sum, [, frames]) => sum + frames, 0);
            const taken = Array.from(held).filter((i) => labels[i] === label).length;
            if (ofClass.length < 2) expect(taken).toBe(0);
            else expect(taken).toBeGreaterThan(0);
            // At most one group too much: the first, or one that overshoots by less than half of itself.
            expect(taken).toBeLessThanOrEqual(Math.max(0.2 * images + 4.5, 9));
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it("is the same for the same seed, and another for another", () => {
    const labels = Uint16Array.from({ length: 300 }, (_, i) => i % 3);
    const held = (seed: number) =>
      Array.from(holdOut({ labels }, { fraction: 0.1, rng: createRng(seed) }).held);
    expect(held(7)).toEqual(held(7));
    expect(held(7)).not.toEqual(held(8));
    expect(held(7).length).toBe(30);
  });

  it("refuses senseless fractions and classes that cannot give", () => {
    const labels = Uint16Array.of(0, 1, 2);
    const code = (fraction: number) => {
      try {
        holdOut({ labels }, { fraction, rng: createRng(1) });
      } catch (error) {
        return error;
      }
      return undefined;
    };
    for (const fraction of [0, 1, -0.1, Number.NaN, 0.5]) {
      expect(code(fraction)).toMatchObject({ code: "FX2012" });
    }
  });
});

describe("splitValidation", () => {
  it("copies both parts", () => {
    const split = synthetic([0, 0, 0, 0, 1, 1, 1, 1]);
    const { train, validation } = splitValidation(split, 0.25, createRng(3));
    const { kept, held } = holdOut(split, { fraction: 0.25, rng: createRng(3) });
    expect(Array.from(validation.labels)).toEqual([0, 1]);
    expect(Array.from(train.labels)).toEqual([0, 0, 0, 1, 1, 1]);
    expect(image(train, 2)).toEqual(image(split, kept[2]!));
    expect(image(validation, 1)).toEqual(image(split, held[1]!));
  });
});
