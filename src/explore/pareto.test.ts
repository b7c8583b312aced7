import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { costsOf, type Direction, kneeOf, paretoFront } from "./pareto.js";

const rows = fc
  .integer({ min: 1, max: 4 })
  .chain((axes) => fc.array(fc.array(fc.integer({ min: 0, max: 6 }), { minLength: axes, maxLength: axes })));

const atLeastAsGood = (a: readonly number[], b: readonly number[]): boolean => a.every((v, i) => v <= b[i]!);

describe("paretoFront", () => {
  it("keeps nobody that another point beats, and beats everybody that it drops", () => {
    fc.assert(
      fc.property(rows, (costs) => {
        const front = paretoFront(costs);
        for (const i of front)
          for (const j of front) if (i !== j) expect(atLeastAsGood(costs[j]!, costs[i]!)).toBe(false);
        for (const i of costs.keys()) {
          if (!front.includes(i)) expect(front.some((j) => atLeastAsGood(costs[j]!, costs[i]!))).toBe(true);
        }
      }),
    );
  });

  it("does not depend on the order of the points, but for which of equal ones stays", () => {
    fc.assert(
      fc.property(rows, (costs) => {
        const texts = (all: readonly (readonly number[])[]): string[] =>
          paretoFront(all)
            .map((i) => all[i]!.join())
            .sort();
        expect(texts([...costs].reverse())).toEqual(texts(costs));
      }),
    );
  });

  it("leaves out points without a figure", () => {
    expect(
      paretoFront([
        [Number.NaN, 0],
        [1, 1],
        [2, Number.POSITIVE_INFINITY],
      ]),
    ).toEqual([1]);
    expect(paretoFront([])).toEqual([]);
  });

  it("takes most as less of the negative", () => {
    expect(costsOf([[1, 5]], ["least", "most"])).toEqual([[1, -5]]);
  });
});

describe("kneeOf", () => {
  const both: readonly Direction[] = ["least", "most"];
  const frontOf = (figures: readonly (readonly number[])[], directions = both): number[] =>
    paretoFront(costsOf(figures, directions));

  it("finds the corner of an elbow", () => {
    const figures = [
      [1, 1],
      [1.1, 8],
      [10, 10],
    ];
    expect(kneeOf(figures, frontOf(figures), both)).toBe(1);
  });

  it("is on the front and indifferent to units", () => {
    const positive = fc.array(fc.tuple(fc.integer({ min: 1, max: 99 }), fc.integer({ min: 1, max: 99 })), {
      minLength: 1,
    });
    fc.assert(
      fc.property(positive, (figures) => {
        const front = frontOf(figures);
        const knee = kneeOf(figures, front, both)!;
        expect(front).toContain(knee);
        const scaled = figures.map(([a, b]) => [a * 1000, b / 8]);
        const other = kneeOf(scaled, frontOf(scaled), both)!;
        // Rounding may choose another of equal sums.
        expect(sumOf(figures, front, other)).toBeCloseTo(sumOf(figures, front, knee), 6);
      }),
    );
  });

  it("is the only point of a front of one, and none of an empty one", () => {
    expect(kneeOf([[3, 4]], [0], both)).toBe(0);
    expect(kneeOf([], [], both)).toBeUndefined();
  });
});

/** The sum that the knee minimizes, written once more. */
function sumOf(
  figures: readonly (readonly [number, number])[],
  front: readonly number[],
  place: number,
): number {
  const share = (axis: 0 | 1): number => {
    const logs = front.map((i) => Math.log(figures[i]![axis]));
    const [low, high] = [Math.min(...logs), Math.max(...logs)];
    return high > low ? (Math.log(figures[place]![axis]) - low) / (high - low) : axis;
  };
  return share(0) + 1 - share(1);
}
