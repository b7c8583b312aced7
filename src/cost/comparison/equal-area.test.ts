import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type AcceleratorLayer,
  acceleratorTechnology,
  acceleratorTechnologyAt16Nm,
  createArrayCatalogue,
} from "../accelerator/index.js";
import { exactly } from "../range.js";
import { leakageFactorTo16Nm } from "../scaling.js";
import { costFrontEnd } from "../structural/index.js";
import { readTechnology } from "../technology.js";
import { compareAtEqualArea } from "./equal-area.js";
import { frontFigures, frontFiguresAt16Nm } from "./front-figures.js";
import { bestNvdla, nvdlaPoints, runOnNvdla } from "./nvdla.js";
import type { EqualAreaComparison, EqualAreaInput, FrontFigures, OperatingPoint } from "./types.js";

const conv = (name: string, channels: number, side = 28): AcceleratorLayer => ({
  name,
  kind: "conv2d",
  inputShape: [side, side, channels],
  outputShape: [side, side, channels],
  macs: side * side * channels * channels,
  weightBytes: channels * channels,
});
const layers = [conv("a", 64), conv("b", 128)];
const front = (areaMm2: number, uj: number, fps: number): FrontFigures => ({
  tier: "modelled",
  source: "test",
  areaMm2: exactly(areaMm2),
  energyPerFrameUj: { low: uj / 2, nominal: uj, high: uj * 2 },
  energyScaling: exactly(1),
  framesPerSecond: exactly(fps),
  idlePowerMw: exactly(0.1),
  leakageMw: exactly(0.2),
});
const throughput: OperatingPoint = { kind: "throughput" };
const feasible = (input: EqualAreaInput): Extract<EqualAreaComparison, { feasible: true }> => {
  const result = compareAtEqualArea(input);
  if (!result.feasible) throw new Error(result.reason);
  return result;
};
const asap7 = readTechnology("asap7");
const technology = acceleratorTechnologyAt16Nm(asap7);
const catalogue = createArrayCatalogue({ layers, technology });

describe("compareAtEqualArea with NVDLA", () => {
  test("the slower of front and tail sets the rate, and energies add", () => {
    const input = { accelerator: "nvdla", layers, totalAreaMm2: 3.3, operatingPoint: throughput } as const;
    const result = feasible({ ...input, front: front(1.5, 10, 1e4), frozenLayers: 1 });
    const tail = bestNvdla([layers[1]!], 1.8, { hasImage: false })!;
    const whole = bestNvdla(layers, 3.3, { hasImage: true })!;
    const { hybrid, baseline, gain } = result;
    expect(hybrid.framesPerSecond.nominal).toBeCloseTo(Math.min(1e4, tail.framesPerSecond), 6);
    const period = 1 / hybrid.framesPerSecond.nominal;
    const idleUj = (0.1 * (period - 1e-4) + tail.idlePowerMw.nominal * (period - tail.secondsPerFrame)) * 1e3;
    const leakageUj = (0.2 + tail.leakageMw.nominal) * period * 1e3;
    const expected = 10 + tail.energyPerFrameUj.nominal + idleUj + leakageUj;
    expect(hybrid.energyPerFrameUj.nominal).toBeCloseTo(expected, 9);
    expect(gain.topsPerWatt.nominal).toBeCloseTo(
      baseline.energyPerFrameUj.nominal / hybrid.energyPerFrameUj.nominal,
      9,
    );
    expect(gain.topsPerWatt.low).toBeLessThan(gain.topsPerWatt.nominal);
    expect(gain.topsPerWatt.high).toBeGreaterThan(gain.topsPerWatt.nominal);
    expect(baseline.framesPerSecond.nominal).toBeCloseTo(whole.framesPerSecond, 6);
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  });

  test("the best NVDLA of an area is at least as fast as the largest and as every copy of a published one", () => {
    const best = bestNvdla(layers, 2, { hasImage: true })!;
    expect(best.areaMm2.nominal).toBeLessThanOrEqual(2);
    expect(best.framesPerSecond).toBeGreaterThanOrEqual(0.99 * runOnNvdla(layers, 2, true).framesPerSecond);
    for (const { areaMm2 } of nvdlaPoints.filter((point) => point.areaMm2 <= 2)) {
      const copies = Math.floor(2 / areaMm2) * runOnNvdla(layers, areaMm2, true).framesPerSecond;
      expect(best.framesPerSecond).toBeGreaterThanOrEqual(0.99 * copies);
    }
    const slow = bestNvdla(layers, 2, { hasImage: true, framesPerSecond: 30 })!;
    expect(slow.leakageMw.nominal).toBeLessThanOrEqual(best.leakageMw.nominal);
    expect(bestNvdla(layers, 0.5, { hasImage: true })).toBeUndefined();
    expect(bestNvdla(layers, 2, { hasImage: true, framesPerSecond: 1e9 })).toBeUndefined();
  });

  test("a front that leaves too little area is infeasible, unless nothing is left to run", () => {
    const common = { accelerator: "nvdla", layers, totalAreaMm2: 3.3, operatingPoint: throughput } as const;
    const big = front(3, 10, 1e4);
    const result = compareAtEqualArea({ ...common, front: big, frozenLayers: 1 });
    expect(result.feasible ? "" : result.reason).toContain("0.51");
    const all = feasible({ ...common, front: big, frozenLayers: 2 });
    expect(all.tail).toBeUndefined();
    expect(all.hybrid.framesPerSecond.nominal).toBe(1e4);
    expect(all.hybrid.dramBytesPerFrame).toBe(0);
  });
});

describe("compareAtEqualArea with the array", () => {
  const common = { accelerator: "array", layers, technology, catalogue, operatingPoint: throughput } as const;

  test("nothing frozen equals the baseline", () => {
    for (const totalAreaMm2 of [0.5, 1, 2, 4]) {
      const { hybrid, baseline, gain } = feasible({ ...common, totalAreaMm2, frozenLayers: 0 });
      expect({ ...hybrid, name: "" }).toEqual({ ...baseline, name: "" });
      expect(gain.framesPerSecond.nominal).toBe(1);
      expect(gain.topsPerWatt).toEqual(exactly(1));
      expect(gain.topsPerWattWithDram).toEqual(exactly(1));
    }
  });

  test("DRAM adds, and the gain with it counts both sides", () => {
    const result = feasible({ ...common, totalAreaMm2: 1, front: front(0.3, 1, 1e5), frozenLayers: 1 });
    for (const side of [result.hybrid, result.baseline]) {
      expect(side.energyPerFrameWithDramUj.nominal).toBeGreaterThanOrEqual(side.energyPerFrameUj.nominal);
      expect(side.topsPerWattWithDram.nominal).toBeLessThanOrEqual(side.topsPerWatt.nominal);
    }
    expect(result.gain.topsPerWattWithDram.nominal).toBeCloseTo(
      result.hybrid.topsPerWattWithDram.nominal / result.baseline.topsPerWattWithDram.nominal,
      9,
    );
  });

  test("at a fixed rate power is work, idle power and leakage", () => {
    const point: OperatingPoint = { kind: "fixedRate", framesPerSecond: 30 };
    const { whole, baseline } = feasible({
      ...common,
      totalAreaMm2: 1,
      frozenLayers: 0,
      operatingPoint: point,
    });
    const busy = whole.secondsPerFrame * 30;
    const expected =
      whole.energyPerFrameUj.nominal * 30e-3 +
      whole.idlePowerMw.nominal * (1 - busy) +
      whole.leakageMw.nominal;
    expect(baseline.powerMw.nominal).toBeCloseTo(expected, 9);
    expect(baseline.framesPerSecond).toEqual(exactly(30));
  });

  test("a rate that is not reached is infeasible", () => {
    const input = { ...common, totalAreaMm2: 1, frozenLayers: 0 } as const;
    const result = compareAtEqualArea({
      ...input,
      operatingPoint: { kind: "fixedRate", framesPerSecond: 1e7 },
    });
    expect(result.feasible).toBe(false);
    const slow = compareAtEqualArea({
      ...input,
      front: front(0.1, 1, 10),
      frozenLayers: 1,
      operatingPoint: { kind: "fixedRate", framesPerSecond: 30 },
    });
    expect(slow.feasible ? "" : slow.reason).toContain("hybrid");
  });

  test("more area never makes the chip slower (within the one per cent that count as equal)", () => {
    fc.assert(
      fc.property(fc.double({ min: 0.3, max: 4, noNaN: true }), (totalAreaMm2) => {
        const at = (area: number): number =>
          feasible({ ...common, totalAreaMm2: area, frozenLayers: 0 }).baseline.framesPerSecond.nominal;
        expect(at(totalAreaMm2 * 1.5)).toBeGreaterThanOrEqual(at(totalAreaMm2) * 0.99);
      }),
      { seed: 11, numRuns: 40 },
    );
  });

  test("what scaling gets wrong cancels in the ratio of two scaled sides", () => {
    const wide = { ...technology, energyScaling: { low: 0.2, nominal: 1, high: 5 } };
    const own = { ...front(0.3, 1, 1e5), energyPerFrameUj: exactly(1), leakageMw: exactly(0) };
    const input = { ...common, totalAreaMm2: 1, frozenLayers: 1 } as const;
    const narrowGain = feasible({ ...input, front: own }).gain.topsPerWatt;
    const wideGain = feasible({
      ...input,
      technology: wide,
      catalogue: createArrayCatalogue({ layers, technology: wide }),
      front: { ...own, energyScaling: wide.energyScaling },
    }).gain.topsPerWatt;
    // Leakage alone is not scaled by energies: it is what is left.
    expect(wideGain.nominal).toBeCloseTo(narrowGain.nominal, 6);
    expect(wideGain.high / narrowGain.high).toBeLessThan(1.1);
  });

  test("refuses inputs that make no sense", () => {
    const bad = [
      { ...common, totalAreaMm2: 1, frozenLayers: 1 },
      { ...common, totalAreaMm2: 1, frozenLayers: 0, front: front(0.1, 1, 1) },
      { ...common, totalAreaMm2: -1, frozenLayers: 0 },
      { ...common, totalAreaMm2: 1, frozenLayers: 3, front: front(0.1, 1, 1) },
    ];
    for (const input of bad)
      expect(() => compareAtEqualArea(input)).toThrow(expect.objectContaining({ code: "FX7072" }));
  });
});

describe("front figures", () => {
  const cost = costFrontEnd({
    technology: readTechnology("sky130hd"),
    clockMhz: 100,
    layers: [
      {
        name: "a",
        kind: "conv2d",
        macs: 1e6,
        datapath: { fullAdder: 10_000 },
        requantization: {},
        control: {},
        registerBits: { datapath: 1000, window: 0, control: 0 },
        memories: [],
        cyclesPerFrame: 1000,
        activeCyclesPerFrame: 1000,
        latencyCycles: 10,
        criticalFullAdders: 5,
      },
    ],
  });

  test("a structural cost at 130 nm becomes a range at 16 nm", () => {
    const scaled = frontFiguresAt16Nm(cost);
    expect(scaled.areaMm2.nominal).toBeCloseTo((cost.areaMm2.total * 0.03) / 0.7, 12);
    const own = frontFigures(cost);
    expect(scaled.energyPerFrameUj.nominal).toBeLessThan(own.energyPerFrameUj.nominal);
    expect(scaled.energyScaling.low).toBeLessThan(1);
    expect(scaled.energyScaling.high).toBeGreaterThan(1);
    expect(scaled.framesPerSecond.low).toBeGreaterThan(cost.framesPerSecond);
    expect(scaled.framesPerSecond.high).toBeLessThanOrEqual(1e9 / 1000);
    expect(scaled.leakageMw.nominal).toBeCloseTo(cost.leakageMw * leakageFactorTo16Nm, 12);
  });

  test("the nodes of both sides agree", () => {
    expect(acceleratorTechnology(asap7).node).toBe("7 nm");
    expect(technology.node).toContain("16 nm");
  });
});
