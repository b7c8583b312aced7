import { cheapestConstant, type DigitTable } from "./digit-table.js";

/** Share of the mean variance that is added to every tap's, so that dead and dependent taps do not spoil the inverse (Frantar 2022: 1 %). */
const DAMPING = 0.01;
/** Rounds of single changes at most; few are needed. */
const MOST_ROUNDS = 12;

/** How a change of one tap is made good by those that are chosen after it. */
export type Compensation = {
  /** Taps in the order in which they are chosen: those with the largest variance first. */
  readonly order: Int32Array;
  /** Upper Cholesky factor U of the inverse covariance, UᵀU = H⁻¹, taps in that order. */
  readonly factor: Float64Array;
};

/** Invert a symmetric positive definite matrix in place of its lower Cholesky factor; both [n, n] row-major. */
function cholesky(matrix: Float64Array, n: number): Float64Array {
  const lower = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= lower[i * n + k]! * lower[j * n + k]!;
      lower[i * n + j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / lower[j * n + j]!;
    }
  }
  return lower;
}

/** Invert a lower triangular matrix. */
function invertLower(lower: Float64Array, n: number): Float64Array {
  const inverse = new Float64Array(n * n);
  for (let column = 0; column < n; column++) {
    inverse[column * n + column] = 1 / lower[column * n + column]!;
    for (let i = column + 1; i < n; i++) {
      let sum = 0;
      for (let k = column; k < i; k++) sum -= lower[i * n + k]! * inverse[k * n + column]!;
      inverse[i * n + column] = sum / lower[i * n + i]!;
    }
  }
  return inverse;
}

/** Prepare the compensation of errors among taps of a given covariance (GPTQ, Frantar 2022, in the order of `act-order`). */
export function compensationOf(covariance: Float64Array, taps: number): Compensation {
  const variance = Float64Array.from({ length: taps }, (_, t) => covariance[t * taps + t]!);
  const mean = variance.reduce((a, b) => a + b, 0) / taps;
  const damping = DAMPING * mean + 1e-9;
  const order = Int32Array.from({ length: taps }, (_, t) => t).sort(
    (a, b) => variance[b]! - variance[a]! || a - b,
  );
  // Reversed, the lower factor L of H gives H⁻¹ = L⁻ᵀ L⁻¹, of which L⁻¹ reversed again is the upper factor that is wanted.
  const reversed = new Float64Array(taps * taps);
  for (let i = 0; i < taps; i++) {
    for (let j = 0; j < taps; j++) {
      const from = order[taps - 1 - i]! * taps + order[taps - 1 - j]!;
      reversed[i * taps + j] = covariance[from]! + (i === j ? damping : 0);
    }
  }
  const inverse = invertLower(cholesky(reversed, taps), taps);
  const factor = new Float64Array(taps * taps);
  for (let i = 0; i < taps; i++)
    for (let j = i; j < taps; j++) factor[i * taps + j] = inverse[(taps - 1 - i) * taps + (taps - 1 - j)]!;
  return { order, factor };
}

/** What a digit may cost, and which constants there are. */
export type Terms = {
  readonly table: DigitTable;
  /** What one digit is worth, in squared steps of the accumulator. */
  readonly price: number;
};

/**
 * Choose the constants of one output tap by tap: each takes the digits that are worth their price (the error that OBQ's optimal
 * compensation leaves, (w − q)² / [H⁻¹]ₜₜ, against the digits saved), and its error is made good by the taps still to come.
 */
export function chooseInOrder(
  weights: Float64Array,
  { order, factor }: Compensation,
  { table, price }: Terms,
): Int32Array {
  const taps = weights.length;
  const wanted = Float64Array.from(order, (t) => weights[t]!);
  const chosen = new Int32Array(taps);
  for (let i = 0; i < taps; i++) {
    const own = factor[i * taps + i]!;
    const curvature = 1 / (own * own);
    const q = cheapestConstant(table, wanted[i]!, { curvature, price, mostDigits: table.mostDigits });
    chosen[order[i]!] = q;
    const error = (wanted[i]! - q) / own;
    if (error === 0) continue;
    for (let k = i + 1; k < taps; k++) wanted[k]! -= error * factor[i * taps + k]!;
  }
  return chosen;
}

/** Squared error of an output, Δwᵀ H Δw, in squared steps of its accumulator. */
export function outputError(
  chosen: ArrayLike<number>,
  weights: ArrayLike<number>,
  covariance: Float64Array,
): number {
  const taps = weights.length;
  let error = 0;
  for (let i = 0; i < taps; i++) {
    const change = chosen[i]! - weights[i]!;
    if (change === 0) continue;
    let row = 0;
    for (let j = 0; j < taps; j++) row += covariance[i * taps + j]! * (chosen[j]! - weights[j]!);
    error += change * row;
  }
  return Math.max(error, 0);
}

/** Digits of some constants. */
export function digitsOf(chosen: ArrayLike<number>, { digits }: DigitTable): number {
  let sum = 0;
  for (let i = 0; i < chosen.length; i++) sum += digits[Math.abs(chosen[i]!)]!;
  return sum;
}

/**
 * Change single constants, in place, as long as error + price · digits falls. No constant gets more digits than `digitsAllowed` says.
 */
export function improve(
  chosen: Int32Array,
  weights: Float64Array,
  covariance: Float64Array,
  { table, price, digitsAllowed }: Terms & { readonly digitsAllowed?: Uint8Array },
): void {
  const taps = weights.length;
  /** H Δw */
  const slope = new Float64Array(taps);
  const move = (t: number, by: number): void => {
    for (let k = 0; k < taps; k++) slope[k]! += covariance[t * taps + k]! * by;
  };
  for (let t = 0; t < taps; t++) if (chosen[t] !== weights[t]) move(t, chosen[t]! - weights[t]!);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    let changed = false;
    for (let t = 0; t < taps; t++) {
      const curvature = covariance[t * taps + t]!;
      const now = chosen[t]!;
      const mostDigits = digitsAllowed?.[t] ?? table.mostDigits;
      // A tap that never moves costs nothing to drop: the bias stands for it.
      const target = curvature > 0 ? now - slope[t]! / curvature : 0;
      const q = cheapestConstant(table, target, { curvature, price, mostDigits });
      if (q === now) continue;
      const cost = (value: number): number =>
        curvature * (value - target) ** 2 + price * table.digits[Math.abs(value)]!;
      if (cost(q) >= cost(now) * (1 - 1e-12)) continue;
      chosen[t] = q;
      move(t, q - now);
      changed = true;
    }
    if (!changed) return;
  }
}
