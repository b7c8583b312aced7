import type { ExploreResults } from "../../src/report/explore-results.js";
import { percent, significant } from "../../src/report/format.js";

/** A figure that an axis can show. */
export type Figure = {
  readonly id: string;
  readonly label: string;
  readonly unit: string;
  readonly better: "less" | "more";
  readonly scale: "log" | "linear";
  /** Undefined where a design lacks it. */
  of(results: ExploreResults, point: number): number | undefined;
  text(value: number): string;
};

type PointKey =
  | "topsPerWatt"
  | "topsPerWattWithDram"
  | "areaMm2"
  | "latencyMs"
  | "framesPerSecond"
  | "energyPerFrameUj"
  | "gain"
  | "gainWithDram";

const plain = (id: PointKey, label: string, unit: string, better: Figure["better"]): Figure => ({
  ...{ id, label, unit, better, scale: "log" },
  of: (results, point) => results.points[point]![id],
  text: significant,
});

const freezePointOf = (results: ExploreResults, point: number) => {
  const { freezePoint, isMeasured } = results.fronts[results.points[point]!.front]!;
  return isMeasured ? results.freezePoints.find(({ layer }) => layer === freezePoint) : undefined;
};

const lossFigure: Figure = {
  ...{ id: "loss", label: "accuracy lost, worst task", unit: "points", better: "less", scale: "linear" },
  of: (results, point) => {
    const loss = freezePointOf(results, point)?.loss;
    return loss === undefined ? undefined : 100 * loss;
  },
  text: (value) => value.toFixed(2),
};

const accuracyOf = (dataset: string): Figure => ({
  ...{ id: `accuracy ${dataset}`, label: `accuracy, ${dataset}`, unit: "%", better: "more", scale: "linear" },
  of: (results, point) => {
    const task = freezePointOf(results, point)?.tasks.find((one) => one.dataset === dataset);
    return task === undefined ? undefined : 100 * task.frozen;
  },
  text: (value) => percent(value / 100),
});

/** The figures that a page's designs have; accuracies only where a sweep was read. */
export function figuresOf(results: ExploreResults): readonly Figure[] {
  const datasets = new Set(results.freezePoints.flatMap(({ tasks }) => tasks.map(({ dataset }) => dataset)));
  const hasLoss = results.freezePoints.some(({ loss }) => loss !== undefined);
  return [
    plain("areaMm2", "area", "mm²", "less"),
    plain("topsPerWatt", "efficiency", "TOPS/W", "more"),
    plain("topsPerWattWithDram", "efficiency with DRAM", "TOPS/W", "more"),
    plain("latencyMs", "latency", "ms", "less"),
    plain("framesPerSecond", "frames/s", "", "more"),
    plain("energyPerFrameUj", "energy", "µJ/frame", "less"),
    plain("gain", "gain over all-programmable", "×", "more"),
    plain("gainWithDram", "gain with DRAM", "×", "more"),
    ...(hasLoss ? [lossFigure] : []),
    ...[...datasets].map(accuracyOf),
  ];
}

/** Name and unit of a figure. */
export const axisLabel = ({ label, unit, better }: Figure): string =>
  `${label}${unit === "" ? "" : `, ${unit}`} (${better} is better)`;
