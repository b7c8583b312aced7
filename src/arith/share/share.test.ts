import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectProduct, matrixCase, shareCase } from "../../../test/helpers/matrix-case.js";
import { printAdderGraph, verifyAdderGraph } from "../adder-graph.js";
import { constantMatrix } from "../constant-matrix.js";
import { csdDigitCount } from "../csd.js";
import { interval } from "../interval.js";
import { adderGraphFromJson, adderGraphToJson } from "../json.js";
import { decomposeColumns } from "./columns.js";
import { adderGraphMetrics, binaryGraph, minimumDepth } from "./index.js";
import { minimalForms, popCount } from "./signed-digits.js";

describe("shared sub-expressions", () => {
  it("equal the matrix product, also two operands at a time, with exact intervals", () => {
    fc.assert(
      fc.property(matrixCase, (given) => {
        const graph = verifyAdderGraph(shareCase(given, { tries: 2 }));
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
        const graph = shareCase(given, { tries: 2, maxDepth });
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
    const { adders } = adderGraphMetrics(binaryGraph(shareCase(given)));
    // x0 + x1, times seven, then one addition each for the second and the third row, and 3·x2 in two steps.
    expect(adders).toBeLessThanOrEqual(5);
  });

  it("gives the same graph every time, and it survives JSON", () => {
    const weights = Array.from({ length: 9 }, (_, o) =>
      Array.from({ length: 7 }, (_, i) => ((o * 37 + i * 91) % 255) - 127),
    );
    const given = { weights, range: interval(0, 255), constants: weights.map(() => 3n), picks: [] };
    const graph = shareCase(given);
    expect(printAdderGraph(shareCase(given))).toBe(printAdderGraph(graph));
    expect(adderGraphFromJson(adderGraphToJson(graph))).toEqual(graph);
  });

  it("saves at least a third of the additions of a random 16 x 16 matrix", () => {
    const weights = Array.from({ length: 16 }, (_, o) =>
      Array.from({ length: 16 }, (_, i) => ((o * 7919 + i * 104729 + o * i * 31) % 255) - 127),
    );
    const given = { weights, range: interval(-128, 127), constants: weights.map(() => 0n), picks: [] };
    const digits = weights.flat().reduce((sum, w) => sum + csdDigitCount(w), 0);
    const { adders } = adderGraphMetrics(binaryGraph(shareCase(given)));
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
