import { describe, expect, it } from "vitest";
import { resultsFixture } from "../../test/helpers/results-fixture.js";
import { reportHtml } from "./html.js";
import { accuracyEfficiencyFigure, equalAreaFigure } from "./report-figures.js";
import { type EqualAreaResult, freezePointsOf, parseResults, type Results } from "./results.js";

const range = (nominal: number) => ({ low: nominal / 2, nominal, high: 2 * nominal });
const side = (topsPerWatt: number): NonNullable<EqualAreaResult["hybrid"]> => ({
  ...{ name: "a chip", source: "test", framesPerSecond: 100, dramBytesPerFrame: 0 },
  ...{ energyPerFrameUj: range(1), powerMw: range(1) },
  ...{ topsPerWatt: range(topsPerWatt), topsPerWattWithDram: range(topsPerWatt) },
});
const base = { accelerator: "array", node: "16 nm", tier: "modelled" } as const;

function withComparison(comparison: EqualAreaResult[]): Results {
  const { sweep, ...rest } = resultsFixture();
  const entries = (sweep ?? []).map((entry, i) => (i === 0 ? { ...entry, comparison } : entry));
  return parseResults({ ...rest, sweep: entries });
}

describe("figures of a run", () => {
  it("draws what was compared at equal area, and what does not fit with the reason", () => {
    const results = withComparison([
      { ...base, totalAreaMm2: 1, feasible: false, reason: "the front takes 1.2 mm²" },
      { ...base, totalAreaMm2: 2, feasible: true, hybrid: side(6), baseline: side(2) },
      {
        ...base,
        totalAreaMm2: 2,
        cameraFramesPerSecond: 30,
        feasible: true,
        hybrid: side(1),
        baseline: side(1),
      },
    ]);
    const { text } = equalAreaFigure(results, "array")!;
    expect(text).toContain("(3.00×)");
    expect(text).toContain("the front takes 1.2 mm²");
    expect(text.match(/<rect class="fill"/g)).toHaveLength(2);
    expect(equalAreaFigure(results, "nvdla")).toBeUndefined();
    expect(reportHtml(results)).toContain("Efficiency at equal area, generated engine");
  });

  it("puts each freeze point with a cost and a loss into accuracy against efficiency", () => {
    const results = resultsFixture();
    const { text } = accuracyEfficiencyFigure(results)!;
    const costed = freezePointsOf(results).filter(({ cost }) => cost !== undefined);
    for (const { freezePoint } of costed) expect(text).toContain(freezePoint.layer);
    const bare = parseResults({ ...results, sweep: [], cost: undefined });
    expect(accuracyEfficiencyFigure(bare)).toBeUndefined();
  });
});
