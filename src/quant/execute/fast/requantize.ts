import type { Clamp, Requantization } from "../../nodes.js";
import { requantize } from "../../requantize.js";
import { LANES } from "./memory.js";

/** Bytes of the constants of eight channels: 8 int32 bias, 8 float64 factors, offsets and nudges. */
const BLOCK_BYTES = 224;

/** Constants of a layer's requantization in the layout of the kernels. */
export type FastConstants = {
  readonly blocks: number;
  readonly data: Uint8Array;
  /** Whether the nudge must bear the sign of the sum. */
  readonly isSigned: boolean;
};

/** round(t + offset + nudge), t = acc · factor, the nudge with the sign of t. */
type Affine = { readonly factor: number; readonly offset: number; readonly nudge: number };

/** 1.5 · 2^52: a double added to it is rounded to the nearest integer. */
const ROUNDER = 1.5 * 2 ** 52;

/** What the kernels compute, in the same doubles. */
function rounded({ factor, offset, nudge }: Affine, acc: number): number {
  const t = acc * factor;
  return t + offset + (t < 0 || Object.is(t, -0) ? -nudge : nudge) + ROUNDER - ROUNDER;
}

/** Formula of one channel, and the fraction bits of t and the nudge: both are multiples of 2^−bits. */
function affine(
  { mode, ...rest }: Requantization,
  [multiplier, shift]: readonly [number, number],
): Affine & { readonly bits: number } {
  const scaleBits = mode === "tflite" ? 31 - shift : shift;
  const factor = multiplier * 2 ** -scaleBits;
  const trailingZeros = multiplier === 0 ? 0 : 31 - Math.clz32(multiplier & -multiplier);
  const nudgeBits = mode === "tflite" && shift < 0 ? 1 - shift : 0;
  // At least one, so that half a unit is no tie itself.
  const bits = Math.max(scaleBits - trailingZeros, nudgeBits, 1);
  const halfUnit = 2 ** -(bits + 1);
  if (nudgeBits === 0) return { factor, offset: halfUnit, nudge: 0, bits };
  const nudge = 2 ** -nudgeBits;
  const isUp = "ties" in rest && rest.ties === "up";
  return isUp
    ? { factor, offset: nudge + halfUnit, nudge: 0, bits }
    : { factor, offset: halfUnit, nudge, bits };
}

/** Find the smallest accumulator in [low, high] whose requantization reaches `value`; high + 1 when none does. */
function threshold(exact: (acc: number) => number, value: number, guess: number, [low, high]: Span): number {
  let [below, above] = [low - 1, high + 1];
  // The guess is off by little; otherwise bisect.
  for (let probe = Math.min(Math.max(guess, low), high), step = 1; above - below > 1; step *= 2) {
    if (exact(probe) >= value) above = probe;
    else below = probe;
    const isBracketed = below >= low && above <= high;
    if (isBracketed) probe = Math.floor((below + above) / 2);
    else probe = below < low ? Math.max(above - step, low) : Math.min(below + step, high);
  }
  return above;
}

type Span = readonly [low: number, high: number];

/** Compare formula and definition on both sides of every threshold between the clamp's bounds. */
function agreesAtThresholds(
  formula: Affine,
  exact: (acc: number) => number,
  clamp: Clamp,
  span: Span,
): boolean {
  for (let value = clamp.low + 1; value <= clamp.high; value++) {
    const guess = Math.ceil((value - 0.5) / formula.factor);
    const at = threshold(exact, value, Number.isFinite(guess) ? guess : 0, span);
    if (at <= span[1] && rounded(formula, at) < value) return false;
    if (at > span[0] && rounded(formula, at - 1) >= value) return false;
  }
  return true;
}

/**
 * Requantization as round(t + offset ± nudge) in doubles, t = acc · factor; `undefined` where it is not proven to give the same integers.
 *
 * With F fraction bits (`shift`, or 31 − `shift` in `tflite` mode, less the multiplier's trailing zeros) t is a multiple of u = 2^−F.
 * - `lean`, `shift`, `programmable`: floor(t + 1/2) = round(t + u/2): the half unit keeps away from ties, whatever the sign of the factor.
 * - `tflite` without rounding shift: the same.
 * - `tflite`, rounding shift e ≥ 1, ties up: floor((floor(acc · m / 2^31 + 1/2) + 2^(e−1)) / 2^e) = floor(t + h + 1/2), h = 2^−(e+1).
 * - ties away from zero: a negative first result x needs x ≥ −(k + 1/2) · 2^e + 1 to reach −k, which is t − h ≥ −(k + 1/2): the nudge h
 *   bears the sign of t. Where negative results are clamped anyway, it need not.
 *
 * The sums are exact while |t| ≤ reach + 2, the clamp's reach, if multiples of u/2 up to there are doubles. Beyond, rounding is monotonic, so the
 * result stays beyond the clamp, as it must. If they are not (F large), formula and definition are compared at both
 * sides of each threshold of the definition: both are monotonic, so they agree everywhere. Results must stay within int32.
 *
 * @param clamp bounds of the output integers less the zero point; 0 must lie between
 * @param bias what the accumulators begin with
 * @param largest bound of each channel's accumulator magnitude
 */
export function fastConstants(
  requantization: Requantization,
  channels: number,
  {
    clamp,
    bias,
    largest,
  }: { readonly clamp: Clamp; readonly bias?: Int32Array; readonly largest: (channel: number) => number },
): FastConstants | undefined {
  const blocks = Math.ceil(channels / LANES);
  const data = new Uint8Array(blocks * BLOCK_BYTES);
  const biases = new Int32Array(data.buffer);
  const doubles = new Float64Array(data.buffer);
  const { mode, multipliers, shifts } = requantization;
  const isUp = requantization.mode === "tflite" && requantization.ties === "up";
  const reach = Math.max(-clamp.low, clamp.high);
  const isSigned = mode === "tflite" && !isUp && clamp.low < 0 && shifts.some((shift) => shift < 0);
  for (let c = 0; c < channels; c++) {
    const entry = multipliers.length === 1 ? 0 : c;
    const shift = shifts[entry]!;
    const most = largest(c);
    const formula = affine(requantization, [multipliers[entry]!, shift]);
    if (most * Math.abs(formula.factor) >= 2 ** 31 - 4) return undefined;
    if (mode === "tflite" && shift > 0 && most * 2 ** shift >= 2 ** 31) return undefined;
    const used = isSigned
      ? formula
      : { factor: formula.factor, offset: formula.offset + formula.nudge, nudge: 0 };
    if ((reach + 3) * 2 ** (formula.bits + 1) > 2 ** 53) {
      // A falling function has its thresholds the other way round.
      if (formula.factor < 0) return undefined;
      const exact = (acc: number): number => requantize(requantization, c, acc);
      const span = [-Math.min(most, 2 ** 31), Math.min(most, 2 ** 31 - 1)] as const;
      if (!agreesAtThresholds(used, exact, clamp, span)) return undefined;
    }
    const block = Math.floor(c / LANES);
    const lane = c % LANES;
    biases[(block * BLOCK_BYTES) / 4 + lane] = bias?.[c] ?? 0;
    const at = (block * BLOCK_BYTES) / 8 + 4 + lane;
    doubles[at] = used.factor;
    doubles[at + LANES] = used.offset;
    doubles[at + 2 * LANES] = used.nudge;
  }
  return { blocks, data, isSigned };
}
