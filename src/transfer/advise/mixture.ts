import type { Rng } from "../../core/index.js";
import type { Matrix } from "./matrix.js";

/** How to fit a mixture. */
export type MixtureOptions = { readonly components: number; readonly rng: Rng };

const MOST_ROUNDS = 40;
/** Stop when a round gains less of the mean log-likelihood, nats. */
const TOLERANCE = 1e-3;
/** Smallest variance, of the mean variance of the data: a component on a single point must stay finite. */
const VARIANCE_FLOOR = 1e-3;

/** Choose starting centres far from each other (k-means++, Arthur and Vassilvitskii 2007). Gives the index of a row each. */
function farRows({ rows, columns, data }: Matrix, components: number, rng: Rng): number[] {
  const chosen = [rng.integer(rows)];
  const distance = new Float64Array(rows).fill(Number.POSITIVE_INFINITY);
  while (chosen.length < components) {
    const last = chosen.at(-1)! * columns;
    let total = 0;
    for (let i = 0; i < rows; i++) {
      let square = 0;
      for (let j = 0; j < columns; j++) square += (data[i * columns + j]! - data[last + j]!) ** 2;
      distance[i] = Math.min(distance[i]!, square);
      total += distance[i]!;
    }
    let left = rng.next() * total;
    let next = 0;
    while (next < rows - 1 && left >= distance[next]!) left -= distance[next++]!;
    chosen.push(next);
  }
  return chosen;
}

/**
 * Fit a mixture of Gaussians with diagonal covariances by expectation maximization, from k-means++ centres. The same generator gives the
 * same mixture.
 *
 * @returns the posterior probability of each component for each row
 */
export function mixturePosteriors(points: Matrix, { components, rng }: MixtureOptions): Matrix {
  const { rows, columns, data } = points;
  const spread = new Float64Array(columns);
  for (let j = 0; j < columns; j++) {
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < rows; i++) {
      sum += data[i * columns + j]!;
      squares += data[i * columns + j]! ** 2;
    }
    spread[j] = Math.max(squares / rows - (sum / rows) ** 2, 0);
  }
  const meanSpread = spread.reduce((a, b) => a + b, 0) / columns;
  const floor = VARIANCE_FLOOR * meanSpread + Number.MIN_VALUE ** 0.25;

  const weight = new Float64Array(components).fill(1 / components);
  const mean = new Float64Array(components * columns);
  const precision = new Float64Array(components * columns).fill(1 / (meanSpread + floor));
  for (const [k, row] of farRows(points, components, rng).entries()) {
    for (let j = 0; j < columns; j++) mean[k * columns + j] = data[row * columns + j]!;
  }
  const posterior = new Float64Array(rows * components);
  const constant = new Float64Array(components);

  /** Posteriors under the present mixture; the mean log-likelihood, up to a constant. */
  const expect = (): number => {
    for (let k = 0; k < components; k++) {
      let value = Math.log(weight[k]!);
      for (let j = 0; j < columns; j++) value += 0.5 * Math.log(precision[k * columns + j]!);
      constant[k] = value;
    }
    let likelihood = 0;
    for (let i = 0; i < rows; i++) {
      const first = i * components;
      let most = Number.NEGATIVE_INFINITY;
      for (let k = 0; k < components; k++) {
        let square = 0;
        for (let j = 0; j < columns; j++) {
          const difference = data[i * columns + j]! - mean[k * columns + j]!;
          square += difference * difference * precision[k * columns + j]!;
        }
        const value = constant[k]! - 0.5 * square;
        posterior[first + k] = value;
        if (value > most) most = value;
      }
      let sum = 0;
      for (let k = 0; k < components; k++)
        sum += posterior[first + k] = Math.exp(posterior[first + k]! - most);
      for (let k = 0; k < components; k++) posterior[first + k]! /= sum;
      likelihood += most + Math.log(sum);
    }
    return likelihood / rows;
  };

  const maximize = (): void => {
    const squares = new Float64Array(components * columns);
    const total = new Float64Array(components);
    mean.fill(0);
    for (let i = 0; i < rows; i++) {
      for (let k = 0; k < components; k++) {
        const p = posterior[i * components + k]!;
        if (p < 1e-12) continue;
        total[k]! += p;
        for (let j = 0; j < columns; j++) {
          const value = data[i * columns + j]!;
          mean[k * columns + j]! += p * value;
          squares[k * columns + j]! += p * value * value;
        }
      }
    }
    for (let k = 0; k < components; k++) {
      weight[k] = Math.max(total[k]! / rows, 1e-300);
      const images = Math.max(total[k]!, 1e-300);
      for (let j = 0; j < columns; j++) {
        const at = k * columns + j;
        mean[at]! /= images;
        precision[at] = 1 / (Math.max(squares[at]! / images - mean[at]! ** 2, 0) + floor);
      }
    }
  };

  let before = expect();
  for (let round = 0; round < MOST_ROUNDS; round++) {
    maximize();
    const likelihood = expect();
    if (likelihood - before < TOLERANCE) break;
    before = likelihood;
  }
  return { rows, columns: components, data: posterior };
}
