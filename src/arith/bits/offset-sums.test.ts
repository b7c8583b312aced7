import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AdderGraphBuilder, evaluateAdderGraph } from "../adder-graph.js";
import { interval } from "../interval.js";
import { shareMatrix } from "../share/index.js";
import { bitFormats, treeConstant } from "./bit-format.js";
import { bitNetlist } from "./bit-netlist.js";
import { chooseSigns, innerSums, offsetSums } from "./offset-sums.js";

const matrices = fc
  .tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 8 }))
  .chain(([inputs, outputs]) =>
    fc.record({
      weights: fc.array(
        fc.array(fc.integer({ min: -200, max: 200 }), { minLength: inputs, maxLength: inputs }),
        { minLength: outputs, maxLength: outputs },
      ),
      ranges: fc.array(
        fc
          .tuple(fc.integer({ min: -300, max: 300 }), fc.nat({ max: 300 }))
          .map(([low, size]) => interval(low, low + size)),
        { minLength: inputs, maxLength: inputs },
      ),
      constants: fc.array(fc.bigInt({ min: -5000n, max: 5000n }), { minLength: outputs, maxLength: outputs }),
      draws: fc.array(fc.nat(), { minLength: inputs, maxLength: inputs }),
    }),
  );

const graphOf = ({ weights, ranges, constants }: typeof matrices extends fc.Arbitrary<infer T> ? T : never) =>
  shareMatrix(
    {
      name: "m",
      weights,
      inputs: ranges.map((range, i) => ({ name: `x${i}`, interval: range })),
      outputs: weights.map((_, o) => `y${o}`),
      constants,
    },
    { tries: 3 },
  );

describe("offsetSums", () => {
  it("keeps outputs and their intervals; inner sums have no constants and no signs", () => {
    fc.assert(
      fc.property(matrices, (problem) => {
        const graph = graphOf(problem);
        const rewritten = offsetSums(graph);
        const inner = innerSums(graph);
        const formats = bitFormats(rewritten, inner);
        const x = problem.ranges.map(
          ({ low, high }, i) => low + (BigInt(problem.draws[i]!) % (high - low + 1n)),
        );
        const [before, after] = [evaluateAdderGraph(graph, x), evaluateAdderGraph(rewritten, x)];
        for (const [k, output] of graph.outputs.entries()) {
          expect(after[rewritten.outputs[k]!]).toBe(before[output]);
          expect(rewritten.nodes[rewritten.outputs[k]!]!.interval).toEqual(graph.nodes[output]!.interval);
        }
        for (const [i, node] of rewritten.nodes.entries()) {
          if (node.kind !== "sum" || !inner[i]) continue;
          expect(node.interval.low >= 0n).toBe(true);
          const constant = treeConstant(node, (source) => formats[source]!);
          // None, or one carry into the lowest column of two operands.
          const column = Math.max(...node.terms.map(({ shift }) => shift));
          expect([0n, 1n << BigInt(column)]).toContain(constant);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("needs the cells that are counted by hand for a - b", () => {
    const builder = new AdderGraphBuilder();
    const [a, b] = [builder.input("a", interval(-128, 127)), builder.input("b", interval(-128, 127))];
    const s = builder.sum(
      "s",
      [
        { source: a, shift: 0, negative: false },
        { source: b, shift: 0, negative: true },
      ],
      0n,
    );
    const terms = [a, s].map((source, shift) => ({ source, shift, negative: false }));
    const y = builder.sum("y", terms, 0n);
    const graph = offsetSums(builder.build("g", [y]));
    const node = graph.nodes[s]!;
    expect(node.interval.high - node.interval.low).toBe(510n);
    expect([0n, 1n]).toContain(node.interval.low);
    const { first, end } = bitNetlist(graph).nodeCells[s]!;
    expect(end - first).toBe(8);
  });

  it("negates a sum that is only subtracted", () => {
    const builder = new AdderGraphBuilder();
    const [a, b, c] = ["a", "b", "c"].map((name) => builder.input(name, interval(0, 15)));
    const plus = (source: typeof a, negative = false) => ({ source: source!, shift: 0, negative });
    const s = builder.sum("s", [plus(a), plus(b, true)], 0n);
    const y = builder.sum("y", [plus(c), plus(s, true)], 0n);
    const graph = builder.build("g", [y]);
    expect(chooseSigns(graph)[s]).toBe(-1);
    const rewritten = offsetSums(graph).nodes[y]!;
    expect(rewritten.kind === "sum" && rewritten.terms[1]!.negative).toBe(false);
  });
});
