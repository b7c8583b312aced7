import { describe, expect, test } from "vitest";
import { buildEngine, engineConfig } from "../../accel/index.js";
import { cellTableOf } from "../cell-table.js";
import { readTechnology } from "../technology.js";
import { unitEvents } from "./events.js";
import { readEngineFile } from "./file.js";
import { engineMemories, netlistMemories } from "./memories.js";
import { priceScale } from "./price-scale.js";
import { engineShapes, shapeConfig, streamedShape } from "./shapes.js";
import { acceleratorTechnology } from "./technology.js";
import { type EngineUnit, structuralUnits } from "./units.js";

const names = ["sky130hd", "sg13g2", "asap7"] as const;

describe.each(names)("the engine's cost in %s", (name) => {
  const file = readEngineFile(name)!;
  const technology = readTechnology(name);

  test("has all shapes and units, and counted cells within a third of mapped ones for each engine", () => {
    expect(file.shapes.length).toBe(engineShapes.length);
    for (const { units } of file.shapes) {
      let [counted, mapped] = [0, 0];
      for (const unit of Object.keys(unitEvents) as EngineUnit[]) {
        counted += units[unit]!.structural.areaUm2;
        mapped += units[unit]!.synthesized.areaUm2;
      }
      expect(counted / mapped).toBeGreaterThan(0.75);
      expect(counted / mapped).toBeLessThan(1.34);
    }
  });

  test.each([
    [8, 4, 1],
    [16, 16, 16],
  ])("is what a rebuilt %i×%i engine with %i requantizers counts", (cPar, kPar, requantizers) => {
    const config = streamedShape(shapeConfig({ cPar, kPar, requantizers }));
    const clock = { periodPs: file.targetPs, cells: cellTableOf(technology) };
    const counted = structuralUnits(buildEngine(config, clock), technology);
    const shape = file.shapes.find(
      (one) => one.cPar === cPar && one.kPar === kPar && one.requantizers === requantizers,
    )!;
    for (const [unit, cells] of counted) {
      expect(shape.units[unit]!.structural.areaUm2 / cells.areaUm2, unit).toBeCloseTo(1, 4);
      expect(shape.units[unit]!.structural.leakageNw / cells.leakageNw, unit).toBeCloseTo(1, 4);
    }
  });

  test("prices carry to other engines and layers: a run within 12 %, all together within 5 %", () => {
    expect(file.checks.length).toBeGreaterThanOrEqual(14);
    const off = file.checks.map(({ measuredPj, pricedPj }) => pricedPj / measuredPj - 1);
    for (const error of off) expect(Math.abs(error)).toBeLessThan(0.12);
    expect(Math.abs(off.reduce((a, b) => a + b, 0) / off.length)).toBeLessThan(0.05);
  });

  test("a product takes some picojoules at 130 nm, a few hundredths at 7 nm, in both tiers alike", () => {
    const { structural, synthesized } = file.energy;
    const price = synthesized.array!.pricesPj.products!;
    const [least, most] = name === "asap7" ? [0.02, 0.2] : [0.5, 5];
    expect(price.nominal).toBeGreaterThan(least);
    expect(price.nominal).toBeLessThan(most);
    expect(price.low).toBeLessThan(price.nominal);
    expect(price.high).toBeGreaterThan(price.nominal);
    const ratio = structural.array!.pricesPj.products!.nominal / price.nominal;
    // SG13G2 has no adder cells: counted ones are composed, an upper bound.
    expect(Math.abs(ratio - 1)).toBeLessThan(0.35);
  });
});

test.each([
  engineConfig({ cPar: 4, kPar: 4, requantizers: 1, weightBufferBytes: 2048 }),
  engineConfig({ cPar: 8, kPar: 16, stripePixels: 64, axiDataBytes: 32 }),
  engineConfig({ cPar: 64, kPar: 8, requantizers: 2, burstBeats: 32, axiDataBytes: 8 }),
])("memories of a $cPar×$kPar engine are those of its netlist", (config) => {
  const netlist = buildEngine(config, { periodPs: 5000, cells: cellTableOf(readTechnology("sky130hd")) });
  const key = ({ unit, count, words, bits }: { unit: string; count: number; words: number; bits: number }) =>
    `${unit} ${count} × ${words} × ${bits}`;
  // Two sizes that are the same are one line of the netlist's.
  expect(engineMemories(config).map(key).sort()).toEqual(netlistMemories(netlist).map(key).sort());
});

describe("engines that do not ship", () => {
  test("are counted, and corrected as their shape was by mapping", () => {
    const technology = acceleratorTechnology(readTechnology("sky130hd"));
    const usual = technology.units(engineConfig({ cPar: 16, kPar: 16 }));
    const nine = technology.units(engineConfig({ cPar: 16, kPar: 16, weightBits: 9, multiplierBits: 32 }));
    expect(nine.get("array")!.areaUm2 / usual.get("array")!.areaUm2).toBeGreaterThan(1.05);
    expect(nine.get("array")!.areaUm2 / usual.get("array")!.areaUm2).toBeLessThan(1.25);
    expect(nine.get("drain")!.areaUm2).toBeGreaterThan(1.4 * usual.get("drain")!.areaUm2);
    expect(nine.get("dispatcher")!.areaUm2 / usual.get("dispatcher")!.areaUm2).toBeCloseTo(1, 1);
    expect(usual.has("stream")).toBe(false);
  });

  test("in a technology of their own are estimated after sky130", () => {
    const sky130 = readTechnology("sky130hd");
    const own = acceleratorTechnology({ ...sky130, name: "twin" });
    const ours = acceleratorTechnology(sky130, "structural");
    const config = shapeConfig({ cPar: 8, kPar: 8 });
    expect(own.tier).toBe("structural");
    for (const [unit, { areaUm2 }] of ours.units(config))
      expect(own.units(config).get(unit)!.areaUm2 / areaUm2, unit).toBeCloseTo(1, 1);
    const of = (technology: typeof own) => technology.pricesPj(config).get("array")!.get("products")!.nominal;
    expect(of(own) / of(ours)).toBeCloseTo(1, 1);
  }, 120_000);
});

test("a price is its own on the engine that was measured, and doubles with the lanes", () => {
  const from = { config: { cPar: 16, kPar: 16 }, areaUm2: 1000 };
  for (const [unit, events] of Object.entries(unitEvents))
    for (const event of events) expect(priceScale(unit as EngineUnit, event, from, from)).toBe(1);
  const twice = { config: { cPar: 16, kPar: 32 }, areaUm2: 2000 };
  expect(priceScale("array", "products", twice, from)).toBe(1);
  expect(priceScale("array", "windowFetches", twice, from)).toBe(2);
  expect(priceScale("drain", "drainedPixels", twice, from)).toBe(2);
  expect(priceScale("array", "laneLoads", twice, from)).toBe(1);
});
