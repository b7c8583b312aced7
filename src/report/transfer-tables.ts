import { absent, grouped, optional, percent, points, significant } from "./format.js";
import { datasetNamesOf, deepestWithin, freezingLoss, type Precision, unfrozenOf } from "./freeze-verdict.js";
import { type AccuracyValue, freezePointsOf, type Results } from "./results.js";
import { type Cell, cell, numberColumn, type Table, textColumn } from "./table.js";

/** Loss that the paper allows. */
export const PAPER_BOUND = 0.01;

const PRECISIONS = ["float", "int8"] as const;

/** Standard deviation of what the seeds gave (n − 1). */
function deviation(seeds: readonly number[]): number {
  const mean = seeds.reduce((a, b) => a + b, 0) / seeds.length;
  return Math.sqrt(seeds.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (seeds.length - 1));
}

function accuracyCell(accuracy: AccuracyValue | undefined, loss?: number): Cell {
  if (accuracy === undefined) return cell(absent);
  const spread = accuracy.seeds === undefined ? "" : ` ± ${percent(deviation(accuracy.seeds))}`;
  return {
    text: `${percent(accuracy.value)}${spread}${loss === undefined ? "" : ` (${points(-loss)})`}`,
    ...(loss !== undefined && { tone: loss < PAPER_BOUND ? ("good" as const) : ("bad" as const) }),
  };
}

/** Tabulate the sweep: a row for each dataset and precision, a column for each freeze point, changes in points in brackets. */
export function sweepTable(results: Results): Table {
  const entries = freezePointsOf(results);
  const macs = results.backbone?.macs ?? 0;
  const rows = datasetNamesOf(results).flatMap((dataset) =>
    PRECISIONS.map((precision) => ({
      cells: [
        cell(dataset),
        cell(precision),
        accuracyCell(entries[0] && unfrozenOf(entries[0], dataset, precision)),
        ...entries.map((entry) =>
          accuracyCell(
            entry.datasets?.find(({ name }) => name === dataset)?.accuracy[precision],
            freezingLoss(entry, dataset, precision),
          ),
        ),
      ],
    })),
  );
  return {
    id: "sweep",
    caption: "Top-1 accuracy against what is frozen, %",
    columns: [
      textColumn("Dataset"),
      textColumn("Network"),
      numberColumn("Nothing frozen"),
      ...entries.map(({ freezePoint }) =>
        numberColumn(
          freezePoint.layer,
          macs > 0 ? `${percent(freezePoint.frozenMacs / macs)} % of MACs` : "?",
        ),
      ),
    ],
    rows,
    notes: [
      "In brackets: points gained or lost against the fully trainable network of the same precision. Tails are trained on the bytes of the integer front.",
    ],
  };
}

/** Tabulate the answer: the deepest freeze point within the paper's bound, for each dataset and for all. */
export function deepestTable(results: Results, bound = PAPER_BOUND): Table {
  const macs = results.backbone?.macs ?? 0;
  const params = results.backbone?.params ?? 0;
  const names = datasetNamesOf(results);
  const answer = (label: string, datasets: readonly string[], precision: Precision): readonly Cell[] => {
    const entry = deepestWithin(results, datasets, { bound, precision });
    const losses = entry && datasets.map((name) => freezingLoss(entry, name, precision) ?? 0);
    return [
      cell(label),
      cell(precision),
      cell(entry?.freezePoint.layer ?? "none"),
      cell(entry && macs > 0 ? percent(entry.freezePoint.frozenMacs / macs) : percent(0)),
      cell(entry && params > 0 ? percent(entry.freezePoint.frozenParams / params) : percent(0)),
      cell(optional(losses && Math.max(...losses), (loss) => points(-loss))),
    ];
  };
  const groups = [
    ...names.map((name) => [name, [name]] as const),
    ...(names.length > 1 ? [["all together", names] as const] : []),
  ];
  return {
    id: "deepest",
    caption: `Deepest freeze point that loses less than ${percent(bound)} ${bound === 0.01 ? "point" : "points"}`,
    columns: [
      textColumn("Dataset"),
      textColumn("Network"),
      textColumn("Frozen up to"),
      numberColumn("Frozen MACs", "%"),
      numberColumn("Frozen weights", "%"),
      numberColumn("Change", "points"),
    ],
    rows: groups.flatMap(([label, datasets]) =>
      PRECISIONS.map((precision) => ({
        cells: answer(label, datasets, precision),
        strong: label === "all together",
      })),
    ),
    notes: [],
  };
}

/** Tabulate how every network was trained: epochs, images, rate found and rates tried. */
export function sweepTrainingTable(results: Results): Table {
  const entries = freezePointsOf(results);
  const record = (
    dataset: string,
    label: string,
    training: NonNullable<NonNullable<(typeof entries)[number]["datasets"]>[number]["training"]>["tail"],
  ): { cells: Cell[] }[] =>
    training === undefined
      ? []
      : [
          {
            cells: [
              cell(dataset),
              cell(label),
              cell(significant(training.epochs)),
              cell(grouped(training.imagesSeen)),
              cell(optional(training.learningRate, (rate) => rate.toPrecision(2))),
              cell(
                (training.trials ?? [])
                  .map((one) => `${one.learningRate.toPrecision(2)}: ${percent(one.validationAccuracy)}`)
                  .join(", ") || absent,
              ),
              cell(grouped(training.seconds)),
            ],
          },
        ];
  const rows = datasetNamesOf(results).flatMap((dataset) => {
    const find = (entry: (typeof entries)[number]) => entry.datasets?.find(({ name }) => name === dataset);
    return [
      ...record(dataset, "nothing", entries[0] && find(entries[0])?.training?.unfrozen),
      ...entries.flatMap((entry) => record(dataset, entry.freezePoint.layer, find(entry)?.training?.tail)),
    ];
  });
  return {
    id: "sweep-training",
    caption: "How the networks were trained",
    columns: [
      textColumn("Dataset"),
      textColumn("Frozen up to"),
      numberColumn("Epochs"),
      numberColumn("Images seen"),
      numberColumn("Learning rate"),
      textColumn("Rates tried: validation accuracy, %"),
      numberColumn("Time", "s"),
    ],
    rows,
    notes: ["Time is that of the first seed on one thread, without the search and beside other trainings."],
  };
}
