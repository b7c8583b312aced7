import { describe, expect, it } from "vitest";
import { FixynnError } from "../core/index.js";
import { nodeName } from "../graph/index.js";
import { parseResults, type Results, resultsSchemaId } from "../report/index.js";
import { adviceText, comparisonText } from "./advice-text.js";
import { type Advice, advisedPoint } from "./advise.js";
import { compareAdvice } from "./compare-advice.js";

const layers = ["a", "b", "c"];

/** Advice for two datasets: losses, probes that rise with depth. */
function adviceOf(losses: Readonly<Record<string, readonly number[]>>): Advice {
  return {
    backbone: { name: "net", inputShape: [8, 8, 3] },
    freezePoints: layers.map((layer, i) => ({ layer, macsShare: (i + 1) / 4 })),
    datasets: Object.entries(losses).map(([name, values]) => ({
      ...{ name, classes: 2, images: 100, leep: -0.5, seconds: 1 },
      points: [
        { reach: 0.8, predictedLoss: 0, predictedLossError: 0, rank: 1 },
        ...layers.map((layer, i) => ({
          ...{
            freezePoint: nodeName(layer),
            nLeep: -1 + 0.1 * i,
            probe: 0.5 + 0.1 * i,
            reach: 0.8 - values[i]!,
          },
          ...{ predictedLoss: values[i]!, predictedLossError: 0.01, rank: i + 2 },
        })),
      ],
    })),
  };
}

/** Results of a sweep with these accuracies: nothing frozen first. */
function resultsOf(accuracies: Readonly<Record<string, readonly number[]>>): Results {
  return parseResults({
    ...{ schema: resultsSchemaId, tool: { version: "0.1.0" }, config: {}, seed: 1, seconds: 1 },
    machine: { cpu: "a cpu", cores: 2, os: "linux", node: "v20.19.0" },
    startedAt: "2026-01-02T03:04:05.000Z",
    backbone: { name: "net", inputShape: [8, 8, 3], layers: 3, params: 1, macs: 1 },
    sweep: layers.map((layer, i) => ({
      freezePoint: { layer, frozenLayers: i + 1, frozenParams: 1, frozenMacs: 1 },
      datasets: Object.entries(accuracies).map(([name, values]) => ({
        ...{ name, classes: 2, train: 100, test: 100 },
        accuracy: {
          unfrozen: { value: values[0]!, images: 100 },
          float: { value: values[i + 1]!, images: 100 },
        },
      })),
    })),
  });
}

describe("compareAdvice", () => {
  const advice = adviceOf({ one: [0.001, 0.008, 0.05], two: [0, 0.03, 0.02] });

  it("correlates each score with the accuracy that was found", () => {
    const { datasets, losses } = compareAdvice(
      resultsOf({ one: [0.9, 0.898, 0.88, 0.8], two: [0.7, 0.71, 0.69, 0.6] }),
      advice,
    );
    const [one, two] = datasets;
    expect(one!.agreement.predicted).toEqual({ points: 4, spearman: 1, kendall: 1 });
    // Probes rise where accuracies fall; the network without a frozen front has none.
    expect(one!.agreement.probe).toEqual({ points: 3, spearman: -1, kendall: -1 });
    expect(one!.agreement.shallow.spearman).toBe(1);
    expect([one!.advised, one!.found]).toEqual(["b", "a"]);
    expect(two!.agreement.shallow.spearman).toBeCloseTo(0.8, 12);
    expect([two!.advised, two!.found]).toEqual(["a", "a"]);
    expect(losses!.points).toBe(6);
    const errors = [0.001 - 0.002, 0.008 - 0.02, 0.05 - 0.1, 0.01, 0.03 - 0.01, 0.02 - 0.1].map(Math.abs);
    expect(losses!.meanError).toBeCloseTo(errors.reduce((a, b) => a + b) / 6, 12);
    expect(losses!.meanErrorOfZero).toBeCloseTo((0.002 + 0.02 + 0.1 + 0.01 + 0.01 + 0.1) / 6, 12);
  });

  it("leaves out what the sweep does not have", () => {
    const { datasets } = compareAdvice(resultsOf({ two: [0.7, 0.7, 0.7, 0.7] }), advice);
    expect(datasets.map(({ name }) => name)).toEqual(["two"]);
    expect(datasets[0]!.agreement.reach).toEqual({ points: 4 });
    expect(datasets[0]!.found).toBe("c");
  });

  it("refuses a sweep of another backbone or of other datasets", () => {
    const other = resultsOf({ one: [0.9, 0.9, 0.9, 0.9] });
    const renamed = { ...other, backbone: { ...other.backbone!, name: "another" } };
    for (const results of [renamed, resultsOf({ three: [0.5, 0.5, 0.5, 0.5] })]) {
      expect(() => compareAdvice(results, advice)).toThrow(FixynnError);
    }
  });
});

describe("advice in words", () => {
  it("names the deepest point under the bound, or says that there is none", () => {
    const advice = adviceOf({ one: [0.001, 0.008, 0.05], two: [0.02, 0.03, 0.04] });
    expect(advice.datasets.map(advisedPoint)).toEqual(["b", undefined]);
    const text = adviceText(advice);
    expect(text).toContain("one: 2 classes, 100 training images");
    expect(text).toContain("Deepest predicted loss under one point: b, 50.0 % of the MACs.");
    expect(text).toContain("No freeze point has a predicted loss under one point.");
    expect(text).toMatch(/\| c +\| +75\.0 \| +−0\.80 \| +70\.0 \| +75\.0 \| +\+5\.0 ± 1\.0 \| +4 \|/);
    const comparison = comparisonText(compareAdvice(resultsOf({ one: [0.9, 0.898, 0.88, 0.8] }), advice));
    expect(comparison).toMatch(/\| one +\| +1\.00 \/ 1\.00 \|/);
  });
});
