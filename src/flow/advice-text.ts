import {
  absent,
  cell,
  duration,
  grouped,
  markdownTable,
  numberColumn,
  optional,
  percent,
  points as signedPoints,
  textColumn,
} from "../report/index.js";
import { type Advice, advisedPoint } from "./advise.js";
import type { AdviceComparison, RankAgreement } from "./compare-advice.js";

const fixed = (value: number): string => value.toFixed(2).replace("-", "−");

function datasetText(advice: Advice, dataset: Advice["datasets"][number]): string {
  const shareOf = new Map(advice.freezePoints.map(({ layer, macsShare }) => [layer, macsShare]));
  const rows = dataset.points.map((point) => ({
    cells: [
      cell(point.freezePoint ?? "nothing"),
      cell(point.freezePoint === undefined ? percent(0) : optional(shareOf.get(point.freezePoint), percent)),
      cell(optional(point.nLeep, fixed)),
      cell(optional(point.probe, percent)),
      cell(percent(point.reach)),
      cell(
        point.freezePoint === undefined
          ? absent
          : `${signedPoints(point.predictedLoss)} ± ${percent(point.predictedLossError)}`,
      ),
      cell(String(point.rank)),
    ],
  }));
  const columns = [
    textColumn("frozen up to"),
    numberColumn("frozen MACs", "%"),
    numberColumn("N-LEEP", "nats"),
    numberColumn("probe", "%"),
    numberColumn("reach", "%"),
    numberColumn("predicted loss", "points"),
    numberColumn("rank"),
  ];
  const advised = advisedPoint(dataset);
  const share = advised === undefined ? undefined : shareOf.get(advised);
  const head = [
    `${dataset.name}: ${dataset.classes} classes, ${grouped(dataset.images)} training images, ${duration(dataset.seconds)}`,
    ...(dataset.leep === undefined ? [] : [`LEEP of the pretrained network ${fixed(dataset.leep)} nats`]),
  ].join("; ");
  const verdict =
    advised === undefined
      ? "No freeze point has a predicted loss under one point."
      : `Deepest predicted loss under one point: ${advised}${optional(share, (s) => `, ${percent(s)} % of the MACs`)}.`;
  return `${head}\n\n${markdownTable({ columns, rows })}\n\n${verdict}\n`;
}

/** Print advice as one table a dataset. */
export function adviceText(advice: Advice): string {
  return advice.datasets.map((dataset) => datasetText(advice, dataset)).join("\n");
}

const agreementText = ({ spearman, kendall }: RankAgreement): string =>
  `${optional(spearman, fixed)} / ${optional(kendall, fixed)}`;

/** Print how well advice agrees with a sweep. */
export function comparisonText(comparison: AdviceComparison): string {
  const columns = [
    textColumn("rank correlation with the sweep"),
    numberColumn("predicted loss"),
    numberColumn("reach"),
    numberColumn("probe"),
    numberColumn("N-LEEP"),
    numberColumn("shallow first"),
    textColumn("advised"),
    textColumn("found"),
  ];
  const rows = comparison.datasets.map(({ name, agreement, advised, found }) => ({
    cells: [
      cell(name),
      cell(agreementText(agreement.predicted)),
      cell(agreementText(agreement.reach)),
      cell(agreementText(agreement.probe)),
      cell(agreementText(agreement.nLeep)),
      cell(agreementText(agreement.shallow)),
      cell(advised ?? absent),
      cell(found ?? absent),
    ],
  }));
  const note =
    "Spearman / Kendall with the accuracy in float; advised and found: deepest freeze point that loses under one point.";
  const { losses } = comparison;
  const pooled =
    losses === undefined
      ? []
      : [
          `Losses of all ${losses.points} tails: ${agreementText(losses)}; mean error of the prediction ${percent(losses.meanError)} points, of "no loss" ${percent(losses.meanErrorOfZero)}.`,
        ];
  return `${[markdownTable({ columns, rows }), note, ...pooled].join("\n\n")}\n`;
}
