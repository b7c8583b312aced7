import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fitPrices } from "./engine-fit.js";

describe("fitPrices", () => {
  test("finds the prices that made the sums, zeros among them", () => {
    const price = fc.oneof(fc.constant(0), fc.double({ min: 0.01, max: 1000, noNaN: true }));
    fc.assert(
      fc.property(
        fc.array(price, { minLength: 1, maxLength: 5 }).filter((prices) => prices.some((one) => one > 0)),
        fc.integer({ min: 1, max: 1e6 }),
        (prices, seed) => {
          const random = (i: number): number => (Math.imul(seed + i * 7919, 2654435761) >>> 16) % 50;
          const rows = Array.from({ length: 40 }, (_, r) => prices.map((_, c) => random(r * 8 + c)));
          const sums = rows.map((row) => row.reduce((sum, count, c) => sum + count * prices[c]!, 0));
          const { prices: found, residual } = fitPrices(rows, sums);
          expect(residual).toBeLessThan(1e-6);
          for (const [c, one] of prices.entries())
            expect(Math.abs(found[c]! - one)).toBeLessThan(1e-4 * Math.max(...prices));
        },
      ),
      { seed: 5, numRuns: 100 },
    );
  });

  test("never gives a price below 0, and an event that never occurs costs nothing", () => {
    const rows = [
      [1, 5, 0],
      [2, 3, 0],
      [3, 1, 0],
    ];
    const { prices, residual } = fitPrices(rows, [1, 2, 3.5]);
    expect(prices.every((price) => price >= 0)).toBe(true);
    expect(prices[2]).toBe(0);
    expect(residual).toBeLessThan(0.1);
  });

  test("cannot tell events apart that always come together: one gets all", () => {
    const { prices } = fitPrices(
      [
        [1, 1],
        [2, 2],
        [5, 5],
      ],
      [3, 6, 15],
    );
    expect(prices[0]! + prices[1]!).toBeCloseTo(3, 9);
    expect(Math.min(...prices)).toBe(0);
  });
});
