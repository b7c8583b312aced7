import type { ExploreResults } from "../../src/report/explore-results.js";
import type { Figure } from "./figures.js";

/** What the reader asked to see; empty texts and undefined: everything. */
export type Filter = {
  /** Rate of the camera that designs must reach; undefined: as fast as each can. */
  readonly cameraFramesPerSecond: number | undefined;
  readonly freezePoint: string;
  readonly folding: string;
  readonly requantization: string;
  readonly maxAreaMm2: number | undefined;
  readonly maxLossPoints: number | undefined;
};

/** A design with its place on the axes. */
export type Placed = { readonly point: number; readonly x: number; readonly y: number };

/** List the designs within a filter that have both figures. */
export function placed(
  results: ExploreResults,
  filter: Filter,
  { x, y, loss }: { readonly x: Figure; readonly y: Figure; readonly loss: Figure | undefined },
): readonly Placed[] {
  return results.points.flatMap((point, place): Placed[] => {
    const front = results.fronts[point.front]!;
    if (filter.freezePoint !== "" && front.freezePoint !== filter.freezePoint) return [];
    if (filter.folding !== "" && front.folding !== filter.folding) return [];
    if (filter.requantization !== "" && front.requantization !== filter.requantization) return [];
    if (point.framesPerSecond < (filter.cameraFramesPerSecond ?? 0)) return [];
    if (filter.maxAreaMm2 !== undefined && point.areaMm2 > filter.maxAreaMm2) return [];
    if (filter.maxLossPoints !== undefined) {
      const lost = loss?.of(results, place);
      if (lost === undefined || lost > filter.maxLossPoints) return [];
    }
    const [across, up] = [x.of(results, place), y.of(results, place)];
    if (across === undefined || up === undefined) return [];
    return [{ point: place, x: across, y: up }];
  });
}

/** The designs that no other beats on two axes, from the best across to the best up. */
export function frontOf(all: readonly Placed[], x: Figure, y: Figure): readonly Placed[] {
  const cost = (better: Figure["better"], value: number): number => (better === "less" ? value : -value);
  const sorted = [...all].sort(
    (a, b) => cost(x.better, a.x) - cost(x.better, b.x) || cost(y.better, a.y) - cost(y.better, b.y),
  );
  const front: Placed[] = [];
  let best = Number.POSITIVE_INFINITY;
  for (const one of sorted) {
    const own = cost(y.better, one.y);
    if (own < best) {
      front.push(one);
      best = own;
    }
  }
  return front;
}

/** The knee of a front: the least sum of both figures, each 0 at its best and 1 at its worst on the front, logarithmic where all are positive. */
export function kneeOf(front: readonly Placed[], x: Figure, y: Figure): Placed | undefined {
  const shareOf = (figure: Figure, values: readonly number[]): ((value: number) => number) => {
    const place = values.every((value) => value > 0) ? Math.log : (value: number): number => value;
    const [low, high] = [place(Math.min(...values)), place(Math.max(...values))];
    return (value) => {
      if (!(high > low)) return 0;
      const share = (place(value) - low) / (high - low);
      return figure.better === "less" ? share : 1 - share;
    };
  };
  const across = shareOf(
    x,
    front.map((one) => one.x),
  );
  const up = shareOf(
    y,
    front.map((one) => one.y),
  );
  let knee: Placed | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const one of front) {
    const sum = across(one.x) + up(one.y);
    if (sum < least - 1e-12) {
      least = sum;
      knee = one;
    }
  }
  return knee;
}
