/** A real number in signed digits: Σ ±2^exponent, most significant first. */
export type DigitString = readonly { readonly exponent: number; readonly negative: boolean }[];

/** Limits of {@link digitStringsBetween}. */
export type DigitSearch = {
  readonly low: number;
  readonly high: number;
  readonly digits: number;
  /** Least exponent. */
  readonly leastExponent: number;
  /** Stop after so many. */
  readonly limit: number;
};

/**
 * List numbers of exactly so many canonical signed digits (no two adjacent exponents) in an open interval of positive reals, none of
 * whose leading parts lies in it. Depth first: after a digit of exponent e the further digits add less than 2^e / 3, so
 * few digits can follow a prefix; the time is proportional to what is found times digits, not to the multipliers' range.
 */
export function digitStringsBetween({ low, high, digits, leastExponent, limit }: DigitSearch): DigitString[] {
  const found: DigitString[] = [];
  const visit = (prefix: DigitString, value: number, left: number, most: number): void => {
    if (found.length >= limit) return;
    const distance = value <= low ? low - value : value >= high ? value - high : -1;
    if (left === 0) {
      if (distance < 0) found.push(prefix);
      return;
    }
    if (distance < 0) return;
    const sign = value <= low ? 1 : -1;
    const far = sign > 0 ? high - value : value - low;
    for (let e = most; e >= leastExponent; e--) {
      const digit = 2 ** e;
      // The digits behind it: at most 2^(e−2) + 2^(e−4) + …
      const tail = left === 1 ? 0 : (digit / 3) * (1 - 4 ** -(left - 1));
      if (digit - tail >= far) continue;
      if (digit + tail <= distance) break;
      visit([...prefix, { exponent: e, negative: sign < 0 }], value + sign * digit, left - 1, e - 2);
    }
  };
  visit([], 0, digits, Math.ceil(Math.log2(high)) + 1);
  return found;
}
