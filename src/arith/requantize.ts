import { invariant } from "../core/index.js";
import { type DigitString, digitStringsBetween } from "./signed-digit-search.js";
import {
  type Bounds,
  type Corners,
  cornersWithin,
  hull,
  type StepFunction,
  slopeRange,
  stepBounds,
  stepValue,
  withCorner,
} from "./step-function.js";

/** ± floor(u / 2^drop) · 2^shift: one signed digit of a multiplier, without the bits that are not worth their adders. */
export type DigitTerm = { readonly drop: number; readonly shift: number; readonly negative: boolean };

/**
 * The least silicon found for a step function, equal to it at every integer of low … high:
 *
 * u = a + offset, saturated to 0 … 2^bits − 1 where `saturates` (else a word of so many bits, perhaps signed);
 * value = clamp(floor((Σ terms(u) + constant + (a ≥ 0 ? step : 0)) / 2^shift)).
 *
 * The offset belongs to the constant of the sum that makes a. With `step` ≠ 0 the offset is 2^(bits − 1), so that the top bit
 * of u tells the sign of a.
 */
export type ScaledRequantizer = {
  readonly kind: "scaled";
  readonly offset: number;
  readonly bits: number;
  readonly saturates: boolean;
  readonly terms: readonly DigitTerm[];
  readonly constant: number;
  /** Not 0 where rounding differs below zero. */
  readonly step: number;
  readonly shift: number;
  /** Estimated cells in full adders. */
  readonly cost: number;
};

/**
 * - `always`: a function of one value needs nothing;
 * - `shifted`: clamp(floor((a + offset) / 2^shift)), free when the offset joins the constant of the sum that makes a;
 * - `scaled`: see {@link ScaledRequantizer}.
 */
export type Requantizer =
  | { readonly kind: "always"; readonly value: number; readonly cost: 0 }
  | { readonly kind: "shifted"; readonly offset: number; readonly shift: number; readonly cost: 0 }
  | ScaledRequantizer;

/** Weights of the estimate, in full adders (sky130: and2 0.31, enable flip-flop 1.5). */
const REQUANTIZER_COST = {
  /** Two gates a bit to force ones or zeros. */
  saturatedBit: 0.6,
  /** A gate for each bit above, to see that it overflows. */
  watchedBit: 0.3,
  /** A column of guard bits: about one more bit in each of two registered rows. */
  guardColumn: 2,
  registeredBit: 1.5,
} as const;

/** Digit strings tried for each number of digits. */
const STRINGS_TRIED = 16;
/** Forms, the cheapest so far, that are trimmed at the end. */
const FORMS_TRIMMED = 2;
/** Digits beyond which a constant multiplication is not searched. */
const MOST_DIGITS = 16;
/** Sums stay below 2^50, so that doubles are exact. */
const MOST_BITS = 50;

/** Where u comes from: u = a + offset, `bits` wide. */
type Window = { readonly offset: number; readonly bits: number; readonly saturates: boolean };

/** What the scaling reads of a. */
function throughWindow({ offset, bits, saturates }: Window, a: number): number {
  return saturates ? Math.max(0, Math.min(a + offset, 2 ** bits - 1)) : a + offset;
}

/** Bits that hold 0 … n. */
const bitsFor = (n: number): number => {
  let bits = 1;
  while (2 ** bits <= n) bits++;
  return bits;
};

/** Evaluate the terms at u. */
export function evaluateTerms(terms: readonly DigitTerm[], u: number): number {
  let sum = 0;
  for (const { drop, shift, negative } of terms) {
    const word = Math.floor(u * 2 ** -drop) * 2 ** shift;
    sum += negative ? -word : word;
  }
  return sum;
}

/** Evaluate a requantizer at an accumulator: the definition of what the silicon does. */
export function evaluateRequantizer(
  requantizer: Requantizer,
  a: number,
  clamp: { readonly low: number; readonly high: number },
): number {
  if (requantizer.kind === "always") return requantizer.value;
  const { offset, shift } = requantizer;
  const clamped = (sum: number): number =>
    Math.max(clamp.low, Math.min(Math.floor(sum * 2 ** -shift), clamp.high));
  if (requantizer.kind === "shifted") return clamped(a + offset);
  const { bits, saturates, terms, constant, step } = requantizer;
  const u = throughWindow({ offset, bits, saturates }, a);
  return clamped(evaluateTerms(terms, u) + constant + (a >= 0 ? step : 0));
}

/** Corners in the order in which they are likely to fail: those on the hull first. */
function hullFirst(corners: Corners, sign: 1 | -1): Corners {
  const first = hull(corners, sign);
  const on = new Set(first);
  const order = [...first, ...[...corners.a.keys()].filter((i) => !on.has(i))];
  return {
    a: Float64Array.from(order, (i) => corners.a[i]!),
    y: Float64Array.from(order, (i) => corners.y[i]!),
  };
}

/** The corners that bound a line. */
export function onHull({ reach, miss }: Bounds): Bounds {
  const only = (corners: Corners, sign: 1 | -1): Corners => {
    const kept = hull(corners, sign);
    return {
      a: Float64Array.from(kept, (i) => corners.a[i]!),
      y: Float64Array.from(kept, (i) => corners.y[i]!),
    };
  };
  return { reach: only(reach, 1), miss: only(miss, -1) };
}

type Range = { readonly low: number; readonly high: number };

/** Constants for which the terms of u (of a itself without a window) reach and miss all corners after division by 2^shift. */
function constantRange(
  terms: readonly DigitTerm[],
  { reach, miss }: Bounds,
  window: Window | undefined,
  shift: number,
): Range | undefined {
  const scale = 2 ** shift;
  const inverses = Float64Array.from(terms, (term) => 2 ** -term.drop);
  const weights = Float64Array.from(terms, (term) => (term.negative ? -1 : 1) * 2 ** term.shift);
  const offset = window?.offset ?? 0;
  const top = window?.saturates === true ? 2 ** window.bits - 1 : Number.POSITIVE_INFINITY;
  const bottom = window?.saturates === true ? 0 : Number.NEGATIVE_INFINITY;
  const sumAt = (a: number): number => {
    const u = Math.max(bottom, Math.min(a + offset, top));
    let sum = 0;
    for (let i = 0; i < weights.length; i++) sum += Math.floor(u * inverses[i]!) * weights[i]!;
    return sum;
  };
  let low = Number.NEGATIVE_INFINITY;
  let high = Number.POSITIVE_INFINITY;
  const count = Math.max(reach.a.length, miss.a.length);
  for (let i = 0; i < count; i++) {
    if (i < reach.a.length) low = Math.max(low, reach.y[i]! * scale - sumAt(reach.a[i]!));
    if (i < miss.a.length) high = Math.min(high, miss.y[i]! * scale - 1 - sumAt(miss.a[i]!));
    if (low > high) return undefined;
  }
  return { low, high };
}

/** The integer of a range with the most trailing zeros. */
export function roundestWithin({ low, high }: Range): number {
  if (low === Number.NEGATIVE_INFINITY) return Math.min(high, 0);
  if (high === Number.POSITIVE_INFINITY) return Math.max(low, 0);
  if (low <= 0 && high >= 0) return 0;
  let best = low;
  for (let unit = 2; ; unit *= 2) {
    const candidate = Math.ceil(low / unit) * unit;
    if (candidate > high) return best;
    best = candidate;
  }
}

/** Choose a constant for accumulators below zero, and what is added to it from zero on. */
export function constantAndStep(
  negative: Range,
  nonNegative: Range,
): { readonly constant: number; readonly step: number } {
  const step = roundestWithin({
    low: nonNegative.low - negative.high,
    high: nonNegative.high - negative.low,
  });
  const low = Math.max(negative.low, nonNegative.low - step);
  const high = Math.min(negative.high, nonNegative.high - step);
  return { constant: roundestWithin({ low, high }), step };
}

/**
 * The line's bounds below zero and from zero on, when the constant may step at zero. What a shared line needs no bound for does
 * here: −1 must stay below the next value, and 0 must reach its own.
 */
export function splitBounds(f: StepFunction): readonly [negative: Bounds, nonNegative: Bounds] {
  const { reach, miss } = stepBounds(f);
  const crosses = f.low < 0 && f.high >= 0;
  const before = stepValue(f, -1);
  const from = stepValue(f, 0);
  const isNegative = (a: number): boolean => a < 0;
  const isNot = (a: number): boolean => a >= 0;
  const misses = cornersWithin(miss, isNegative);
  const reaches = cornersWithin(reach, isNot);
  return [
    {
      reach: cornersWithin(reach, isNegative),
      miss: crosses && before < f.clamp.high ? withCorner(misses, -1, before + 1, "last") : misses,
    },
    {
      reach: crosses && from > f.clamp.low ? withCorner(reaches, 0, from, "first") : reaches,
      miss: cornersWithin(miss, isNot),
    },
  ];
}

/** Slopes that suit both parts when the constant may step at zero. */
export function splitSlopeRange(parts: readonly [Bounds, Bounds]): Range | undefined {
  const [a, b] = parts.map(slopeRange);
  if (a === undefined || b === undefined) return undefined;
  const low = Math.max(a.low, b.low);
  const high = Math.min(a.high, b.high);
  return low < high ? { low, high } : undefined;
}

/** A slope above 1 is only asked for by large steps; without an upper bound, stop at the next power of two or 1. */
export function finiteSlopes({ low, high }: Range): Range {
  return { low, high: Number.isFinite(high) ? high : Math.max(1.5, low * 4) };
}

function termsOf(digits: DigitString, shift: number): readonly DigitTerm[] {
  return digits.map(({ exponent, negative }) => {
    const column = exponent + shift;
    return { drop: Math.max(0, -column), shift: Math.max(0, column), negative };
  });
}

/** Full adders that the sum takes about: bits in, less one row, plus what guard columns cost. */
function sumCost(terms: readonly DigitTerm[], bits: number): number {
  if (terms.length === 1) return 0;
  const into = terms.reduce((total, { drop }) => total + Math.max(0, bits - drop), 0);
  return into - bits + REQUANTIZER_COST.guardColumn * terms[0]!.shift;
}

function windowCost({ bits, saturates }: Window, whole: number): number {
  const { saturatedBit, watchedBit, registeredBit } = REQUANTIZER_COST;
  return bits * registeredBit + (saturates ? bits * saturatedBit + (whole - bits) * watchedBit : 0);
}

/** Bits of a two's complement (or, from 0 on, unsigned) word. */
const wordBits = (low: number, high: number): number =>
  low >= 0 ? bitsFor(high) : 1 + Math.max(bitsFor(-low - 1), bitsFor(Math.max(0, high)));

type PricedWindow = Window & { readonly cost: number };

/** Windows around zero, so that the top bit of u is the sign of a. */
function splitWindows(f: StepFunction): readonly PricedWindow[] {
  const bitsOf = (low: number, high: number): number => {
    let bits = 1;
    while (2 ** (bits - 1) < -low || 2 ** (bits - 1) <= high) bits++;
    return bits;
  };
  const whole = bitsOf(f.low, f.high);
  const least = bitsOf(f.thresholds[0]! - 1, f.thresholds[f.thresholds.length - 1]!);
  return [...new Set([least, whole])].map((bits) => {
    const window = { offset: 2 ** (bits - 1), bits, saturates: bits < whole };
    return { ...window, cost: windowCost(window, whole) };
  });
}

/**
 * Windows for a slope: u = 0 is where the line crosses the clamp's lower bound, so that the constant of the scaled sum is little
 * more than that bound. Either saturated to what the thresholds need, or the whole interval.
 */
function alignedWindows(f: StepFunction, digits: DigitString, bounds: Bounds): readonly PricedWindow[] {
  const shift = Math.max(0, -digits[digits.length - 1]!.exponent);
  const terms = termsOf(digits, shift);
  const constants = constantRange(terms, bounds, undefined, shift);
  if (constants === undefined) return [];
  const multiplier = evaluateTerms(terms, 1);
  const offset = Math.floor(
    (Math.min(constants.high, 2 ** MOST_BITS) - f.clamp.low * 2 ** shift) / multiplier,
  );
  const wholeBits = wordBits(f.low + offset, f.high + offset);
  const whole = { offset, bits: wholeBits, saturates: false };
  const priced = [{ ...whole, cost: windowCost(whole, wholeBits) }];
  const end = f.thresholds[f.thresholds.length - 1]! + offset;
  const bits = bitsFor(Math.max(1, end));
  if (bits >= wholeBits) return priced;
  const least = { offset, bits, saturates: true };
  return [{ ...least, cost: windowCost(least, wholeBits) }, ...priced];
}

/**
 * Find the cheapest exact form of a step function: clamp first, then few digits.
 *
 * The slopes α of all lines that meet the function's bounds are an open interval; in it the numbers α = Σ ±2^e of 1, 2, 3, …
 * signed digits are listed, and for each the fewest guard columns are sought with which the terms, cut below the last column,
 * still meet every bound for some constant. The bounds are the thresholds, so a candidate that meets them is proven equal on the
 * whole interval. The search ends one digit after the first success.
 *
 * @returns undefined when no sum of at most 16 digits and 50 bits does it (then the definition must be built)
 */
export function searchRequantizer(f: StepFunction): Requantizer | undefined {
  if (f.thresholds.length === 0) return { kind: "always", value: f.first, cost: 0 };
  const bounds = stepBounds(f);
  const joint = slopeRange(bounds);
  const parts = splitBounds(f);
  const slopes = joint ?? splitSlopeRange(parts);
  if (slopes === undefined) return undefined;
  const groups = joint === undefined ? parts : [bounds];
  const ordered = groups.map(({ reach, miss }) => ({
    reach: hullFirst(reach, 1),
    miss: hullFirst(miss, -1),
  }));
  const range = finiteSlopes(slopes);
  if (joint !== undefined) {
    const shifted = powerOfTwo(range, bounds);
    if (shifted !== undefined) return shifted;
  }
  const hulls = groups.map(onHull);
  const split = joint === undefined ? splitWindows(f) : undefined;
  let forms: Form[] = [];
  let firstSuccess = MOST_DIGITS;
  for (let digits = 1; digits <= Math.min(MOST_DIGITS, firstSuccess + 1); digits++) {
    const leastExponent = -MOST_BITS + 8;
    const strings = digitStringsBetween({ ...range, digits, leastExponent, limit: STRINGS_TRIED });
    for (const string of strings) {
      for (const window of split ?? alignedWindows(f, string, hulls[0]!)) {
        const limit = forms.length < FORMS_TRIMMED ? Number.POSITIVE_INFINITY : forms[forms.length - 1]!.cost;
        const found = fewestGuards(string, window, ordered, limit);
        if (found === undefined) continue;
        forms = [...forms, found].sort((x, y) => x.cost - y.cost).slice(0, FORMS_TRIMMED);
      }
    }
    if (forms.length > 0 && firstSuccess === MOST_DIGITS) firstSuccess = digits;
  }
  let best: Form | undefined;
  for (const form of forms) {
    const shorter = trimmed(form, ordered);
    if (best === undefined || shorter.cost < best.cost) best = shorter;
  }
  if (best === undefined) return undefined;
  const { window, terms, constant, step, shift, cost } = best;
  const { offset, bits, saturates } = window;
  return { kind: "scaled", offset, bits, saturates, terms, constant, step, shift, cost };
}

/** A slope that is a power of two costs nothing: its constant is at most a fraction of an accumulator unit off an integer. */
function powerOfTwo(range: Range, bounds: Bounds): Requantizer | undefined {
  for (let shift = 0; 2 ** -shift > range.low; shift++) {
    if (2 ** -shift >= range.high) continue;
    const constants = constantRange([{ drop: 0, shift: 0, negative: false }], bounds, undefined, shift);
    if (constants !== undefined)
      return { kind: "shifted", offset: roundestWithin(constants), shift, cost: 0 };
    if (shift >= MOST_BITS) break;
  }
  return undefined;
}

/**
 * Whether no step of u lowers the sum: then the thresholds decide about every integer between them. When u reaches a multiple of 2^n
 * (and of no higher power), the terms that drop at most n bits move, each by its column.
 */
function isMonotone(terms: readonly DigitTerm[]): boolean {
  let rise = 0;
  const order = [...terms].sort((x, y) => x.drop - y.drop);
  for (const [i, { drop, shift, negative }] of order.entries()) {
    rise += negative ? -(2 ** shift) : 2 ** shift;
    if (order[i + 1]?.drop !== drop && rise < 0) return false;
  }
  return true;
}

/** A form being improved: digits behind a window. */
type Form = {
  readonly window: PricedWindow;
  readonly terms: readonly DigitTerm[];
  readonly shift: number;
  readonly constant: number;
  readonly step: number;
  readonly cost: number;
};

/** Complete terms behind a window by a constant, if there is one. */
function completed(
  window: PricedWindow,
  terms: readonly DigitTerm[],
  shift: number,
  groups: readonly Bounds[],
): Form | undefined {
  if (!isMonotone(terms)) return undefined;
  const ranges: Range[] = [];
  for (const group of groups) {
    const range = constantRange(terms, group, window, shift);
    if (range === undefined) return undefined;
    ranges.push(range);
  }
  const [first, second] = ranges;
  const choice =
    second === undefined ? { constant: roundestWithin(first!), step: 0 } : constantAndStep(first!, second);
  invariant(Number.isSafeInteger(choice.constant), "the constant is bounded");
  return { window, terms, shift, cost: window.cost + sumCost(terms, window.bits), ...choice };
}

/** The fewest guard columns with which the digits, cut below the last column, are exact. */
function fewestGuards(
  digits: DigitString,
  window: PricedWindow,
  groups: readonly Bounds[],
  limit: number,
): Form | undefined {
  const leading = digits[0]!.exponent;
  const last = digits[digits.length - 1]!.exponent;
  for (let shift = Math.max(0, -leading); shift <= Math.max(0, -last); shift++) {
    if (window.bits + leading + shift > MOST_BITS) return undefined;
    const terms = termsOf(digits, shift);
    if (window.cost + sumCost(terms, window.bits) >= limit) return undefined;
    const form = completed(window, terms, shift, groups);
    if (form !== undefined) return form;
  }
  return undefined;
}

/** Drop further low bits of single digits as long as the form stays exact, the least digit first. */
function trimmed(form: Form, groups: readonly Bounds[]): Form {
  let best = form;
  for (let i = best.terms.length - 1; i >= 0; i--) {
    const { drop, shift, negative } = best.terms[i]!;
    const less =
      drop + 1 >= form.window.bits
        ? best.terms.filter((_, j) => j !== i)
        : best.terms.map((term, j) => (j === i ? { drop: drop + 1, shift: shift + 1, negative } : term));
    const shorter = completed(best.window, less, best.shift, groups);
    if (shorter === undefined) continue;
    best = shorter;
    if (shorter.terms.length === form.terms.length) i++;
  }
  return best;
}
