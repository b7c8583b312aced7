import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRng } from "../core/index.js";
import { createCropResizer, drawBox } from "./random-crop.js";
import { createResizer } from "./resize.js";

const side = fc.integer({ min: 1, max: 12 });

describe("random resized crops", () => {
  it("lie inside the image and keep to the bounds, but for rounding", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 24, max: 80 }),
        fc.integer({ min: 24, max: 80 }),
        fc.nat(),
        (height, width, seed) => {
          const box = drawBox({ height, width }, { minScale: 0.3, maxRatio: 4 / 3 }, createRng(seed));
          expect(box.left).toBeGreaterThanOrEqual(0);
          expect(box.top).toBeGreaterThanOrEqual(0);
          expect(box.left + box.width).toBeLessThanOrEqual(width);
          expect(box.top + box.height).toBeLessThanOrEqual(height);
          const isWhole = box.width === width && box.height === height;
          if (!isWhole) {
            expect((box.width + 0.5) * (box.height + 0.5)).toBeGreaterThanOrEqual(0.3 * width * height);
            const ratio = box.width / box.height;
            expect(Math.max(ratio, 1 / ratio)).toBeLessThan(1.5);
          }
        },
      ),
    );
  });

  it("spread over areas, ratios and places, by the seed alone", () => {
    const rng = createRng(1);
    const image = { height: 64, width: 64 };
    const crop = { minScale: 0.25, maxRatio: 4 / 3 };
    const boxes = Array.from({ length: 2000 }, () => drawBox(image, crop, rng));
    const mean = (of: (box: (typeof boxes)[number]) => number) =>
      boxes.reduce((sum, box) => sum + of(box), 0) / boxes.length;
    // Areas that fit are even from a quarter to about the whole; centres are even about the middle.
    expect(Math.abs(mean((box) => (box.width * box.height) / 4096) - 0.62)).toBeLessThan(0.05);
    expect(Math.abs(mean((box) => box.left + box.width / 2) - 32)).toBeLessThan(0.5);
    expect(Math.abs(mean((box) => Math.log(box.width / box.height)))).toBeLessThan(0.02);
    expect(new Set(boxes.map((box) => box.top)).size).toBeGreaterThan(25);
    const again = createRng(1);
    expect(Array.from({ length: 2000 }, () => drawBox(image, crop, again))).toEqual(boxes);
  });

  it("take the whole image where nothing else fits", () => {
    const box = drawBox({ height: 1, width: 1 }, { minScale: 1, maxRatio: 1 }, createRng(3));
    expect(box).toEqual({ left: 0, top: 0, width: 1, height: 1 });
  });

  it("resize within one of the exact definition, and exactly where nothing changes", () => {
    fc.assert(
      fc.property(
        fc.record({ height: side, width: side }),
        fc.record({ height: side, width: side }),
        fc.constantFrom(1, 3),
        fc.nat(),
        (from, to, channels, seed) => {
          const rng = createRng(seed);
          const frame = { height: from.height + 3, width: from.width + 2 };
          const source = Uint8Array.from({ length: frame.height * frame.width * channels }, () =>
            rng.integer(256),
          );
          const box = { left: rng.integer(3), top: rng.integer(4), ...from };
          const part = new Uint8Array(from.height * from.width * channels);
          for (let y = 0; y < from.height; y++) {
            const at = ((box.top + y) * frame.width + box.left) * channels;
            part.set(source.subarray(at, at + from.width * channels), y * from.width * channels);
          }
          const length = to.height * to.width * channels;
          const exact = new Uint8Array(length);
          createResizer(from, to, channels).resize(part, 0, exact, 0);
          const target = new Uint8Array(length + 5).fill(7);
          createCropResizer(frame, to, channels).resize(source, box, target, 2);
          expect(Array.from(target.subarray(0, 2))).toEqual([7, 7]);
          expect(Array.from(target.subarray(-3))).toEqual([7, 7, 7]);
          const isSame = from.height === to.height && from.width === to.width;
          for (let i = 0; i < length; i++) {
            expect(Math.abs(target[i + 2]! - exact[i]!)).toBeLessThanOrEqual(isSame ? 0 : 1);
          }
        },
      ),
    );
  });
});
