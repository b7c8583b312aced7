import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { csdDigitCount } from "./csd.js";
import { evaluateRequantizer, type Requantizer, searchRequantizer } from "./requantize.js";
import {
  type CommonRequantization,
  commonRequantization,
  evaluateCommonRequantization,
} from "./requantize-common.js";
import { digitStringsBetween } from "./signed-digit-search.js";
import { type StepFunction, slopeRange, stepBounds, stepFunction, stepValue } from "./step-function.js";

/** gemmlowp's double rounding, in integers of any size. */
function doubleRounding(a: number, multiplier: number, right: number): number {
  const product = BigInt(a) * BigInt(multiplier);
  const nudge = product >= 0n ? 1n << 30n : 1n - (1n << 30n);
  const high = (product + nudge) / (1n << 31n);
  const mask = (1n << BigInt(right)) - 1n;
  const remainder = high & mask;
  const threshold = (mask >> 1n) + (high < 0n ? 1n : 0n);
  return Number((high >> BigInt(right)) + (remainder > threshold ? 1n : 0n));
}

/** One rounding: floor(a·m / 2^s + 1/2). */
function singleRounding(a: number, multiplier: number, shift: number): number {
  return Number((BigInt(a) * BigInt(multiplier) + (1n << BigInt(shift - 1))) >> BigInt(shift));
}

type Case = {
  readonly f: (a: number) => number;
  readonly range: { readonly low: number; readonly high: number };
  readonly clamp: { readonly low: number; readonly high: number };
};

/** Random requantizations: both roundings, any zero point, clamp and interval; `most` bounds the interval. */
const cases = (most: number): fc.Arbitrary<Case> =>
  fc
    .record({
      tflite: fc.boolean(),
      multiplier: fc.integer({ min: 2 ** 30, max: 2 ** 31 - 1 }),
      right: fc.integer({ min: 0, max: 12 }),
      zeroPoint: fc.constantFrom(0, -128, 128, 3, -5, 117),
      signed: fc.boolean(),
      narrow: fc.integer({ min: 0, max: 60 }),
      low: fc.integer({ min: -most, max: most }),
      size: fc.integer({ min: 0, max: 2 * most }),
    })
    .map(({ tflite, multiplier, right, zeroPoint, signed, narrow, low, size }) => {
      const small = Math.round(multiplier / 2 ** 19);
      return {
        f: (a) =>
          zeroPoint + (tflite ? doubleRounding(a, multiplier, right) : singleRounding(a, small, right + 12)),
        range: { low, high: low + size },
        clamp: signed ? { low: -128 + narrow, high: 127 } : { low: 0, high: 255 - narrow },
      };
    });

const required = ({ f, clamp }: Case, a: number): number => Math.max(clamp.low, Math.min(f(a), clamp.high));

/** All of a small interval, else its ends and the neighbourhood of every threshold. */
function probes({ low, high, thresholds }: StepFunction): number[] {
  if (high - low < 3000) return Array.from({ length: high - low + 1 }, (_, i) => low + i);
  const near = [...thresholds].flatMap((t) => [t - 1, t, t + 1]);
  return [low, low + 1, -1, 0, high - 1, high, ...near].filter((a) => a >= low && a <= high);
}

function expectEqual(given: Case, f: StepFunction, form: Requantizer): void {
  const wrong = probes(f).filter((a) => evaluateRequantizer(form, a, given.clamp) !== required(given, a));
  expect(wrong).toEqual([]);
}

function expectCommonEqual(given: readonly Case[], form: CommonRequantization): void {
  for (const [c, one] of given.entries()) {
    const f = stepFunction(one.f, one.range, one.clamp);
    const wrong = probes(f).filter(
      (a) => evaluateCommonRequantization(form, c, a, one.clamp) !== required(one, a),
    );
    expect(wrong).toEqual([]);
  }
}

describe("step functions", () => {
  it("finds the thresholds of monotone functions", () => {
    fc.assert(
      fc.property(cases(1000), (given) => {
        const f = stepFunction(given.f, given.range, given.clamp);
        for (let a = f.low; a <= f.high; a++) expect(stepValue(f, a)).toBe(required(given, a));
      }),
      { numRuns: 60 },
    );
  });

  it("bounds the slopes of the lines that can replace it: all of them inside, none outside", () => {
    // floor((3a + 1) / 8) on 0 … 40: the slope 3/8 fits, and only slopes near it.
    const f = stepFunction((a) => Math.floor((3 * a + 1) / 8), { low: 0, high: 40 }, { low: 0, high: 255 });
    const range = slopeRange(stepBounds(f))!;
    expect(range.low).toBeLessThan(3 / 8);
    expect(range.high).toBeGreaterThan(3 / 8);
    for (let m = 1; m < 256; m++) {
      let fits = false;
      for (let c = -256; c <= 512 && !fits; c++) {
        fits = Array.from({ length: 41 }, (_, a) => a).every((a) => (m * a + c) >> 8 === stepValue(f, a));
      }
      // At 8 fraction bits every slope strictly inside has a constant, and no other has one.
      expect(fits).toBe(m / 256 > range.low && m / 256 < range.high);
    }
  });
});

describe("signed digit search", () => {
  it("lists every number of so many digits in an interval", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4000 }),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 5 }),
        (start, size, digits) => {
          const low = start / 4096;
          const high = (start + size) / 4096;
          const found = digitStringsBetween({ low, high, digits, leastExponent: -12, limit: 10_000 }).map(
            (string) =>
              string.reduce(
                (sum, { exponent, negative }) => sum + (negative ? -1 : 1) * 2 ** (exponent + 12),
                0,
              ),
          );
          const expected = Array.from({ length: size - 1 }, (_, i) => start + 1 + i).filter(
            (m) => csdDigitCount(m) === digits,
          );
          for (const m of found) {
            expect(m / 4096 > low && m / 4096 < high).toBe(true);
            expect(csdDigitCount(m)).toBe(digits);
          }
          // Numbers with a leading part inside are left out: that part alone is cheaper.
          const fewest = Math.min(...expected.map(csdDigitCount));
          if (digits === fewest) {
            const reduced = expected.filter((m) => found.includes(m));
            const shorter = (m: number): boolean =>
              !found.includes(m) && hasPrefixInside(m, start, start + size);
            expect(expected.every((m) => reduced.includes(m) || shorter(m))).toBe(true);
          }
        },
      ),
    );
  });
});

/** Whether a leading part of the digits of m already lies in the open interval. */
function hasPrefixInside(m: number, low: number, high: number): boolean {
  for (let bit = 1; bit < 14; bit++) {
    const rounded = Math.round(m / 2 ** bit) * 2 ** bit;
    if (rounded > low && rounded < high) return true;
  }
  return false;
}

describe("requantizers", () => {
  it("are equal to the required function on the whole interval, whatever rounding, zero point, clamp", () => {
    fc.assert(
      fc.property(cases(2 ** 11), (given) => {
        const f = stepFunction(given.f, given.range, given.clamp);
        const form = searchRequantizer(f);
        expect(form).toBeDefined();
        expectEqual(given, f, form!);
      }),
      { numRuns: 150 },
    );
  });

  it("are equal on large intervals", () => {
    fc.assert(
      fc.property(cases(2 ** 22), (given) => {
        const f = stepFunction(given.f, given.range, given.clamp);
        const form = searchRequantizer(f);
        if (form !== undefined) expectEqual(given, f, form);
      }),
      { numRuns: 60 },
    );
  });

  it("need nothing for a constant, and only an offset for a power of two", () => {
    const clamp = { low: 0, high: 255 };
    expect(searchRequantizer(stepFunction(() => 300, { low: -5, high: 90 }, clamp))).toEqual({
      kind: "always",
      value: 255,
      cost: 0,
    });
    const half = (a: number): number => doubleRounding(a, 2 ** 30, 5);
    const form = searchRequantizer(stepFunction(half, { low: -90_000, high: 90_000 }, clamp))!;
    expect(form).toMatchObject({ kind: "shifted", shift: 6, cost: 0 });
  });
});

describe("common requantization", () => {
  it("serves several channels with one shift, saturating or not", () => {
    fc.assert(
      fc.property(
        fc.array(cases(2 ** 11), { minLength: 1, maxLength: 5 }),
        fc.boolean(),
        (given, saturate) => {
          const functions = given.map(({ f, range, clamp }) => stepFunction(f, range, clamp));
          const form = commonRequantization(functions, { saturate });
          // Two roundings that step differently below zero may have no common step.
          if (form !== undefined) expectCommonEqual(given, form);
        },
      ),
      { numRuns: 80 },
    );
  });

  it("finds one multiplier and one constant for channels of one scale, whatever their intervals", () => {
    const clamp = { low: 0, high: 255 };
    const given = [-90_000, -20_000, 0, 5_000].map(
      (low, c): Case => ({
        f: (a) => doubleRounding(a, 1_518_500_251, 8),
        range: { low, high: low + 15_000 * (c + 1) },
        clamp,
      }),
    );
    const form = commonRequantization(given.map(({ f, range }) => stepFunction(f, range, clamp)))!;
    expectCommonEqual(given, form);
    expect(new Set(form.channels.map(({ multiplier }) => multiplier)).size).toBe(1);
    expect(new Set(form.channels.map(({ constant }) => constant)).size).toBe(1);
  });

  it("keeps to its limits", () => {
    const channel = (multiplier: number): Case => ({
      f: (a) => doubleRounding(a, multiplier, 7),
      range: { low: -30_000, high: 60_000 },
      clamp: { low: 0, high: 255 },
    });
    const given = [channel(1_700_000_011), channel(1_234_567_891), channel(2_000_000_001)];
    const functions = given.map(({ f, range, clamp }) => stepFunction(f, range, clamp));
    const free = commonRequantization(functions)!;
    expectCommonEqual(given, free);
    expect(commonRequantization(functions, { multiplierBits: 4 })).toBeUndefined();
    const few = commonRequantization(functions, { multiplierDigits: free.multiplierDigits + 1 })!;
    expectCommonEqual(given, few);
    expect(few.multiplierDigits).toBeLessThanOrEqual(free.multiplierDigits + 1);
    const saturated = commonRequantization(functions, { saturate: true })!;
    expect(saturated.windowBits).toBe(16);
    expectCommonEqual(given, saturated);
  });
});
