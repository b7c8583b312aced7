/** A rectangle, px. */
export type Rect = {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
};

/** A place for a text: its anchor point on the base line, px. */
export type LabelPlace = {
  readonly x: number;
  readonly y: number;
  readonly anchor: "start" | "middle" | "end";
};

/** Width of a character of 12 px, about, in running text. */
const CHARACTER_PX = 6.4;

/** The rectangle that a text of 12 px takes at a place. */
export function labelRect(text: string, { x, y, anchor }: LabelPlace): Rect {
  const width = CHARACTER_PX * [...text].length;
  const left = anchor === "start" ? x : anchor === "end" ? x - width : x - width / 2;
  return { left, right: left + width, top: y - 10, bottom: y + 3 };
}

/** A point's mark with some air around it. */
export const markRect = (x: number, y: number, size = 7): Rect => ({
  left: x - size,
  right: x + size,
  top: y - size,
  bottom: y + size,
});

/** A line between two points as small squares along it. */
export function lineRects(
  from: readonly [number, number],
  to: readonly [number, number],
  step = 6,
): readonly Rect[] {
  const pieces = Math.max(1, Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1]) / step));
  return Array.from({ length: pieces + 1 }, (_, i) => {
    const share = i / pieces;
    return markRect(from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1]), 2);
  });
}

/** Area that two rectangles share, px². */
function overlap(a: Rect, b: Rect): number {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  return width > 0 && height > 0 ? width * height : 0;
}

/** Area of a rectangle outside of another, px². */
const outside = (one: Rect, bounds: Rect): number =>
  (one.right - one.left) * (one.bottom - one.top) - overlap(one, bounds);

/**
 * Choose the place where a text covers least of what is drawn already and stays within bounds; the first of equally good ones.
 *
 * @param candidates at least one
 */
export function placeLabel(
  text: string,
  candidates: readonly LabelPlace[],
  taken: readonly Rect[],
  bounds: Rect,
): LabelPlace {
  let best = candidates[0]!;
  let least = Number.POSITIVE_INFINITY;
  for (const place of candidates) {
    const rect = labelRect(text, place);
    // To be cut is worse than to cover a mark.
    const cost = taken.reduce((sum, one) => sum + overlap(rect, one), 4 * outside(rect, bounds));
    if (cost < least) [best, least] = [place, cost];
  }
  return best;
}

/** Places around a point: first to the upper right, as one reads, then the other corners, then above and below. */
export function placesAround(x: number, y: number): readonly LabelPlace[] {
  return [
    { x: x + 8, y: y - 6, anchor: "start" },
    { x: x + 8, y: y + 15, anchor: "start" },
    { x: x - 8, y: y - 6, anchor: "end" },
    { x: x - 8, y: y + 15, anchor: "end" },
    { x: x + 11, y: y + 4, anchor: "start" },
    { x: x - 11, y: y + 4, anchor: "end" },
    { x, y: y - 12, anchor: "middle" },
    { x, y: y + 21, anchor: "middle" },
  ];
}

/** Places along a horizontal line, from its right end to its left one. */
export function placesAlong(bounds: Rect, y: number): readonly LabelPlace[] {
  const steps = 36;
  return Array.from({ length: steps + 1 }, (_, i): LabelPlace => {
    const x = bounds.right - 4 - (i / steps) * (bounds.right - bounds.left - 8);
    return { x, y, anchor: i === 0 ? "end" : i === steps ? "start" : "middle" };
  });
}
