import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectProducts, type MatrixCase, matrixCase, shareCase } from "../../../test/helpers/matrix-case.js";
import { AdderGraphBuilder, type AdderNodeId, evaluateAdderGraph } from "../adder-graph.js";
import { interval } from "../interval.js";
import { shareMatrix } from "../share/index.js";
import { bitNetlist, countBits, evaluateBits } from "./bit-netlist.js";
import { sky130Cells } from "./cell-table.js";
import { offsetSums } from "./offset-sums.js";
import { lastUses, scheduleBits, verifySchedule } from "./schedule.js";

const twoRuns: MatrixCase = {
  weights: [[0], [-3652], [0], [0], [0], [0], [-154], [2338]],
  range: interval(0, 3),
  constants: [0n, -11073n, 0n, 0n, 0n, 0n, 4n, 0n],
  picks: [[0], [0], [0]],
};

describe("bitNetlist and scheduleBits", () => {
  it("compute the matrix product, in stages in which nothing is read too early or takes too long", () => {
    fc.assert(
      fc.property(
        matrixCase,
        fc.constantFrom(1500, 2000, 4000, Number.POSITIVE_INFINITY),
        (given, periodPs) => {
          const graph = offsetSums(shareCase(given, { tries: 2 }));
          const clock = { periodPs, cells: sky130Cells };
          const netlist = bitNetlist(graph, clock);
          expectProducts(given, (x) => {
            const values = evaluateBits(netlist, x);
            expect(values).toEqual(evaluateAdderGraph(graph, x));
            return graph.outputs.map((output) => values[output]);
          });
          const schedule = scheduleBits(netlist, clock);
          verifySchedule(netlist, schedule);
          const { setupPs, clockToOutputPs } = sky130Cells.register;
          const longest = Math.max(periodPs - setupPs - clockToOutputPs + 1, sky130Cells.fullAdder.sumPs + 1);
          expect(schedule.longestPathPs).toBeLessThanOrEqual(longest);
          const last = lastUses(netlist, schedule);
          expect(last.every((use, bit) => use < 0 || use >= schedule.stage[bit]!)).toBe(true);
          if (periodPs === Number.POSITIVE_INFINITY)
            expect([schedule.latencyCycles, schedule.registerBits]).toEqual([0, 0]);
        },
      ),
      // An adder of two runs, the second behind the carry of the first: both delays must fit into a cycle.
      { numRuns: 80, examples: [[twoRuns, 2000]] },
    );
  });

  it("makes a sum late that is read late, if its operands are kept anyway", () => {
    // y1 needs x0 and x1 until its last stage, so that s = x0 + x1, read there, is best made there.
    const graph = new AdderGraphBuilder();
    const x = Array.from({ length: 12 }, (_, i) => graph.input(`x${i}`, interval(0, 255)));
    const plus = (source: AdderNodeId, shift = 0) => ({ source, shift, negative: false });
    const s = graph.sum("s", [plus(x[0]!), plus(x[1]!)], 0n);
    const long = x.slice(2).reduce((sum, word, i) => graph.sum(`l${i}`, [plus(sum), plus(word)], 0n), x[2]!);
    const netlist = bitNetlist(
      graph.build("g", [
        graph.sum("y0", [plus(long), plus(s)], 0n),
        graph.sum("y1", [plus(long), plus(x[0]!, 1), plus(x[1]!, 1)], 0n),
      ]),
      { periodPs: 1500, cells: sky130Cells },
    );
    const schedule = scheduleBits(netlist, { periodPs: 1500, cells: sky130Cells });
    verifySchedule(netlist, schedule);
    // Its lowest bit could be made in the first stage; nobody reads it for a long time.
    expect(schedule.stage[netlist.words[s]![0]! >> 1]!).toBeGreaterThan(4);
  });

  it("counts the cells of y0 = a - b, y1 = 8 y0 as by hand", () => {
    const graph = offsetSums(
      shareMatrix({
        name: "m",
        weights: [
          [1, -1],
          [8, -8],
        ],
        inputs: ["a", "b"].map((name) => ({ name, interval: interval(0, 255) })),
        outputs: ["y0", "y1"],
      }),
    );
    // a + ~b + 1 in eight columns, the lowest with the constant; the sign is the inverted carry.
    expect(countBits(bitNetlist(graph))).toEqual({ fullAdders: 7, halfAdders: 1, xors: 0, inverters: 8 });
  });
});
