import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evaluateAdderGraph } from "../adder-graph.js";
import { interval } from "../interval.js";
import { shareMatrix } from "../share/index.js";
import { bitNetlist, countBits, evaluateBits } from "./bit-netlist.js";
import { sky130Cells } from "./cell-table.js";
import { offsetSums } from "./offset-sums.js";
import { lastUses, scheduleBits, verifySchedule } from "./schedule.js";

const problems = fc
  .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }))
  .chain(([inputs, outputs]) =>
    fc.record({
      weights: fc.array(
        fc.array(fc.integer({ min: -150, max: 150 }), { minLength: inputs, maxLength: inputs }),
        { minLength: outputs, maxLength: outputs },
      ),
      signed: fc.boolean(),
      constant: fc.bigInt({ min: -9999n, max: 9999n }),
      draws: fc.array(fc.integer({ min: 0, max: 255 }), { minLength: inputs, maxLength: inputs }),
      periodPs: fc.constantFrom(1500, 2000, 4000, Number.POSITIVE_INFINITY),
    }),
  );

describe("bitNetlist and scheduleBits", () => {
  it("adds what the graph adds, in stages in which nothing is read too early or takes too long", () => {
    fc.assert(
      fc.property(problems, ({ weights, signed, constant, draws, periodPs }) => {
        const low = signed ? -128 : 0;
        const graph = offsetSums(
          shareMatrix(
            {
              name: "m",
              weights,
              inputs: draws.map((_, i) => ({ name: `x${i}`, interval: interval(low, low + 255) })),
              outputs: weights.map((_, o) => `y${o}`),
              constants: weights.map((_, o) => constant * BigInt(o)),
            },
            { tries: 3 },
          ),
        );
        const clock = { periodPs, cells: sky130Cells };
        const netlist = bitNetlist(graph, clock);
        const x = draws.map((d) => BigInt(d + low));
        expect(evaluateBits(netlist, x)).toEqual(evaluateAdderGraph(graph, x));
        const schedule = scheduleBits(netlist, clock);
        verifySchedule(netlist, schedule);
        const { setupPs, clockToOutputPs } = sky130Cells.register;
        expect(schedule.longestPathPs).toBeLessThanOrEqual(
          Math.max(periodPs - setupPs - clockToOutputPs + 1, 535),
        );
        const last = lastUses(netlist, schedule);
        expect(last.every((use, bit) => use < 0 || use >= schedule.stage[bit]!)).toBe(true);
        if (periodPs === Number.POSITIVE_INFINITY)
          expect([schedule.latency, schedule.registerBits]).toEqual([0, 0]);
      }),
      { numRuns: 60 },
    );
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
