import { type IsoAreaBar, isoAreaBars, type PlotSeries, scatterPlot } from "./figures/index.js";
import { datasetNamesOf, freezingLoss, type Precision } from "./freeze-verdict.js";
import type { Markup } from "./markup.js";
import { type EqualAreaResult, freezePointsOf, type Results } from "./results.js";

const names = { nvdla: "NVDLA", array: "generated engine" } as const;

const barOf = (
  name: string,
  { feasible, reason, ...result }: EqualAreaResult,
  side: "hybrid" | "baseline",
): IsoAreaBar => {
  const figures = feasible ? result[side]?.topsPerWatt : undefined;
  if (figures === undefined) return { name, absent: reason ?? "not feasible" };
  return { name, value: figures.nominal, low: figures.low, high: figures.high };
};

/**
 * Draw each freeze point beside the all-programmable chip at every area that was compared, for one accelerator, each chip as fast as it can;
 * undefined when nothing was compared.
 */
export function equalAreaFigure(
  results: Results,
  accelerator: EqualAreaResult["accelerator"],
): Markup | undefined {
  const compared = freezePointsOf(results).flatMap(({ freezePoint, comparison = [] }) =>
    comparison
      .filter((one) => one.accelerator === accelerator && one.cameraFramesPerSecond === undefined)
      .map((result) => ({ layer: freezePoint.layer, result })),
  );
  const areas = [...new Set(compared.map(({ result }) => result.totalAreaMm2))].sort((a, b) => a - b);
  const groups = areas.map((areaMm2) => {
    const own = compared.filter(({ result }) => result.totalAreaMm2 === areaMm2);
    const feasible = own.find(({ result }) => result.feasible) ?? own[0]!;
    return {
      areaMm2,
      bars: [
        barOf("all programmable", feasible.result, "baseline"),
        ...own.map(({ layer, result }) => barOf(`frozen up to ${layer}`, result, "hybrid")),
      ],
    };
  });
  return isoAreaBars({
    title: `Efficiency at equal area, ${names[accelerator]}`,
    source: [compared[0]?.result.node, compared[0]?.result.tier].join(", "),
    unit: "TOPS/W, without DRAM; in brackets the ratio to all programmable",
    groups,
  });
}

/** Draw the change of accuracy by freezing against TOPS/W, a line for each dataset; undefined without both. */
export function accuracyEfficiencyFigure(results: Results): Markup | undefined {
  const entries = freezePointsOf(results).filter(({ cost }) => cost !== undefined);
  const seriesOf = (precision: Precision): readonly PlotSeries[] =>
    datasetNamesOf(results).map((name) => ({
      name,
      style: "line",
      points: entries
        .flatMap((entry) => {
          const loss = freezingLoss(entry, name, precision);
          if (loss === undefined || entry.cost === undefined) return [];
          const { layer } = entry.freezePoint;
          return [{ x: entry.cost.topsPerWatt, y: -100 * loss, name: `${name}, ${layer}` }];
        })
        .sort((a, b) => a.x - b.x),
    }));
  for (const precision of ["int8", "float"] as const) {
    const plot = scatterPlot({
      title: "Accuracy against efficiency",
      source: [precision, entries[0]?.cost?.tier].join(", "),
      x: { label: "TOPS/W of the design", scale: "linear" },
      y: { label: "change of top-1 accuracy by freezing, points", scale: "linear" },
      series: seriesOf(precision),
      references: [{ axis: "y", value: -1, name: "one point lost: the paper's bound", kind: "bound" }],
    });
    if (plot !== undefined) return plot;
  }
  return undefined;
}
