import { assertNever } from "../core/index.js";
import type { Clamp, QuantAdd, Requantization } from "./nodes.js";

/**
 * Multiply two 32-bit integers, double, keep the high half, rounding to nearest: round(a · b / 2^31), ties upwards.
 *
 * gemmlowp's SaturatingRoundingDoublingHighMul adds a nudge of 2^30 (or 1 − 2^30 for a negative product) and divides
 * by 2^31 truncating toward zero; for negative products that is ceil((ab + 1 − 2^30) / 2^31) = floor((ab + 2^30) / 2^31),
 * the very formula of the positive ones. Saturation only concerns a = b = −2^31, and b is never negative here.
 *
 * The product has up to 62 bits; a is split in 16 bits so that every double below stays an exact integer under 2^53.
 *
 * @param a int32
 * @param b integer in [0, 2^31)
 */
export function roundingDoublingHighMul(a: number, b: number): number {
  const low = (a & 0xffff) * b + 2 ** 30; // < 2^47 + 2^30
  const high = (a >> 16) * b; // |high| < 2^46
  return Math.floor((high + Math.floor(low * 2 ** -16)) * 2 ** -15);
}

/** Divide an int32 by 2^exponent (0 to 31), rounding to nearest, ties away from zero (gemmlowp RoundingDivideByPOT). */
export function roundingDivideByPowerOfTwo(x: number, exponent: number): number {
  const mask = ((1 << exponent) - 1) | 0;
  const threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return (x >> exponent) + ((x & mask) > threshold ? 1 : 0);
}

/** Requantize in `tflite` mode; acc · 2^shift must fit int32 when shift is positive. */
export function requantizeTflite(acc: number, multiplier: number, shift: number): number {
  if (shift >= 0) return roundingDoublingHighMul(acc << shift, multiplier);
  return roundingDivideByPowerOfTwo(roundingDoublingHighMul(acc, multiplier), -shift);
}

/** As {@link requantizeTflite}, negative ties going up. */
export function requantizeTfliteUp(acc: number, multiplier: number, shift: number): number {
  if (shift >= 0) return roundingDoublingHighMul(acc << shift, multiplier);
  return Math.floor(roundingDoublingHighMul(acc, multiplier) * 2 ** shift + 0.5);
}

/** Requantize in `lean`, `shift` or `programmable` mode: floor(acc · multiplier / 2^shift + 1/2), exact while |acc · multiplier| + 2^(shift−1) < 2^53. */
export function requantizeLean(acc: number, multiplier: number, shift: number): number {
  return Math.floor((acc * multiplier + 2 ** (shift - 1)) / 2 ** shift);
}

/** Requantize one accumulator of an output channel, without zero point and clamp. */
export function requantize(requantization: Requantization, channel: number, acc: number): number {
  const entry = requantization.multipliers.length === 1 ? 0 : channel;
  const multiplier = requantization.multipliers[entry]!;
  const shift = requantization.shifts[entry]!;
  switch (requantization.mode) {
    case "tflite":
      return requantization.ties === "up"
        ? requantizeTfliteUp(acc, multiplier, shift)
        : requantizeTflite(acc, multiplier, shift);
    case "lean":
    case "shift":
    case "programmable":
      return requantizeLean(acc, multiplier, shift);
    default:
      return assertNever(requantization);
  }
}

/** Return the real factor that a requantization stands for: multiplier · 2^shift / 2^31, or multiplier / 2^shift. */
export function requantizationFactor(requantization: Requantization, channel: number): number {
  const entry = requantization.multipliers.length === 1 ? 0 : channel;
  const multiplier = requantization.multipliers[entry]!;
  const shift = requantization.shifts[entry]!;
  return requantization.mode === "tflite" ? multiplier * 2 ** (shift - 31) : multiplier * 2 ** -shift;
}

/** Turns the accumulators of one pixel, one per channel, into output integers at `offset`. */
export type PixelRequantizer = (
  accumulators: Int32Array,
  output: { [index: number]: number },
  offset: number,
) => void;

/** Prepare {@link requantize}, zero point and clamp for all channels of a pixel at once. */
export function pixelRequantizer(
  requantization: Requantization,
  channels: number,
  zeroPoint: number,
  clamp: Clamp,
): PixelRequantizer {
  const entry = (i: number): number => (requantization.multipliers.length === 1 ? 0 : i);
  const multipliers = Float64Array.from(
    { length: channels },
    (_, i) => requantization.multipliers[entry(i)]!,
  );
  const shifts = Int32Array.from({ length: channels }, (_, i) => requantization.shifts[entry(i)]!);
  const { low, high } = clamp;
  if (requantization.mode === "tflite") {
    const rounded = requantization.ties === "up" ? requantizeTfliteUp : requantizeTflite;
    return (accumulators, output, offset) => {
      for (let c = 0; c < channels; c++) {
        const value = rounded(accumulators[c]!, multipliers[c]!, shifts[c]!) + zeroPoint;
        output[offset + c] = Math.max(low, Math.min(value, high));
      }
    };
  }
  // Powers of two are exact in doubles: dividing by 2^shift and multiplying by 2^−shift are the same.
  const halves = Float64Array.from(shifts, (shift) => 2 ** (shift - 1));
  const inverses = Float64Array.from(shifts, (shift) => 2 ** -shift);
  return (accumulators, output, offset) => {
    for (let c = 0; c < channels; c++) {
      const value = Math.floor((accumulators[c]! * multipliers[c]! + halves[c]!) * inverses[c]!) + zeroPoint;
      output[offset + c] = Math.max(low, Math.min(value, high));
    }
  };
}

/** Bits that TensorFlow Lite's quantized Add shifts its operands left before it scales them (`left_shift` of add.cc). */
export const ADD_LEFT_SHIFT = 20;

/** Scale one operand of a residual sum, its zero point already subtracted, to the sum's fixed point; see {@link QuantAdd}. */
export function scaledOperand(
  { operandMultipliers, operandShifts }: Pick<QuantAdd, "operandMultipliers" | "operandShifts">,
  operand: 0 | 1,
  centred: number,
): number {
  const multiplier = operandMultipliers[operand];
  if (operandShifts === undefined) return centred * multiplier;
  return requantizeTflite(centred * 2 ** ADD_LEFT_SHIFT, multiplier, operandShifts[operand]);
}
