import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FixynnError } from "../core/index.js";
import {
  type AdderGraph,
  AdderGraphBuilder,
  type AdderNodeId,
  adderGraphFromJson,
  adderGraphToJson,
  type CompressorTree,
  compressorTree,
  compressorTreeFromJson,
  compressorTreeToJson,
  constantMatrix,
  csd,
  csdDigitCount,
  evaluateAdderGraph,
  evaluateCompressorTree,
  interval,
  printAdderGraph,
  printCompressorTree,
  treeCounts,
  verifyAdderGraph,
  verifyCompressorTree,
  wordFormat,
  wordValue,
} from "./index.js";

describe("csd", () => {
  it("gives the number back, no two digits adjacent", () => {
    fc.assert(
      fc.property(fc.integer(), (n) => {
        const digits = csd(n);
        let sum = 0;
        let previous = -2;
        for (const { shift, negative } of digits) {
          sum += (negative ? -1 : 1) * 2 ** shift;
          expect(shift - previous).toBeGreaterThan(1);
          previous = shift;
        }
        expect(sum).toBe(n);
      }),
    );
  });
  it("uses the fewest digits, checked for all 9-bit integers by shortest paths", () => {
    const least = new Map<number, number>([[0, 0]]);
    for (let digits = 1; digits <= 5; digits++) {
      for (const [n, used] of [...least]) {
        if (used !== digits - 1) continue;
        for (let s = 0; s <= 10; s++) {
          for (const m of [n + 2 ** s, n - 2 ** s]) if (!least.has(m)) least.set(m, digits);
        }
      }
    }
    for (let n = -512; n <= 511; n++) expect(csdDigitCount(n)).toBe(least.get(n));
  });
});

describe("wordFormat", () => {
  it("is the narrowest word that holds both ends", () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 40n), max: 2n ** 40n }),
        fc.bigInt({ min: 0n, max: 2n ** 41n }),
        (low, size) => {
          const range = interval(low, low + size);
          const format = wordFormat(range);
          for (const end of [range.low, range.high]) {
            expect(wordValue(BigInt.asUintN(format.width, end), format)).toBe(end);
          }
          const less = { ...format, width: format.width - 1 };
          const fits = [range.low, range.high].every(
            (end) => wordValue(BigInt.asUintN(less.width, end), less) === end,
          );
          expect(fits && format.width > 1).toBe(false);
        },
      ),
    );
  });
});

const range = fc
  .tuple(fc.integer({ min: -300, max: 300 }), fc.integer({ min: 0, max: 400 }))
  .map(([low, size]) => interval(low, low + size));
const matrixCase = fc
  .tuple(fc.integer({ min: 1, max: 3 }), fc.array(range, { minLength: 1, maxLength: 9 }))
  .chain(([outputs, inputs]) =>
    fc.record({
      inputs: fc.constant(inputs),
      weights: fc.array(
        fc.array(fc.integer({ min: -255, max: 255 }), { minLength: inputs.length, maxLength: inputs.length }),
        { minLength: outputs, maxLength: outputs },
      ),
      constants: fc.array(fc.bigInt({ min: -(2n ** 20n), max: 2n ** 20n }), {
        minLength: outputs,
        maxLength: outputs,
      }),
      picks: fc.array(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 9, maxLength: 9 }), {
        minLength: 4,
        maxLength: 4,
      }),
    }),
  );

function treeOf(graph: AdderGraph, id: AdderNodeId): CompressorTree {
  const node = graph.nodes[id]!;
  if (node.kind !== "sum") throw new Error("not a sum");
  return compressorTree(node, (source) => graph.nodes[source]!.interval);
}

describe("constant matrix", () => {
  it("equals the product, as graph and as trees, at the interval's ends and inside", () => {
    fc.assert(
      fc.property(matrixCase, ({ inputs, weights, constants, picks }) => {
        const graph = constantMatrix({
          name: "m",
          weights,
          constants,
          inputs: inputs.map((i, k) => ({ name: `x${k}`, interval: i })),
          outputs: weights.map((_, o) => `y${o}`),
        });
        const trees = graph.outputs.map((id) => verifyCompressorTree(treeOf(graph, id)));
        for (const [o, row] of weights.entries()) {
          const ends = (pickHigh: boolean): bigint[] =>
            inputs.map((i, k) => (row[k]! > 0 === pickHigh ? i.high : i.low));
          const inner = picks.map((pick) =>
            inputs.map((i, k) => i.low + BigInt(Math.floor(pick[k]! * Number(i.high - i.low)))),
          );
          const node = graph.nodes[graph.outputs[o]!]!;
          for (const [n, x] of [ends(false), ends(true), ...inner].entries()) {
            const wanted = row.reduce((sum, w, k) => sum + BigInt(w) * x[k]!, constants[o]!);
            if (n === 0) expect(node.interval.low).toBe(wanted);
            if (n === 1) expect(node.interval.high).toBe(wanted);
            const values = evaluateAdderGraph(graph, x);
            expect(values[graph.outputs[o]!]).toBe(wanted);
            const tree = trees[o]!;
            const words = tree.sources.map((s) => values[s.node]!);
            expect(evaluateCompressorTree(tree, words)).toBe(wanted);
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it("round-trips through JSON and prints", () => {
    const graph = constantMatrix({
      name: "g",
      weights: [
        [3, 0],
        [-5, 7],
      ],
      inputs: [
        { name: "a", interval: interval(0, 255) },
        { name: "b", interval: interval(-8, 7) },
      ],
      outputs: ["u", "v"],
      constants: [1n, -1000n],
    });
    expect(adderGraphFromJson(adderGraphToJson(graph))).toEqual(graph);
    expect(printAdderGraph(graph)).toBe(
      [
        "adderGraph g",
        "%0 = input a : 0..255",
        "%1 = input b : -8..7",
        "%2 = sum u - %0<<0 + %0<<2 + 1 : 1..766",
        "%3 = sum v - %0<<0 - %0<<2 - %1<<0 + %1<<3 + -1000 : -2331..-951",
        "return %2 %3",
        "",
      ].join("\n"),
    );
    const tree = treeOf(graph, graph.outputs[1]!);
    expect(compressorTreeFromJson(compressorTreeToJson(tree))).toEqual(tree);
    expect(printCompressorTree(tree)).toContain("compressorTree v : s13");
  });

  it("keeps shared sub-expressions, floors and signs", () => {
    const b = new AdderGraphBuilder();
    const x = b.input("x", interval(-100, 50));
    const shared = b.sum(
      "3x",
      [
        { source: x, shift: 0, negative: false },
        { source: x, shift: 1, negative: false },
      ],
      0n,
    );
    const floor = b.floorShift(shared, 2);
    const sign = b.nonNegative(shared);
    const y = b.sum(
      "y",
      [
        { source: floor, shift: 0, negative: true },
        { source: sign, shift: 3, negative: false },
      ],
      0n,
    );
    const graph = b.build("s", [y]);
    const tree = verifyCompressorTree(treeOf(graph, y));
    for (let v = -100n; v <= 50n; v++) {
      const values = evaluateAdderGraph(graph, [v]);
      const wanted = -((3n * v) >> 2n) + (v >= 0n ? 8n : 0n);
      expect(values[y]).toBe(wanted);
      expect(
        evaluateCompressorTree(
          tree,
          tree.sources.map((s) => values[s.node]!),
        ),
      ).toBe(wanted);
    }
  });
});

describe("verifiers", () => {
  const graph = constantMatrix({
    name: "g",
    weights: [[85, 127, -3]],
    inputs: ["a", "b", "c"].map((name) => ({ name, interval: interval(0, 255) })),
    outputs: ["y"],
  });
  const tree = treeOf(graph, graph.outputs[0]!);
  it("catch a wrong interval, a forward reference and a moved bit", () => {
    const nodes = [...graph.nodes];
    nodes[0] = { kind: "input", name: "a", interval: interval(0, 254) };
    expect(() => verifyAdderGraph({ ...graph, nodes })).toThrow(FixynnError);
    expect(() => verifyAdderGraph({ ...graph, nodes: [...graph.nodes].reverse() })).toThrow(FixynnError);
    const level = tree.levels[0]!;
    const fullAdders = [...level.fullAdders];
    fullAdders[0] = fullAdders[0]! + 1;
    expect(() =>
      verifyCompressorTree({ ...tree, levels: [{ ...level, fullAdders }, ...tree.levels.slice(1)] }),
    ).toThrow(FixynnError);
    expect(() => verifyCompressorTree({ ...tree, constant: tree.constant ^ 1n })).toThrow(FixynnError);
  });
  it("rejects JSON of another shape", () => {
    expect(() => adderGraphFromJson('{"kind":"adderGraph"}')).toThrow(FixynnError);
    expect(() => compressorTreeFromJson("{")).toThrow(FixynnError);
  });
  it("counts bits in minus bits out", () => {
    const counts = treeCounts(tree);
    const bitsIn = tree.dots.flat().length;
    const bitsOut = tree.rows.flat().filter((ref) => ref !== 0).length;
    const columns = tree.levels.flatMap(({ fullAdders }) => fullAdders.filter((_, i) => i % 4 === 0));
    // In the last column the carry is dropped: two bits less.
    const dropped = columns.filter((column) => column === tree.width - 1).length;
    expect(columns.length + dropped).toBe(bitsIn - bitsOut);
    expect(counts.fullAdders + counts.halfAdders + counts.topXors).toBe(columns.length);
  });
});
