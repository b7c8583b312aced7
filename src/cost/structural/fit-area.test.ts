import { expect, test } from "vitest";
import { createRng } from "../../core/index.js";
import { readTechnology } from "../technology.js";
import { type AreaSample, fitAreaFactors } from "./fit-area.js";

const technology = readTechnology("sky130hd");

test("factors of made-up layers are found again, and rare roles keep their cell's area", () => {
  const rng = createRng(4);
  const { fullAdder, and2, mux2 } = technology.cells;
  const samples = Array.from({ length: 30 }, (): AreaSample => {
    const counts = { fullAdder: 100 + rng.integer(900), and2: rng.integer(2000), mux2: rng.integer(2) };
    const areaUm2 =
      counts.fullAdder * fullAdder.areaUm2 * 1.1 +
      counts.and2 * and2.areaUm2 * 0.7 +
      counts.mux2 * mux2.areaUm2 * 3;
    return { counts, areaUm2 };
  });
  const { factors, residual } = fitAreaFactors(samples, technology);
  expect(factors.fullAdder).toBeCloseTo(1.1, 1);
  expect(factors.and2).toBeCloseTo(0.7, 1);
  expect(Math.abs(factors.mux2! - 1)).toBeLessThan(0.1);
  expect(residual).toBeLessThan(0.02);
});
