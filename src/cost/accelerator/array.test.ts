import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readTechnology } from "../technology.js";
import { arrayStructure, partCounts } from "./area.js";
import { runOnArray } from "./array.js";
import { chargedEnergyPj, countsToPrice, energyPricesPj, nominalEnergyPj } from "./energy.js";
import { arrayCandidates, createArrayCatalogue, largestArray } from "./largest.js";
import { partClock, partsFromTable, readParts } from "./parts/index.js";
import { acceleratorTechnology, acceleratorTechnologyAt16Nm } from "./technology.js";
import { dramTraffic, totalTraffic } from "./traffic.js";
import { type AcceleratorConfig, type AcceleratorLayer, partNames } from "./types.js";
import { layerWork } from "./work.js";

const config: AcceleratorConfig = {
  cPar: 32,
  kPar: 32,
  requantizers: 32,
  weightBufferKb: 128,
  activationBufferKb: 128,
  clockMhz: 500,
  dramBytesPerSecond: 12.8e9,
  mapping: "channels",
};
/** First layer of MobileNetV1 at 224×224, at full width, and a depthwise layer. */
const first: AcceleratorLayer = {
  name: "first",
  kind: "conv2d",
  inputShape: [224, 224, 3],
  outputShape: [112, 112, 32],
  kernel: [3, 3],
  macs: 112 * 112 * 27 * 32,
  weightBytes: 27 * 32,
};
const depthwise: AcceleratorLayer = {
  name: "depthwise",
  kind: "depthwiseConv2d",
  inputShape: [112, 112, 32],
  outputShape: [112, 112, 32],
  kernel: [3, 3],
  macs: 112 * 112 * 9 * 32,
  weightBytes: 9 * 32,
};
const pointwise: AcceleratorLayer = {
  name: "pointwise",
  kind: "conv2d",
  inputShape: [112, 112, 32],
  outputShape: [112, 112, 64],
  macs: 112 * 112 * 32 * 64,
  weightBytes: 32 * 64,
};
const layers = [first, depthwise, pointwise];
const technology = acceleratorTechnologyAt16Nm(readTechnology("asap7"));
const busy = (layer: AcceleratorLayer, own: AcceleratorConfig): number =>
  layer.macs / ((layerWork(layer, own).cycles - 64) * own.cPar * own.kPar);

describe("cycles", () => {
  test("are pixels × taps × tiles", () => {
    expect(layerWork(pointwise, config).cycles).toBe(64 + 112 * 112 * 1 * 1 * 2);
    expect(layerWork(pointwise, { ...config, cPar: 8 }).cycles).toBe(64 + 112 * 112 * 4 * 2);
    expect(layerWork({ ...pointwise, kind: "other" }, config).cycles).toBe(0);
  });

  test("meet what SCALE-Sim v2 says of a 32×32 array: 84 % of the first layer's window mapping, 3 % of a depthwise layer", () => {
    expect(busy(first, { ...config, mapping: "window" })).toBeCloseTo(27 / 32, 6);
    expect(busy(depthwise, config)).toBeCloseTo(1 / 32, 6);
    expect(busy(depthwise, { ...config, mapping: "window" })).toBeGreaterThan(3 / 32 - 0.01);
  });

  test("few requantizers bound layers with short sums", () => {
    const few = layerWork(pointwise, { ...config, requantizers: 8 }).cycles;
    expect(few).toBe(64 + (112 * 112 * 64) / 8);
  });

  test("more multipliers never take more cycles", () => {
    const sizes = fc.constantFrom(8, 16, 32, 64);
    fc.assert(
      fc.property(sizes, sizes, fc.constantFrom(...layers), (cPar, kPar, layer) => {
        const own = { ...config, cPar, kPar, requantizers: kPar };
        const cycles = (more: Partial<AcceleratorConfig>): number =>
          layerWork(layer, { ...own, mapping: "window", ...more }).cycles;
        expect(cycles({ kPar: 2 * kPar, requantizers: 2 * kPar })).toBeLessThanOrEqual(cycles({}) * 2);
        expect(cycles({ cPar: 2 * cPar })).toBeLessThanOrEqual(cycles({}));
      }),
      { seed: 3 },
    );
  });

  test("refuses what cannot be built", () => {
    for (const bad of [{ cPar: 12 }, { kPar: 0 }, { requantizers: 64 }, { clockMhz: Number.NaN }])
      expect(() => runOnArray(layers, { ...config, ...bad }, technology)).toThrow(
        expect.objectContaining({ code: "FX7070" }),
      );
  });
});

describe("DRAM", () => {
  const buffers = { weightBufferKb: 1, activationBufferKb: 1024 };

  test("weights that all fit stay, others come once a frame; the image is a stream", () => {
    expect(totalTraffic(dramTraffic(layers, { ...buffers, weightBufferKb: 4 })).total).toBe(0);
    const traffic = totalTraffic(dramTraffic(layers, buffers));
    expect(traffic).toEqual({ weights: 27 * 32 + 9 * 32 + 32 * 64, activations: 0, total: 3200 });
  });

  test("activations that do not fit go out and come back", () => {
    const traffic = dramTraffic(layers, { weightBufferKb: 4, activationBufferKb: 16 });
    const bytes = 112 * 112 * 32;
    expect(traffic.map(({ activations }) => activations)).toEqual([bytes, 2 * bytes, bytes]);
  });

  test("larger buffers never move more", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1024 }), fc.integer({ min: 1, max: 1024 }), (w, a) => {
        const at = (f: number): number =>
          totalTraffic(dramTraffic(layers, { weightBufferKb: w * f, activationBufferKb: a * f })).total;
        expect(at(2)).toBeLessThanOrEqual(at(1));
      }),
      { seed: 4 },
    );
  });

  test("a narrow channel makes DRAM the bound", () => {
    const slow = { ...config, weightBufferKb: 1, dramBytesPerSecond: 1e6 };
    const run = runOnArray(layers, slow, technology);
    expect(run.secondsPerFrame).toBeGreaterThanOrEqual(run.dramBytesPerFrame.total / 1e6);
    expect(run.dramEnergyUj.nominal).toBeCloseTo(run.dramBytesPerFrame.total * 120e-6, 9);
  });
});

describe("area and energy", () => {
  test("grow with multipliers and buffers", () => {
    const area = (own: Partial<AcceleratorConfig>): number =>
      arrayStructure({ ...config, ...own }, technology).areaMm2.total.nominal;
    expect(area({ cPar: 64 })).toBeGreaterThan(area({}));
    expect(area({ kPar: 64 })).toBeGreaterThan(area({}));
    expect(area({ weightBufferKb: 256 })).toBeGreaterThan(area({}));
    expect(area({ mapping: "window" })).toBeGreaterThan(area({}));
    expect(partCounts(config)).toMatchObject({ dot8: 128, treeAdder: 96, accumulator: 32, operandMux: 0 });
  });

  test("the components add up, and the fast sum is the nominal one", () => {
    const prices = energyPricesPj(config, technology);
    const counts = countsToPrice(layerWork(pointwise, config), { weights: 10, activations: 20 });
    const energy = chargedEnergyPj(prices, counts);
    const parts = Object.entries(energy).filter(([name]) => name !== "total");
    const sum = parts.reduce((total, [, range]) => total + range.nominal, 0);
    expect(energy.total.nominal / sum).toBeCloseTo(1, 9);
    expect(nominalEnergyPj(prices, counts) / sum).toBeCloseTo(1, 9);
    expect(energy.total.low).toBeLessThan(energy.total.high);
  });

  test("a multiplication at 130 nm lies between Horowitz's 0.2 pJ at 45 nm and twenty times that", () => {
    const { parts } = acceleratorTechnology(readTechnology("sky130hd"));
    const multiplication = parts.dot8.energyPjPerOperation.nominal / 8;
    expect(multiplication).toBeGreaterThan(0.2);
    expect(multiplication).toBeLessThan(4);
  });
});

describe("choice", () => {
  test("fits, reaches the rate, and takes less power at a low rate", () => {
    const catalogue = createArrayCatalogue({ layers, technology });
    const fast = catalogue.largest({ areaMm2: 1 })!;
    const slow = catalogue.largest({ areaMm2: 1, framesPerSecond: 30 })!;
    expect(fast.areaMm2.nominal).toBeLessThanOrEqual(1);
    expect(slow.framesPerSecond).toBeGreaterThanOrEqual(30);
    expect(slow.leakageMw.nominal).toBeLessThanOrEqual(fast.leakageMw.nominal);
    expect(catalogue.largest({ areaMm2: 1e-3 })).toBeUndefined();
    expect(catalogue.largest({ areaMm2: 1, framesPerSecond: 1e8 })).toBeUndefined();
    expect(largestArray({ areaMm2: 1, layers, technology })).toEqual(fast);
    expect(arrayCandidates({ ...config }).length).toBeGreaterThan(500);
  });
});

describe("parts", () => {
  test("ship synthesized, and the estimate from the table is within a factor of three of them", () => {
    for (const name of ["sky130hd", "sg13g2", "asap7"]) {
      const table = readTechnology(name);
      const file = readParts(name)!;
      expect(file.clockPeriodPs).toBeCloseTo(partClock(table).periodPs, 0);
      const estimated = partsFromTable(table);
      for (const part of partNames) {
        const ratio = estimated[part].areaUm2.nominal / file.parts[part].areaUm2;
        expect(ratio).toBeGreaterThan(1 / 3);
        expect(ratio).toBeLessThan(3);
      }
    }
    expect(readParts("none")).toBeUndefined();
  });
});
