import { invariant } from "../../core/index.js";

/** A real factor in integers: multiplier / 2^shift (`lean`) or multiplier · 2^shift / 2^31 (`tflite`). */
export type IntegerFactor = { readonly multiplier: number; readonly shift: number };

/** Significant bits of a `lean` multiplier, unless it is a register: a constant multiplication of that width in silicon. */
export const LEAN_MULTIPLIER_BITS = 12;

/** Count the non-zero digits of an integer's canonical signed digit form (the fewest of any signed binary form). */
export function signedDigitCount(value: number): number {
  let rest = Math.abs(value);
  let digits = 0;
  while (rest > 0) {
    if (rest % 2 === 1) {
      digits++;
      // An odd rest ends in ..01 (digit +1) or ..11 (digit −1, carry).
      rest += rest % 4 === 3 ? 1 : -1;
    }
    rest /= 2;
  }
  return digits;
}

const mantissaCache = new Map<string, readonly number[]>();

/** All integers in [2^(bits−1), 2^bits] of at most so many signed digits, ascending. */
function mantissas(digits: number, bits: number): readonly number[] {
  const key = `${digits} ${bits}`;
  let known = mantissaCache.get(key);
  if (known === undefined) {
    const low = 2 ** (bits - 1);
    const all = Array.from({ length: low + 1 }, (_, i) => low + i);
    known = all.filter((value) => signedDigitCount(value) <= digits);
    mantissaCache.set(key, known);
  }
  return known;
}

/** Drop trailing zeros of multiplier / 2^shift, but keep shift at least 1. */
function normalized(multiplier: number, shift: number): IntegerFactor {
  let m = multiplier;
  let s = shift;
  while (m % 2 === 0 && s > 1) {
    m /= 2;
    s -= 1;
  }
  while (s < 1) {
    m *= 2;
    s += 1;
  }
  return { multiplier: m, shift: s };
}

/** The real value of a `lean` factor. */
export function leanValue({ multiplier, shift }: IntegerFactor): number {
  return multiplier / 2 ** shift;
}

/**
 * Find the factors multiplier / 2^shift of at most `digits` signed digits and `bits` (default 12) significant bits around a positive
 * real: the largest not above it, and the smallest not below it. They coincide when the real is such a factor.
 */
export function leanFactors(
  value: number,
  digits: number,
  bits = LEAN_MULTIPLIER_BITS,
): { below: IntegerFactor; above: IntegerFactor } {
  invariant(value > 0 && Number.isFinite(value), `a factor must be positive and finite, not ${value}`);
  let exponent = Math.floor(Math.log2(value)) - (bits - 1);
  let scaled = value / 2 ** exponent;
  // log2 may be off by one unit in the last place next to a power of two.
  if (scaled >= 2 ** bits) {
    exponent += 1;
    scaled /= 2;
  } else if (scaled < 2 ** (bits - 1)) {
    exponent -= 1;
    scaled *= 2;
  }
  const list = mantissas(digits, bits);
  let first = 0;
  let last = list.length - 1;
  while (first < last) {
    const middle = (first + last) >> 1;
    if (list[middle]! >= scaled) last = middle;
    else first = middle + 1;
  }
  const above = list[first]!;
  const below = above === scaled ? above : list[first - 1]!;
  return { below: normalized(below, -exponent), above: normalized(above, -exponent) };
}

/** Round a non-negative integer to the nearest one of at most `digits` signed digits. */
export function nearestWithDigits(value: number, digits: number): number {
  for (let distance = 0; ; distance++) {
    if (value >= distance && signedDigitCount(value - distance) <= digits) return value - distance;
    if (signedDigitCount(value + distance) <= digits) return value + distance;
  }
}

/**
 * Split a positive real below 2^30 into a Q0.31 multiplier in [2^30, 2^31) and a shift: value ≈ multiplier · 2^(shift − 31)
 * (TensorFlow Lite's QuantizeMultiplier). Below 2^-32 the result is 0.
 */
export function tfliteFactor(value: number): IntegerFactor {
  if (value === 0) return { multiplier: 0, shift: 0 };
  let shift = Math.floor(Math.log2(value)) + 1;
  if (value / 2 ** shift >= 1) shift += 1;
  if (value / 2 ** shift < 0.5) shift -= 1;
  let multiplier = Math.round((value / 2 ** shift) * 2 ** 31);
  if (multiplier === 2 ** 31) {
    multiplier /= 2;
    shift += 1;
  }
  return shift < -31 ? { multiplier: 0, shift: 0 } : { multiplier, shift };
}
