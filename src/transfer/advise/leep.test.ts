import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRng, FixynnError } from "../../core/index.js";
import { leep, softmaxRows } from "./leep.js";
import type { Matrix } from "./matrix.js";
import { nLeep } from "./nleep.js";

const matrix = (rows: readonly (readonly number[])[]): Matrix => ({
  rows: rows.length,
  columns: rows[0]!.length,
  data: Float64Array.from(rows.flat()),
});

/** Distributions over a few source classes, and labels of three classes. */
const sample = fc
  .tuple(fc.integer({ min: 2, max: 12 }), fc.integer({ min: 1, max: 5 }))
  .chain(([images, sources]) =>
    fc.record({
      labels: fc.array(fc.nat(2), { minLength: images, maxLength: images }),
      theta: fc
        .array(fc.array(fc.nat(100), { minLength: sources, maxLength: sources }), {
          minLength: images,
          maxLength: images,
        })
        .map((rows) =>
          rows.map((row) => {
            const sum = row.reduce((a, b) => a + b, 0);
            return row.map((value) => (sum === 0 ? 1 / sources : value / sum));
          }),
        ),
    }),
  );

describe("leep", () => {
  it("is what eq. 2 gives by hand", () => {
    // P(y,z) = [[0.9+0.6, 0.1+0.4], [0.2, 0.8]] / 3; P(y=0|z) = 1.5/1.7, 0.5/1.3; P(y=1|z) = 0.2/1.7, 0.8/1.3.
    const theta = matrix([
      [0.9, 0.1],
      [0.6, 0.4],
      [0.2, 0.8],
    ]);
    const expected =
      (Math.log(0.9 * (1.5 / 1.7) + 0.1 * (0.5 / 1.3)) +
        Math.log(0.6 * (1.5 / 1.7) + 0.4 * (0.5 / 1.3)) +
        Math.log(0.2 * (0.2 / 1.7) + 0.8 * (0.8 / 1.3))) /
      3;
    expect(leep(theta, [0, 0, 1], 2)).toBeCloseTo(expected, 12);
  });

  it("lies between minus the entropy of the labels given z and 0, and above minus their entropy", () => {
    fc.assert(
      fc.property(sample, ({ theta, labels }) => {
        const score = leep(matrix(theta), labels, 3);
        const n = labels.length;
        let [conditional, entropy] = [0, 0];
        for (let y = 0; y < 3; y++) {
          const share = labels.filter((label) => label === y).length / n;
          if (share > 0) entropy -= share * Math.log(share);
          for (let z = 0; z < theta[0]!.length; z++) {
            const marginal = theta.reduce((sum, row) => sum + row[z]!, 0) / n;
            const joint = theta.reduce((sum, row, i) => sum + (labels[i] === y ? row[z]! : 0), 0) / n;
            if (joint > 0) conditional -= joint * Math.log(joint / marginal);
          }
        }
        expect(score).toBeLessThanOrEqual(1e-12);
        // Jensen's inequality on the concave logarithm.
        expect(score).toBeGreaterThanOrEqual(-conditional - 1e-9);
        expect(-conditional).toBeGreaterThanOrEqual(-entropy - 1e-9);
      }),
    );
  });

  it("does not care for the order of source classes, of images, nor for the split of a source class", () => {
    fc.assert(
      fc.property(sample, fc.double({ min: 0.1, max: 0.9, noNaN: true }), ({ theta, labels }, share) => {
        const score = leep(matrix(theta), labels, 3);
        const reversed = theta.map((row) => row.toReversed());
        expect(leep(matrix(reversed), labels, 3)).toBeCloseTo(score, 9);
        expect(leep(matrix(theta.toReversed()), labels.toReversed(), 3)).toBeCloseTo(score, 9);
        const split = theta.map(([first = 0, ...rest]) => [share * first, (1 - share) * first, ...rest]);
        expect(leep(matrix(split), labels, 3)).toBeCloseTo(score, 9);
      }),
    );
  });

  it("is 0 for a source that knows the labels, minus their entropy for one that knows nothing", () => {
    const labels = [0, 0, 1, 2];
    const knowing = labels.map((label) => [0, 1, 2].map((z) => (z === label ? 1 : 0)));
    expect(leep(matrix(knowing), labels, 3)).toBeCloseTo(0, 12);
    const blind = labels.map(() => [0.3, 0.7]);
    expect(leep(matrix(blind), labels, 3)).toBeCloseTo(0.5 * Math.log(0.5) + 0.5 * Math.log(0.25), 12);
  });

  it("refuses what is no distribution, and labels of other images", () => {
    expect(() => leep(matrix([[0.5, 0.1]]), [0], 1)).toThrow(FixynnError);
    expect(() => leep(matrix([[0.5, 0.5]]), [0, 1], 2)).toThrow(FixynnError);
  });
});

describe("softmaxRows", () => {
  it("gives distributions, whatever is added to a row", () => {
    const { data } = softmaxRows(
      matrix([
        [1000, 1001],
        [0, 1],
      ]),
    );
    expect(data[0]).toBeCloseTo(1 / (1 + Math.E), 12);
    expect(Array.from(data.subarray(0, 2))).toEqual(Array.from(data.subarray(2)));
  });
});

describe("nLeep", () => {
  const classes = 4;
  const images = 240;
  /** One direction a class, and noise. */
  const features = (noise: number, seed: number): { readonly matrix: Matrix; readonly labels: number[] } => {
    const rng = createRng(seed);
    const labels = Array.from({ length: images }, (_, i) => i % classes);
    const rows = labels.map((label) =>
      Array.from({ length: 12 }, (_, j) => (j === label ? 1 : 0) + noise * rng.normal()),
    );
    return { matrix: matrix(rows), labels };
  };
  const scoreOf = (noise: number): number => {
    const { matrix: points, labels } = features(noise, 3);
    return nLeep(points, labels, { classes, rng: createRng(1) });
  };

  it("is near 0 for separate classes, and falls with noise towards minus the entropy", () => {
    const scores = [0.05, 0.4, 3].map(scoreOf);
    expect(scores[0]).toBeGreaterThan(-0.05);
    expect(scores[1]!).toBeLessThan(scores[0]!);
    expect(scores[2]!).toBeLessThan(scores[1]!);
    expect(scores[2]!).toBeGreaterThanOrEqual(-Math.log(classes) - 1e-9);
  });

  it("is the same each time, and minus the entropy for features that do not vary", () => {
    expect(scoreOf(0.4)).toBe(scoreOf(0.4));
    const constant = matrix(Array.from({ length: 60 }, () => [3, 3, 3]));
    const labels = Array.from({ length: 60 }, (_, i) => i % 2);
    expect(nLeep(constant, labels, { classes: 2, rng: createRng(1) })).toBeCloseTo(-Math.log(2), 9);
  });
});
