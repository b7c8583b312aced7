import { absent, optional, ratio, significant } from "./format.js";
import { type EqualAreaResult, freezePointsOf, type RangeResult, type Results } from "./results.js";
import { type Cell, cell, numberColumn, type Table, textColumn } from "./table.js";

/** Print a range: the nominal figure, and the bounds in brackets when they differ. */
export function rangeCell(range: RangeResult, format: (value: number) => string): Cell {
  const text = format(range.nominal);
  const [low, high] = [format(range.low), format(range.high)];
  return cell(low === high ? text : `${text} (${low} to ${high})`);
}

/** Print a figure with its range where that is known. */
export function figureCell(
  value: number | undefined,
  range: RangeResult | undefined,
  format: (value: number) => string,
): Cell {
  return range === undefined ? cell(optional(value, format)) : rangeCell(range, format);
}

const accelerators = { nvdla: "NVDLA", array: "generated engine" } as const;

function cells(layer: string, result: EqualAreaResult): Cell[] {
  const { accelerator, cameraFramesPerSecond, totalAreaMm2, hybrid, baseline, gain, tail, whole } = result;
  const about: Cell[] = [
    cell(layer),
    { text: accelerators[accelerator], detail: result.node },
    cell(cameraFramesPerSecond === undefined ? "most" : significant(cameraFramesPerSecond)),
    cell(significant(totalAreaMm2)),
  ];
  if (!result.feasible || hybrid === undefined || baseline === undefined || gain === undefined)
    return [
      ...about,
      cell(`not feasible: ${result.reason ?? ""}`),
      ...Array.from({ length: 6 }, () => cell(absent)),
    ];
  return [
    ...about,
    { text: tail ?? "none needed", detail: whole === undefined ? "" : `alone: ${whole}` },
    cell(significant(hybrid.framesPerSecond)),
    cell(significant(baseline.framesPerSecond)),
    rangeCell(hybrid.topsPerWatt, significant),
    rangeCell(baseline.topsPerWatt, significant),
    rangeCell(gain.topsPerWatt, ratio),
    rangeCell(gain.topsPerWattWithDram, ratio),
  ];
}

/** Tabulate the comparisons at equal area; undefined when there are none. */
export function comparisonTable(results: Results): Table | undefined {
  const entries = freezePointsOf(results).filter(({ comparison = [] }) => comparison.length > 0);
  if (entries.length === 0) return undefined;
  const rows = entries.flatMap(({ freezePoint, comparison = [] }) =>
    comparison.map((result) => ({ cells: cells(freezePoint.layer, result) })),
  );
  const notes = new Set(
    entries.flatMap(({ comparison = [] }) => comparison.flatMap(({ notes: own = [] }) => own)),
  );
  return {
    id: "comparison",
    caption: "Frozen front and tail beside an all-programmable chip of the same area",
    columns: [
      textColumn("Frozen up to"),
      textColumn("Accelerator"),
      numberColumn("Camera", "frames/s"),
      numberColumn("Area of both", "mm²"),
      textColumn("Tail"),
      numberColumn("Hybrid", "frames/s"),
      numberColumn("Programmable", "frames/s"),
      numberColumn("Hybrid", "TOPS/W"),
      numberColumn("Programmable", "TOPS/W"),
      numberColumn("Gain in TOPS/W"),
      numberColumn("Gain with DRAM"),
    ],
    rows,
    notes: [
      "Both chips have the same area and run the same network; 2 · dense MACs of the whole network count on both sides. Camera: most = as many frames as each can do. Ranges: all corners of the front's activity and memories, the accelerator's parts, scaling and DRAM; what is common to both sides cancels.",
      ...notes,
    ],
  };
}
