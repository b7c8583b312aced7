import { describe, expect, test } from "vitest";
import { engineConfig } from "../../accel/index.js";
import { readTechnology } from "../technology.js";
import { engineArea } from "./area.js";
import { arrayCandidates } from "./candidates.js";
import { chargedEnergyPj, engineActivity, enginePricesPj, nominalEnergyPj } from "./energy.js";
import { costEngine } from "./figures.js";
import { createArrayCatalogue, largestArray } from "./largest.js";
import { runFromImage, runOnEngine } from "./run.js";
import { shapeConfig } from "./shapes.js";
import { acceleratorTechnology, acceleratorTechnologyAt16Nm } from "./technology.js";
import type { AcceleratorConfig, AcceleratorLayer } from "./types.js";
import { layerWork } from "./work.js";

const layer = (name: string, side: number, inputs: number, outputs: number): AcceleratorLayer => ({
  name,
  kind: "conv2d",
  inputShape: [side, side, inputs],
  outputShape: [side, side, outputs],
  kernel: [1, 1],
  macs: side * side * inputs * outputs,
  weightBytes: inputs * outputs,
});
const layers = [layer("a", 28, 32, 64), layer("b", 28, 64, 64), layer("c", 14, 64, 128)];
const technology = acceleratorTechnologyAt16Nm(readTechnology("asap7"));
const engine = shapeConfig({ cPar: 16, kPar: 16, weightBufferBytes: 16384, activationBufferBytes: 262144 });
const config: AcceleratorConfig = { engine, clockMhz: 400, dramBytesPerSecond: 12.8e9 };

describe("runOnEngine", () => {
  const run = runOnEngine(layers, config, technology);

  test("adds layers up, and its power and area are of the size of NVDLA's at like multipliers", () => {
    expect(run.cycles).toBe(run.layers.reduce((sum, one) => sum + one.cycles, 0));
    const energy = run.layers.reduce((sum, one) => sum + one.energyUj.nominal, 0);
    expect(run.energyPerFrameUj.nominal / energy).toBeCloseTo(1, 9);
    expect(run.utilization).toBeGreaterThan(0.7);
    expect(run.utilization).toBeLessThanOrEqual(1);
    expect(run.areaMm2.nominal).toBeGreaterThan(0.1);
    expect(run.areaMm2.nominal).toBeLessThan(1);
    const macs = layers.reduce((sum, one) => sum + one.macs, 0);
    const pjPerMac = (run.energyPerFrameUj.nominal * 1e6) / macs;
    expect(pjPerMac).toBeGreaterThan(0.1);
    expect(pjPerMac).toBeLessThan(2);
  });

  test("refuses what cannot be", () => {
    const code = (own: AcceleratorConfig): string => {
      try {
        runOnEngine(layers, own, technology);
      } catch (error) {
        return (error as { code: string }).code;
      }
      return "none";
    };
    expect(code({ ...config, engine: { ...engine, cPar: 12 } })).toBe("FX5100");
    expect(code({ ...config, clockMhz: Number.NaN })).toBe("FX7070");
    expect(code({ ...config, dramBytesPerSecond: 0 })).toBe("FX7070");
    expect(code({ ...config, engine: { ...engine, activationBufferBytes: 512 } })).toBe("FX5111");
  });

  test("empty work takes nothing", () => {
    const idle = runOnEngine([{ ...layers[0]!, kind: "other" }], config, technology);
    expect(idle).toMatchObject({
      cycles: 0,
      energyPerFrameUj: { nominal: 0 },
      dramBytesPerFrame: { total: 0 },
    });
  });
});

describe("runFromImage", () => {
  const image: AcceleratorLayer = {
    name: "conv1",
    kind: "conv2d",
    inputShape: [224, 224, 3],
    outputShape: [112, 112, 64],
    kernel: [7, 7],
    stride: [2, 2],
    macs: 112 * 112 * 64 * 147,
    weightBytes: 64 * 147,
  };
  const small = (activationBufferBytes: number): AcceleratorConfig => ({
    ...config,
    engine: { ...engine, activationBufferBytes },
  });

  test("takes the packing that is fastest, among those that have room", () => {
    const run = runFromImage([image], config, technology);
    expect(run.cycles).toBeLessThan(runOnEngine([image], config, technology).cycles);
    expect(run.name).toMatch(/, image in \d×\d$/);
    expect(() => runOnEngine([image], small(65536), technology)).toThrow(
      expect.objectContaining({ code: "FX5111" }),
    );
    expect(runFromImage([image], small(65536), technology).name).toMatch(/, image in/);
  });

  test("says when none has room", () => {
    expect(() => runFromImage([image], small(4096), technology)).toThrow(
      expect.objectContaining({ code: "FX5111", hint: expect.any(String) }),
    );
  });
});

describe("area and energy", () => {
  test("grow with multipliers and buffers", () => {
    const area = (own: Partial<typeof engine>): number =>
      engineArea({ ...engine, ...own }, technology).totalMm2.nominal;
    expect(area({ cPar: 32 })).toBeGreaterThan(area({}));
    expect(area({ kPar: 32, requantizers: 32 })).toBeGreaterThan(area({}));
    expect(area({ requantizers: 4 })).toBeLessThan(area({}));
    expect(area({ weightBufferBytes: 65536 })).toBeGreaterThan(area({}));
    expect(area({ activationBufferBytes: 524288 })).toBeGreaterThan(area({}));
  });

  test("units add up", () => {
    const { units, totalMm2 } = engineArea(engine, technology);
    const sum = [...units.values()].reduce(
      (total, { cellsMm2, macrosMm2 }) => total + cellsMm2.nominal + macrosMm2.nominal,
      0,
    );
    expect(sum / totalMm2.nominal).toBeCloseTo(1, 9);
    expect(units.get("activations")!.macrosMm2.nominal).toBeGreaterThan(0);
    expect(units.get("array")!.macrosMm2.nominal).toBe(0);
  });

  test("the components add up, and the fast sum is the nominal one", () => {
    const prices = enginePricesPj(engine, technology);
    const traffic = { weightBytes: 1000, loadBytes: 4096, storeBytes: 512 };
    const work = layerWork(layers[1]!, engine);
    const activity = engineActivity(work, traffic, engine, { cycles: work.cycles, streamed: layers[1] });
    const { logic, memories, total } = chargedEnergyPj(prices, activity);
    expect((logic.nominal + memories.nominal) / total.nominal).toBeCloseTo(1, 9);
    expect(nominalEnergyPj(prices, activity) / total.nominal).toBeCloseTo(1, 9);
    expect(total.low).toBeLessThan(total.nominal);
    expect(total.high).toBeGreaterThan(total.nominal);
  });

  test("both tiers are near one another", () => {
    const table = readTechnology("sky130hd");
    const [counted, mapped] = (["structural", "synthesized"] as const).map((tier) =>
      costEngine({ engine, layers, technology: acceleratorTechnology(table, tier) }),
    );
    expect([counted!.tier, mapped!.tier]).toEqual(["structural", "synthesized"]);
    const area = counted!.area.totalMm2.nominal / mapped!.area.totalMm2.nominal;
    const energy = counted!.run.energyPerFrameUj.nominal / mapped!.run.energyPerFrameUj.nominal;
    for (const ratio of [area, energy]) {
      expect(ratio).toBeGreaterThan(0.85);
      expect(ratio).toBeLessThan(1.15);
    }
    expect(mapped!.run.layers.map(({ name }) => name)).toEqual(["a", "b", "c"]);
  });

  test("an engine with wider weights and multipliers costs more", () => {
    const own = acceleratorTechnology(readTechnology("sky130hd"));
    const at = (more: object) =>
      costEngine({ engine: engineConfig({ cPar: 8, kPar: 8, ...more }), layers, technology: own });
    const [plain, wide] = [at({}), at({ weightBits: 9, multiplierBits: 32 })];
    expect(wide.area.totalMm2.nominal).toBeGreaterThan(plain.area.totalMm2.nominal);
    expect(wide.run.energyPerFrameUj.nominal).toBeGreaterThan(plain.run.energyPerFrameUj.nominal);
  });
});

describe("choice", () => {
  test("fits, reaches the rate, and takes less power at a low rate", () => {
    const catalogue = createArrayCatalogue({ layers, technology });
    const fast = catalogue.largest({ areaMm2: 1 })!;
    const slow = catalogue.largest({ areaMm2: 1, framesPerSecond: 30 })!;
    expect(fast.areaMm2.nominal).toBeLessThanOrEqual(1.01);
    expect(slow.framesPerSecond).toBeGreaterThanOrEqual(30);
    expect(slow.leakageMw.nominal).toBeLessThanOrEqual(fast.leakageMw.nominal);
    expect(catalogue.largest({ areaMm2: 1e-3 })).toBeUndefined();
    expect(catalogue.largest({ areaMm2: 1, framesPerSecond: 1e8 })).toBeUndefined();
    expect(largestArray({ areaMm2: 1, layers, technology })).toEqual(fast);
    expect(fast.config!.engine.input).toEqual({ height: 28, width: 28, channels: 32 });
  });

  test("is of engines that can be built", () => {
    const candidates = arrayCandidates();
    expect(candidates.length).toBeGreaterThan(400);
    expect(Math.max(...candidates.map(({ cPar, kPar }) => cPar * kPar))).toBe(2048);
  });
});
