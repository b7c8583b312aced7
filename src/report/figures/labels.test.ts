import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { labelRect, lineRects, markRect, placeLabel, placesAlong, placesAround } from "./labels.js";

const bounds = { left: 0, right: 400, top: 0, bottom: 300 };

describe("placeLabel", () => {
  it("takes the first place where nothing is in the way", () => {
    expect(placeLabel("7", placesAround(100, 100), [markRect(100, 100)], bounds)).toEqual({
      ...{ x: 108, y: 94 },
      anchor: "start",
    });
  });

  it("goes elsewhere where a label stands", () => {
    const first = placeLabel("eleven", placesAround(100, 100), [], bounds);
    const second = placeLabel("twelve", placesAround(102, 101), [labelRect("eleven", first)], bounds);
    expect(second).not.toEqual(first);
    const [a, b] = [labelRect("eleven", first), labelRect("twelve", second)];
    expect(a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top).toBe(true);
  });

  it("keeps labels of points inside the plot, wherever the point is", () => {
    fc.assert(
      fc.property(fc.integer({ min: 8, max: 392 }), fc.integer({ min: 8, max: 292 }), (x, y) => {
        const rect = labelRect("layers", placeLabel("layers", placesAround(x, y), [markRect(x, y)], bounds));
        expect(rect.left).toBeGreaterThanOrEqual(bounds.left);
        expect(rect.right).toBeLessThanOrEqual(bounds.right);
        expect(rect.top).toBeGreaterThanOrEqual(bounds.top);
        expect(rect.bottom).toBeLessThanOrEqual(bounds.bottom);
      }),
    );
  });

  it("does not stand on a line where there is room beside it", () => {
    const line = lineRects([50, 150], [150, 50]);
    const { left, right, top, bottom } = labelRect(
      "layer",
      placeLabel("layer", placesAround(100, 100), line, bounds),
    );
    const covers = (one: (typeof line)[number]): boolean =>
      one.right > left && one.left < right && one.bottom > top && one.top < bottom;
    expect(line.some(covers)).toBe(false);
  });

  it("names a line at its right end unless something is there", () => {
    const places = placesAlong(bounds, 150);
    expect(placeLabel("bound", places, [], bounds).anchor).toBe("end");
    const moved = placeLabel("bound", places, [markRect(390, 145)], bounds);
    expect(moved.x).toBeLessThan(390);
    expect(moved.anchor).toBe("middle");
  });
});
