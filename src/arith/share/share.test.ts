import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AdderGraph, evaluateAdderGraph, printAdderGraph, verifyAdderGraph } from "../adder-graph.js";
import { constantMatrix } from "../constant-matrix.js";
import { csdDigitCount } from "../csd.js";
import { interval } from "../interval.js";
import { adderGraphFromJson, adderGraphToJson } from "../json.js";
import { decomposeColumns } from "./columns.js";
import { adderGraphMetrics, binaryGraph, minimumDepth, type SharingOptions, shareMatrix } from "./index.js";
import { minimalForms, popCount } from "./signed-digits.js";

const integer = (bits: number) => fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 });

/** Matrices of every shape up to 40 × 40, 2 to 16 bits, with zero rows and columns, over signed and unsigned inputs. */
const matrixCase = fc
  .record({
    rows: fc.integer({ min: 1, max: 40 }),
    columns: fc.integer({ min: 1, max: 40 }),
    bits: fc.integer({ min: 2, max: 16 }),
    inputBits: fc.integer({ min: 1, max: 12 }),
    signed: fc.boolean(),
    density: fc.constantFrom(0.05, 0.5, 1),
  })
  .filter(({ rows, columns }) => rows * columns <= 400 || (rows + columns) % 7 === 0)
  .chain(({ rows, columns, bits, inputBits, signed, density }) =>
    fc.record({
      weights: fc.array(
        fc.array(
          fc
            .tuple(integer(bits), fc.double({ min: 0, max: 1, noNaN: true }))
            .map(([w, p]) => (p < density ? w : 0)),
          { minLength: columns, maxLength: columns },
        ),
        { minLength: rows, maxLength: rows },
      ),
      range: fc.constant(
        signed ? interval(-(2 ** inputBits), 2 ** inputBits - 1) : interval(0, 2 ** inputBits - 1),
      ),
      constants: fc.array(fc.bigInt({ min: -100000n, max: 100000n }), { minLength: rows, maxLength: rows }),
      picks: fc.array(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: columns, maxLength: columns }),
        { minLength: 3, maxLength: 3 },
      ),
    }),
  );

type Case = typeof matrixCase extends fc.Arbitrary<infer T> ? T : never;

const share = ({ weights, range, constants }: Case, options?: SharingOptions): AdderGraph =>
  shareMatrix(
    {
      name: "m",
      weights,
      constants,
      inputs: weights[0]!.map((_, i) => ({ name: `x${i}`, interval: range })),
      outputs: weights.map((_, o) => `y${o}`),
    },
    options,
  );

function expectProduct(graph: AdderGraph, { weights, range, constants, picks }: Case): void {
  const width = Number(range.high - range.low);
  const corners = [weights[0]!.map(() => range.low), weights[0]!.map(() => range.high)];
  const inside = picks.map((pick) => pick.map((p) => range.low + BigInt(Math.floor(p * width))));
  for (const x of [...corners, ...inside]) {
    const values = evaluateAdderGraph(graph, x);
    for (const [o, row] of weights.entries()) {
      const wanted = row.reduce((sum, w, i) => sum + BigInt(w) * x[i]!, constants[o]!);
      expect(values[graph.outputs[o]!]).toBe(wanted);
    }
  }
}

describe("shared sub-expressions", () => {
  it("equal the matrix product, also two operands at a time, with exact intervals", () => {
    fc.assert(
      fc.property(matrixCase, (given) => {
        const graph = verifyAdderGraph(share(given, { tries: 2 }));
        expectProduct(graph, given);
        expectProduct(verifyAdderGraph(binaryGraph(graph)), given);
        for (const [o, row] of given.weights.entries()) {
          const end = (high: boolean): bigint =>
            row.reduce(
              (sum, w) => sum + BigInt(w) * (w > 0 === high ? given.range.high : given.range.low),
              given.constants[o]!,
            );
          expect(graph.nodes[graph.outputs[o]!]!.interval).toEqual({ low: end(false), high: end(true) });
        }
      }),
      { numRuns: 120 },
    );
  });

  it("keep a bound on the depth, down to the least possible", () => {
    fc.assert(
      fc.property(matrixCase, fc.integer({ min: 0, max: 2 }), (given, more) => {
        const maxDepth = minimumDepth(given.weights) + more;
        const graph = share(given, { tries: 2, maxDepth });
        expectProduct(graph, given);
        const binary = binaryGraph(graph, { maxDepth });
        expectProduct(binary, given);
        expect(adderGraphMetrics(binary).depth).toBeLessThanOrEqual(maxDepth);
      }),
      { numRuns: 80 },
    );
  });

  it("never take more additions than one a digit, and fewer where rows have something in common", () => {
    const weights = [
      [7, 7, 0],
      [14, 14, 1],
      [-7, -7, 3],
    ];
    const given = { weights, range: interval(-128, 127), constants: [0n, 0n, 0n], picks: [] };
    const { adders } = adderGraphMetrics(binaryGraph(share(given)));
    // x0 + x1, times seven, then one addition each for the second and the third row, and 3·x2 in two steps.
    expect(adders).toBeLessThanOrEqual(5);
  });

  it("gives the same graph every time, and it survives JSON", () => {
    const weights = Array.from({ length: 9 }, (_, o) =>
      Array.from({ length: 7 }, (_, i) => ((o * 37 + i * 91) % 255) - 127),
    );
    const given = { weights, range: interval(0, 255), constants: weights.map(() => 3n), picks: [] };
    const graph = share(given);
    expect(printAdderGraph(share(given))).toBe(printAdderGraph(graph));
    expect(adderGraphFromJson(adderGraphToJson(graph))).toEqual(graph);
  });

  it("saves at least a third of the additions of a random 16 x 16 matrix", () => {
    const weights = Array.from({ length: 16 }, (_, o) =>
      Array.from({ length: 16 }, (_, i) => ((o * 7919 + i * 104729 + o * i * 31) % 255) - 127),
    );
    const given = { weights, range: interval(-128, 127), constants: weights.map(() => 0n), picks: [] };
    const digits = weights.flat().reduce((sum, w) => sum + csdDigitCount(w), 0);
    const { adders } = adderGraphMetrics(binaryGraph(share(given)));
    expect(adders).toBeLessThan(((digits - 16) * 2) / 3);
  });
});

describe("measures", () => {
  it("count columns from the coarser lowest bit to the wider top", () => {
    const graph = constantMatrix({
      name: "m",
      weights: [[1, 64]],
      inputs: [
        { name: "x0", interval: interval(-128, 127) },
        { name: "x1", interval: interval(-128, 127) },
      ],
      outputs: ["y"],
    });
    expect(adderGraphMetrics(binaryGraph(graph))).toEqual({ adders: 1, bits: 8, depth: 1 });
  });
});

describe("minimal signed digit forms", () => {
  it("are distinct, stand for the integer, and have as few digits as the canonical one", () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 20), max: 2 ** 20 }), (value) => {
        const forms = minimalForms(value);
        expect(new Set(forms.map(({ positive, negative }) => `${positive} ${negative}`)).size).toBe(
          forms.length,
        );
        for (const { positive, negative } of forms) {
          expect(positive - negative).toBe(value);
          expect(positive & negative).toBe(0);
          expect(popCount(positive) + popCount(negative)).toBe(csdDigitCount(value));
        }
      }),
    );
    expect(minimalForms(3)).toHaveLength(2);
  });
});

describe("column decomposition", () => {
  it("finds an output that is another one plus little", () => {
    const rows = [
      [51, 77, -91, 33],
      [51, 77, -91, 34],
      [-102, -154, 182, -66],
    ].map((row) => Float64Array.from(row));
    const parents = decomposeColumns(rows, { parentDigits: 2, maxLevel: 9 });
    expect(parents.filter((p) => p !== undefined)).toHaveLength(2);
    expect(decomposeColumns(rows, { parentDigits: 2, maxLevel: 1 })).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});
