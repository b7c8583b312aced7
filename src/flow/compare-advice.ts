import { FixynnError } from "../core/index.js";
import { deepestWithin, freezePointsOf, type Results, unfrozenOf } from "../report/index.js";
import { kendall, type PointAdvice, spearman } from "../transfer/index.js";
import { type Advice, advisedPoint, LOSS_BOUND } from "./advise.js";

/** How alike two rankings are, from −1 to 1; a field is absent where one side does not vary. */
export type RankAgreement = {
  /** Freeze points compared, "nothing frozen" among them where it has a score. */
  readonly points: number;
  readonly spearman?: number;
  readonly kendall?: number;
};

/** What was advised for a dataset, beside what a sweep found. */
export type DatasetComparison = {
  readonly name: string;
  /** Accuracy in float against each score; `shallow` ranks by depth alone, which needs no data. */
  readonly agreement: Readonly<Record<"predicted" | "reach" | "probe" | "nLeep" | "shallow", RankAgreement>>;
  /** Losses against the fully trained network, in the order of the freeze points. */
  readonly losses: readonly {
    readonly freezePoint: string;
    readonly predicted: number;
    readonly measured: number;
  }[];
  /** Deepest freeze point with a loss under one point; absent: none. */
  readonly advised?: string;
  readonly found?: string;
};

/** Advice judged by a sweep. */
export type AdviceComparison = {
  readonly datasets: readonly DatasetComparison[];
  /** Predicted against measured losses of all datasets and freeze points together. */
  readonly losses?: RankAgreement & {
    /** Mean of |predicted − measured|, as a share of the images. */
    readonly meanError: number;
    /** The same for a prediction of no loss anywhere. */
    readonly meanErrorOfZero: number;
  };
};

type Measured = { readonly depth: number; readonly point: PointAdvice; readonly accuracy: number };

function agreementOf(
  measured: readonly Measured[],
  score: (one: Measured) => number | undefined,
): RankAgreement {
  const scored = measured.flatMap((one) => {
    const value = score(one);
    return value === undefined ? [] : [{ value, accuracy: one.accuracy }];
  });
  return agreement(
    scored.map(({ value }) => value),
    scored.map(({ accuracy }) => accuracy),
  );
}

function agreement(a: readonly number[], b: readonly number[]): RankAgreement {
  const [rho, tau] = [spearman(a, b), kendall(a, b)];
  return {
    points: a.length,
    ...(rho !== undefined && { spearman: rho }),
    ...(tau !== undefined && { kendall: tau }),
  };
}

/** The accuracies in float that a sweep found for a dataset, beside the advice. */
function measuredOf(results: Results, dataset: string, points: readonly PointAdvice[]): readonly Measured[] {
  const entries = freezePointsOf(results);
  return points.flatMap((point, depth) => {
    const accuracy = entries
      .filter(({ freezePoint }) => (point.freezePoint ?? freezePoint.layer) === freezePoint.layer)
      .map((entry) =>
        point.freezePoint === undefined
          ? unfrozenOf(entry, dataset, "float")
          : entry.datasets?.find(({ name }) => name === dataset)?.accuracy.float,
      )
      .find((value) => value !== undefined)?.value;
    return accuracy === undefined ? [] : [{ depth, point, accuracy }];
  });
}

function compareDataset(results: Results, advice: Advice["datasets"][number]): DatasetComparison | undefined {
  const measured = measuredOf(results, advice.name, advice.points);
  const frozen = measured.filter(({ point }) => point.freezePoint !== undefined);
  if (frozen.length === 0) return undefined;
  const unfrozen = measured.find(({ point }) => point.freezePoint === undefined)?.accuracy;
  const losses = frozen.flatMap(({ point, accuracy }) =>
    unfrozen === undefined
      ? []
      : [
          {
            freezePoint: point.freezePoint!,
            predicted: point.predictedLoss,
            measured: unfrozen - accuracy,
          },
        ],
  );
  const advised = advisedPoint({ points: frozen.map(({ point }) => point) });
  const found = deepestWithin(results, [advice.name], { bound: LOSS_BOUND, precision: "float" })?.freezePoint
    .layer;
  return {
    name: advice.name,
    agreement: {
      predicted: agreementOf(measured, ({ point }) => -point.predictedLoss),
      reach: agreementOf(measured, ({ point }) => point.reach),
      probe: agreementOf(measured, ({ point }) => point.probe),
      nLeep: agreementOf(measured, ({ point }) => point.nLeep),
      shallow: agreementOf(measured, ({ depth }) => -depth),
    },
    losses,
    ...(advised !== undefined && { advised }),
    ...(found !== undefined && { found }),
  };
}

/**
 * Judge advice by what a sweep of the same backbone found: rank correlation of each score with the accuracy in float, dataset by dataset;
 * over all datasets together predicted against measured losses.
 *
 * @throws FixynnError FX8012 when the sweep is of another backbone, or has no dataset and freeze point in common with the advice
 */
export function compareAdvice(results: Results, advice: Advice): AdviceComparison {
  const { name, inputShape } = advice.backbone;
  const other = results.backbone;
  if (other !== undefined && (other.name !== name || other.inputShape.join() !== inputShape.join())) {
    throw new FixynnError(
      "FX8012",
      `the sweep is of ${other.name} at ${other.inputShape.join("x")}, the advice of ${name} at ${inputShape.join("x")}`,
      { place: "--sweep", hint: "give the configuration of that sweep" },
    );
  }
  const datasets = advice.datasets.flatMap((one) => compareDataset(results, one) ?? []);
  if (datasets.length === 0) {
    throw new FixynnError("FX8012", "the sweep has no dataset and freeze point of this configuration", {
      place: "--sweep",
      hint: "give the configuration of that sweep",
    });
  }
  const losses = datasets.flatMap((one) => one.losses);
  if (losses.length === 0) return { datasets };
  const mean = (of: (loss: (typeof losses)[number]) => number): number =>
    losses.reduce((sum, loss) => sum + Math.abs(of(loss)), 0) / losses.length;
  return {
    datasets,
    losses: {
      ...agreement(
        losses.map(({ predicted }) => predicted),
        losses.map(({ measured }) => measured),
      ),
      meanError: mean(({ predicted, measured }) => predicted - measured),
      meanErrorOfZero: mean(({ measured }) => measured),
    },
  };
}
