import { FixynnError } from "../../core/index.js";
import { type Clamp, type Requantization, requantizationFactor, requantize } from "../../quant/index.js";
import { largest, smallest } from "./extremes.js";

/** What one output channel must do with its accumulator. */
type Channel = {
  readonly channel: number;
  /** Smallest and largest accumulator that the inputs can give. */
  readonly low: number;
  readonly high: number;
};

/**
 * A requantization of all channels of a layer in one format, equal to the required one for every accumulator a that can come, after the
 * clamp: out = clamp((m·a + (a < 0 ? negative : positive)) >> shift), the zero point included in the offsets.
 */
export type LinearRequantization = {
  readonly shift: number;
  readonly multipliers: readonly number[];
  /** Offsets for a ≥ 0 and a < 0; equal unless `tflite` rounds ties away from zero on both sides within the clamp. */
  readonly positive: readonly bigint[];
  readonly negative: readonly bigint[];
};

/** One step of the required function: the smallest accumulator at which the output reaches `value`. */
type Threshold = { readonly value: number; readonly at: number };

/** First accumulator in (low, high] for which a monotone predicate holds. */
function firstWhere(low: number, high: number, holds: (a: number) => boolean): number {
  let no = low;
  let yes = high;
  while (yes - no > 1) {
    const middle = Math.floor((no + yes) / 2);
    if (holds(middle)) yes = middle;
    else no = middle;
  }
  return yes;
}

type Target = {
  readonly channel: Channel;
  readonly first: number;
  readonly last: number;
  readonly thresholds: readonly Threshold[];
  readonly factor: number;
};

function targetOf(channel: Channel, output: (a: number) => number, factor: number): Target {
  const { low, high } = channel;
  const first = output(low);
  const last = output(high);
  const thresholds: Threshold[] = [];
  let from = low;
  for (let value = first + 1; value <= last; value++) {
    const at = output(from) >= value ? from : firstWhere(from, high, (a) => output(a) >= value);
    thresholds.push({ value, at });
    from = at;
  }
  return { channel, first, last, thresholds, factor };
}

/** Bounds of an offset; empty when low > high. */
type Offsets = { low: bigint; high: bigint };

const openOffsets = (): Offsets => ({ low: -(1n << 90n), high: 1n << 90n });

/** Which offsets make m, shift exact for a channel: one range for a ≥ 0, one for a < 0. */
function offsetsFor(
  { channel, first, last, thresholds }: Target,
  clamp: Clamp,
  m: number,
  shift: number,
): { readonly positive: Offsets; readonly negative: Offsets } {
  const ranges = { positive: openOffsets(), negative: openOffsets() };
  const unit = 1n << BigInt(shift);
  const factor = BigInt(m);
  // m·a + c ≥ v·2^shift, or <.
  const atLeast = (a: number, value: number): void => {
    const range = a < 0 ? ranges.negative : ranges.positive;
    const bound = BigInt(value) * unit - factor * BigInt(a);
    if (bound > range.low) range.low = bound;
  };
  const below = (a: number, value: number): void => {
    const range = a < 0 ? ranges.negative : ranges.positive;
    const bound = BigInt(value) * unit - factor * BigInt(a) - 1n;
    if (bound < range.high) range.high = bound;
  };
  for (const { value, at } of thresholds) {
    atLeast(at, value);
    below(at - 1, value);
  }
  if (first > clamp.low) atLeast(channel.low, first);
  if (last < clamp.high) below(channel.high, last + 1);
  // Values that fill the clamp from one end to the other without a step, on either side of 0, are bounded by their neighbours.
  if (channel.low < 0 && channel.high >= 0) {
    const before = thresholds.filter(({ at }) => at < 0).length + first;
    const from = thresholds.filter(({ at }) => at <= 0).length + first;
    if (before > clamp.low) atLeast(-1, before);
    if (before < clamp.high) below(-1, before + 1);
    if (from > clamp.low) atLeast(0, from);
    if (from < clamp.high) below(0, from + 1);
  }
  return ranges;
}

const meet = (a: Offsets, b: Offsets): Offsets => ({
  low: largest([a.low, b.low]),
  high: smallest([a.high, b.high]),
});

const isEmpty = ({ low, high }: Offsets): boolean => low > high;

/** The integer in a range with the most trailing zeros: it costs the fewest bits. */
function roundest({ low, high }: Offsets): bigint {
  if (low <= 0n && high >= 0n) return 0n;
  for (let zeros = 80n; zeros > 0n; zeros--) {
    const candidate = ((low + (1n << zeros) - 1n) >> zeros) << zeros;
    if (candidate <= high) return candidate;
  }
  return low;
}

type Choice = {
  readonly shift: number;
  readonly m: number;
  readonly positive: Offsets;
  readonly negative: Offsets;
};

/** The shortest shift of one channel, its multiplier near the real factor, and the offsets that are exact with it. */
function shortest(target: Target, clamp: Clamp, split: boolean): Choice | undefined {
  for (let shift = 1; shift <= 62; shift++) {
    const exact = target.factor * 2 ** shift;
    if (exact > 2 ** 46) break;
    const floor = Math.floor(exact);
    const candidates = target.thresholds.length === 0 ? [0] : [floor, floor + 1, floor - 1, floor + 2];
    for (const m of candidates) {
      if (m < 0) continue;
      const { positive, negative } = offsetsFor(target, clamp, m, shift);
      if (split) {
        if (!isEmpty(positive) && !isEmpty(negative)) return { shift, m, positive, negative };
        continue;
      }
      const both = meet(positive, negative);
      if (!isEmpty(both)) return { shift, m, positive: both, negative: both };
    }
  }
  return undefined;
}

/** The same formula with a longer shift: everything times a power of two, and the bits that are dropped anyway are free. */
function lengthen(choice: Choice, shift: number): Choice {
  const more = BigInt(shift - choice.shift);
  const grow = ({ low, high }: Offsets): Offsets => ({
    low: low << more,
    high: (high << more) + (1n << more) - 1n,
  });
  const m = choice.m * 2 ** (shift - choice.shift);
  return { shift, m, positive: grow(choice.positive), negative: grow(choice.negative) };
}

/**
 * Find, for each channel, the shortest shift for which one multiplication and one offset reproduce a requantization exactly, clamp
 * included, and bring all channels to the longest of these shifts. All steps of the required function between the reachable accumulators are thresholds; with a given multiplier each bounds
 * the offset from one side, so the offsets that are exact form an interval, and the formula is proven by that interval not being empty.
 * `tflite` rounds ties away from zero, so its steps below and above zero need offsets of their own where the clamp shows both.
 *
 * @throws FixynnError FX5040 when no shift up to 62 does
 */
export function linearRequantization(
  requantization: Requantization,
  ranges: { readonly low: ArrayLike<number>; readonly high: ArrayLike<number> },
  { zeroPoint, clamp, place }: { readonly zeroPoint: number; readonly clamp: Clamp; readonly place: string },
): LinearRequantization {
  const targets = Array.from({ length: ranges.low.length }, (_, channel): Target => {
    const output = (a: number): number =>
      Math.max(clamp.low, Math.min(clamp.high, requantize(requantization, channel, a) + zeroPoint));
    const range = { channel, low: ranges.low[channel]!, high: ranges.high[channel]! };
    return targetOf(range, output, requantizationFactor(requantization, channel));
  });
  for (const split of [false, true]) {
    const own: Choice[] = [];
    for (const target of targets) {
      const choice = shortest(target, clamp, split);
      if (choice === undefined) break;
      own.push(choice);
    }
    if (own.length < targets.length) continue;
    const shift = Math.max(...own.map((choice) => choice.shift));
    const choices = own.map((choice) => lengthen(choice, shift));
    const common = (pick: (choice: Choice) => Offsets): readonly bigint[] => {
      const all = choices.map(pick).reduce(meet);
      return isEmpty(all)
        ? choices.map((choice) => roundest(pick(choice)))
        : choices.map(() => roundest(all));
    };
    return {
      shift,
      multipliers: choices.map(({ m }) => m),
      positive: common(({ positive }) => positive),
      negative: common(({ negative }) => negative),
    };
  }
  throw new FixynnError("FX5040", "no linear formula gives this requantization", { place });
}

/** Compute what the formula gives before the clamp. */
export function evaluateLinear(formula: LinearRequantization, channel: number, a: number): bigint {
  const offset = (a < 0 ? formula.negative : formula.positive)[channel]!;
  return (BigInt(formula.multipliers[channel]!) * BigInt(a) + offset) >> BigInt(formula.shift);
}
