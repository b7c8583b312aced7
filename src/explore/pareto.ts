/** Which way a figure is good. */
export type Direction = "least" | "most";

/**
 * Turn figures into costs, of which less is always better. `NaN` where a point lacks a figure: such a point is on no front.
 *
 * @param rows the figures of each point, one for each direction
 */
export function costsOf(rows: readonly (readonly number[])[], directions: readonly Direction[]): number[][] {
  return rows.map((row) =>
    row.map((value, i) => (directions[i] === "most" ? (value === 0 ? 0 : -value) : value)),
  );
}

const dominates = (a: readonly number[], b: readonly number[]): boolean =>
  a.every((value, i) => value <= b[i]!);

/**
 * Find the points that no other beats: for a point left out there is one on the front at least as good in every figure. Of equal
 * points the first stays. Points with a figure that is no finite number are left out.
 *
 * @param costs of each point, less is better
 * @returns their places, in the order of the first cost, then the second, …
 */
export function paretoFront(costs: readonly (readonly number[])[]): number[] {
  const order = costs
    .map((_, i) => i)
    .filter((i) => costs[i]!.every(Number.isFinite))
    .sort((a, b) => compare(costs[a]!, costs[b]!) || a - b);
  // Whoever comes later in this order beats nobody before.
  const front: number[] = [];
  for (const i of order) {
    const cost = costs[i]!;
    let isBeaten = false;
    for (let k = front.length - 1; k >= 0 && !isBeaten; k--) isBeaten = dominates(costs[front[k]!]!, cost);
    if (!isBeaten) front.push(i);
  }
  return front;
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}

/**
 * Find the knee of a Pareto front: the point that bulges furthest beyond the plane through the front's extremes (Das 1999; for two
 * figures the largest distance from the chord, as Satopää et al. 2011). Every figure is brought to 0 (best on the front) … 1 (worst on
 * it), positive figures by their logarithms, since a factor of two weighs the same anywhere; the plane through the extremes is then Σ = 1, and the
 * knee is the point of the least sum. Figures that are equal all over the front do not count.
 *
 * @param figures of each point, not negated; `front` names the places of the front's points
 * @returns a place; `undefined` for an empty front; of equal points the first
 */
export function kneeOf(
  figures: readonly (readonly number[])[],
  front: readonly number[],
  directions: readonly Direction[],
): number | undefined {
  const axes = directions.map((direction, axis) => {
    const values = front.map((i) => figures[i]![axis]!);
    const isRatio = values.every((value) => value > 0);
    const place = isRatio ? Math.log : (value: number): number => value;
    const [low, high] = [place(Math.min(...values)), place(Math.max(...values))];
    return (value: number): number => {
      if (!(high > low)) return 0;
      const share = (place(value) - low) / (high - low);
      return direction === "least" ? share : 1 - share;
    };
  });
  let best: { readonly place: number; readonly sum: number } | undefined;
  for (const place of front) {
    const sum = axes.reduce((total, share, axis) => total + share(figures[place]![axis]!), 0);
    if (best === undefined || sum < best.sum - 1e-12) best = { place, sum };
  }
  return best?.place;
}
