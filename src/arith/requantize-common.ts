import { csdDigitCount } from "./csd.js";
import { constantAndStep, onHull, splitBounds, splitSlopeRange } from "./requantize.js";
import { type Bounds, type StepFunction, slopeRange, stepBounds } from "./step-function.js";

/** What a shared requantizer may be at most. */
export type CommonRequantizationLimits = {
  /** Bits of the multipliers; default: whatever is needed. */
  readonly multiplierBits?: number;
  /** Signed digits of each multiplier; default: any number, the fewest of the possible ones are taken. */
  readonly multiplierDigits?: number;
  /** Saturate a first to so few bits as all channels need; the offsets then align the windows. Default false. */
  readonly saturate?: boolean;
};

/** Constants of one channel. */
export type CommonChannel = {
  readonly multiplier: number;
  /** In units of 2^constantShift. */
  readonly constant: number;
  /** Added to the constant for a ≥ 0, in the same units: not 0 where rounding differs below zero. */
  readonly step: number;
  /** Added to a first (0 unless saturating): part of the sum that makes a. */
  readonly offset: number;
};

/**
 * One form for all channels of a layer, its constants to be kept in a ROM; equal to each channel's function:
 *
 * u = a + offset, saturated to 0 … 2^windowBits − 1 where `windowBits` is given;
 * value = clamp(floor((multiplier · u + constant + (a ≥ 0 ? step : 0)) / 2^shift)), constant and step in units of
 * 2^constantShift. When saturating and any step is not 0, all offsets are 2^(windowBits − 1): the top bit of u tells a ≥ 0.
 */
export type CommonRequantization = {
  readonly kind: "commonRequantization";
  readonly shift: number;
  /** Bits of the largest multiplier; multipliers are not negative. */
  readonly multiplierBits: number;
  /** Most signed digits of a multiplier. */
  readonly multiplierDigits: number;
  /** Two's complement bits of the constants. */
  readonly constantBits: number;
  readonly constantShift: number;
  /** Bits of the largest step; 0 when there is none. Steps are not negative. */
  readonly stepBits: number;
  readonly windowBits: number | undefined;
  readonly channels: readonly CommonChannel[];
};

/** Evaluate a channel of a common requantization: the definition of what the silicon does. */
export function evaluateCommonRequantization(
  { channels, shift, constantShift, windowBits }: CommonRequantization,
  channel: number,
  a: number,
  clamp: { readonly low: number; readonly high: number },
): number {
  const { multiplier, constant, step, offset } = channels[channel]!;
  const raw = a + offset;
  const u = windowBits === undefined ? raw : Math.max(0, Math.min(raw, 2 ** windowBits - 1));
  const sum = multiplier * u + (constant + (a >= 0 ? step : 0)) * 2 ** constantShift;
  return Math.max(clamp.low, Math.min(Math.floor(sum * 2 ** -shift), clamp.high));
}

type Range = { readonly low: number; readonly high: number };
type Channel = {
  /** The corners that bound the line: for every a, or below zero and from zero on. */
  readonly parts: readonly Bounds[];
  readonly slopes: Range;
  readonly offset: number;
};

/** Constants for one multiplier. */
function lineConstants({ reach, miss }: Bounds, offset: number, multiplier: number, scale: number): Range {
  let low = Number.NEGATIVE_INFINITY;
  let high = Number.POSITIVE_INFINITY;
  for (let i = 0; i < reach.a.length; i++)
    low = Math.max(low, reach.y[i]! * scale - multiplier * (reach.a[i]! + offset));
  for (let i = 0; i < miss.a.length; i++)
    high = Math.min(high, miss.y[i]! * scale - 1 - multiplier * (miss.a[i]! + offset));
  return { low, high };
}

/** Values times 2^shift stay below 2^52, so that doubles are exact. */
function mostShift(functions: readonly StepFunction[]): number {
  const largest = functions.reduce(
    (most, { clamp }) => Math.max(most, Math.abs(clamp.low), Math.abs(clamp.high)),
    1,
  );
  return 51 - bitsOf(largest);
}

/**
 * Find one form of requantization for several channels: one multiplier and constant for all if there are such, else the same
 * shift for all, as small as possible, so that the multipliers have few bits; for each channel the multiplier with the fewest signed digits; constants with common trailing zeros. Each channel is
 * proven equal to its function by the bounds at its thresholds.
 *
 * @returns undefined when the limits leave no form
 */
export function commonRequantization(
  functions: readonly StepFunction[],
  limits: CommonRequantizationLimits = {},
): CommonRequantization | undefined {
  const split = functions.some((f) => f.thresholds.length > 0 && slopeRange(stepBounds(f)) === undefined);
  const windowBits = limits.saturate === true ? commonWindowBits(functions, split) : undefined;
  const channels: (Channel | undefined)[] = [];
  for (const f of functions) {
    const channel = f.thresholds.length === 0 ? "always" : channelOf(f, windowBits, split);
    if (channel === undefined) return undefined;
    channels.push(channel === "always" ? undefined : channel);
  }
  const shared = windowBits === undefined ? sharedLine(functions, limits) : undefined;
  if (shared !== undefined) return shared;
  for (let shift = 0; shift <= mostShift(functions); shift++) {
    const choices = channels.map((channel, c) =>
      channel === undefined
        ? alwaysChoice(functions[c]!.first, 2 ** shift)
        : lineChoice(channel, 2 ** shift, limits),
    );
    const found = choices.filter((choice) => choice !== undefined);
    if (found.length === choices.length) return formOf(found, shift, windowBits);
  }
  return undefined;
}

const meet = (ranges: readonly Range[]): Range => ({
  low: Math.max(...ranges.map(({ low }) => low)),
  high: Math.min(...ranges.map(({ high }) => high)),
});

/**
 * One multiplier and one constant for all channels, as when a layer has one scale: then nothing is left for a ROM. The channels'
 * functions are parts of one, so a line that meets all their bounds exists.
 */
function sharedLine(
  functions: readonly StepFunction[],
  limits: CommonRequantizationLimits,
): CommonRequantization | undefined {
  const all = functions.map((f) => channelOf(f, undefined, false));
  const channels = all.filter((channel) => channel !== undefined);
  if (channels.length < all.length) return undefined;
  const { low, high } = meet(channels.map(({ slopes }) => slopes));
  if (!(low < high) || low === 0) return undefined;
  for (let shift = 0; shift <= mostShift(functions); shift++) {
    const scale = 2 ** shift;
    const first = Math.floor(low * scale) + 1;
    const end = Math.min(high * scale, 2 ** (limits.multiplierBits ?? 50), first + MOST_MULTIPLIERS);
    let fewest = (limits.multiplierDigits ?? Number.POSITIVE_INFINITY) + 1;
    let best: Choice | undefined;
    for (let multiplier = first; multiplier < end; multiplier++) {
      const digits = csdDigitCount(multiplier);
      if (digits >= fewest) continue;
      const lines = channels.map(({ parts }) =>
        parts.map((part) => lineConstants(part, 0, multiplier, scale)),
      );
      const negative = meet(lines.map(([range]) => range!));
      const nonNegative = meet(lines.map(([range, other]) => other ?? range!));
      if (negative.low > negative.high || nonNegative.low > nonNegative.high) continue;
      best = { multiplier, offset: 0, negative, nonNegative };
      fewest = digits;
    }
    const choice = best;
    if (choice !== undefined)
      return formOf(
        functions.map(() => choice),
        shift,
        undefined,
      );
  }
  return undefined;
}

function channelOf(f: StepFunction, windowBits: number | undefined, split: boolean): Channel | undefined {
  let offset = 0;
  if (windowBits !== undefined) {
    // Values below the window come out as the least; where no clamp holds them, the window must begin right there.
    const last = f.thresholds[f.thresholds.length - 1]!;
    const aligned = f.first > f.clamp.low ? 1 - f.thresholds[0]! : 2 ** windowBits - 1 - last;
    offset = split ? 2 ** (windowBits - 1) : aligned;
  }
  // An end that no clamp holds bounds the line at the end of the interval; saturated, at the end of the window.
  const seen = (a: number): number =>
    windowBits === undefined ? a : Math.max(0, Math.min(a + offset, 2 ** windowBits - 1)) - offset;
  const whole = stepBounds(f);
  const joint = mapped(whole, seen);
  const jointSlopes = slopeRange(joint);
  if (jointSlopes !== undefined) return { parts: [onHull(joint)], slopes: jointSlopes, offset };
  const [negative, nonNegative] = splitBounds(f);
  const parts = [mapped(negative, seen), mapped(nonNegative, seen)] as const;
  const slopes = splitSlopeRange(parts);
  return slopes && { parts: parts.map(onHull), slopes, offset };
}

const mapped = ({ reach, miss }: Bounds, seen: (a: number) => number): Bounds => ({
  reach: { a: reach.a.map(seen), y: reach.y },
  miss: { a: miss.a.map(seen), y: miss.y },
});

function commonWindowBits(functions: readonly StepFunction[], split: boolean): number {
  let bits = 1;
  for (const { thresholds } of functions) {
    if (thresholds.length === 0) continue;
    const start = thresholds[0]! - 1;
    const end = thresholds[thresholds.length - 1]!;
    while (2 ** bits <= end - start) bits++;
    if (split) while (2 ** (bits - 1) < -start || 2 ** (bits - 1) <= end) bits++;
  }
  return bits;
}

/** A multiplier, and constants for accumulators below zero and from zero on. */
type Choice = {
  readonly multiplier: number;
  readonly offset: number;
  readonly negative: Range;
  readonly nonNegative: Range;
};

/** A constant function: multiplier 0. */
function alwaysChoice(value: number, scale: number): Choice {
  const range = { low: value * scale, high: (value + 1) * scale - 1 };
  return { multiplier: 0, offset: 0, negative: range, nonNegative: range };
}

/** Multipliers looked at for each channel and shift. */
const MOST_MULTIPLIERS = 1024;

/** The multiplier with the fewest digits that fits a channel at a shift. */
function lineChoice(
  { parts, slopes, offset }: Channel,
  scale: number,
  limits: CommonRequantizationLimits,
): Choice | undefined {
  const first = Math.floor(slopes.low * scale) + 1;
  const high = Math.min(slopes.high * scale, 2 ** (limits.multiplierBits ?? 50), first + MOST_MULTIPLIERS);
  let fewest = (limits.multiplierDigits ?? Number.POSITIVE_INFINITY) + 1;
  let best: Choice | undefined;
  for (let multiplier = first; multiplier < high; multiplier++) {
    const digits = csdDigitCount(multiplier);
    if (digits >= fewest) continue;
    const [negative, nonNegative] = parts.map((part) => lineConstants(part, offset, multiplier, scale));
    if (negative === undefined || negative.low > negative.high) continue;
    if (nonNegative !== undefined && nonNegative.low > nonNegative.high) continue;
    best = { multiplier, offset, negative, nonNegative: nonNegative ?? negative };
    fewest = digits;
  }
  return best;
}

const bitsOf = (n: number): number => (n <= 0 ? 0 : n.toString(2).length);

/** Give all constants as many common trailing zeros as the ranges allow. */
function formOf(
  choices: readonly Choice[],
  shift: number,
  windowBits: number | undefined,
): CommonRequantization {
  const coarser = ({ low, high }: Range, by: number): Range => ({
    low: Math.ceil(low * 2 ** -by),
    high: Math.floor(high * 2 ** -by),
  });
  const fits = (by: number): boolean =>
    choices.every((choice) =>
      [choice.negative, choice.nonNegative].every((range) => {
        const { low, high } = coarser(range, by);
        return low <= high;
      }),
    );
  let constantShift = 0;
  while (constantShift < shift && fits(constantShift + 1)) constantShift++;
  const channels = choices.map(({ multiplier, offset, negative, nonNegative }) => ({
    multiplier,
    offset,
    ...constantAndStep(coarser(negative, constantShift), coarser(nonNegative, constantShift)),
  }));
  const width = (n: number): number => 1 + bitsOf(n < 0 ? -n - 1 : n);
  return {
    kind: "commonRequantization",
    shift,
    multiplierBits: Math.max(1, ...channels.map(({ multiplier }) => bitsOf(multiplier))),
    multiplierDigits: Math.max(...channels.map(({ multiplier }) => csdDigitCount(multiplier))),
    constantBits: Math.max(...channels.map(({ constant }) => width(constant))),
    constantShift,
    stepBits: Math.max(...channels.map(({ step }) => bitsOf(step))),
    windowBits,
    channels,
  };
}
