import { type OperatingFigures, operatingFigures } from "../../src/report/explore-operating.js";
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

type PlainKey = "areaMm2" | "latencyMs" | "framesPerSecond";

/** How a figure is shown. */
type Shown = Pick<Figure, "label" | "unit" | "better">;

const shown = (label: string, unit: string, better: Figure["better"]): Shown => ({ label, unit, better });

/** A figure that is the same at every operating point. */
const plain = (id: PlainKey, about: Shown): Figure => ({
  ...{ id, ...about, scale: "log", text: significant },
  of: (results, point) => results.points[point]![id],
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

/**
 * The figures that a page's designs have; accuracies only where a sweep was read.
 *
 * @param cameraFramesPerSecond rate of the camera; undefined: as fast as each design can
 */
export function figuresOf(
  results: ExploreResults,
  cameraFramesPerSecond: number | undefined,
): readonly Figure[] {
  const operating = (id: keyof OperatingFigures, about: Shown): Figure => ({
    ...{ id, ...about, scale: "log", text: significant },
    of: (all, point) => operatingFigures(all, all.points[point]!, cameraFramesPerSecond)?.[id],
  });
  const datasets = new Set(results.freezePoints.flatMap(({ tasks }) => tasks.map(({ dataset }) => dataset)));
  const hasLoss = results.freezePoints.some(({ loss }) => loss !== undefined);
  return [
    plain("areaMm2", shown("area", "mm²", "less")),
    operating("topsPerWatt", shown("efficiency", "TOPS/W", "more")),
    operating("topsPerWattWithDram", shown("efficiency with DRAM", "TOPS/W", "more")),
    plain("latencyMs", shown("latency", "ms", "less")),
    plain("framesPerSecond", shown("most frames/s", "", "more")),
    operating("energyPerFrameUj", shown("energy", "µJ/frame", "less")),
    operating("powerMw", shown("power", "mW", "less")),
    operating("gain", shown("gain over all-programmable", "×", "more")),
    operating("gainWithDram", shown("gain with DRAM", "×", "more")),
    ...(hasLoss ? [lossFigure] : []),
    ...[...datasets].map(accuracyOf),
  ];
}

/** Name and unit of a figure. */
export const axisLabel = ({ label, unit, better }: Figure): string =>
  `${label}${unit === "" ? "" : `, ${unit}`} (${better} is better)`;
