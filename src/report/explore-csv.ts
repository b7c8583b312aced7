import { csv } from "./csv.js";
import type { ExploreResults } from "./explore-results.js";
import { acceleratorOf, lossOf } from "./explore-tables.js";

const header = [
  "freezePoint",
  "folding",
  "requantization",
  "periodPs",
  "clockShare",
  "clockMhz",
  "acceleratorMm2",
  "accelerator",
  "areaMm2",
  "areaLowMm2",
  "areaHighMm2",
  "frontEnergyUj",
  "acceleratorEnergyUj",
  "dramEnergyUj",
  "energyPerFrameUj",
  "framesPerSecond",
  "latencyMs",
  "topsPerWatt",
  "topsPerWattLow",
  "topsPerWattHigh",
  "topsPerWattWithDram",
  "gain",
  "gainWithDram",
  "loss",
  "fronts",
];

const cameraColumns = [
  "energyPerFrameUj",
  "powerMw",
  "topsPerWatt",
  "topsPerWattWithDram",
  "gain",
  "gainWithDram",
] as const;

/**
 * Print every design as a row: as fast as it can, then for each rate of a camera, empty where the rate is not reached; `fronts` names the Pareto fronts that it is on, by their places. */
export function exploreCsv(results: ExploreResults): string {
  const { cameraFramesPerSecond: rates } = results;
  const nameAt = (column: string, rate: number): string => `${column}At${rate}FramesPerSecond`;
  const memberships = new Map<number, number[]>();
  for (const [place, { points }] of results.pareto.entries())
    for (const point of points) memberships.set(point, [...(memberships.get(point) ?? []), place]);
  const rows = results.points.map((point, i) => {
    const { freezePoint, folding, requantization, periodPs } = results.fronts[point.front]!;
    const { areaRangeMm2: area, topsPerWattRange: range, front: _, atCamera, ...figures } = point;
    const camera = rates.flatMap((rate, place) =>
      cameraColumns.map((column) => [nameAt(column, rate), atCamera[column][place] ?? undefined] as const),
    );
    return {
      ...{ freezePoint, folding, requantization, periodPs, ...figures },
      ...{ areaLowMm2: area.low, areaHighMm2: area.high },
      ...{ topsPerWattLow: range.low, topsPerWattHigh: range.high },
      accelerator: acceleratorOf(results, point)?.name,
      acceleratorMm2: acceleratorOf(results, point)?.areaMm2,
      loss: lossOf(results, point),
      fronts: memberships.get(i)?.join(" "),
      ...Object.fromEntries(camera),
    };
  });
  const atRates = rates.flatMap((rate) => cameraColumns.map((column) => nameAt(column, rate)));
  return csv(rows, [...header, ...atRates]);
}
