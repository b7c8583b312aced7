import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRng } from "../../core/index.js";
import type { Split } from "../../data/index.js";
import { nodeName } from "../../graph/index.js";
import { type AdviceRequest, adviseFreezePoints } from "./advise.js";
import { kendall, spearman } from "./correlation.js";
import { assignFolds, stratifiedIndices } from "./folds.js";
import { factorInPlace, type Matrix, solveLowerInPlace } from "./matrix.js";
import { principalScores } from "./pca.js";
import { poolFeatures } from "./pool.js";
import { createProbe } from "./probe.js";
import { nestedRidge } from "./ridge.js";

const CLASSES = 3;

/** Features that show the class in some columns, under noise. */
function noisy(labels: ArrayLike<number>, noise: number, seed: number, columns = 6): Matrix {
  const rng = createRng(seed);
  const data = new Float32Array(labels.length * columns);
  for (let i = 0; i < labels.length; i++) {
    for (let j = 0; j < columns; j++)
      data[i * columns + j] = (j === labels[i] ? 1 : 0) + noise * rng.normal();
  }
  return { rows: labels.length, columns, data };
}

const labelsOf = (count: number): Uint16Array => Uint16Array.from({ length: count }, (_, i) => i % CLASSES);

/** Solve a linear system by elimination: the plain way, to judge by. */
function solve(a: readonly (readonly number[])[], b: readonly number[]): number[] {
  const n = b.length;
  const m = a.map((row, i) => [...row, b[i]!]);
  for (let p = 0; p < n; p++) {
    for (let r = p + 1; r < n; r++) {
      const f = m[r]![p]! / m[p]![p]!;
      for (let c = p; c <= n; c++) m[r]![c]! -= f * m[p]![c]!;
    }
  }
  const x = new Array<number>(n).fill(0);
  for (let p = n - 1; p >= 0; p--) {
    let sum = m[p]![n]!;
    for (let c = p + 1; c < n; c++) sum -= m[p]![c]! * x[c]!;
    x[p] = sum / m[p]![p]!;
  }
  return x;
}

describe("nestedRidge", () => {
  it("predicts what the normal equations with an intercept give, fold by fold", () => {
    const labels = labelsOf(45);
    const features = noisy(labels, 0.8, 5, 4);
    const folds = assignFolds({ labels }, 3, createRng(2));
    const [answer] = nestedRidge({ blocks: [features], labels, classes: CLASSES, folds, foldCount: 3 });
    const { lambda, right } = answer!;
    const columns = Array.from({ length: 4 }, (_, j) => {
      const values = Array.from(labels, (_l, i) => features.data[i * 4 + j]!);
      const mean = values.reduce((a, b) => a + b) / 45;
      const deviation = Math.sqrt(values.reduce((s, v) => s + (v - mean) ** 2, 0) / 45);
      return values.map((v) => (v - mean) / deviation);
    });
    for (let fold = 0; fold < 3; fold++) {
      const train = Array.from(labels.keys()).filter((i) => folds[i] !== fold);
      const n = train.length;
      // Unknowns: four weights and the intercept, which has no penalty.
      const row = (i: number): number[] => [...columns.map((column) => column[i]!), 1];
      const normal = Array.from({ length: 5 }, (_, p) =>
        Array.from(
          { length: 5 },
          (_q, q) =>
            train.reduce((sum, i) => sum + row(i)[p]! * row(i)[q]!, 0) / n + (p === q && p < 4 ? lambda : 0),
        ),
      );
      const weights = Array.from({ length: CLASSES }, (_, c) =>
        solve(
          normal,
          Array.from(
            { length: 5 },
            (_p, p) => train.reduce((sum, i) => sum + row(i)[p]! * (labels[i] === c ? 1 : 0), 0) / n,
          ),
        ),
      );
      for (let i = 0; i < 45; i++) {
        if (folds[i] !== fold) continue;
        const scores = weights.map((w) => w.reduce((sum, value, p) => sum + value * row(i)[p]!, 0));
        expect(right[i]).toBe(scores.indexOf(Math.max(...scores)) === labels[i] ? 1 : 0);
      }
    }
  });

  it("answers for the first blocks as if there were no others", () => {
    const labels = labelsOf(60);
    const blocks = [noisy(labels, 2, 1, 3), noisy(labels, 1, 2, 5), noisy(labels, 1, 3, 4)];
    const folds = assignFolds({ labels }, 4, createRng(3));
    const problem = { labels, classes: CLASSES, folds, foldCount: 4 };
    const nested = nestedRidge({ ...problem, blocks });
    for (const n of [1, 2]) {
      const alone = nestedRidge({ ...problem, blocks: blocks.slice(0, n) }).at(-1)!;
      expect(nested[n - 1]).toEqual(alone);
    }
  });
});

describe("createProbe", () => {
  const labels = labelsOf(150);
  const probe = createProbe({ labels }, { classes: CLASSES, rng: createRng(4) });

  it("separates what is separable, and ranks noisier features lower", () => {
    const [clean, blurred, lost] = [0.05, 0.7, 20].map((noise) => probe.linear(noisy(labels, noise, 7)));
    expect(clean!.accuracy).toBe(1);
    expect(blurred!.accuracy).toBeLessThan(1);
    expect(lost!.accuracy).toBeLessThan(blurred!.accuracy);
  });

  it("does not learn labels by heart: it is at chance on features that say nothing", () => {
    const random = noisy(new Uint16Array(150).fill(CLASSES), 1, 9, 100);
    expect(probe.linear(random).accuracy).toBeLessThan(0.5);
  });

  it("does not care for shifts and scales of features, nor for constant ones, and repeats itself", () => {
    const features = noisy(labels, 0.7, 11);
    const { right } = probe.linear(features);
    const moved = { ...features, data: features.data.map((value, at) => 50 + 8 * (1 + (at % 6)) * value) };
    expect(probe.linear(moved).right).toEqual(right);
    const constant = { rows: 150, columns: 2, data: new Float32Array(300).fill(3) };
    expect(probe.nested([constant, features])[1]!.right).toEqual(right);
    expect(createProbe({ labels }, { classes: CLASSES, rng: createRng(4) }).linear(features).right).toEqual(
      right,
    );
  });
});

describe("Cholesky factorization", () => {
  it("solves, and refuses a matrix that is not positive definite", () => {
    const a = Float64Array.from([4, 0, 0, 2, 5, 0, 1, 3, 6]);
    const l = a.slice();
    expect(factorInPlace(l, 3)).toBe(true);
    const v = Float64Array.from([1, 2, 3]);
    solveLowerInPlace(l, 3, v, 1);
    for (let i = 0; i < 3; i++) {
      let value = 0;
      for (let j = 0; j <= i; j++) value += l[i * 3 + j]! * v[j]!;
      expect(value).toBeCloseTo(i + 1, 12);
    }
    expect(factorInPlace(Float64Array.from([1, 0, 2, 1]), 2)).toBe(false);
  });
});

describe("principalScores", () => {
  it("finds the directions of a known covariance and as many as explain the variance", () => {
    const rng = createRng(5);
    const rows = 400;
    const data = new Float64Array(rows * 8);
    for (let i = 0; i < rows; i++) {
      const [a, b] = [10 * rng.normal(), 5 * rng.normal()];
      for (let j = 0; j < 8; j++) data[i * 8 + j] = 7 + (j % 2 === 0 ? a : b) + 0.1 * rng.normal();
    }
    const points = { rows, columns: 8, data };
    const scores = principalScores(points, { energy: 0.99, most: 6, rng: createRng(1) });
    expect(scores.columns).toBe(2);
    const one = principalScores(points, { energy: 0.5, most: 6, rng: createRng(1) });
    expect(one.columns).toBe(1);
    // The leading score is the mean of the even columns, but for its sign and scale.
    const even = Array.from({ length: rows }, (_, i) => data[i * 8]!);
    const leading = Array.from({ length: rows }, (_, i) => scores.data[i * 2]!);
    expect(Math.abs(spearman(even, leading)!)).toBeGreaterThan(0.98);
  });
});

describe("choice of images", () => {
  const split = fc.record({
    labels: fc.array(fc.nat(4), { minLength: 20, maxLength: 120 }).map((labels) => Uint16Array.from(labels)),
    wanted: fc.integer({ min: 10, max: 60 }),
    seed: fc.nat(),
  });

  it("keeps every class and its share, and chooses an image once", () => {
    fc.assert(
      fc.property(split, ({ labels, wanted, seed }) => {
        const chosen = stratifiedIndices({ labels }, wanted, createRng(seed));
        expect(new Set(chosen).size).toBe(chosen.length);
        for (let c = 0; c < 5; c++) {
          const all = labels.filter((label) => label === c).length;
          const taken = chosen.filter((i) => labels[i] === c).length;
          const share = (all * Math.min(wanted, labels.length)) / labels.length;
          expect(taken).toBeGreaterThanOrEqual(Math.min(2, all));
          expect(taken).toBeLessThanOrEqual(Math.max(2, share + 0.5));
        }
      }),
    );
  });

  it("takes another group before a second image of a group, and never cuts a group between folds", () => {
    const labels = labelsOf(90);
    const groups = Uint32Array.from({ length: 90 }, (_, i) => Math.floor(i / 15) * CLASSES + (i % CLASSES));
    const chosen = stratifiedIndices({ labels, groups }, 18, createRng(1));
    expect(new Set(Array.from(chosen, (i) => groups[i])).size).toBe(18);
    const folds = assignFolds({ labels, groups }, 3, createRng(1));
    const perGroup = new Map<number, Set<number>>();
    folds.forEach((fold, i) => {
      perGroup.set(groups[i]!, (perGroup.get(groups[i]!) ?? new Set()).add(fold));
    });
    expect([...perGroup.values()].every((seen) => seen.size === 1)).toBe(true);
    expect(new Set(folds).size).toBe(3);
  });
});

/** Features of one pixel, as bytes. */
function featureSplit(labels: Uint16Array, noise: number, seed: number): Split {
  const { data, columns } = noisy(labels, noise, seed);
  const bytes = Uint8Array.from(data, (value) => Math.min(255, Math.max(0, Math.round(100 + 30 * value))));
  return {
    ...{ count: labels.length, height: 1, width: 1, channels: columns, labels },
    store: { kind: "memory", bytes },
  };
}

describe("poolFeatures", () => {
  it("averages areas; the mean of the areas is the mean of the image", () => {
    const bytes = Uint8Array.from({ length: 2 * 4 * 6 * 3 }, (_, i) => (i * 37) & 255);
    const split: Split = {
      ...{ count: 2, height: 4, width: 6, channels: 3, labels: new Uint16Array(2) },
      store: { kind: "memory", bytes },
    };
    const [global, areas] = [poolFeatures(split, 1), poolFeatures(split, 2)];
    expect([global.columns, areas.columns]).toEqual([3, 12]);
    let corner = 0;
    for (let y = 2; y < 4; y++) for (let x = 3; x < 6; x++) corner += bytes[(y * 6 + x) * 3 + 1]! / 6;
    expect(areas.data[3 * 3 + 1]).toBeCloseTo(corner, 4);
    for (let i = 0; i < 2; i++) {
      for (let c = 0; c < 3; c++) {
        const mean = [0, 1, 2, 3].reduce((sum, area) => sum + areas.data[i * 12 + area * 3 + c]! / 4, 0);
        expect(global.data[i * 3 + c]).toBeCloseTo(mean, 4);
      }
    }
  });

  it("takes images of a single pixel", () => {
    const split = featureSplit(labelsOf(3), 0, 1);
    expect(Array.from(poolFeatures(split, 2).data.subarray(0, 6))).toEqual([130, 100, 100, 100, 100, 100]);
  });
});

describe("adviseFreezePoints", () => {
  const labels = labelsOf(120);
  /** Later layers lose the classes in noise. */
  const request: AdviceRequest = {
    images: { labels },
    classes: CLASSES,
    points: [0.2, 1, 4].map((noise, i) => ({
      layer: nodeName(`layer${i}`),
      features: featureSplit(labels, noise, i),
      frozenShare: [0.1, 0.3, 1][i]!,
    })),
    first: featureSplit(labels, 0.2, 9),
    last: noisy(labels, 4, 10),
    seed: 1,
  };

  it("predicts no loss before the information is lost, and ranks deeper points lower", () => {
    const rows = adviseFreezePoints(request);
    expect(rows.map(({ freezePoint }) => freezePoint)).toEqual([undefined, "layer0", "layer1", "layer2"]);
    expect(rows.map(({ rank }) => rank)).toEqual([1, 2, 3, 4]);
    const [none, shallow, middle, deep] = rows;
    expect([none!.nLeep, none!.probe]).toEqual([undefined, undefined]);
    expect(shallow!.predictedLoss).toBeLessThan(0.02);
    expect(middle!.predictedLoss).toBeLessThan(deep!.predictedLoss);
    expect(deep!.predictedLoss).toBeGreaterThan(3 * deep!.predictedLossError);
    expect(shallow!.probe!).toBeGreaterThan(deep!.probe!);
    expect(shallow!.nLeep!).toBeGreaterThan(deep!.nLeep!);
  });

  it("repeats itself", () => {
    expect(adviseFreezePoints(request)).toEqual(adviseFreezePoints(request));
  });
});

describe("rank correlations", () => {
  it("agree with values by hand", () => {
    expect(spearman([1, 2, 3, 4], [10, 20, 40, 30])).toBeCloseTo(0.8, 12);
    expect(kendall([1, 2, 3, 4], [10, 20, 40, 30])).toBeCloseTo(4 / 6, 12);
    // One tie on one side: five pairs differ on it, all of them in order.
    expect(kendall([1, 1, 2, 3], [1, 2, 3, 4])).toBeCloseTo(5 / Math.sqrt(30), 12);
    expect(spearman([1, 1], [1, 2])).toBeUndefined();
    expect(kendall([], [])).toBeUndefined();
  });

  it("are 1 for increasing maps, and change sign with a side", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: -50, max: 50 }), { minLength: 2, maxLength: 9 }), (a) => {
        const cubes = a.map((value) => value ** 3);
        const falling = a.map((value) => -value);
        for (const correlation of [spearman, kendall]) {
          expect(correlation(a, cubes)).toBeCloseTo(1, 12);
          expect(correlation(a, falling)).toBeCloseTo(-1, 12);
        }
      }),
    );
  });
});
