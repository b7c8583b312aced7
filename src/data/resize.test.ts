import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createResizer, resizeBilinear } from "./resize.js";

/** The definition, in exact integer arithmetic: weights are multiples of 1 / (2·height) and 1 / (2·width). */
function reference(
  source: Uint8Array,
  [height, width, channels]: readonly [number, number, number],
  [outHeight, outWidth]: readonly [number, number],
): Uint8Array {
  const out = new Uint8Array(outHeight * outWidth * channels);
  const at = (y: number, x: number, c: number): bigint => {
    const row = Math.min(Math.max(y, 0), height - 1);
    const column = Math.min(Math.max(x, 0), width - 1);
    return BigInt(source[(row * width + column) * channels + c]!);
  };
  const floorDiv = (a: number, b: number): number => (a - (((a % b) + b) % b)) / b;
  for (let y = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++) {
      const py = (2 * y + 1) * height - outHeight;
      const px = (2 * x + 1) * width - outWidth;
      const [iy, ix] = [floorDiv(py, 2 * outHeight), floorDiv(px, 2 * outWidth)];
      const [wy, wx] = [BigInt(py - iy * 2 * outHeight), BigInt(px - ix * 2 * outWidth)];
      const [uy, ux] = [BigInt(2 * outHeight), BigInt(2 * outWidth)];
      for (let c = 0; c < channels; c++) {
        const top = at(iy, ix, c) * (ux - wx) + at(iy, ix + 1, c) * wx;
        const bottom = at(iy + 1, ix, c) * (ux - wx) + at(iy + 1, ix + 1, c) * wx;
        const sum = top * (uy - wy) + bottom * wy;
        out[(y * outWidth + x) * channels + c] = Number((2n * sum + uy * ux) / (2n * uy * ux));
      }
    }
  }
  return out;
}

describe("bilinear resize", () => {
  it("is the exact rational definition for any sizes and bytes", () => {
    const side = fc.integer({ min: 1, max: 12 });
    const sizes = fc.tuple(side, side, fc.integer({ min: 1, max: 4 }), side, side);
    fc.assert(
      fc.property(sizes, fc.infiniteStream(fc.nat(255)), ([h, w, c, oh, ow], bytes) => {
        const source = Uint8Array.from(bytes.take(h * w * c));
        const target = new Uint8Array(oh * ow * c);
        resizeBilinear(source, { height: h, width: w }, target, { height: oh, width: ow });
        expect(target).toEqual(reference(source, [h, w, c], [oh, ow]));
      }),
      { seed: 4, numRuns: 200 },
    );
  });

  it("keeps an image of the same size, and a constant image of any size", () => {
    const source = Uint8Array.from({ length: 5 * 7 * 3 }, (_, i) => (i * 37) & 255);
    const same = new Uint8Array(source.length);
    resizeBilinear(source, { height: 5, width: 7 }, same, { height: 5, width: 7 });
    expect(same).toEqual(source);
    const flat = new Uint8Array(48 * 48 * 3);
    resizeBilinear(new Uint8Array(32 * 32 * 3).fill(201), { height: 32, width: 32 }, flat, {
      height: 48,
      width: 48,
    });
    expect(flat.every((byte) => byte === 201)).toBe(true);
  });

  it("rounds half up", () => {
    const target = new Uint8Array(1);
    resizeBilinear(Uint8Array.of(10, 11), { height: 1, width: 2 }, target, { height: 1, width: 1 });
    expect(target[0]).toBe(11);
  });

  it("reads and writes at offsets and nowhere else", () => {
    const resizer = createResizer({ height: 2, width: 2 }, { height: 3, width: 3 }, 1);
    const target = new Uint8Array(11).fill(99);
    resizer.resize(Uint8Array.of(0, 0, 50, 50, 50, 50), 2, target, 1);
    expect([...target]).toEqual([99, ...new Array<number>(9).fill(50), 99]);
  });
});
