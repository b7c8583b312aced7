import { describe, expect, it } from "vitest";
import { searchLearningRate } from "./learning-rate.js";

/** Accuracy with a peak at a rate, on a logarithmic axis. */
const peakAt = (peak: number) => async (rate: number) => 1 - 0.1 * Math.log(rate / peak) ** 2;

describe("searchLearningRate", () => {
  it("finds a peak that is away from the start", async () => {
    for (const peak of [0.004, 0.05, 0.3]) {
      const { learningRate } = await searchLearningRate({
        ...{ start: 0.05, factor: 2.5, mostTrials: 8 },
        measure: peakAt(peak),
      });
      expect(Math.abs(Math.log(learningRate / peak))).toBeLessThanOrEqual(Math.log(2.5) / 2 + 1e-9);
    }
  });

  it("stops at the bound, tries no rate twice, and prefers the lower of equal rates", async () => {
    const rates: number[] = [];
    const { learningRate, trials } = await searchLearningRate({
      ...{ start: 0.05, factor: 2, mostTrials: 4 },
      measure: async (rate) => {
        rates.push(rate);
        return 0.5;
      },
    });
    expect(new Set(rates).size).toBe(rates.length);
    expect(trials).toHaveLength(4);
    expect(learningRate).toBe(Math.min(...rates));
  });
});
