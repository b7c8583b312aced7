import type { Rng } from "../../core/index.js";
import { dot, type Matrix } from "./matrix.js";

/** Which principal components to keep: as few as explain this share of the variance, and at most so many. */
export type PcaOptions = { readonly energy: number; readonly most: number; readonly rng: Rng };

/** Rounds of subspace iteration: the share of the variance that is looked for needs no exact components. */
const ROUNDS = 12;
const JACOBI_SWEEPS = 12;

/** Make vectors (rows of `size` numbers) orthonormal, in place; a vector that depends on those before it becomes zero. */
function orthonormalize(vectors: Float64Array, count: number, size: number): void {
  for (let i = 0; i < count; i++) {
    const before = Math.sqrt(dot(vectors, i * size, vectors, i * size, size));
    // Twice is enough (Kahan, Parlett).
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < i; j++) {
        const share = dot(vectors, i * size, vectors, j * size, size);
        for (let k = 0; k < size; k++) vectors[i * size + k]! -= share * vectors[j * size + k]!;
      }
    }
    const norm = Math.sqrt(dot(vectors, i * size, vectors, i * size, size));
    const scale = norm > 1e-10 * before && norm > 0 ? 1 / norm : 0;
    for (let k = 0; k < size; k++) vectors[i * size + k]! *= scale;
  }
}

/** Eigenvalues and eigenvectors (columns) of a small symmetric matrix, by cyclic Jacobi rotations; `a` is overwritten. */
function symmetricEigen(a: Float64Array, size: number): { values: Float64Array; vectors: Float64Array } {
  const vectors = new Float64Array(size * size);
  for (let i = 0; i < size; i++) vectors[i * size + i] = 1;
  const rotate = (m: Float64Array, x: number, y: number, cos: number, sin: number): void => {
    const [u, v] = [m[x]!, m[y]!];
    m[x] = cos * u - sin * v;
    m[y] = sin * u + cos * v;
  };
  for (let sweep = 0; sweep < JACOBI_SWEEPS; sweep++) {
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) {
        const off = a[p * size + q]!;
        if (off === 0) continue;
        const theta = (a[q * size + q]! - a[p * size + p]!) / (2 * off);
        const tan = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
        const cos = 1 / Math.hypot(tan, 1);
        const sin = tan * cos;
        for (let k = 0; k < size; k++) rotate(a, k * size + p, k * size + q, cos, sin);
        for (let k = 0; k < size; k++) rotate(a, p * size + k, q * size + k, cos, sin);
        for (let k = 0; k < size; k++) rotate(vectors, k * size + p, k * size + q, cos, sin);
      }
    }
  }
  return { values: Float64Array.from({ length: size }, (_, i) => a[i * size + i]!), vectors };
}

/** Covariance of the columns of centred rows. */
function covariance(centred: Float64Array, rows: number, columns: number): Float64Array {
  const byColumn = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) byColumn[j * rows + i] = centred[i * columns + j]!;
  }
  const result = new Float64Array(columns * columns);
  for (let i = 0; i < columns; i++) {
    for (let j = 0; j <= i; j++) {
      const value = dot(byColumn, i * rows, byColumn, j * rows, rows) / rows;
      result[i * columns + j] = value;
      result[j * columns + i] = value;
    }
  }
  return result;
}

/**
 * Project rows on their leading principal components: subspace iteration from a random start (Halko, Martinsson and Tropp 2011) with a
 * Rayleigh-Ritz step. The same generator gives the same components.
 *
 * @returns a row of scores for each row, the largest component first; at least one column
 */
export function principalScores(features: Matrix, options: PcaOptions): Matrix {
  const { rows, columns, data } = features;
  const { energy, most, rng } = options;
  const mean = new Float64Array(columns);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) mean[j]! += data[i * columns + j]! / rows;
  const centred = Float64Array.from(data, (value, at) => value - mean[at % columns]!);
  const c = covariance(centred, rows, columns);
  let trace = 0;
  for (let j = 0; j < columns; j++) trace += c[j * columns + j]!;

  const rank = Math.min(most, columns);
  let basis: Float64Array = Float64Array.from({ length: rank * columns }, () => rng.normal());
  const times = (vectors: Float64Array): Float64Array => {
    const product = new Float64Array(rank * columns);
    for (let v = 0; v < rank; v++) {
      for (let j = 0; j < columns; j++)
        product[v * columns + j] = dot(c, j * columns, vectors, v * columns, columns);
    }
    return product;
  };
  orthonormalize(basis, rank, columns);
  for (let round = 0; round < ROUNDS; round++) {
    basis = times(basis);
    orthonormalize(basis, rank, columns);
  }
  const image = times(basis);
  const small = new Float64Array(rank * rank);
  for (let i = 0; i < rank; i++) {
    for (let j = 0; j < rank; j++) small[i * rank + j] = dot(basis, i * columns, image, j * columns, columns);
  }
  const { values, vectors } = symmetricEigen(small, rank);
  const order = Array.from(values.keys()).sort((a, b) => values[b]! - values[a]!);
  let kept = 1;
  for (let sum = values[order[0]!]!; kept < rank && sum < energy * trace; kept++)
    sum += values[order[kept]!]!;

  const axes = new Float64Array(kept * columns);
  for (let k = 0; k < kept; k++) {
    for (let v = 0; v < rank; v++) {
      const weight = vectors[v * rank + order[k]!]!;
      for (let j = 0; j < columns; j++) axes[k * columns + j]! += weight * basis[v * columns + j]!;
    }
  }
  const scores = new Float64Array(rows * kept);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < kept; k++)
      scores[i * kept + k] = dot(centred, i * columns, axes, k * columns, columns);
  }
  return { rows, columns: kept, data: scores };
}
