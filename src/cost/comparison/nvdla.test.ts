import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AcceleratorLayer } from "../accelerator/index.js";
import { delayFactors, energyFactors, scalingTo16Nm } from "../scaling.js";
import { nvdlaPoints, resNet50TopsPerWatt, resNet50Utilization, runOnNvdla } from "./nvdla.js";
import { atomUtilization, nvdlaAtoms } from "./nvdla-atoms.js";

const dense = (name: string, macs: number, channels = 64): AcceleratorLayer => ({
  name,
  kind: "conv2d",
  inputShape: [14, 14, channels],
  outputShape: [14, 14, channels],
  macs,
  weightBytes: channels * channels,
});
describe("scaling", () => {
  test("reproduces the corrigendum's example", () => {
    expect(energyFactors(65, 1.3)[0]).toBeCloseTo(2.604, 2);
    expect(energyFactors(32, 0.9)[0]).toBeCloseTo(0.4571, 3);
  });

  test("130 nm to 16 nm shrinks, 7 nm to 16 nm grows, 16 nm stays", () => {
    const down = scalingTo16Nm(130, 1.8);
    expect(down.areaFactor).toBe(0.03);
    // 0.1203 and 0.0983 at 16 nm over 14.06 (1.8 V) and 6.30 (1.3 V) at 130 nm.
    expect(down.energyFactor.low).toBeCloseTo(0.0983 / 14.06, 4);
    expect(down.energyFactor.high).toBeCloseTo(0.1203 / 6.302, 3);
    expect(down.delayFactor.high).toBeLessThan(1);
    expect(scalingTo16Nm(7, 0.7).areaFactor).toBe(3.2);
    expect(scalingTo16Nm(7, 0.7).energyFactor.nominal).toBeGreaterThan(1);
    expect(scalingTo16Nm(16, 0.8).energyFactor).toEqual({ low: 1, nominal: 1, high: 1 });
    expect(delayFactors(7, 0.7)[0]).toBeGreaterThan(0);
    expect(() => scalingTo16Nm(28, 0.9)).toThrow(expect.objectContaining({ code: "FX7020" }));
  });
});

describe("runOnNvdla", () => {
  test("knows NVIDIA's atoms and splits MACs into them", () => {
    expect(nvdlaAtoms(2048)).toEqual({ inputChannels: 64, outputChannels: 32 });
    expect(nvdlaAtoms(64)).toEqual({ inputChannels: 8, outputChannels: 8 });
    for (const { macs } of nvdlaPoints) {
      const { inputChannels, outputChannels } = nvdlaAtoms(macs);
      expect(inputChannels * outputChannels).toBe(macs);
    }
  });

  test("reaches 50 % of its peak on ResNet-50 with 2048 MACs", () => {
    expect(resNet50Utilization(nvdlaPoints[0]!)).toBeCloseTo(0.4991, 3);
    // 2 · 3.8e9 · 269 operations/s over 0.291 W.
    expect(resNet50TopsPerWatt(nvdlaPoints[0]!)).toBeCloseTo(7.0254, 3);
  });

  test("charges depthwise layers and narrow channels", () => {
    const depthwise: AcceleratorLayer = { ...dense("dw", 1e6), kind: "depthwiseConv2d" };
    expect(atomUtilization(depthwise, 2048)).toBe(1 / 64);
    expect(atomUtilization(dense("pw", 1e6), 2048)).toBe(1);
    const first: AcceleratorLayer = {
      ...dense("conv1", 1e6),
      inputShape: [224, 224, 3],
      outputShape: [112, 112, 8],
    };
    expect(atomUtilization(first, 2048)).toBeCloseTo((3 / 64) * (8 / 32), 12);
  });

  test("takes lines of an image's kernel as channels, two or four at once where they fit", () => {
    const image = (side: number, channels: number, stride = 1): AcceleratorLayer => ({
      ...dense("conv1", 1e6),
      ...{ kernel: [side, side], stride: [stride, stride] },
      inputShape: [224, 224, channels],
      outputShape: [224 / stride, 224 / stride, 32],
    });
    // The specification's example: a kernel of 4×4×4 has 16 channels a line and fills 64 with four lines.
    expect(atomUtilization(image(4, 4), 2048, true)).toBe(1);
    expect(atomUtilization(image(4, 4), 2048)).toBe(4 / 64);
    // Three lines of nine channels in one cycle.
    expect(atomUtilization(image(3, 3, 2), 2048, true)).toBeCloseTo(27 / 64, 12);
    // 21 channels a line: four lines are beyond a quarter of the atom; seven lines by twos take four cycles.
    expect(atomUtilization(image(7, 3, 2), 2048, true)).toBeCloseTo((7 * 21) / (4 * 64), 12);
    // Atoms of 8 channels: a line of nine takes two cycles.
    expect(atomUtilization(image(3, 3), 64, true)).toBeCloseTo(9 / 16, 12);
    expect(atomUtilization(image(3, 5), 2048, true)).toBe(atomUtilization(image(3, 5), 2048));
    const layers = [image(3, 3, 2), dense("pw", 1e6)];
    const [first, second] = runOnNvdla(layers, 3.3, true).layers;
    expect(second!.cycles / first!.cycles).toBeCloseTo(27 / 64, 9);
  });

  test("meets the published points and stays between its neighbours", () => {
    const layers = [dense("all", 3.8e9)];
    for (const point of nvdlaPoints) {
      const run = runOnNvdla(layers, point.areaMm2, true);
      expect(run.framesPerSecond / point.resNet50FramesPerSecond).toBeCloseTo(1, 9);
      const leakageUj = run.leakageMw.nominal * run.secondsPerFrame * 1e3;
      expect(
        (run.energyPerFrameUj.nominal + leakageUj) /
          ((point.averagePowerMw / point.resNet50FramesPerSecond) * 1e3),
      ).toBeCloseTo(1, 9);
    }
    fc.assert(
      fc.property(fc.double({ min: 0.51, max: 3.29, noNaN: true }), (area) => {
        expect(runOnNvdla(layers, area, true).framesPerSecond).toBeLessThan(
          runOnNvdla(layers, area + 0.01, true).framesPerSecond,
        );
      }),
      { seed: 5 },
    );
  });

  test("copies the largest above 3.3 mm² and never extrapolates below 0.51 mm²", () => {
    const layers = [dense("all", 1e9)];
    expect(runOnNvdla(layers, 6.6, true).framesPerSecond).toBeCloseTo(
      2 * runOnNvdla(layers, 3.3, true).framesPerSecond,
      9,
    );
    expect(runOnNvdla(layers, 6.6, true).energyPerFrameUj.nominal).toBeCloseTo(
      runOnNvdla(layers, 3.3, true).energyPerFrameUj.nominal,
      9,
    );
    expect(() => runOnNvdla(layers, 0.5, true)).toThrow(expect.objectContaining({ code: "FX7050" }));
  });
});
