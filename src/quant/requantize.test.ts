import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  pixelRequantizer,
  requantizationFactor,
  requantize,
  requantizeLean,
  requantizeTflite,
  roundingDivideByPowerOfTwo,
  roundingDoublingHighMul,
} from "./requantize.js";

/** gemmlowp's definition, word for word in 64-bit integers: BigInt division truncates toward zero as C++ does. */
function highMulOracle(a: number, b: number): number {
  const product = BigInt(a) * BigInt(b);
  const nudge = product >= 0n ? 1n << 30n : 1n - (1n << 30n);
  return Number((product + nudge) / (1n << 31n));
}

function dividePotOracle(x: number, exponent: number): number {
  const mask = (1n << BigInt(exponent)) - 1n;
  const remainder = BigInt(x) & mask;
  const threshold = (mask >> 1n) + (x < 0 ? 1n : 0n);
  return Number((BigInt(x) >> BigInt(exponent)) + (remainder > threshold ? 1n : 0n));
}

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const q31 = fc.integer({ min: 0, max: 2 ** 31 - 1 });

describe("requantization", () => {
  it("computes the rounding doubling high multiplication of gemmlowp", () => {
    fc.assert(
      fc.property(int32, q31, (a, b) => {
        expect(roundingDoublingHighMul(a, b)).toBe(highMulOracle(a, b) + 0);
      }),
      { numRuns: 5000 },
    );
  });

  it("rounds ties of negative and positive products as gemmlowp", () => {
    for (const k of [-5, -3, -1, 1, 3, 5]) {
      // product = k · 2^30: an odd number of halves.
      for (const nudge of [-1, 0, 1]) {
        const a = k * 2 ** 15 + nudge;
        expect(roundingDoublingHighMul(a, 2 ** 15)).toBe(highMulOracle(a, 2 ** 15));
        expect(roundingDoublingHighMul(k, 2 ** 30)).toBe(highMulOracle(k, 2 ** 30));
      }
    }
    expect(roundingDoublingHighMul(-1, 2 ** 30)).toBe(0);
    expect(roundingDoublingHighMul(-(2 ** 31), 2 ** 31 - 1)).toBe(-(2 ** 31) + 1);
  });

  it("divides by a power of two with ties away from zero", () => {
    fc.assert(
      fc.property(int32, fc.integer({ min: 0, max: 31 }), (x, exponent) => {
        expect(roundingDivideByPowerOfTwo(x, exponent)).toBe(dividePotOracle(x, exponent));
      }),
      { numRuns: 5000 },
    );
    expect([-3, -1, 1, 3].map((x) => roundingDivideByPowerOfTwo(x, 1))).toEqual([-2, -1, 1, 2]);
  });

  it("requantizes in tflite mode with both roundings", () => {
    fc.assert(
      fc.property(int32, q31, fc.integer({ min: -31, max: 0 }), (acc, multiplier, shift) => {
        const expected = dividePotOracle(highMulOracle(acc, multiplier), -shift);
        expect(requantizeTflite(acc, multiplier, shift)).toBe(expected);
      }),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: -(2 ** 20), max: 2 ** 20 }),
        q31,
        fc.integer({ min: 1, max: 10 }),
        (acc, m, shift) => {
          expect(requantizeTflite(acc, m, shift)).toBe(highMulOracle(acc * 2 ** shift, m));
        },
      ),
    );
  });

  it("requantizes in lean mode with one rounding, exact up to 53 bits", () => {
    const multiplier = fc.integer({ min: 0, max: 4096 });
    fc.assert(
      fc.property(int32, multiplier, fc.integer({ min: 1, max: 51 }), (acc, m, shift) => {
        const product = BigInt(acc) * BigInt(m) + (1n << BigInt(shift - 1));
        expect(requantizeLean(acc, m, shift)).toBe(Number(product >> BigInt(shift)));
      }),
      { numRuns: 5000 },
    );
  });

  it("does a whole pixel as one by one, with zero point and clamp, and stays within one of the real product", () => {
    const channels = 5;
    const entry = fc.record({
      mode: fc.constantFrom("lean" as const, "tflite" as const),
      multipliers: fc.array(fc.integer({ min: 1, max: 4095 }), { minLength: channels, maxLength: channels }),
      accs: fc.array(fc.integer({ min: -1e6, max: 1e6 }), { minLength: channels, maxLength: channels }),
      single: fc.boolean(),
    });
    fc.assert(
      fc.property(entry, ({ mode, multipliers, accs, single }) => {
        const used = single ? multipliers.slice(0, 1) : multipliers;
        const requantization = {
          mode,
          multipliers: Int32Array.from(used, (m) => (mode === "lean" ? m : m * 2 ** 19)),
          shifts: Int32Array.from(used, () => (mode === "lean" ? 20 : -8)),
        };
        const output = new Uint8Array(channels + 2);
        pixelRequantizer(requantization, channels, 7, { low: 3, high: 250 })(
          Int32Array.from(accs),
          output,
          1,
        );
        for (const [c, acc] of accs.entries()) {
          const one = requantize(requantization, c, acc);
          expect(output[1 + c]).toBe(Math.max(3, Math.min(250, one + 7)));
          expect(Math.abs(one - acc * requantizationFactor(requantization, c))).toBeLessThanOrEqual(1);
        }
        expect([output[0], output[channels + 1]]).toEqual([0, 0]);
      }),
    );
  });
});
