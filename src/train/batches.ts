import type { Rng } from "../core/index.js";
import type { Split } from "../data/index.js";
import { createBatchFiller } from "../data/index.js";
import type { Size2 } from "../tensor/index.js";
import type { TrainOptions } from "./options.js";

/** One batch, ready for the training program. */
export type Batch = {
  /** Network input bytes, channels last. */
  readonly bytes: Uint8Array;
  /** Target distributions [batch, classes]. */
  readonly targets: Float32Array;
  /** The label with the largest weight of each image. */
  readonly labels: Uint16Array;
};

/** Makes batches of the images `indices[first..]`. */
export type Batcher = {
  /** @param round the epoch: cached views of an image take turns */
  make(
    options: { readonly indices: Uint32Array; readonly first: number; readonly round: number },
    rng: Rng,
  ): Batch;
  close(): void;
};

/** Sample Beta(α, α) for 0 < α ≤ 1 (Jöhnk 1964). */
export function sampleBeta(alpha: number, rng: Rng): number {
  for (;;) {
    const x = rng.next() ** (1 / alpha);
    const y = rng.next() ** (1 / alpha);
    if (x + y <= 1 && x + y > 0) return x / (x + y);
  }
}

/** Assembles batches: augmentation, resize, mixup, smoothed targets. */
export function createBatcher(options: {
  readonly split: Split;
  readonly size: Size2;
  readonly classes: number;
  readonly train: TrainOptions;
  readonly batch: number;
}): Batcher {
  const { split, size, classes, train, batch } = options;
  const filler = createBatchFiller(split, size, train.augmentation);
  const perImage = size.height * size.width * split.channels;
  const off = train.labelSmoothing / classes;
  const on = 1 - train.labelSmoothing;
  const make: Batcher["make"] = ({ indices, first, round }, rng) => {
    const bytes = new Uint8Array(batch * perImage);
    const targets = new Float32Array(batch * classes).fill(off);
    filler.fill({ indices, first, count: batch, round }, bytes, rng);
    const labels = Uint16Array.from({ length: batch }, (_, i) => split.labels[indices[first + i]!]!);
    let share = 1;
    if (train.mixup > 0) {
      const sample = sampleBeta(train.mixup, rng);
      share = Math.max(sample, 1 - sample);
      mixImages(bytes, batch, perImage, share);
    }
    for (let i = 0; i < batch; i++) {
      const partner = labels[batch - 1 - i]!;
      targets[i * classes + labels[i]!]! += on * share;
      if (share < 1) targets[i * classes + partner]! += on * (1 - share);
    }
    return { bytes, targets, labels };
  };
  return { make, close: () => filler.close() };
}

/** Mix image i with image batch − 1 − i, in place. The order of a batch is random already. */
function mixImages(bytes: Uint8Array, batch: number, perImage: number, share: number): void {
  for (let i = 0; i < batch >> 1; i++) {
    const a = i * perImage;
    const b = (batch - 1 - i) * perImage;
    for (let p = 0; p < perImage; p++) {
      const left = bytes[a + p]!;
      const right = bytes[b + p]!;
      bytes[a + p] = share * left + (1 - share) * right + 0.5;
      bytes[b + p] = share * right + (1 - share) * left + 0.5;
    }
  }
}
