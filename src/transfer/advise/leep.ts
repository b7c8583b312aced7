import { FixynnError } from "../../core/index.js";
import type { Matrix } from "./matrix.js";

/**
 * Log expected empirical prediction (Nguyen et al. 2020, eq. 2): how well the classes z of a source predict the labels y of a task,
 *
 * T = 1/n Σᵢ log Σ_z P(yᵢ|z) θ(xᵢ)_z,  P(y,z) = 1/n Σᵢ θ(xᵢ)_z [yᵢ = y],  P(y|z) = P(y,z) / Σ_y P(y,z).
 *
 * Nothing is fitted. Between −H(Y|Z) and 0, where H(Y|Z) is the entropy of the labels given z under P; −H(Y) when θ says nothing.
 *
 * @param theta a row of probabilities over the source's classes for each image of the task
 * @param labels class of each image, below `classes`
 * @returns nats
 * @throws FixynnError FX3040 when there are no images, or a row is not a distribution
 */
export function leep(theta: Matrix, labels: ArrayLike<number>, classes: number): number {
  const { rows, columns, data } = theta;
  if (rows === 0 || rows !== labels.length) {
    throw new FixynnError("FX3040", `${rows} predictions for ${labels.length} labels`, { place: "LEEP" });
  }
  const joint = new Float64Array(classes * columns);
  const marginal = new Float64Array(columns);
  for (let i = 0; i < rows; i++) {
    const row = labels[i]! * columns;
    let sum = 0;
    for (let z = 0; z < columns; z++) {
      const p = data[i * columns + z]!;
      joint[row + z]! += p;
      marginal[z]! += p;
      sum += p;
    }
    if (!(Math.abs(sum - 1) < 1e-3)) {
      throw new FixynnError("FX3040", `probabilities of image ${i} add up to ${sum}`, { place: "LEEP" });
    }
  }
  let total = 0;
  for (let i = 0; i < rows; i++) {
    const row = labels[i]! * columns;
    let expected = 0;
    for (let z = 0; z < columns; z++) {
      // A class that no image has any part of has no part in the sum either.
      if (marginal[z]! > 0) expected += (joint[row + z]! / marginal[z]!) * data[i * columns + z]!;
    }
    total += Math.log(expected);
  }
  return total / rows;
}

/** Turn rows of logits into probabilities. */
export function softmaxRows(logits: Matrix): Matrix {
  const { rows, columns, data } = logits;
  const result = new Float64Array(rows * columns);
  for (let first = 0; first < rows * columns; first += columns) {
    let most = Number.NEGATIVE_INFINITY;
    for (let z = 0; z < columns; z++) most = Math.max(most, data[first + z]!);
    let sum = 0;
    for (let z = 0; z < columns; z++) {
      const e = Math.exp(data[first + z]! - most);
      result[first + z] = e;
      sum += e;
    }
    for (let z = 0; z < columns; z++) result[first + z]! /= sum;
  }
  return { rows, columns, data: result };
}
