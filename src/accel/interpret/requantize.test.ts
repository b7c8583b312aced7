import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { requantize, requantizeWide } from "./requantize.js";

/** The formula of docs/accel.md with rational numbers: numerator over a power of two, rounded down. */
function exact(sum: number, how: Parameters<typeof requantize>[1]): number {
  const floor = (n: bigint, d: bigint): bigint => (n >= 0n ? n / d : -((-n + d - 1n) / d));
  const p = BigInt(BigInt.asIntN(32, BigInt(sum) + BigInt(how.bias))) * BigInt(how.multiplier);
  const x = how.doubleRounding ? floor(p + 2n ** 30n, 2n ** 31n) : p;
  const s = BigInt(how.shift);
  const r = s === 0n ? x : floor(x + 2n ** (s - 1n) - (how.tiesAway && x < 0n ? 1n : 0n), 2n ** s);
  const byte = r + BigInt(how.zeroPoint);
  const least = byte < BigInt(how.high) ? byte : BigInt(how.high);
  return Number(least > BigInt(how.low) ? least : BigInt(how.low));
}

const how = fc.record({
  bias: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  multiplier: fc.oneof(fc.integer({ min: 0, max: 2 ** 31 - 1 }), fc.integer({ min: 0, max: 300 })),
  shift: fc.integer({ min: 0, max: 63 }),
  doubleRounding: fc.boolean(),
  tiesAway: fc.boolean(),
  zeroPoint: fc.integer({ min: 0, max: 255 }),
  low: fc.integer({ min: 0, max: 255 }),
  high: fc.integer({ min: 0, max: 255 }),
});
const sums = fc.oneof(
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  fc.integer({ min: -5000, max: 5000 }),
);

describe("requantize", () => {
  test("is the formula", () => {
    fc.assert(
      fc.property(sums, how, (sum, given) => {
        expect(requantize(sum, given)).toBe(exact(sum, given));
        expect(requantizeWide((sum + given.bias) | 0, given)).toBe(exact(sum, given));
      }),
      { numRuns: 3000 },
    );
  });

  test("rounds ties as asked", () => {
    const given = {
      bias: 0,
      multiplier: 1,
      shift: 1,
      doubleRounding: false,
      zeroPoint: 100,
      low: 0,
      high: 255,
    };
    const bytes = (tiesAway: boolean): number[] =>
      [-3, -1, 1, 3].map((sum) => requantize(sum, { ...given, tiesAway }));
    expect(bytes(false)).toEqual([99, 100, 101, 102]);
    expect(bytes(true)).toEqual([98, 99, 101, 102]);
  });
});
