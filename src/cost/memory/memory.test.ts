import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readTechnology, shippedTechnologies } from "../technology.js";
import { areaUm2Of, fitArea, fitRelative } from "./fit.js";
import { macroModel, writeThroughPj } from "./laws.js";
import { arrayOf, cacti45, macroFamilies } from "./macros.js";
import { memoryCost } from "./memory-cost.js";

/** Worst error that the documentation states for each family, areas and energies. */
const stated = {
  sg13g2: { area: 0.015, energy: 0.07 },
  sky130: { area: 0.05 },
  asap7: { area: 0.026 },
} as const;

describe("fits", () => {
  test("recover a law from its own points", () => {
    const law = { cellUm2: 3, overheadColumns: 20, overheadRows: 40 };
    const points = [16, 64, 256].flatMap((columns) =>
      [16, 128, 512].map((rows) => ({ columns, rows, areaUm2: areaUm2Of(law, { columns, rows }) })),
    );
    for (const fitted of [fitArea(points), fitArea(points, 3)]) {
      expect(fitted.cellUm2).toBeCloseTo(3, 6);
      expect(fitted.overheadColumns).toBeCloseTo(20, 3);
      expect(fitted.overheadRows).toBeCloseTo(40, 3);
    }
    expect(
      fitRelative(
        [
          [1, 1],
          [1, 2],
          [1, 5],
        ],
        [3, 5, 11],
      ).map((x) => x.toFixed(9)),
    ).toEqual(["1.000000000", "2.000000000"]);
  });

  for (const name of ["sg13g2", "sky130", "asap7"] as const) {
    test(`areas of every published macro of ${name} are within the stated error`, () => {
      const model = macroModel(name, 0, 0.2);
      for (const macro of macroFamilies[name].macros) {
        const law = macro.ports === 1 ? model.singlePort : model.dualPort;
        const error = areaUm2Of(law.area, arrayOf(macro)) / macro.areaUm2 - 1;
        expect(Math.abs(error), `${macro.name} ${error}`).toBeLessThan(stated[name].area);
        expect(law.areaSpread.low).toBeLessThanOrEqual(1 - Math.abs(error) + 1e-9);
      }
    });
  }

  test("energies of SG13G2's macros are within the stated error, two-port ones included", () => {
    const { singlePort } = macroModel("sg13g2", 130, 0);
    for (const macro of macroFamilies.sg13g2.macros) {
      const published = macro.writeThroughPj;
      if (published === undefined) continue;
      const error = writeThroughPj(singlePort.energy, arrayOf(macro)) / published - 1;
      expect(Math.abs(error), `${macro.name} ${error}`).toBeLessThan(stated.sg13g2.energy);
    }
  });

  test("ranges of energy hold what the macros of sky130 and ASAP7 state", () => {
    for (const name of ["sky130", "asap7"] as const) {
      const { dualPort: law } = macroModel(name, 0, 0.2);
      for (const macro of macroFamilies[name].macros) {
        if (macro.readPj === undefined) continue;
        const fitted = law.energy.readShare * writeThroughPj(law.energy, arrayOf(macro));
        // The low end is the mean of sky130's three macros, which differ among themselves.
        expect(macro.readPj).toBeGreaterThan(0.6 * fitted * law.energySpread.low);
        expect(macro.readPj).toBeLessThan(1.001 * fitted * law.energySpread.high);
      }
    }
  });

  test("another estimate, CACTI at 45 nm, lies in the range of the model scaled there, and near its area", () => {
    const { singlePort: law } = macroModel("other", 45, 0);
    const { readPj, areaUm2 } = cacti45[0];
    const array = { columns: 256, rows: 256 };
    const ours = law.energy.readShare * writeThroughPj(law.energy, array);
    expect(readPj / ours).toBeGreaterThan(law.energySpread.low);
    expect(readPj / ours).toBeLessThan(law.energySpread.high);
    expect(areaUm2 / areaUm2Of(law.area, array)).toBeCloseTo(0.69, 1);
  });

  test("a node without factors is refused", () => {
    expect(() => macroModel("other", 28, 0)).toThrow(expect.objectContaining({ code: "FX7021" }));
  });
});

describe("memoryCost", () => {
  const technologies = shippedTechnologies().map(readTechnology);

  test("a small memory costs more a bit than a large one, and is made of latches", () => {
    for (const technology of technologies) {
      const small = memoryCost({ words: 8, bits: 16, ports: 2 }, technology);
      const large = memoryCost({ words: 1024, bits: 64, ports: 2 }, technology);
      expect(small.form.kind).toBe("latches");
      expect(large.form.kind).toBe("macros");
      expect(small.areaUm2.nominal / (8 * 16)).toBeGreaterThan(large.areaUm2.nominal / (1024 * 64));
    }
  });

  test("the macro of a published size has its published area, and two ports cost more than one", () => {
    const technology = readTechnology("sg13g2");
    const macro = memoryCost({ words: 1024, bits: 16, ports: 2 }, technology, "macros");
    // Another column multiplexer than the published macro's is a little smaller still.
    expect((macro.areaUm2.nominal - macro.wrapperUm2) / 155153.8157).toBeGreaterThan(0.94);
    expect((macro.areaUm2.nominal - macro.wrapperUm2) / 155153.8157).toBeLessThan(1.01);
    expect(macro.wrapperUm2).toBeGreaterThan(16 * technology.cells.flipFlop.areaUm2);
    const one = memoryCost({ words: 1024, bits: 16, ports: 1 }, technology, "macros");
    expect(one.wrapperUm2).toBe(0);
    expect(one.areaUm2.nominal / (236.8 * 336.46)).toBeGreaterThan(0.94);
    expect(one.areaUm2.nominal / (236.8 * 336.46)).toBeLessThan(1.01);
    expect(one.areaUm2.nominal).toBeLessThan(macro.areaUm2.nominal);
  });

  test("ranges are ordered, the smaller form is taken, and more words or bits never cost less area", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...technologies),
        fc.integer({ min: 1, max: 3000 }),
        fc.integer({ min: 1, max: 600 }),
        fc.constantFrom(1 as const, 2 as const),
        (technology, words, bits, ports) => {
          const cost = memoryCost({ words, bits, ports }, technology);
          for (const range of [cost.areaUm2, cost.readPj, cost.writePj, cost.leakageNw, cost.accessPs]) {
            expect(range.low).toBeGreaterThan(0);
            expect(range.low).toBeLessThanOrEqual(range.nominal);
            expect(range.nominal).toBeLessThanOrEqual(range.high);
          }
          for (const kind of ["macros", "latches"] as const) {
            const other = memoryCost({ words, bits, ports }, technology, kind);
            expect(other.areaUm2.nominal).toBeGreaterThanOrEqual(cost.areaUm2.nominal - 1e-9);
            if (other.form.kind !== "macros") continue;
            const { columnMux, count } = other.form;
            expect(count * other.form.words * other.form.bits).toBeGreaterThanOrEqual(words * bits);
            expect(other.form.bits * columnMux).toBeLessThanOrEqual(
              technology.sram.macros.limits.maximumColumns,
            );
          }
          const wider = memoryCost({ words, bits: bits + 1, ports }, technology, "latches");
          const deeper = memoryCost({ words: words + 1, bits, ports }, technology, "latches");
          const latches = memoryCost({ words, bits, ports }, technology, "latches");
          expect(wider.areaUm2.nominal).toBeGreaterThan(latches.areaUm2.nominal);
          expect(deeper.areaUm2.nominal).toBeGreaterThan(latches.areaUm2.nominal);
        },
      ),
      { numRuns: 150, seed: 5 },
    );
  });

  test("no words or no bits are refused", () => {
    expect(() => memoryCost({ words: 0, bits: 8, ports: 1 }, technologies[0]!)).toThrow(
      expect.objectContaining({ code: "FX7022" }),
    );
  });
});
