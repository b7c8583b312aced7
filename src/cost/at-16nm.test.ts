import { describe, expect, test } from "vitest";
import { csdDigitCount } from "../arith/index.js";
import { acceleratorTechnology, acceleratorTechnologyAt16Nm, shapeConfig } from "./accelerator/index.js";
import { costsAt16Nm, figureAt16Nm, type NodeCosts } from "./at-16nm.js";
import { deepFreeze } from "./comparison/index.js";
import { crossCheck16Nm, meanCsdDigits } from "./cross-check-16nm.js";
import { leakageFactorTo16Nm, scalingTo16Nm } from "./scaling.js";
import { readTechnology } from "./technology.js";

const old: NodeCosts<"logic" | "memory"> = {
  nodeNm: 130,
  supplyV: 1.8,
  areaUm2: { logic: 1000, memory: 500 },
  energyPj: { logic: { low: 1, nominal: 2, high: 3 }, memory: 10 },
  leakageNw: { logic: 1, memory: 2 },
  delayPs: 5000,
};
const young: typeof old = {
  nodeNm: 7,
  supplyV: 0.7,
  areaUm2: { logic: 15, memory: 4 },
  energyPj: { logic: { low: 0.01, nominal: 0.02, high: 0.03 }, memory: 0.1 },
  leakageNw: { logic: 100, memory: 1 },
  delayPs: 600,
};

describe("costsAt16Nm", () => {
  test("is a hand calculation: factors, span and geometric mean", () => {
    const { areaUm2, energyPj, leakageNw, delayPs } = costsAt16Nm(old, young);
    // Down: 1000 × 0.03; up: 15 × 3.2.
    expect(areaUm2.logic).toEqual({ low: 30, nominal: Math.sqrt(30 * 48), high: 48 });
    expect(areaUm2.memory.low).toBeCloseTo(12.8, 9);
    expect(areaUm2.memory.high).toBeCloseTo(15, 9);
    const [down, up] = [scalingTo16Nm(130, 1.8), scalingTo16Nm(7, 0.7)];
    expect(energyPj.logic.low).toBeCloseTo(Math.min(down.energyFactor.low, 0.01 * up.energyFactor.low), 12);
    expect(energyPj.logic.high).toBeCloseTo(
      Math.max(3 * down.energyFactor.high, 0.03 * up.energyFactor.high),
      12,
    );
    expect(energyPj.logic.nominal).toBeCloseTo(
      Math.sqrt(2 * down.energyFactor.nominal * 0.02 * up.energyFactor.nominal),
      12,
    );
    expect(leakageNw.logic).toEqual({ low: 1, nominal: 10, high: 100 });
    expect(delayPs.low).toBeLessThan(delayPs.nominal);
    expect(delayPs.nominal).toBeLessThan(delayPs.high);
  });

  test("refuses a node without factors", () => {
    expect(() => costsAt16Nm({ ...old, nodeNm: 28 }, young)).toThrow(
      expect.objectContaining({ code: "FX7020" }),
    );
    expect(figureAt16Nm("areaUm2", 7, { nodeNm: 16, supplyV: 0.8 })).toEqual({ low: 7, nominal: 7, high: 7 });
  });
});

describe("leakageFactorTo16Nm", () => {
  const leakageNw = 3;

  test("is the factor of figures and of the engine's units alike", () => {
    for (const node of [{ nodeNm: 130, supplyV: 1.8 }, young])
      expect(figureAt16Nm("leakageNw", leakageNw, node).nominal).toBe(leakageNw * leakageFactorTo16Nm);
    const [own, scaled] = [
      acceleratorTechnology(readTechnology("asap7")),
      acceleratorTechnologyAt16Nm(readTechnology("asap7")),
    ];
    const leakageOf = ({ units }: typeof own): number =>
      units(shapeConfig({ cPar: 8, kPar: 8 })).get("array")!.leakageNw;
    expect(leakageOf(scaled)).toBe(leakageOf(own) * leakageFactorTo16Nm);
    expect(scaled.memory(256, 32).leakageNw.nominal).toBe(
      own.memory(256, 32).leakageNw.nominal * leakageFactorTo16Nm,
    );
  });

  test("rests on tables that agree by the cell and not by area", () => {
    const [sky130, sg13g2, asap7] = ["sky130hd", "sg13g2", "asap7"].map(
      (name) => readTechnology(name).cells.fullAdder,
    );
    expect(asap7!.leakageNw).toBeGreaterThan(sky130!.leakageNw);
    expect(asap7!.leakageNw).toBeLessThan(sg13g2!.leakageNw);
    for (const { leakageNw: nw, areaUm2 } of [sky130!, sg13g2!])
      expect(asap7!.leakageNw / asap7!.areaUm2 / (nw / areaUm2)).toBeGreaterThan(50);
  });
});

describe("crossCheck16Nm", () => {
  const rows = crossCheck16Nm(readTechnology("sky130hd"), readTechnology("asap7"), deepFreeze);

  test("compares what DeepFreeze's coefficients say", () => {
    expect(meanCsdDigits).toBeLessThan(csdDigitCount(85));
    expect(meanCsdDigits).toBeCloseTo(2.8, 1);
    expect(rows.map(({ deepFreeze: theirs }) => Number(theirs.toPrecision(3)))).toEqual([
      13.1, 1.62, 1.62, 4.57, 0.494, 0.494,
    ]);
  });

  test("spans both ways of scaling, and the areas of logic agree with DeepFreeze within half", () => {
    for (const { from130Nm, from7Nm, estimate } of rows) {
      expect(estimate.low).toBe(Math.min(from130Nm.low, from7Nm.low));
      expect(estimate.high).toBe(Math.max(from130Nm.high, from7Nm.high));
      expect(estimate.nominal).toBeGreaterThanOrEqual(estimate.low);
      expect(estimate.nominal).toBeLessThanOrEqual(estimate.high);
    }
    const [multiplier, register] = rows;
    for (const row of [multiplier!, register!]) {
      expect(row.ratio).toBeGreaterThan(0.5);
      expect(row.ratio).toBeLessThan(1.5);
    }
  });
});
