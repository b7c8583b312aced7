import { type Rng, shuffledIndices } from "../../core/index.js";
import type { Split } from "../../data/index.js";

type Labelled = Pick<Split, "labels" | "groups">;

function imagesByClass(labels: Uint16Array): readonly (readonly number[])[] {
  const classes: number[][] = [];
  labels.forEach((label, i) => {
    classes[label] ??= [];
    classes[label].push(i);
  });
  return classes.filter((images) => images !== undefined);
}

/**
 * Choose images at random so that the classes keep their shares, every class at least two images if it has them, and as many different
 * groups as there are before a second image of a group.
 *
 * @returns indices in ascending order; all when there are no more than `wanted`
 */
export function stratifiedIndices(split: Labelled, wanted: number, rng: Rng): Uint32Array {
  const { labels, groups } = split;
  const total = labels.length;
  if (total <= wanted) return Uint32Array.from({ length: total }, (_, i) => i);
  const chosen = imagesByClass(labels).flatMap((images) => {
    const quota = Math.max(Math.min(2, images.length), Math.round((images.length * wanted) / total));
    const order = shuffledIndices(images.length, rng.fork(`class ${labels[images[0]!]}`));
    const seen = new Map<number, number>();
    const ranked = Array.from(order, (k) => {
      const image = images[k]!;
      const group = groups === undefined ? image : groups[image]!;
      const turn = seen.get(group) ?? 0;
      seen.set(group, turn + 1);
      return { image, turn };
    });
    return ranked
      .toSorted((a, b) => a.turn - b.turn)
      .slice(0, quota)
      .map(({ image }) => image);
  });
  return Uint32Array.from(chosen).sort();
}

/**
 * Divide images in folds for cross-validation: every class evenly, and never through a group.
 *
 * @returns the fold of each image, below `folds`
 */
export function assignFolds({ labels, groups }: Labelled, folds: number, rng: Rng): Uint8Array {
  const result = new Uint8Array(labels.length);
  const foldOfGroup = new Map<number, number>();
  let next = 0;
  for (const images of imagesByClass(labels)) {
    for (const k of shuffledIndices(images.length, rng.fork(`class ${labels[images[0]!]}`))) {
      const image = images[k]!;
      const group = groups === undefined ? image : groups[image]!;
      let fold = foldOfGroup.get(group);
      if (fold === undefined) {
        fold = next++ % folds;
        foldOfGroup.set(group, fold);
      }
      result[image] = fold;
    }
  }
  return result;
}
