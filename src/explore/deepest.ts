import type { DesignPoint, Exploration, ExploredFreezePoint } from "./types.js";

/** Bounds of {@link deepestFreeze}. */
export type FreezeBounds = {
  /** Largest loss of any task against the network with nothing frozen, 0 to 1; absent: any. */
  readonly maxLoss?: number | undefined;
  /** Front and accelerator together; absent: any. */
  readonly maxAreaMm2?: number | undefined;
};

/** The deepest freeze within bounds: the best design of the deepest freeze point that has one, or why there is none. */
export type FreezeAnswer = FreezeBounds &
  (
    | { readonly isFound: true; readonly freezePoint: string; readonly point: number }
    | { readonly isFound: false; readonly reason: string }
  );

/**
 * Return the largest loss of any task against the network with nothing frozen, 0 to 1; negative when every task gains. `undefined` when
 * there is no task, or one lacks a figure.
 */
export function largestLoss({ tasks }: Pick<ExploredFreezePoint, "tasks">): number | undefined {
  const losses = tasks.map(({ frozen, unfrozen }) =>
    unfrozen === undefined ? undefined : unfrozen - frozen,
  );
  if (losses.length === 0 || losses.includes(undefined)) return undefined;
  return Math.max(...(losses as number[]));
}

/**
 * Find the freeze point with the most MACs in silicon that has a design within the bounds, and of its designs the one of most TOPS/W. With a
 * bound on the loss only designs count whose accuracy was measured.
 */
export function deepestFreeze(
  { points, fronts, freezePoints }: Pick<Exploration, "points" | "fronts" | "freezePoints">,
  bounds: FreezeBounds,
): FreezeAnswer {
  const { maxLoss, maxAreaMm2 } = bounds;
  const none = (reason: string): FreezeAnswer => ({ ...bounds, isFound: false, reason });
  if (maxLoss !== undefined && freezePoints.every((point) => largestLoss(point) === undefined))
    return none("no accuracies with and without freezing: explore the folder of a run or a sweep");
  const isWithin = (loss: number | undefined): boolean =>
    maxLoss === undefined || (loss !== undefined && loss <= maxLoss + 1e-12);
  const accurate = freezePoints.filter((point) => isWithin(largestLoss(point)));
  if (accurate.length === 0) {
    const least = Math.min(...freezePoints.map((point) => largestLoss(point) ?? Number.POSITIVE_INFINITY));
    return none(`every freeze point loses more: ${(100 * least).toFixed(2)} points at least`);
  }
  let smallest = Number.POSITIVE_INFINITY;
  for (const { layer } of [...accurate].sort((a, b) => b.frozenMacs - a.frozenMacs)) {
    let best: { readonly place: number; readonly point: DesignPoint } | undefined;
    for (const [place, point] of points.entries()) {
      const front = fronts[point.front]!;
      if (front.freezePoint !== layer || (maxLoss !== undefined && !front.isMeasured)) continue;
      smallest = Math.min(smallest, point.areaMm2);
      if (maxAreaMm2 !== undefined && point.areaMm2 > maxAreaMm2) continue;
      if (best === undefined || point.topsPerWatt > best.point.topsPerWatt) best = { place, point };
    }
    if (best !== undefined) return { ...bounds, isFound: true, freezePoint: layer, point: best.place };
  }
  return none(
    Number.isFinite(smallest)
      ? `every design is larger: ${smallest.toPrecision(3)} mm² at least`
      : "no freeze point within the loss was compiled",
  );
}
