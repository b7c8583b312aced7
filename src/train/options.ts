import type { Augmentation } from "../data/index.js";
import type { OptimizerConstants } from "./program/update.js";

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
  /** Stop after so many epochs without a better validation accuracy; absent: never. */
  readonly patience?: number;
};

/** Learning rate of a step: linear warm-up, then half a cosine. */
export function learningRateAt(step: number, stepsPerEpoch: number, options: TrainOptions): number {
  const warmup = options.warmupEpochs * stepsPerEpoch;
  const total = options.epochs * stepsPerEpoch;
  if (step < warmup) return (options.learningRate * (step + 1)) / (warmup + 1);
  const progress = (step - warmup) / Math.max(total - warmup, 1);
  return options.learningRate * 0.5 * (1 + Math.cos(Math.PI * Math.min(progress, 1)));
}

/** Images that a transfer training sees in all, at least; found on CIFAR-10 (docs/train.md). */
const TRANSFER_IMAGES = 250_000;

/**
 * Choose how to fine-tune a pretrained network, or the tail of one, on a new task: few epochs for a large set, up to 60
 * for a small one, where steps are also smaller.
 *
 * @param images number of training images
 * @param options.side of the stored images, pixels: shifts go up to a tenth of it; default 32
 * @param options.flip whether mirrored images keep their class (not so for traffic signs)
 */
export function defaultTransferOptions(
  images: number,
  options: { readonly flip?: boolean; readonly side?: number } = {},
): TrainOptions {
  const isSmall = images < 5000;
  return {
    epochs: Math.min(Math.max(Math.round(TRANSFER_IMAGES / Math.max(images, 1)), 1), 60),
    batch: isSmall ? 32 : 64,
    learningRate: isSmall ? 0.025 : 0.05,
    warmupEpochs: 0.3,
    momentum: 0.9,
    nesterov: true,
    weightDecay: 1e-4,
    statisticsMomentum: 0.95,
    labelSmoothing: 0.05,
    mixup: 0,
    augmentation: {
      flip: options.flip ?? true,
      shift: Math.round((options.side ?? 32) / 10),
      border: "reflect",
      cutout: 0,
    },
  };
}
