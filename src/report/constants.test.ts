import { parseHTML } from "linkedom";
import { describe, expect, test } from "vitest";
import { constantsMarkdown } from "./constants-markdown.js";
import { constantsSvg } from "./constants-plot.js";
import {
  addersSaved,
  type ConstantsResults,
  constantsSchemaId,
  largestSaving,
  parseConstantsResults,
} from "./constants-results.js";

const point = (share: number, fullAdders: number, validation: number, int8: number) => ({
  ...{ share, weights: 1000, zeroWeights: Math.round(300 * (1 - share)), digits: Math.round(2000 * share) },
  ...{ fullAdders, additions: fullAdders / 10, learningRate: 0.01 },
  accuracy: {
    validation,
    float: { value: int8 + 0.001, images: 10_000 },
    int8: { value: int8, images: 2000 },
  },
});

const results: ConstantsResults = parseConstantsResults({
  schema: constantsSchemaId,
  tool: { version: "0.1.0" },
  dataset: "a|b <c>",
  freezePoint: "conv_pw_3",
  ...{ boundPoints: 1, seed: 1 },
  points: [
    point(1, 10_000, 0.9, 0.88),
    point(0.7, 7000, 0.895, 0.879),
    point(0.5, 5200, 0.8901, 0.868),
    point(0.4, 4000, 0.85, 0.83),
  ],
});

describe("the curve of cheaper constants", () => {
  test("the largest saving within the bound on validation is chosen", () => {
    expect(largestSaving(results).share).toBe(0.5);
    expect(addersSaved(results, largestSaving(results))).toBeCloseTo(0.48, 12);
    expect(largestSaving({ ...results, boundPoints: 0.1 }).share).toBe(1);
    expect(largestSaving({ ...results, boundPoints: 6 }).share).toBe(0.4);
  });

  test("the page has the verdict and a row a budget", () => {
    const text = constantsMarkdown(results, "constants.svg");
    expect(text).toContain("48.0 % of the full adders can go within 1 point on validation (−1.0)");
    expect(text).toContain("![Accuracy against full adders saved](constants.svg)");
    expect(text).toContain("a\\|b \\<c>");
    const rows = text.split("\n").filter((line) => /^\| (as quantized|\d)/.test(line));
    expect(rows).toHaveLength(4);
    expect(rows[0]).toMatch(/as quantized .* 2,000 .* 10,000 .* 0\.0 .* 88\.0 .* 0\.0 \|$/);
    expect(rows[2]).toMatch(/50\.0 % of the digits \(chosen\) .* 48\.0 .* −1\.2 \|$/);
  });

  test("without a budget within the bound the constants stay", () => {
    expect(constantsMarkdown({ ...results, boundPoints: 0 }, "x.svg")).toContain("stay as quantized");
  });

  test("the plot is well-formed and places its marks by value", () => {
    const { document } = parseHTML(constantsSvg(results));
    const circles = [...document.querySelectorAll("g circle.mark")];
    expect(circles).toHaveLength(4);
    const at = (i: number, name: string): number => Number(circles[i]!.getAttribute(name));
    for (const i of [1, 2, 3]) {
      expect(at(i, "cx")).toBeGreaterThan(at(i - 1, "cx"));
      expect(at(i, "cy")).toBeGreaterThan(at(i - 1, "cy"));
    }
    const label = document.querySelector("svg")!.getAttribute("aria-label");
    expect(label).toBe("a|b <c>, frozen up to conv_pw_3: accuracy against full adders saved");
  });

  test("something else is refused", () => {
    const wrong = { ...results, points: [] };
    expect(() => parseConstantsResults(wrong)).toThrow(expect.objectContaining({ code: "FX8010" }));
  });
});
