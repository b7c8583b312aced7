import { nvdlaPoints, resNet50TopsPerWatt } from "../src/cost/index.js";
import { type PlotSeries, publishedFigures, scatterPlot } from "../src/report/index.js";
import type { PaperFigure } from "./paper-figures.js";
import type { PaperResults } from "./paper-results.js";

/** Efficiency against area: our fronts at 16 nm with their ranges, NVDLA's published points, and the paper's figures, whose areas are not published. */
export function paretoFigure({ structural }: PaperResults): PaperFigure {
  const fronts = structural.filter(({ node }) => node.startsWith("16 nm"));
  const kinds = [...new Set(fronts.map(({ form, node }) => `${form}, ${node}`))];
  const series = kinds.map(
    (kind): PlotSeries => ({
      name: `${kind.replace("16 nm ", "")}`,
      style: "points",
      points: fronts
        .filter(({ form, node }) => `${form}, ${node}` === kind)
        .map(({ frozenLayers, areaMm2, topsPerWatt }) => ({
          x: areaMm2.nominal,
          y: topsPerWatt.nominal,
          name: `${frozenLayers} layers`,
          isNamed: true,
          xRange: areaMm2,
          yRange: topsPerWatt,
        })),
    }),
  );
  const nvdla: PlotSeries = {
    name: "NVDLA on ResNet-50 (published)",
    style: "line",
    isHollow: true,
    points: nvdlaPoints.map((point) => ({
      x: point.areaMm2,
      y: resNet50TopsPerWatt(point),
      name: `NVDLA, ${point.macs} MACs`,
    })),
  };
  return {
    file: "paper-pareto.svg",
    alt: "TOPS/W against area at 16 nm: frozen fronts with ranges, NVDLA's published points, the paper's figures as lines",
    markup: scatterPlot({
      title: "Frozen fronts: efficiency against area",
      source: "16 nm, without DRAM",
      x: { label: "area, mm²", scale: "log" },
      y: { label: "TOPS/W", scale: "log" },
      series: [...series, nvdla],
      references: publishedFigures.map(({ topsPerWatt }, i) => ({
        axis: "y",
        value: topsPerWatt,
        name: `paper, ${i === 0 ? "fully fixed" : "part frozen, with tail"}: ${topsPerWatt} (published)`,
      })),
    }),
  };
}
