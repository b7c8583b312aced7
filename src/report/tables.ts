import { figureCell } from "./comparison-table.js";
import {
  absent,
  confidence95,
  duration,
  grouped,
  optional,
  percent,
  plural,
  points,
  ratio,
  shapeText,
  significant,
} from "./format.js";
import { paperSource, publishedFigures } from "./published.js";
import {
  type AccuracyValue,
  type CostResult,
  freezePointsOf,
  type LayerResult,
  type MismatchResult,
  type Results,
  type SweepEntry,
} from "./results.js";
import { type Cell, cell, numberColumn, type Table, textColumn } from "./table.js";

const unique = (texts: readonly (string | undefined)[]): string[] =>
  [...new Set(texts.filter((text) => text !== undefined && text !== ""))] as string[];

/** Return the layers of a freeze point: its own table, or the run's when it is the chosen one. */
export function layersOf(results: Results, entry: SweepEntry): readonly LayerResult[] {
  if (entry.layers) return entry.layers;
  return entry.freezePoint.layer === results.freezePoint?.layer ? (results.layers ?? []) : [];
}

function accuracyCell(accuracy: AccuracyValue | undefined): Cell {
  if (!accuracy) return cell(absent);
  return { text: percent(accuracy.value), detail: `${grouped(accuracy.images)} images` };
}

const difference = (a: AccuracyValue | undefined, b: AccuracyValue | undefined): string =>
  a && b ? points(a.value - b.value) : absent;

/**
 * Tabulate accuracy for each freeze point and dataset, with differences in points. Image counts are the cells' details;
 * where details are not shown, `imagesColumn` adds them as a last column.
 */
export function accuracyTable(results: Results, { imagesColumn = false } = {}): Table {
  const entries = freezePointsOf(results);
  const macs = results.backbone?.macs;
  const rows = entries.flatMap(({ freezePoint, datasets = [] }) =>
    datasets.map(({ name, accuracy: { unfrozen, float, int8, hardware } }) => ({
      strong: entries.length > 1 && freezePoint.layer === results.freezePoint?.layer,
      cells: [
        cell(freezePoint.layer),
        cell(macs ? percent(freezePoint.frozenMacs / macs) : absent),
        cell(name),
        ...[unfrozen, float, int8, hardware].map(accuracyCell),
        cell(difference(float, unfrozen)),
        cell(difference(int8, float)),
        ...(imagesColumn
          ? [cell([unfrozen, float, int8, hardware].map((a) => optional(a?.images, grouped)).join(" / "))]
          : []),
      ],
    })),
  );
  const measured = entries.flatMap(({ datasets = [] }) =>
    datasets.flatMap(({ accuracy }) => Object.values(accuracy)),
  );
  const widest = measured
    .flatMap((a) => (a ? [{ images: a.images, half: confidence95(a.value, a.images) }] : []))
    .sort((a, b) => b.half - a.half)[0];
  return {
    id: "accuracy",
    caption: "Top-1 accuracy on the test set",
    columns: [
      textColumn("Frozen up to"),
      numberColumn("Frozen MACs", "%"),
      textColumn("Dataset"),
      numberColumn("Unfrozen", "%"),
      numberColumn("Float", "%"),
      numberColumn("Int8", "%"),
      numberColumn("Hardware", "%"),
      numberColumn("Float − unfrozen", "points"),
      numberColumn("Int8 − float", "points"),
      ...(imagesColumn ? [numberColumn("Images")] : []),
    ],
    rows,
    notes: [
      "Unfrozen: every layer retrained. Float: front frozen, tail retrained. Int8: the integer network in the golden executor. Hardware: the front's bytes from the simulated design, the tail in the golden executor.",
      ...(widest === undefined
        ? []
        : [
            `Sampling error: ${grouped(widest.images)} images leave ±${percent(widest.half)} points at 95 % confidence; accuracies on different image counts differ by chance too.`,
          ]),
    ],
  };
}

/** Tabulate how the networks were trained; undefined when nothing was recorded. */
export function trainingTable(results: Results): Table | undefined {
  const rows = freezePointsOf(results).flatMap(({ freezePoint, datasets = [] }) =>
    datasets.flatMap(({ name, training }) =>
      (["unfrozen", "tail"] as const).flatMap((part) => {
        const record = training?.[part];
        if (!record) return [];
        return [
          {
            part,
            cells: [
              cell(name),
              cell(part === "unfrozen" ? "every layer" : `after ${freezePoint.layer}`),
              cell(significant(record.epochs)),
              cell(grouped(record.imagesSeen)),
              cell(record.seconds.toFixed(1)),
              cell(record.seconds > 0 ? grouped(record.imagesSeen / record.seconds) : absent),
              cell(optional(record.loss, significant)),
            ],
          },
        ];
      }),
    ),
  );
  const seen = new Set<string>();
  const distinct = rows.filter(({ cells }) => {
    const key = JSON.stringify(cells);
    return !seen.has(key) && seen.add(key);
  });
  if (distinct.length === 0) return undefined;
  return {
    id: "training",
    caption: "Training",
    columns: [
      textColumn("Dataset"),
      textColumn("Trained"),
      numberColumn("Epochs"),
      numberColumn("Images seen"),
      numberColumn("Time", "s"),
      numberColumn("Speed", "images/s"),
      numberColumn("Last loss", "nats"),
    ],
    rows: distinct,
    notes: ["Measured on the machine of this run; images seen count repeats."],
  };
}

/** Tabulate every layer of one freeze point: shape, work, constants, adders, area, energy, time. */
export function layerTable(results: Results, entry: SweepEntry): Table {
  const { cost, freezePoint } = entry;
  const layers = layersOf(results, entry);
  const clock =
    cost === undefined ? "" : ` at ${significant(frontClockMhz(cost))} MHz, ${frontTechnology(cost)}`;
  return {
    id: `layers-${freezePoint.layer}`,
    caption: `Layers, frozen up to ${freezePoint.layer}`,
    columns: [
      textColumn("Layer"),
      textColumn("Output"),
      numberColumn("MACs"),
      numberColumn("Weights"),
      numberColumn("Zero", "%"),
      numberColumn("CSD digits"),
      numberColumn("Full adders"),
      numberColumn("Half adders"),
      numberColumn("CPA", "bit"),
      numberColumn("Registers", "bit"),
      numberColumn("SRAM", "bit"),
      numberColumn("Area", "mm²"),
      numberColumn("Requant.", "mm²"),
      numberColumn("Energy", "µJ/frame"),
      numberColumn("Glitches", "×"),
      numberColumn("Cycles", "/frame"),
      numberColumn("Utilization", "%"),
      numberColumn("Mismatches"),
    ],
    rows: layers.map((layer) => ({
      quiet: !layer.frozen,
      cells: [
        { text: layer.name, detail: layer.frozen ? layer.kind : `tail, ${layer.kind}` },
        { text: shapeText(layer.outputShape), detail: `from ${shapeText(layer.inputShape)}` },
        cell(grouped(layer.macs)),
        cell(grouped(layer.weights)),
        cell(optional(layer.zeroShare, percent)),
        cell(optional(layer.csdDigits, grouped)),
        cell(optional(layer.adders?.fullAdders, grouped)),
        cell(optional(layer.adders?.halfAdders, grouped)),
        cell(optional(layer.adders?.carryPropagateBits, grouped)),
        cell(optional(layer.registerBits, grouped)),
        cell(optional(layer.sramBits, grouped)),
        cell(optional(layer.areaMm2, significant)),
        cell(optional(layer.requantizationMm2, significant)),
        figureCell(layer.energyUj, layer.energyRangeUj, significant),
        cell(optional(layer.glitchFactor, (factor) => factor.toFixed(2))),
        cell(optional(layer.cyclesPerFrame, grouped)),
        cell(optional(layer.utilization, percent)),
        layer.verified === undefined
          ? cell(absent)
          : {
              text: grouped(layer.verified.mismatches),
              detail: `of ${grouped(layer.verified.values)}`,
              tone: layer.verified.mismatches === 0 ? "good" : "bad",
            },
      ],
    })),
    notes: [
      `Tail: programmable, retrained. Area, energy and cycles are of the frozen layers${clock}. CPA: bits of the final carry-propagate adders. Requant.: scaling, rounding and clamps, without their registers, a share of the area. Energy: with its range where one is known. Glitches: energy of all transitions over that of settled ones, simulated with delays on images; – where it is assumed. Zero: share of integer weights that are zero and vanish. Utilization: share of the frame's cycles in which the datapath works.`,
      ...unique([cost?.source]),
    ],
  };
}

/** Name a design by what its figures cover. */
export function designName(layer: string, cost: CostResult): string {
  return cost.areaMm2.accelerator === undefined
    ? `Front alone, up to ${layer}`
    : `Frozen up to ${layer}, with tail`;
}

const frontTechnology = (cost: CostResult): string => cost.front?.technology ?? cost.technology;
const frontClockMhz = (cost: CostResult): number => cost.front?.clockMhz ?? cost.clockMhz;

const frontAlone = (layer: string, cost: CostResult): Cell => ({
  text: `Front alone, up to ${layer}`,
  ...(cost.front?.technology !== undefined && {
    detail: `${frontTechnology(cost)}, ${significant(frontClockMhz(cost))} MHz`,
  }),
});

function costCells(design: Cell, cost: CostResult | NonNullable<CostResult["front"]>, gain: Cell): Cell[] {
  return [
    design,
    cell(cost.tier),
    cell(significant(typeof cost.areaMm2 === "number" ? cost.areaMm2 : cost.areaMm2.total)),
    figureCell(cost.energyPerFrameUj, cost.energyPerFrameRangeUj, significant),
    cell(significant(cost.framesPerSecond)),
    cell(significant(cost.tops)),
    figureCell(cost.topsPerWatt, cost.topsPerWattRange, significant),
    cell("topsPerMm2" in cost ? significant(cost.topsPerMm2) : absent),
    gain,
  ];
}

/** Tabulate ours, the baseline, the estimate by the published coefficients, and the paper's own figures. */
export function costTable(results: Results): Table {
  const entries = freezePointsOf(results);
  const ours = entries.flatMap(({ freezePoint, cost, gain }) => {
    if (!cost) return [];
    const design: Cell = {
      text: designName(freezePoint.layer, cost),
      detail: `${cost.technology}, ${significant(cost.clockMhz)} MHz`,
    };
    const strong = entries.length > 1 && freezePoint.layer === results.freezePoint?.layer;
    return [
      {
        strong,
        cells: costCells(design, cost, figureCell(gain?.topsPerWatt, gain?.topsPerWattRange, ratio)),
      },
      ...(cost.front
        ? [{ cells: costCells(frontAlone(freezePoint.layer, cost), cost.front, cell(absent)) }]
        : []),
    ];
  });
  const baselines = new Map(
    entries.flatMap(({ baseline: b }) => (b ? [[JSON.stringify(b), b] as const] : [])),
  );
  const baselineRows = [...baselines.values()].map((baseline) => ({
    cells: [
      cell(baseline.name),
      cell(baseline.tier),
      cell(significant(baseline.areaMm2)),
      cell(optional(baseline.energyPerFrameUj, significant)),
      cell(significant(baseline.framesPerSecond)),
      cell(significant(baseline.tops)),
      cell(significant(baseline.topsPerWatt)),
      cell(baseline.areaMm2 > 0 ? significant(baseline.tops / baseline.areaMm2) : absent),
      cell("1.00×"),
    ],
  }));
  const estimates = entries.flatMap(({ freezePoint, paper }) =>
    paper
      ? [
          {
            cells: [
              {
                text: `DeepFreeze coefficients, up to ${freezePoint.layer}`,
                detail: `${paper.technology}, ${significant(paper.clockMhz)} MHz`,
              },
              cell(paper.tier),
              cell(significant(paper.areaMm2)),
              cell(
                paper.framesPerSecond > 0
                  ? significant((1e6 * paper.powerW) / paper.framesPerSecond)
                  : absent,
              ),
              cell(significant(paper.framesPerSecond)),
              cell(significant(paper.tops)),
              cell(significant(paper.topsPerWatt)),
              cell(paper.areaMm2 > 0 ? significant(paper.tops / paper.areaMm2) : absent),
              cell(ratio(paper.gain)),
            ],
          },
        ]
      : [],
  );
  const published = publishedFigures.map((figure) => ({
    cells: [
      { text: figure.design, detail: figure.setting },
      cell(figure.tier),
      ...Array.from({ length: 4 }, () => cell(absent)),
      cell(significant(figure.topsPerWatt)),
      cell(absent),
      cell(figure.gain),
    ],
  }));
  return {
    id: "cost",
    caption: "Cost, beside the baseline and the paper",
    columns: [
      textColumn("Design"),
      textColumn("Tier"),
      numberColumn("Area", "mm²"),
      numberColumn("Energy", "µJ/frame"),
      numberColumn("Frames", "/s"),
      numberColumn("TOPS"),
      numberColumn("TOPS/W"),
      numberColumn("TOPS/mm²"),
      numberColumn("Gain in TOPS/W"),
    ],
    rows: [...ours, ...baselineRows, ...estimates, ...published],
    notes: [
      "Tiers: modelled = counts times table figures; simulated = activity of the design on real images, with the glitches and wires where a layer was simulated with delays; synthesized = mapped to a cell library; published = stated by others, with their network, node and image size. Only rows of one node and one network are comparable.",
      "A multiply-accumulate counts as two operations.",
      ...unique([
        ...entries.flatMap(({ cost, paper }) => [
          cost?.source,
          ...(cost?.notes ?? []),
          paper?.source,
          ...(paper?.notes ?? []),
        ]),
        ...[...baselines.values()].map(({ name, source }) => (source ? `${name}: ${source}` : undefined)),
        `Published figures: ${paperSource}.`,
      ]),
    ],
  };
}

/** Say where the first mismatch is and what the two sides hold. */
export function mismatchText(mismatch: MismatchResult): string {
  const position = [
    ["row", mismatch.row],
    ["column", mismatch.column],
    ["channel", mismatch.channel],
  ].flatMap(([name, index]) => (index === undefined ? [] : [`${name} ${index}`]));
  const place = [mismatch.layer, `image ${mismatch.image}`, ...position].join(", ");
  return `${place}: expected ${mismatch.expected}, got ${mismatch.actual}`;
}

/** Return the first mismatch that any simulator located, in the front or in the whole chip. */
export function firstMismatchOf({ rtl, system }: SweepEntry): MismatchResult | undefined {
  return [rtl?.verified, ...(rtl?.judges ?? []), system].find((made) => made?.firstMismatch !== undefined)
    ?.firstMismatch;
}

/** Tabulate every comparison of emitted hardware with the integer reference. */
export function verificationTable(results: Results): Table {
  const rows = freezePointsOf(results).flatMap(({ freezePoint, rtl }) => {
    const made = [...(rtl?.verified ? [rtl.verified] : []), ...(rtl?.judges ?? [])];
    if (made.length === 0) {
      return [{ cells: [cell(freezePoint.layer), ...["not run", absent, absent, absent, absent].map(cell)] }];
    }
    return made.map(({ simulator, images, values, mismatches, firstMismatch }) => ({
      cells: [
        cell(freezePoint.layer),
        cell(simulator),
        cell(grouped(images)),
        cell(grouped(values)),
        { text: grouped(mismatches), tone: mismatches === 0 ? "good" : "bad" } satisfies Cell,
        cell(optional(firstMismatch, mismatchText)),
      ],
    }));
  });
  return {
    id: "verification",
    caption: "Emitted Verilog against the integer reference",
    columns: [
      textColumn("Frozen up to"),
      textColumn("Simulator"),
      numberColumn("Images"),
      numberColumn("Values"),
      numberColumn("Mismatches"),
      textColumn("First mismatch"),
    ],
    rows,
    notes: ["Values: outputs of the emitted design compared one by one with the integer reference."],
  };
}

/** Tabulate the points that no other point beats in everything; undefined when there are none. */
export function paretoTable(results: Results): Table | undefined {
  if (!results.pareto || results.pareto.length === 0) return undefined;
  return {
    id: "pareto",
    caption: "Pareto front",
    columns: [
      textColumn("Frozen up to"),
      textColumn("Dataset"),
      numberColumn("Accuracy", "%"),
      numberColumn("TOPS/W"),
      numberColumn("Frames", "/s"),
      numberColumn("Area", "mm²"),
    ],
    rows: results.pareto.map((point) => ({
      cells: [
        cell(point.layer),
        cell(point.dataset),
        cell(percent(point.accuracy)),
        cell(significant(point.topsPerWatt)),
        cell(significant(point.framesPerSecond)),
        cell(significant(point.areaMm2)),
      ],
    })),
    notes: [
      `${plural(results.pareto.length, "point")} that no other one beats in accuracy, efficiency, speed and area at once.`,
    ],
  };
}

/** Tabulate the steps of the run and their times; undefined when none was recorded. */
export function stepsTable(results: Results): Table | undefined {
  if (!results.steps || results.steps.length === 0) return undefined;
  return {
    id: "steps",
    caption: `Steps, ${duration(results.seconds)} in all`,
    columns: [textColumn("Step"), numberColumn("Time", "s"), textColumn("State")],
    rows: results.steps.map(({ name, seconds, reused }) => ({
      cells: [cell(name), cell(seconds.toFixed(1)), cell(reused ? "reused" : "run")],
    })),
    notes: ["Reused: inputs unchanged since an earlier run, whose time is shown."],
  };
}
