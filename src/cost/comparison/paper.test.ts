import { describe, expect, test } from "vitest";
import { deepFreeze, type PaperLayer, paperOperations, paperTier } from "./paper.js";

/** MobileNetV1 0.25 at 224×224, all weights non-zero, 8 bits: conv, 13 × (depthwise, pointwise), 1000-way dense. */
function mobileNet(): PaperLayer[] {
  const bits = { activationBits: 8, weightBits: 8 };
  const layers: PaperLayer[] = [];
  let side = 224;
  let channels = 3;
  const push = (
    name: string,
    kind: "conv2d" | "depthwiseConv2d",
    k: number,
    out: number,
    stride: number,
  ): void => {
    const weights = kind === "conv2d" ? k * k * channels * out : k * k * channels;
    const inputShape = [side, side, channels];
    side /= stride;
    channels = out;
    layers.push({
      name,
      kind,
      inputShape,
      outputShape: [side, side, out],
      kernel: [k, k],
      weights,
      nonZeroWeights: weights,
      ...bits,
    });
  };
  push("conv1", "conv2d", 3, 8, 2);
  const blocks = [16, 32, 32, 64, 64, 128, 128, 128, 128, 128, 128, 256, 256];
  const strided = new Set([1, 3, 5, 11]);
  blocks.forEach((out, i) => {
    push(`dw${i + 1}`, "depthwiseConv2d", 3, channels, strided.has(i) ? 2 : 1);
    push(`pw${i + 1}`, "conv2d", 1, out, 1);
  });
  layers.push({
    name: "dense",
    kind: "dense",
    inputShape: [256],
    outputShape: [1000],
    kernel: [1, 1],
    weights: 256_000,
    nonZeroWeights: 256_000,
    ...bits,
  });
  return layers;
}

describe("paperTier", () => {
  const layers = mobileNet();

  test("counts operations on input pixels", () => {
    expect(paperOperations(layers[0]!)).toBe(2 * 216 * 224 * 224);
    expect(paperOperations(layers.at(-1)!)).toBe(512_000);
  });

  test("prices one fixed layer as by hand", () => {
    const cost = paperTier(layers, 1);
    // 216 weights · 64 bit²; SRAM 224 · 3 · 3 · 8 bits; registers 3 · 9 · 8 bits.
    expect(cost.fixed.areaMm2).toBeCloseTo(216 * 64 * 2.05e-7 + (16_128 + 216) * 1.62e-6, 12);
    expect(cost.fixed.powerW).toBeCloseTo(216 * 64 * 5.79e-8 + (16_128 + 216) * 4e-7, 12);
    expect(cost.fixed.timeUs).toBeCloseTo(50_176 / 810, 9);
    expect(cost.areaMm2).toBeCloseTo(3.3 + cost.fixed.areaMm2, 12);
  });

  test("fully fixed: pixels of the first layer set the time, the last layer's operations drop out", () => {
    const cost = paperTier(layers, layers.length);
    const convolutions = layers.slice(0, -1);
    const operations = convolutions.reduce((sum, layer) => sum + paperOperations(layer), 0);
    const weights = convolutions.reduce((sum, layer) => sum + layer.weights, 0);
    // 475,544 parameters less 256,000 + 1,000 of the head and 10,944 of batch norm.
    expect(weights).toBe(207_600);
    // Weights that read 224², 112², 56², 28², 14² and 7² pixels.
    const byHand = [
      [216, 224],
      [344, 112],
      [2112, 56],
      [7296, 28],
      [97_024, 14],
      [100_608, 7],
    ].reduce((sum, [count, side]) => sum + 2 * count! * side! ** 2, 0);
    expect(byHand).toBe(102_885_888);
    expect(operations).toBe(byHand);
    expect(cost.operations).toBe(operations);
    expect(cost.timeUs).toBeCloseTo(61.9457, 3);
    expect(cost.programmableTimeUs).toBe(0);
    expect(cost.tops).toBeCloseTo((operations / (50_176 / 810)) * 1e-6, 9);
    expect(cost.topsPerWatt).toBeCloseTo(cost.tops / cost.powerW, 9);
    expect(cost.powerW).toBeCloseTo(cost.fixed.powerW, 12);
    expect(cost.baseline.topsPerWatt).toBeCloseTo(4 / 0.891, 9);
    expect({
      topsPerWatt: cost.topsPerWatt,
      gain: cost.gain.topsPerWatt,
      area: cost.fixed.areaMm2,
    }).toMatchInlineSnapshot(`
      {
        "area": 6.330849279999999,
        "gain": 0.20793357140355287,
        "topsPerWatt": 0.9334840467050634,
      }
    `);
  });

  test("a hybrid weights power by each part's busy share", () => {
    const cost = paperTier(layers, 7);
    const tail = layers.slice(7).reduce((sum, layer) => sum + paperOperations(layer), 0);
    const us = (tail / 4) * 1e-6;
    const fixedUs = 50_176 / deepFreeze.clockMhz;
    expect(cost.programmableTimeUs).toBeCloseTo(us, 9);
    expect(cost.timeUs).toBeCloseTo(Math.max(us, fixedUs), 9);
    const power =
      us > fixedUs ? (cost.fixed.powerW * fixedUs) / us + 0.891 : cost.fixed.powerW + (0.891 * us) / fixedUs;
    expect(cost.powerW).toBeCloseTo(power, 12);
    const tailWeights = layers.slice(7).reduce((sum, layer) => sum + layer.weights, 0);
    expect(cost.dramEnergyPerFrameUj).toBeCloseTo(tailWeights * 120e-6, 9);
  });

  test("nothing fixed is the baseline", () => {
    const cost = paperTier(layers, 0);
    expect(cost.areaMm2).toBe(3.3);
    expect(cost.powerW).toBeCloseTo(0.891, 12);
    // The dropped last layer still takes time: 512,000 operations.
    expect(cost.gain.topsPerWatt).toBeCloseTo(cost.operations / (cost.operations + 512_000), 9);
  });

  test("refuses a count outside the network", () => {
    expect(() => paperTier(layers, 99)).toThrow(expect.objectContaining({ code: "FX7030" }));
    expect(() => paperTier([], 0)).toThrow(expect.objectContaining({ code: "FX7030" }));
  });
});
