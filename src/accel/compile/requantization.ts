import { slopeRange, stepBounds, stepFunction } from "../../arith/index.js";
import { type Requantization, roundedMean, type StepRequantization } from "../../quant/index.js";
import type { LaneParameters } from "./operation.js";

/** How a channel's weights and bias are to be multiplied, and its multiplier and shift. */
export type ChannelScale = { readonly factor: number; readonly multiplier: number; readonly shift: number };

/** A requantization in the engine's form. */
export type EngineRequantization = {
  readonly channels: readonly ChannelScale[];
  readonly doubleRounding: boolean;
  readonly tiesAway: boolean;
};

/**
 * Bring a requantization into the engine's form. Where channels of one layer differ in rounding (TensorFlow Lite's shifts to the left beside shifts to the
 * right), those to the left have their weights shifted instead; a negative multiplier changes the weights' sign.
 */
export function engineRequantization(from: Requantization, channels: number): EngineRequantization {
  const entry = (list: Int32Array, channel: number): number => list[list.length === 1 ? 0 : channel]!;
  const doubleRounding = from.mode === "tflite" && from.shifts.some((shift) => shift < 0);
  const scaleOf = (channel: number): ChannelScale => {
    const multiplier = entry(from.multipliers, channel);
    const shift = entry(from.shifts, channel);
    if (from.mode !== "tflite")
      return { factor: multiplier < 0 ? -1 : 1, multiplier: Math.abs(multiplier), shift };
    if (!doubleRounding) return { factor: 1, multiplier, shift: 31 - shift };
    return { factor: 2 ** Math.max(0, shift), multiplier, shift: Math.max(0, -shift) };
  };
  return {
    channels: Array.from({ length: channels }, (_, channel) => scaleOf(channel)),
    doubleRounding,
    tiesAway: doubleRounding && from.mode === "tflite" && from.ties !== "up",
  };
}

/** Lane parameters whose bias is added to Σ (byte values), with the rounding that goes with them. */
export type Division = LaneParameters & { readonly tiesAway: boolean; readonly zeroPoint: number };

/**
 * Find the shortest multiplier that divides sums of `count` bytes by `count`, rounding half away from zero (of the sum less `offset` a byte): a multiplier
 * just above 2^shift / count pushes ties away from zero, and `tiesAway` does where it is exact. Equality is proven by the steps of both functions.
 */
export function divisionBy(count: number, offset: number): Division | undefined {
  const range = { low: -offset * count, high: (255 - offset) * count };
  const clamp = { low: -offset, high: 255 - offset };
  const wanted = stepFunction((sum) => roundedMean(sum, count), range, clamp);
  for (let shift = 0; shift <= 30; shift++) {
    const multiplier = Math.ceil(2 ** shift / count);
    const got = stepFunction((sum) => rounded(sum * multiplier, shift, true), range, clamp);
    if (got.first !== wanted.first || got.thresholds.length !== wanted.thresholds.length) continue;
    if (got.thresholds.some((threshold, i) => threshold !== wanted.thresholds[i])) continue;
    return { bias: -offset * count, multiplier, shift, tiesAway: true, zeroPoint: offset };
  }
  return undefined;
}

const rounded = (x: number, shift: number, tiesAway: boolean): number =>
  shift === 0 ? x : Math.floor((x + 2 ** (shift - 1) - (tiesAway && x < 0 ? 1 : 0)) / 2 ** shift);

/** Multipliers tried for each shift. */
const CANDIDATES = 48;

/**
 * Find a bias, multiplier, shift and zero point that give the steps of a mean for every sum that can occur; checked at both sides of each step, which
 * suffices because both functions are monotone.
 *
 * @param range of the sums, zero point subtracted
 * @param clamp of the output, and `offset` what engine bytes have added
 */
export function steppedDivision(
  { thresholds }: StepRequantization,
  range: { readonly low: number; readonly high: number },
  { low, high, offset }: { readonly low: number; readonly high: number; readonly offset: number },
): Division | undefined {
  let reached = 0;
  const value = (sum: number): number => {
    reached = 0;
    while (reached < thresholds.length && thresholds[reached]! <= sum) reached++;
    return low + offset + reached;
  };
  const clamp = { low: low + offset, high: high + offset };
  const bounds = stepBounds(stepFunction(value, range, clamp));
  const slopes = slopeRange(bounds);
  if (slopes === undefined) return undefined;
  const most = Number.isFinite(slopes.high) ? slopes.high : slopes.low * 2 + 1;
  const points = [...bounds.reach.a, ...bounds.miss.a, range.low, range.high];
  const isExact = (
    bias: number,
    multiplier: number,
    shift: number,
    zero: number,
    tiesAway: boolean,
  ): boolean =>
    points.every((sum) => {
      const raw = rounded((sum + bias) * multiplier, shift, tiesAway) + zero;
      return Math.max(clamp.low, Math.min(raw, clamp.high)) === value(sum);
    });
  for (let shift = 1; shift <= 40; shift++) {
    const from = Math.max(1, Math.ceil(slopes.low * 2 ** shift));
    const to = Math.min(2 ** 28, Math.floor(most * 2 ** shift));
    const step = Math.max(1, Math.floor((to - from) / CANDIDATES));
    for (let multiplier = from; multiplier <= to; multiplier += step) {
      let least = Number.NEGATIVE_INFINITY;
      for (let i = 0; i < bounds.reach.a.length; i++)
        least = Math.max(least, bounds.reach.y[i]! * 2 ** shift - bounds.reach.a[i]! * multiplier);
      if (least === Number.NEGATIVE_INFINITY) least = clamp.low * 2 ** shift - range.low * multiplier;
      for (let zero = 0; zero < 256; zero++) {
        const bias = Math.floor((least - 2 ** (shift - 1) - zero * 2 ** shift) / multiplier);
        for (const nudge of [0, 1])
          for (const tiesAway of [false, true])
            if (isExact(bias + nudge, multiplier, shift, zero, tiesAway))
              return { bias: bias + nudge, multiplier, shift, tiesAway, zeroPoint: zero };
      }
    }
  }
  return undefined;
}
