import type { Rng } from "../../core/index.js";
import type { Split } from "../../data/index.js";
import { assignFolds } from "./folds.js";
import type { Matrix } from "./matrix.js";
import { nestedRidge, type RidgeAnswer } from "./ridge.js";

const FOLDS = 5;
/** Features of a probe at most, where a coarser pooling gives fewer. */
const MOST_FEATURES = 512;

/** Answers of linear classifiers on images that they were not fitted to. */
export type ProbeAnswer = Pick<RidgeAnswer, "right" | "accuracy">;

/** Fits linear classifiers to the features of some images; all its answers are on the same division of the images. */
export type Probe = {
  /** How well the classes are separated linearly by these features. */
  linear(features: Matrix): ProbeAnswer;
  /** The same for the first block of features, the first two, …, all. */
  nested(blocks: readonly Matrix[]): readonly ProbeAnswer[];
};

/**
 * Divide labelled images for five-fold cross-validation, never through a group.
 *
 * @param classes number of classes; labels are below
 */
export function createProbe(
  images: Pick<Split, "labels" | "groups">,
  options: { readonly classes: number; readonly rng: Rng },
): Probe {
  const { classes, rng } = options;
  const { labels } = images;
  const problem = { labels, classes, folds: assignFolds(images, FOLDS, rng), foldCount: FOLDS };
  return {
    linear: (features) => nestedRidge({ ...problem, blocks: [features] })[0]!,
    nested: (blocks) => nestedRidge({ ...problem, blocks }),
  };
}

/** Into how many areas each way features are pooled for a probe: 2 keeps some of where things are, while that stays few features. */
export const probeGrid = (channels: number): number => (4 * channels <= MOST_FEATURES ? 2 : 1);
