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

/** Print every design as a row; `fronts` names the Pareto fronts that it is on, by their places. */
export function exploreCsv(results: ExploreResults): string {
  const memberships = new Map<number, number[]>();
  for (const [place, { points }] of results.pareto.entries())
    for (const point of points) memberships.set(point, [...(memberships.get(point) ?? []), place]);
  const rows = results.points.map((point, i) => {
    const { freezePoint, folding, requantization, periodPs } = results.fronts[point.front]!;
    const { areaRangeMm2: area, topsPerWattRange: range, front: _, ...figures } = point;
    return {
      ...{ freezePoint, folding, requantization, periodPs, ...figures },
      ...{ areaLowMm2: area.low, areaHighMm2: area.high },
      ...{ topsPerWattLow: range.low, topsPerWattHigh: range.high },
      accelerator: acceleratorOf(results, point)?.name,
      acceleratorMm2: acceleratorOf(results, point)?.areaMm2,
      loss: lossOf(results, point),
      fronts: memberships.get(i)?.join(" "),
      areaRangeMm2: undefined,
      topsPerWattRange: undefined,
    };
  });
  return csv(rows, header);
}
