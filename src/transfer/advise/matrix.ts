/** Numbers row by row: one row an image, one column a feature or a class. */
export type Matrix = {
  readonly rows: number;
  readonly columns: number;
  /** rows · columns values. */
  readonly data: Float32Array | Float64Array;
};

/** Sum of products of `length` neighbours; four partial sums, so that additions do not wait for each other. */
export function dot(
  a: Float64Array,
  aFirst: number,
  b: Float64Array,
  bFirst: number,
  length: number,
): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  const whole = length & ~3;
  for (let i = 0; i < whole; i += 4) {
    s0 += a[aFirst + i]! * b[bFirst + i]!;
    s1 += a[aFirst + i + 1]! * b[bFirst + i + 1]!;
    s2 += a[aFirst + i + 2]! * b[bFirst + i + 2]!;
    s3 += a[aFirst + i + 3]! * b[bFirst + i + 3]!;
  }
  for (let i = whole; i < length; i++) s0 += a[aFirst + i]! * b[bFirst + i]!;
  return s0 + s1 + (s2 + s3);
}

/**
 * Factor a symmetric positive definite matrix A = L·Lᵀ in place (Cholesky, row by row); only the lower triangle is read and written.
 * The leading square of L is the factor of the leading square of A, whatever its size.
 *
 * @returns false when a pivot is not positive: A is not positive definite
 */
export function factorInPlace(a: Float64Array, size: number): boolean {
  for (let i = 0; i < size; i++) {
    const row = i * size;
    for (let j = 0; j < i; j++) {
      const other = j * size;
      a[row + j] = (a[row + j]! - dot(a, row, a, other, j)) / a[other + j]!;
    }
    const pivot = a[row + i]! - dot(a, row, a, row, i);
    if (!(pivot > 0)) return false;
    a[row + i] = Math.sqrt(pivot);
  }
  return true;
}

/** Replace each of `count` vectors v of `size` numbers by L⁻¹·v, in place, for a factor L of {@link factorInPlace}. */
export function solveLowerInPlace(
  factor: Float64Array,
  size: number,
  vectors: Float64Array,
  count: number,
): void {
  for (let i = 0; i < size; i++) {
    const row = i * size;
    const pivot = factor[row + i]!;
    for (let v = 0; v < count; v++) {
      const first = v * size;
      vectors[first + i] = (vectors[first + i]! - dot(factor, row, vectors, first, i)) / pivot;
    }
  }
}
