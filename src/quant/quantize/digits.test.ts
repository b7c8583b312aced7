import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { leanFactors, leanValue, nearestWithDigits, signedDigitCount, tfliteFactor } from "./digits.js";

describe("digit-limited factors", () => {
  it("counts canonical signed digits", () => {
    expect([0, 1, 3, 7, 5, 11, 23, 255, 0b1010101].map(signedDigitCount)).toEqual([
      0, 1, 2, 2, 2, 3, 3, 2, 4,
    ]);
  });

  it("brackets any factor within digits, bits and shift, and tightly", () => {
    const value = fc.double({ min: 2 ** -24, max: 100, noNaN: true });
    fc.assert(
      fc.property(value, fc.integer({ min: 1, max: 5 }), (real, digits) => {
        const { below, above } = leanFactors(real, digits);
        expect(leanValue(below)).toBeLessThanOrEqual(real);
        expect(leanValue(above)).toBeGreaterThanOrEqual(real);
        for (const factor of [below, above]) {
          expect(signedDigitCount(factor.multiplier)).toBeLessThanOrEqual(digits);
          expect(factor.shift).toBeGreaterThanOrEqual(1);
        }
        // Neighbours among powers of two differ by 2; with two digits the widest gap is 1 to 9/8 … 5/4 to 3/2.
        const widest = [2, 1.25, 1.1, 1.05, 1.03][digits - 1]!;
        expect(leanValue(above) / leanValue(below)).toBeLessThanOrEqual(widest);
      }),
      { numRuns: 2000 },
    );
  });

  it("returns a factor that has few digits as it is", () => {
    for (const real of [1, 0.5, 0.75, 2 ** -20, 3]) {
      const { below, above } = leanFactors(real, 2);
      expect([leanValue(below), leanValue(above)]).toEqual([real, real]);
    }
  });

  it("rounds integers to few digits", () => {
    expect(nearestWithDigits(11, 1)).toBe(8);
    expect(nearestWithDigits(11, 2)).toBe(10);
    expect(nearestWithDigits(11, 3)).toBe(11);
    expect(nearestWithDigits(0, 1)).toBe(0);
  });

  it("splits a real into a Q0.31 multiplier and a shift", () => {
    fc.assert(
      fc.property(fc.double({ min: 2 ** -30, max: 1000, noNaN: true }), (real) => {
        const { multiplier, shift } = tfliteFactor(real);
        expect(multiplier).toBeGreaterThanOrEqual(2 ** 30);
        expect(multiplier).toBeLessThan(2 ** 31);
        expect(Math.abs(multiplier * 2 ** (shift - 31) - real)).toBeLessThanOrEqual(real * 2 ** -31);
      }),
    );
    expect(tfliteFactor(1 - 2 ** -40)).toEqual({ multiplier: 2 ** 30, shift: 1 });
    expect(tfliteFactor(2 ** -40)).toEqual({ multiplier: 0, shift: 0 });
  });
});
