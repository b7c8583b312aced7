import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRng } from "../core/index.js";
import { jitterImage } from "./jitter.js";

const image = fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => {
  const pixels = new Uint8Array(3 * bytes.length);
  for (let i = 0; i < pixels.length; i++) pixels[i] = (bytes[i % bytes.length]! * (i + 1)) & 255;
  return pixels;
});
const range = fc.double({ min: 0, max: 1, noNaN: true });
const NONE = { brightness: 0, contrast: 0, saturation: 0 };

function jittered(source: Uint8Array, jitter: Parameters<typeof jitterImage>[2], seed: number, channels = 3) {
  const target = new Uint8Array(source.length);
  jitterImage(source, channels, jitter, target, createRng(seed));
  return target;
}

describe("colour jitter", () => {
  it("of no range changes nothing", () => {
    fc.assert(
      fc.property(image, fc.nat(), (source, seed) => {
        expect(jittered(source, NONE, seed)).toEqual(source);
        expect(jittered(source, NONE, seed, 1)).toEqual(source);
      }),
    );
  });

  it("is within one of the formula in floats, and may work in place", () => {
    fc.assert(
      fc.property(
        image,
        fc.record({ brightness: range, contrast: range, saturation: range }),
        fc.nat(),
        (source, jitter, seed) => {
          const target = jittered(source, jitter, seed);
          const rng = createRng(seed);
          const [b, c, s] = [jitter.brightness, jitter.contrast, jitter.saturation].map(
            (x) => 1 + x * (2 * rng.next() - 1),
          ) as [number, number, number];
          const grey = (at: number) =>
            0.299 * source[at]! + 0.587 * source[at + 1]! + 0.114 * source[at + 2]!;
          let mean = 0;
          for (let at = 0; at < source.length; at += 3) mean += (3 * grey(at)) / source.length;
          for (let i = 0; i < source.length; i++) {
            const g = grey(i - (i % 3));
            const value = c * b * (s * source[i]! + (1 - s) * g) + (1 - c) * b * mean;
            const expected = Math.min(Math.max(value, 0), 255);
            // Greys are rounded to bytes: half a step, times at most (1 − s)·b·c + (1 − c)·b.
            expect(Math.abs(target[i]! - expected)).toBeLessThan(
              0.6 + 0.8 * b * (c * Math.abs(1 - s) + Math.abs(1 - c)),
            );
          }
          const inPlace = Uint8Array.from(source);
          jitterImage(inPlace, 3, jitter, inPlace, createRng(seed));
          expect(inPlace).toEqual(target);
        },
      ),
    );
  });

  it("of saturation leaves greys alone; of brightness scales; of contrast keeps the mean", () => {
    const greys = Uint8Array.from([30, 30, 30, 180, 180, 180, 90, 90, 90]);
    for (let seed = 0; seed < 40; seed++) {
      expect(jittered(greys, { ...NONE, saturation: 1 }, seed)).toEqual(greys);
      const bright = jittered(greys, { ...NONE, brightness: 0.2 }, seed);
      const factor = 1 + 0.2 * (2 * createRng(seed).next() - 1);
      expect(Math.abs(bright[3]! - 180 * factor)).toBeLessThan(0.6);
      const sharp = jittered(greys, { ...NONE, contrast: 0.2 }, seed);
      expect(Math.abs((sharp[0]! + sharp[3]! + sharp[6]!) / 3 - 100)).toBeLessThan(1);
    }
  });
});
