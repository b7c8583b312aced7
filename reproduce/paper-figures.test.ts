import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { paperFigures, paperSvgFiles } from "./paper-figures.js";
import { paperPage } from "./paper-page.js";
import { type PaperResults, paperSchema } from "./paper-results.js";

const folder = join("docs", "results");
const textOf = (name: string): string => readFileSync(join(folder, name), "utf8");
const results = JSON.parse(textOf("paper.json")) as PaperResults;

describe("the paper's page", () => {
  test("is written from the kept JSON, with all its figures", () => {
    expect(results.schema).toBe(paperSchema);
    // Where this fails: npm run reproduce -- paper --page-only
    expect(textOf("paper.md")).toBe(paperPage(results));
    for (const [name, text] of paperSvgFiles(results)) expect(textOf(name)).toBe(text);
  });

  test("embeds each figure once", () => {
    const page = paperPage(results);
    const files = paperFigures(results).map(({ file }) => file);
    expect(files.length).toBeGreaterThan(8);
    expect([...page.matchAll(/!\[[^\]]+\]\(([^)]+)\)/g)].map((match) => match[1]).sort()).toEqual(
      files.sort(),
    );
  });

  test("leaves out what there is no data for", () => {
    const bare: PaperResults = {
      ...results,
      ...{ frontLayers: [], roofline: null, comparisons: [], structural: [] },
      accuracy: { totalAreaMm2: 4, rows: [] },
    };
    // NVDLA's published points remain.
    expect(paperFigures(bare).map(({ file }) => file)).toEqual(["paper-pareto.svg"]);
  });

  test("the layers of a front add up to its parts in the table", () => {
    for (const { form, node, layers } of results.frontLayers) {
      const row = results.structural.find(
        (one) => one.form === form && one.node === node && one.frozenLayers === layers.length,
      );
      for (const part of ["datapath", "sram", "registers"] as const) {
        const area = layers.reduce((sum, { areaMm2 }) => sum + areaMm2[part], 0);
        const energy = layers.reduce((sum, { energyUj }) => sum + energyUj[part], 0);
        expect(area / row!.partsMm2[part]).toBeCloseTo(1, 9);
        expect(energy / row!.energyPartsUj[part]).toBeCloseTo(1, 9);
      }
    }
  });

  test("no layer lies above the roof", () => {
    const { peakTops, dramGbPerSecond, layers } = results.roofline!;
    for (const { macs, dramBytes, tops } of layers) {
      const bound = Math.min(peakTops, ((2 * macs) / dramBytes) * dramGbPerSecond * 1e-3);
      expect(tops).toBeLessThanOrEqual(bound * 1.0001);
    }
  });
});
