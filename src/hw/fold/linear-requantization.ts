import { commonRequantization, stepFunction } from "../../arith/index.js";
import { FixynnError } from "../../core/index.js";
import { type Clamp, type ConstantRequantization, requantize } from "../../quant/index.js";

/**
 * A requantization of all channels of a layer in one format, equal to the required one for every accumulator a that can come, after the
 * clamp: out = clamp((m·a + (a < 0 ? negative : positive)·2^offsetShift) >> shift), the zero point included in the offsets.
 */
export type LinearRequantization = {
  readonly shift: number;
  readonly multipliers: readonly number[];
  readonly offsetShift: number;
  /** Offsets for a ≥ 0 and a < 0; equal unless `tflite` rounds ties away from zero on both sides within the clamp. */
  readonly positive: readonly bigint[];
  readonly negative: readonly bigint[];
};

const allEqual = (values: ArrayLike<number>): boolean =>
  Array.from(values).every((value) => value === values[0]);

/**
 * Find the shortest common shift for which one multiplication and one offset a channel reproduce a requantization exactly, clamp included
 * (see `commonRequantization`). Channels that are requantized alike get the same constants, proven on the hull of their accumulators.
 *
 * @throws FixynnError FX5040 when there is no such form
 */
export function linearRequantization(
  requantization: ConstantRequantization,
  { low, high }: { readonly low: ArrayLike<number>; readonly high: ArrayLike<number> },
  { zeroPoint, clamp, place }: { readonly zeroPoint: number; readonly clamp: Clamp; readonly place: string },
): LinearRequantization {
  const channels = Array.from({ length: low.length }, (_, channel) => channel);
  const stepsOf = (channel: number, range: { readonly low: number; readonly high: number }) =>
    stepFunction((a) => requantize(requantization, channel, a) + zeroPoint, range, clamp);
  const alike = allEqual(requantization.multipliers) && allEqual(requantization.shifts);
  const hull = { low: Math.min(...Array.from(low)), high: Math.max(...Array.from(high)) };
  const functions = alike
    ? [stepsOf(0, hull)]
    : channels.map((channel) => stepsOf(channel, { low: low[channel]!, high: high[channel]! }));
  const common = commonRequantization(functions);
  if (common === undefined)
    throw new FixynnError("FX5040", "no linear formula gives this requantization", { place });
  const constants = channels.map((channel) => common.channels[alike ? 0 : channel]!);
  return {
    shift: common.shift,
    multipliers: constants.map(({ multiplier }) => multiplier),
    offsetShift: common.constantShift,
    positive: constants.map(({ constant, step }) => BigInt(constant + step)),
    negative: constants.map(({ constant }) => BigInt(constant)),
  };
}

/** Compute what the formula gives before the clamp. */
export function evaluateLinear(formula: LinearRequantization, channel: number, a: number): bigint {
  const offset = (a < 0 ? formula.negative : formula.positive)[channel]!;
  const product = BigInt(formula.multipliers[channel]!) * BigInt(a);
  return (product + (offset << BigInt(formula.offsetShift))) >> BigInt(formula.shift);
}
