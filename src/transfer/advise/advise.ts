import { createRng } from "../../core/index.js";
import type { Split } from "../../data/index.js";
import type { NodeName } from "../../graph/index.js";
import type { Matrix } from "./matrix.js";
import { nLeep } from "./nleep.js";
import { poolFeatures } from "./pool.js";
import { createProbe, probeGrid } from "./probe.js";

/** A freeze point and what the silicon gives there. */
export type FrozenFeatures = {
  readonly layer: NodeName;
  readonly features: Split;
  /** Frozen share of the parameters that transfer learning starts from, all but the classifier's: 0 to 1. */
  readonly frozenShare: number;
};

/** Features of some labelled images of a task. */
export type AdviceRequest = {
  readonly images: Pick<Split, "labels" | "groups">;
  readonly classes: number;
  /** Shallow to deep; at least one. */
  readonly points: readonly FrozenFeatures[];
  /** Features ahead of the first freeze point, which only a network without a frozen front can still change. */
  readonly first?: Split | undefined;
  /** Pooled features that the pretrained tail makes of those at the deepest point, where there is such a tail. */
  readonly last?: Matrix | undefined;
  readonly seed: number;
};

/** What is known of a freeze point before any training. */
export type PointAdvice = {
  /** Absent: nothing frozen. */
  readonly freezePoint?: NodeName;
  /** N-LEEP of the pooled features, nats. */
  readonly nLeep?: number;
  /** Accuracy of a linear classifier on the features of this layer alone. */
  readonly probe?: number;
  /**
   * Accuracy of a linear classifier on all that a tail behind this layer can read: the pooled features of this layer and, under
   * pretrained weights, of the freeze points behind it and of the last layer.
   */
  readonly reach: number;
  /**
   * Accuracy that freezing is guessed to cost, as a share of the images; the score that ranks. Reach with nothing frozen minus this
   * reach, plus what frozen weights cannot learn: {@link LEARNED_SHARE} of the errors that are left times the frozen share.
   */
  readonly predictedLoss: number;
  /** Standard error of the difference of the two reaches, from the images on which their classifiers differ. */
  readonly predictedLossError: number;
  /** 1 is the lowest predicted loss; of equals the shallower is first. */
  readonly rank: number;
};

/**
 * Of the images that a linear classifier on pretrained features gets wrong, the share that training all weights is taken to put right, in
 * proportion to the weights that are trained. A round guess, made with the two losses of docs/train.md in view and before any sweep;
 * docs/transfer.md judges it.
 */
export const LEARNED_SHARE = 0.5;

/** Standard error of the difference of two accuracies on the same images (the variance of McNemar's comparison). */
function pairedError(a: Uint8Array, b: Uint8Array): number {
  let [sum, squares] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    const difference = a[i]! - b[i]!;
    sum += difference;
    squares += difference * difference;
  }
  return Math.sqrt(Math.max(squares - sum ** 2 / a.length, 0)) / a.length;
}

/**
 * Score freeze points without training: N-LEEP and a linear probe of each, the reach, and a predicted loss, which ranks. A front that is
 * frozen deeper leaves fewer features to choose from, which a linear classifier can measure, and fewer weights to adapt, which it cannot.
 *
 * @returns first nothing frozen, then the points, shallow to deep
 */
export function adviseFreezePoints(request: AdviceRequest): readonly PointAdvice[] {
  const { images, classes, points, first, last, seed } = request;
  const rng = createRng(seed);
  const probe = createProbe(images, { classes, rng: rng.fork("folds") });
  const pooled = points.map(({ features }) => poolFeatures(features, 1));
  const blocks = [
    ...(last === undefined ? [] : [last]),
    ...pooled.toReversed(),
    ...(first === undefined ? [] : [poolFeatures(first, 1)]),
  ];
  const nested = probe.nested(blocks);
  const whole = nested.at(-1)!;
  const reachOf = (point: number) => nested[points.length - 1 - point + (last === undefined ? 0 : 1)]!;
  const rows = [
    { reach: whole.accuracy, predictedLoss: 0, predictedLossError: 0 },
    ...points.map(({ layer, features, frozenShare }, p) => {
      const reach = reachOf(p);
      const grid = probeGrid(features.channels);
      return {
        freezePoint: layer,
        nLeep: nLeep(pooled[p]!, images.labels, { classes, rng: rng.fork(`mixture ${layer}`) }),
        probe: probe.linear(grid === 1 ? pooled[p]! : poolFeatures(features, grid)).accuracy,
        reach: reach.accuracy,
        predictedLoss: whole.accuracy - reach.accuracy + LEARNED_SHARE * (1 - whole.accuracy) * frozenShare,
        predictedLossError: pairedError(whole.right, reach.right),
      };
    }),
  ];
  return rows.map((row, i) => ({
    ...row,
    rank:
      1 +
      rows.filter(
        ({ predictedLoss }, k) =>
          predictedLoss < row.predictedLoss || (predictedLoss === row.predictedLoss && k < i),
      ).length,
  }));
}
