import { operatingFigures, operatingText } from "./explore-operating.js";
import type { ExploreAxis, ExplorePoint, ExploreResults } from "./explore-results.js";
import { absent, grouped, optional, percent, points as pointsText, ratio, significant } from "./format.js";
import { cell, numberColumn, type Table, textColumn } from "./table.js";

/** Names and units of the axes. */
export const axisText: { readonly [Axis in ExploreAxis]: string } = {
  topsPerWatt: "TOPS/W",
  areaMm2: "area",
  latencyMs: "latency",
  framesPerSecond: "frames/s",
  loss: "accuracy lost",
};

/** The layer that a design is frozen up to, its folding and requantization, in a few words. */
export function designText(results: ExploreResults, point: ExplorePoint): string {
  const { freezePoint, folding, requantization } = results.fronts[point.front]!;
  const mode = requantization === "own" ? "" : `, ${requantization}`;
  return `${freezePoint}, ${folding}${mode}`;
}

/** The accelerator of a design; undefined when nothing is left to run. */
export function acceleratorOf(
  results: ExploreResults,
  { accelerator }: ExplorePoint,
): ExploreResults["accelerators"][number] | undefined {
  return accelerator === undefined ? undefined : results.accelerators[accelerator];
}

/** Loss of a design: that of its freeze point where it was measured on this network. */
export function lossOf(results: ExploreResults, point: ExplorePoint): number | undefined {
  const { isMeasured, freezePoint } = results.fronts[point.front]!;
  return isMeasured ? results.freezePoints.find(({ layer }) => layer === freezePoint)?.loss : undefined;
}

const designColumns = [
  textColumn("frozen up to, folding"),
  numberColumn("clock", "MHz"),
  numberColumn("accelerator", "mm²"),
  numberColumn("area", "mm²"),
  numberColumn("energy", "µJ/frame"),
  numberColumn("power", "mW"),
  numberColumn("frames/s"),
  numberColumn("latency", "ms"),
  numberColumn("TOPS/W"),
  numberColumn("range"),
  numberColumn("gain"),
  numberColumn("with DRAM"),
  numberColumn("loss", "points"),
];

/** A design's figures as fast as it can, or at the rate of a camera; ranges are of the former. */
function designCells(results: ExploreResults, point: ExplorePoint, cameraFramesPerSecond?: number) {
  const { topsPerWattRange: range } = point;
  const own = operatingFigures(results, point, cameraFramesPerSecond);
  const atMost = cameraFramesPerSecond === undefined;
  return [
    cell(designText(results, point)),
    cell(significant(point.clockMhz)),
    cell(optional(acceleratorOf(results, point)?.areaMm2, significant)),
    cell(significant(point.areaMm2)),
    cell(optional(own?.energyPerFrameUj, significant)),
    cell(optional(own?.powerMw, significant)),
    cell(significant(cameraFramesPerSecond ?? point.framesPerSecond)),
    cell(significant(point.latencyMs)),
    cell(optional(own?.topsPerWatt, significant)),
    cell(atMost ? `${significant(range.low)} to ${significant(range.high)}` : absent),
    cell(optional(own?.gain, ratio)),
    cell(optional(own?.gainWithDram, ratio)),
    cell(optional(lossOf(results, point), (value) => pointsText(value).replace("+", ""))),
  ];
}

const axesText = (axes: readonly ExploreAxis[]): string => axes.map((axis) => axisText[axis]).join(", ");

/** The knee of each Pareto front. */
export function kneeTable(results: ExploreResults): Table {
  return {
    id: "knees",
    caption: "The knee of each Pareto front",
    columns: [textColumn("front over"), numberColumn("designs"), ...designColumns],
    rows: results.pareto.flatMap(({ axes, points, knee, cameraFramesPerSecond: rate }) =>
      knee === undefined
        ? []
        : [
            {
              cells: [
                cell(`${axesText(axes)}${rate === undefined ? "" : ` ${operatingText(rate)}`}`),
                cell(grouped(points.length)),
                ...designCells(results, results.points[knee]!, rate),
              ],
            },
          ],
    ),
    notes: [
      `all figures at ${results.node}, ${results.tier}; accelerator: ${results.accelerator}`,
      "gain: TOPS/W over those of an all-programmable accelerator of the same area, without DRAM and with it; loss: the largest of any task",
    ],
  };
}

/** The best design of each freeze point. */
export function freezeTable(results: ExploreResults): Table {
  return {
    id: "freeze-points",
    caption: "The design of most TOPS/W for each freeze point",
    columns: [numberColumn("MACs frozen", "%"), ...designColumns],
    rows: results.freezePoints.flatMap(({ layer, frozenMacs }) => {
      let best: ExplorePoint | undefined;
      for (const point of results.points) {
        const front = results.fronts[point.front]!;
        if (front.freezePoint !== layer || front.requantization !== "own") continue;
        if (best === undefined || point.topsPerWatt > best.topsPerWatt) best = point;
      }
      if (best === undefined) return [];
      return [{ cells: [cell(percent(frozenMacs / results.network.macs)), ...designCells(results, best)] }];
    }),
    notes: ["in the network's own requantization"],
  };
}

/** At each rate of a camera the design of least energy a frame, and how many designs reach the rate. */
export function cameraTable(results: ExploreResults): Table | undefined {
  const { cameraFramesPerSecond: rates, points } = results;
  if (rates.length === 0) return undefined;
  return {
    id: "camera",
    caption: "The design of most TOPS/W at each frame rate of a camera",
    columns: [numberColumn("camera", "frames/s"), numberColumn("designs as fast"), ...designColumns],
    rows: rates.flatMap((rate, place) => {
      const topsPerWatt = (one: ExplorePoint): number => one.atCamera.topsPerWatt[place] ?? 0;
      const able = points.filter((one) => topsPerWatt(one) > 0);
      const [first, ...others] = able;
      if (first === undefined) return [];
      const best = others.reduce((a, b) => (topsPerWatt(b) > topsPerWatt(a) ? b : a), first);
      const count = cell(grouped(able.length));
      return [{ cells: [cell(significant(rate)), count, ...designCells(results, best, rate)] }];
    }),
    notes: [
      "energy and power include what both parts leak, and take with gated clocks while they wait; gain: over the accelerator of the same area that takes least power at the rate",
    ],
  };
}

/** The deepest freeze within each bound that was asked for. */
export function answerTable(results: ExploreResults): Table | undefined {
  if (results.answers.length === 0) return undefined;
  const nothing = designColumns.slice(1).map(() => cell(absent));
  return {
    id: "answers",
    caption: "The deepest freeze within bounds",
    columns: [numberColumn("loss ≤", "points"), numberColumn("area ≤", "mm²"), ...designColumns],
    rows: results.answers.map(({ maxLoss, maxAreaMm2, point, reason }) => ({
      cells: [
        cell(optional(maxLoss, (value) => significant(Number((100 * value).toPrecision(3))))),
        cell(optional(maxAreaMm2, significant)),
        ...(point === undefined
          ? [cell(reason ?? "none"), ...nothing]
          : designCells(results, results.points[point]!)),
      ],
    })),
    notes: ["the loss is the largest of any task against the network with nothing frozen"],
  };
}
