import type { Augmentation } from "../data/index.js";
import type { OptimizerConstants } from "./program/program.js";

/** How to train. */
export type TrainOptions = OptimizerConstants & {
  readonly epochs: number;
  /** Images a step. The last, incomplete batch of an epoch is left out (the next epoch has another order). */
  readonly batch: number;
  /** Peak of the schedule. */
  readonly learningRate: number;
  /** Linear warm-up, in epochs (may be a fraction), then cosine down to zero (Loshchilov and Hutter 2017). */
  readonly warmupEpochs: number;
  /** Share of each target that is spread over all classes (Szegedy et al. 2016). */
  readonly labelSmoothing: number;
  /** Parameter of mixup's Beta(α, α) (Zhang et al. 2018); 0 for none, at most 1. */
  readonly mixup: number;
  readonly augmentation: Augmentation;
};

/** Learning rate of a step: linear warm-up, then half a cosine. */
export function learningRateAt(step: number, stepsPerEpoch: number, options: TrainOptions): number {
  const warmup = options.warmupEpochs * stepsPerEpoch;
  const total = options.epochs * stepsPerEpoch;
  if (step < warmup) return (options.learningRate * (step + 1)) / (warmup + 1);
  const progress = (step - warmup) / Math.max(total - warmup, 1);
  return options.learningRate * 0.5 * (1 + Math.cos(Math.PI * Math.min(progress, 1)));
}
