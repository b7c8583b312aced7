import { invariant } from "../core/index.js";

/**
 * A monotone function from integers to a few integers, known by where it steps: what a requantization with its clamp does to
 * the accumulators that can occur. Two formulas are equal on low … high if and only if their thresholds are.
 */
export type StepFunction = {
  /** Integers that can occur, both included; below 2^53. */
  readonly low: number;
  readonly high: number;
  /** Value at `low`. */
  readonly first: number;
  /** Entry i: the least a with value ≥ first + 1 + i. Ascending, not always strictly. */
  readonly thresholds: Float64Array;
  /** Bounds that the value is clamped to anyway. */
  readonly clamp: { readonly low: number; readonly high: number };
};

/**
 * Find the thresholds of a monotone function, clamped, by galloping and bisection from each threshold to the next:
 * O(steps · log(range / steps)) evaluations.
 */
export function stepFunction(
  f: (a: number) => number,
  { low, high }: { readonly low: number; readonly high: number },
  clamp: StepFunction["clamp"],
): StepFunction {
  invariant(low <= high && clamp.low <= clamp.high, "empty interval");
  const value = (a: number): number => Math.max(clamp.low, Math.min(f(a), clamp.high));
  const first = value(low);
  const last = value(high);
  const thresholds = new Float64Array(last - first);
  let below = low;
  let stride = 1;
  for (let i = 0; i < thresholds.length; i++) {
    const target = first + 1 + i;
    if (i > 0 && value(thresholds[i - 1]!) >= target) {
      thresholds[i] = thresholds[i - 1]!;
      continue;
    }
    // below: value < target. Gallop until a point at or beyond the step, then bisect.
    let above = Math.min(high, below + stride);
    for (let jump = Math.ceil(stride / 8); value(above) < target; jump *= 2) {
      below = above;
      above = Math.min(high, below + jump);
    }
    while (above - below > 1) {
      const middle = Math.floor((above + below) / 2);
      if (value(middle) >= target) above = middle;
      else below = middle;
    }
    thresholds[i] = above;
    stride = i === 0 ? 1 : Math.max(1, Math.floor((above - thresholds[i - 1]!) * 0.9));
    below = above - 1 + (value(above) > target ? 0 : 1);
  }
  return { low, high, first, thresholds, clamp };
}

/** Value of a step function at a, anywhere. */
export function stepValue({ first, thresholds }: StepFunction, a: number): number {
  let from = 0;
  let to = thresholds.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (thresholds[middle]! <= a) from = middle + 1;
    else to = middle;
  }
  return first + from;
}

/** Where a line α·a + β is bounded: at each `a[i]` by `y[i]`. Ascending in a. */
export type Corners = { readonly a: Float64Array; readonly y: Float64Array };

/**
 * What floor(α·a + β), clamped, must satisfy to be the function: α·a + β ≥ y at the corners `reach` (the thresholds) and < y at
 * the corners `miss` (one before). An end that the clamp does not hold adds a corner.
 */
export type Bounds = { readonly reach: Corners; readonly miss: Corners };

/** List the bounds of a step function. */
export function stepBounds({ low, high, first, thresholds, clamp }: StepFunction): Bounds {
  const steps = Array.from(thresholds, (a, i) => ({ a, y: first + 1 + i }));
  const reach = first > clamp.low ? [{ a: low, y: first }, ...steps] : steps;
  const before = steps.map(({ a, y }) => ({ a: a - 1, y }));
  const last = first + thresholds.length;
  const miss = last < clamp.high ? [...before, { a: high, y: last + 1 }] : before;
  return { reach: corners(reach), miss: corners(miss) };
}

function corners(points: readonly { readonly a: number; readonly y: number }[]): Corners {
  return { a: Float64Array.from(points, ({ a }) => a), y: Float64Array.from(points, ({ y }) => y) };
}

/** Keep the corners with a in a range. */
export function cornersWithin({ a, y }: Corners, inside: (a: number) => boolean): Corners {
  const keep = [...a.keys()].filter((i) => inside(a[i]!));
  return { a: Float64Array.from(keep, (i) => a[i]!), y: Float64Array.from(keep, (i) => y[i]!) };
}

/** Add a corner at an end. */
export function withCorner({ a, y }: Corners, at: number, value: number, end: "first" | "last"): Corners {
  const join = (list: Float64Array, entry: number): Float64Array =>
    Float64Array.from(end === "first" ? [entry, ...list] : [...list, entry]);
  return { a: join(a, at), y: join(y, value) };
}

/** Indices of the corners on the convex hull that bound lines: the upper hull (sign 1) or the lower one (sign −1). */
export function hull({ a, y }: Corners, sign: 1 | -1): readonly number[] {
  const kept: number[] = [];
  for (let i = 0; i < a.length; i++) {
    while (kept.length > 0) {
      const q = kept[kept.length - 1]!;
      if (a[q] === a[i]) {
        if (sign * (y[i]! - y[q]!) <= 0) break;
        kept.pop();
        continue;
      }
      if (kept.length === 1) break;
      const p = kept[kept.length - 2]!;
      const turn = (y[q]! - y[p]!) * (a[i]! - a[q]!) - (y[i]! - y[q]!) * (a[q]! - a[p]!);
      if (sign * turn > 0) break;
      kept.pop();
    }
    const top = kept[kept.length - 1];
    if (top === undefined || a[top] !== a[i]) kept.push(i);
  }
  return kept;
}

/**
 * Bound the slopes α > 0 for which some β meets all bounds: an open interval, undefined when it is empty. A pair of a `reach` and a
 * `miss` corner bounds α on one side; only corners on the two convex hulls can bind.
 */
export function slopeRange({
  reach,
  miss,
}: Bounds): { readonly low: number; readonly high: number } | undefined {
  let low = 0;
  let high = Number.POSITIVE_INFINITY;
  const misses = hull(miss, -1);
  for (const r of hull(reach, 1)) {
    for (const m of misses) {
      const da = reach.a[r]! - miss.a[m]!;
      const dy = reach.y[r]! - miss.y[m]!;
      if (da > 0) low = Math.max(low, dy / da);
      else if (da < 0) high = Math.min(high, dy / da);
      else if (dy >= 0) return undefined;
    }
  }
  return low < high ? { low, high } : undefined;
}
