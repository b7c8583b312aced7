import { invariant } from "../core/index.js";

/** A signed power of two: ±2^shift. */
export type SignedDigit = { readonly shift: number; readonly negative: boolean };

/**
 * Recode an integer in canonical signed digit form: n = Σ ±2^shift, no two adjacent shifts, the fewest digits possible
 * (Reitwiesner 1960). Digits come least significant first; zero has none.
 *
 * @param n a safe integer, |n| < 2^53
 */
export function csd(n: number): readonly SignedDigit[] {
  invariant(Number.isSafeInteger(n), `${n} is no safe integer`);
  const digits: SignedDigit[] = [];
  let rest = Math.abs(n);
  const flip = n < 0;
  for (let shift = 0; rest > 0; shift++) {
    if (rest % 2 === 1) {
      const negative = rest % 4 === 3;
      digits.push({ shift, negative: negative !== flip });
      rest += negative ? 1 : -1;
    }
    rest /= 2;
  }
  return digits;
}

/** Count the digits of {@link csd}. */
export function csdDigitCount(n: number): number {
  return csd(n).length;
}
