import { describe, expect, test } from "vitest";
import { paperTier } from "./paper.js";
import {
  type CorrectedPaperLayer,
  correctedPaperTier,
  correctionSteps,
  paperCorrections,
} from "./paper-corrected.js";

const conv = (
  name: string,
  side: number,
  stride: number,
  inputs: number,
  outputs: number,
  kernel = 3,
): CorrectedPaperLayer => {
  const out = side / stride;
  const weights = kernel * kernel * inputs * outputs;
  return {
    name,
    kind: "conv2d",
    inputShape: [side, side, inputs],
    outputShape: [out, out, outputs],
    kernel: [kernel, kernel],
    weights,
    nonZeroWeights: weights,
    activationBits: 8,
    weightBits: 8,
    macs: weights * out * out,
  };
};
const layers = [
  conv("a", 32, 2, 3, 8),
  conv("b", 16, 1, 8, 16),
  conv("c", 16, 2, 16, 32),
  conv("d", 8, 1, 32, 10, 1),
];
const at = (
  ...ids: readonly (typeof paperCorrections)[number]["id"][]
): ReturnType<typeof correctedPaperTier> => correctedPaperTier(layers, 3, ids);

describe("correctedPaperTier", () => {
  test("without corrections it is DeepFreeze's model", () => {
    for (let fixed = 0; fixed <= layers.length; fixed++) {
      const theirs = paperTier(layers, fixed);
      const ours = correctedPaperTier(layers, fixed, []);
      for (const key of ["areaMm2", "powerW", "timeUs", "tops", "topsPerWatt", "energyPerFrameUj"] as const)
        expect(ours[key]).toBeCloseTo(theirs[key], 12);
      expect(ours.gain.topsPerWatt).toBeCloseTo(theirs.gain.topsPerWatt, 12);
      expect(ours.fixed.areaMm2).toBeCloseTo(theirs.fixed.areaMm2, 12);
    }
  });

  test("counts stride-2 layers once, and the last layer", () => {
    const [a, b, c, d] = layers.map((layer) => 2 * layer.macs) as [number, number, number, number];
    expect(at().operations).toBe(4 * a + b + 4 * c);
    expect(at("outputPixels").operations).toBe(a + b + c);
    expect(at("outputPixels", "lastLayer").operations).toBe(a + b + c + d);
  });

  test("line buffers hold two rows of all channels", () => {
    const memory = (cost: (typeof layers)[number], bits: number): number =>
      bits * cost.activationBits * 1.62e-6;
    const before = memory(layers[0]!, 32 * 9) + memory(layers[1]!, 16 * 9) + memory(layers[2]!, 16 * 9);
    const after =
      memory(layers[0]!, 2 * 32 * 3) + memory(layers[1]!, 2 * 16 * 8) + memory(layers[2]!, 2 * 16 * 16);
    expect(at("lineBuffers").fixed.areaMm2 - at().fixed.areaMm2).toBeCloseTo(after - before, 12);
  });

  test("requantization adds area and power, utilization takes power away, neither changes the time", () => {
    expect(at("requantization").fixed.areaMm2).toBeGreaterThan(at().fixed.areaMm2);
    expect(at("requantization").fixed.powerW).toBeGreaterThan(at().fixed.powerW);
    expect(at("utilization").fixed.powerW).toBeLessThan(at().fixed.powerW / 3);
    expect(at("utilization").fixed.areaMm2).toBe(at().fixed.areaMm2);
    expect(at("requantization", "utilization").timeUs).toBe(at().timeUs);
  });

  test("an accelerator below its peak is slower and less efficient; unused it takes no area", () => {
    const real = at("programmableUtilization");
    expect(real.programmableTimeUs).toBeGreaterThan(at().programmableTimeUs);
    expect(real.baseline.topsPerWatt).toBeLessThan(at().baseline.topsPerWatt);
    const all = correctedPaperTier(layers, 4, ["unusedAccelerator"]);
    expect(all.areaMm2).toBe(all.fixed.areaMm2);
    expect(at("unusedAccelerator").areaMm2).toBe(at().areaMm2);
  });

  test("steps end where all corrections together do", () => {
    const steps = correctionSteps(layers, 3);
    expect(steps).toHaveLength(paperCorrections.length + 1);
    expect(steps.at(-1)?.upToHere).toEqual(at(...paperCorrections.map(({ id }) => id)));
    expect(() => correctionSteps(layers, 5)).toThrow(expect.objectContaining({ code: "FX7030" }));
  });
});
