/** How a sum becomes a byte; fields as in docs/accel.md. */
export type Requantization = {
  readonly bias: number;
  /** Unsigned, below 2^32. */
  readonly multiplier: number;
  readonly shift: number;
  readonly doubleRounding: boolean;
  readonly tiesAway: boolean;
  readonly zeroPoint: number;
  readonly low: number;
  readonly high: number;
};

/** Products and rounding constants below this are exact in a double, and so is their sum. */
const EXACT = 2 ** 52;
const HALF_OF_31_BITS = 2 ** 30;
const TWO_TO_31 = 2 ** 31;

/**
 * Requantize a sum of 32 bits to a byte, exactly by the formula of docs/accel.md.
 *
 * Doubles are exact as long as all values stay below 2^52: scaling by a power of two and rounding down lose nothing. The others take {@link requantizeWide}.
 */
export function requantize(sum: number, how: Requantization): number {
  const { shift, low, high } = how;
  const biased = (sum + how.bias) | 0;
  const product = biased * how.multiplier;
  if (product >= EXACT || product <= -EXACT || shift > 52) return requantizeWide(biased, how);
  const x = how.doubleRounding ? Math.floor((product + HALF_OF_31_BITS) / TWO_TO_31) : product;
  const ties = how.tiesAway && x < 0 ? 1 : 0;
  const rounded = shift === 0 ? x : Math.floor((x + 2 ** (shift - 1) - ties) / 2 ** shift);
  return Math.max(low, Math.min(rounded + how.zeroPoint, high));
}

/** Requantize a sum that has its bias already, in arbitrary precision. */
export function requantizeWide(biased: number, how: Requantization): number {
  const product = BigInt(biased) * BigInt(how.multiplier);
  const x = how.doubleRounding ? (product + (1n << 30n)) >> 31n : product;
  const shift = BigInt(how.shift);
  const ties = how.tiesAway && x < 0n ? 1n : 0n;
  const rounded = shift === 0n ? x : (x + (1n << (shift - 1n)) - ties) >> shift;
  const clamped =
    BigInt.asIntN(64, rounded) === rounded ? Number(rounded) : rounded < 0n ? -Infinity : Infinity;
  return Math.max(how.low, Math.min(clamped + how.zeroPoint, how.high));
}
