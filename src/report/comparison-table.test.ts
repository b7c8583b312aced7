import { describe, expect, test } from "vitest";
import { resultsFixture } from "../../test/helpers/results-fixture.js";
import { comparisonTable } from "./comparison-table.js";
import { reportHtml } from "./html.js";
import { type EqualAreaResult, parseResults } from "./results.js";
import { summaryMarkdown } from "./summary.js";
import { markdownTable } from "./table.js";

const exact = (value: number): { low: number; nominal: number; high: number } => ({
  low: value,
  nominal: value,
  high: value,
});
const side = (name: string, topsPerWatt: number): NonNullable<EqualAreaResult["hybrid"]> => ({
  name,
  source: "test",
  framesPerSecond: 1000,
  energyPerFrameUj: exact(10),
  dramBytesPerFrame: 100,
  powerMw: exact(10),
  topsPerWatt: exact(topsPerWatt),
  topsPerWattWithDram: exact(topsPerWatt / 2),
});
const base = { accelerator: "array", node: "16 nm", tier: "modelled", totalAreaMm2: 2 } as const;
const compared: readonly EqualAreaResult[] = [
  {
    ...base,
    feasible: true,
    frontAreaMm2: exact(1),
    tail: "array 8×8",
    whole: "array 16×16",
    hybrid: side("hybrid", 8),
    baseline: side("programmable", 4),
    gain: {
      topsPerWatt: { low: 1.5, nominal: 2, high: 3 },
      topsPerWattWithDram: exact(2),
      framesPerSecond: exact(1),
    },
    notes: ["a note of the comparison"],
  },
  { ...base, cameraFramesPerSecond: 240, feasible: false, reason: "the rate is not reached" },
];

describe("comparison at equal area", () => {
  const fixture = resultsFixture();
  const results = parseResults({
    ...fixture,
    sweep: fixture.sweep?.map((entry, i) => (i === 0 ? { ...entry, comparison: compared } : entry)),
  });

  test("is a table with ranges, reasons and notes", () => {
    const table = comparisonTable(results);
    if (table === undefined) throw new Error("no table");
    const text = markdownTable(table);
    expect(table.rows).toHaveLength(2);
    expect(text).toContain("2.00×");
    expect(text).toContain("1.50× to 3.00×");
    expect(text).toContain("the rate is not reached");
    expect(table.notes).toContain("a note of the comparison");
    for (const row of table.rows) expect(row.cells).toHaveLength(table.columns.length);
  });

  test("stands in the summary and the page, and is absent without comparisons", () => {
    expect(summaryMarkdown(results)).toContain("same area");
    expect(reportHtml(results)).toContain("1.50× to 3.00×");
    expect(comparisonTable(fixture)).toBeUndefined();
  });
});
