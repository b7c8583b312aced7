import { invariant } from "../../core/index.js";
import { dot, factorInPlace, type Matrix, solveLowerInPlace } from "./matrix.js";

/** What to predict from what. */
export type RidgeProblem = {
  /** Groups of features; the n-th answer is of the first n groups together. */
  readonly blocks: readonly Matrix[];
  /** Class of each image, below `classes`. */
  readonly labels: ArrayLike<number>;
  readonly classes: number;
  /** Fold of each image, 0 to `foldCount` − 1: its prediction is made without the images of its own fold. */
  readonly folds: Uint8Array;
  readonly foldCount: number;
};

/** Predictions of a linear classifier. */
export type RidgeAnswer = {
  /** 1 for each image whose class was predicted, in cross-validation. */
  readonly right: Uint8Array;
  readonly accuracy: number;
  /** Chosen by the squared error in cross-validation. */
  readonly lambda: number;
};

/** Strengths of the penalty on squared weights of standardized features, against the mean squared error. */
const LAMBDAS = [0.01, 0.1, 1] as const;

/** Standardized columns of all blocks, each contiguous, the images ordered by fold. */
type Columns = { readonly width: number; readonly count: number; readonly data: Float64Array };

function standardized(blocks: readonly Matrix[], order: Uint32Array): Columns {
  const count = order.length;
  const width = blocks.reduce((sum, { columns }) => sum + columns, 0);
  const data = new Float64Array(width * count);
  let column = 0;
  for (const block of blocks) {
    for (let j = 0; j < block.columns; j++, column++) {
      const first = column * count;
      let sum = 0;
      for (let i = 0; i < count; i++) {
        const value = block.data[order[i]! * block.columns + j]!;
        data[first + i] = value;
        sum += value;
      }
      const mean = sum / count;
      let squares = 0;
      for (let i = 0; i < count; i++) squares += (data[first + i]! - mean) ** 2;
      const deviation = Math.sqrt(squares / count);
      // A constant feature says nothing.
      const scale = deviation > 1e-9 * Math.max(1, Math.abs(mean)) ? 1 / deviation : 0;
      for (let i = 0; i < count; i++) data[first + i] = (data[first + i]! - mean) * scale;
    }
  }
  return { width, count, data };
}

/** Sums over some images that a least-squares fit needs. */
type Moments = {
  readonly images: number;
  /** Products of features, lower triangle. */
  readonly gram: Float64Array;
  readonly sums: Float64Array;
  readonly classSums: Float64Array;
  readonly classImages: Float64Array;
};

function emptyMoments(width: number, classes: number): Moments {
  return {
    images: 0,
    gram: new Float64Array(width * width),
    sums: new Float64Array(width),
    classSums: new Float64Array(classes * width),
    classImages: new Float64Array(classes),
  };
}

function momentsOf(
  { width, count, data }: Columns,
  range: Range,
  labels: Uint16Array,
  classes: number,
): Moments {
  const moments = emptyMoments(width, classes);
  const { gram, sums, classSums, classImages } = moments;
  const images = range.end - range.first;
  for (let i = range.first; i < range.end; i++) classImages[labels[i]!]!++;
  for (let j = 0; j < width; j++) {
    const first = j * count + range.first;
    for (let k = 0; k <= j; k++)
      gram[j * width + k] = dot(data, first, data, k * count + range.first, images);
    for (let i = 0; i < images; i++) {
      const value = data[first + i]!;
      sums[j]! += value;
      classSums[labels[range.first + i]! * width + j]! += value;
    }
  }
  return { ...moments, images };
}

type Range = { readonly first: number; readonly end: number };

/** All moments but those of one fold. */
function without(all: readonly Moments[], fold: number, width: number, classes: number): Moments {
  const result = emptyMoments(width, classes);
  let images = 0;
  all.forEach((part, f) => {
    if (f === fold) return;
    images += part.images;
    for (const key of ["gram", "sums", "classSums", "classImages"] as const) {
      const [to, from] = [result[key], part[key]];
      for (let i = 0; i < to.length; i++) to[i]! += from[i]!;
    }
  });
  return { ...result, images };
}

/** Right-hand sides of the normal equations, one a class: what the class's images have more of than the average image. */
function targetsOf({ images, sums, classSums, classImages }: Moments, width: number): Float64Array {
  return Float64Array.from(classSums, (value, at) => {
    const c = Math.floor(at / width);
    return (value - (classImages[c]! / images) * sums[at % width]!) / images;
  });
}

/** Covariance of the features with λ on the diagonal. */
function penalized({ images, gram, sums }: Moments, width: number, lambda: number): Float64Array {
  const result = new Float64Array(width * width);
  for (let j = 0; j < width; j++) {
    for (let k = 0; k <= j; k++) {
      result[j * width + k] = gram[j * width + k]! / images - (sums[j]! / images) * (sums[k]! / images);
    }
    result[j * width + j]! += lambda;
  }
  return result;
}

/**
 * Cross-validate linear classifiers: ridge regression of class indicators on standardized features with an intercept, one against all
 * (Hastie, Tibshirani and Friedman 2009, section 4.2 and eq. 3.44), in closed form. With A = L·Lᵀ for the penalized covariance A of
 * all features, the leading squares of L belong to the first blocks, so that one factorization answers for every number of blocks.
 *
 * @returns an answer for each number of blocks, from one to all
 */
export function nestedRidge(problem: RidgeProblem): readonly RidgeAnswer[] {
  const { blocks, classes, folds, foldCount } = problem;
  const order = Uint32Array.from(folds.keys()).sort((a, b) => folds[a]! - folds[b]! || a - b);
  const labels = Uint16Array.from(order, (i) => problem.labels[i]!);
  const columns = standardized(blocks, order);
  const { width, count } = columns;
  const ranges = Array.from({ length: foldCount }, (_, fold): Range => {
    const first = order.findIndex((i) => folds[i]! >= fold);
    const end = order.findLastIndex((i) => folds[i]! <= fold) + 1;
    return { first: first < 0 ? count : first, end };
  });
  const moments = ranges.map((range) => momentsOf(columns, range, labels, classes));
  let blockEnd = 0;
  const blockEnds = blocks.map((block) => {
    blockEnd += block.columns;
    return blockEnd;
  });
  const trials = LAMBDAS.map((lambda) =>
    blocks.map(() => ({ lambda, error: 0, right: new Uint8Array(count) })),
  );

  ranges.forEach((range, fold) => {
    const images = range.end - range.first;
    const train = without(moments, fold, width, classes);
    if (images <= 0 || train.images === 0) return;
    const targets = targetsOf(train, width);
    LAMBDAS.forEach((lambda, l) => {
      const factor = penalized(train, width, lambda);
      invariant(factorInPlace(factor, width), "a penalized covariance is positive definite");
      const weights = targets.slice();
      solveLowerInPlace(factor, width, weights, classes);
      const held = new Float64Array(images * width);
      for (let j = 0; j < width; j++) {
        const mean = train.sums[j]! / train.images;
        for (let i = 0; i < images; i++)
          held[i * width + j] = columns.data[j * count + range.first + i]! - mean;
      }
      solveLowerInPlace(factor, width, held, images);
      const scores = new Float64Array(classes);
      for (let i = 0; i < images; i++) {
        const label = labels[range.first + i]!;
        for (let c = 0; c < classes; c++) scores[c] = train.classImages[c]! / train.images;
        let first = 0;
        blockEnds.forEach((end, b) => {
          const trial = trials[l]![b]!;
          let best = 0;
          for (let c = 0; c < classes; c++) {
            scores[c]! += dot(held, i * width + first, weights, c * width + first, end - first);
            trial.error += (scores[c]! - (c === label ? 1 : 0)) ** 2;
            if (scores[c]! > scores[best]!) best = c;
          }
          if (best === label) trial.right[order[range.first + i]!] = 1;
          first = end;
        });
      }
    });
  });
  return blocks.map((_, b) => {
    const best = trials.map((trial) => trial[b]!).reduce((a, trial) => (trial.error < a.error ? trial : a));
    const hits = best.right.reduce((sum: number, one: number) => sum + one, 0);
    return { right: best.right, accuracy: hits / count, lambda: best.lambda };
  });
}
