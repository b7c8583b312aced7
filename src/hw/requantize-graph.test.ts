import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  AdderGraphBuilder,
  adderGraphFromJson,
  adderGraphToJson,
  evaluateAdderGraph,
  interval,
  printAdderGraph,
} from "../arith/index.js";
import { type Requantization, requantize } from "../quant/index.js";
import { addPlannedRequantization, planOffset, planRequantization } from "./requantize-graph.js";

const task = fc.record({
  mode: fc.constantFrom("lean" as const, "tflite" as const),
  multiplier: fc.integer({ min: 2 ** 30, max: 2 ** 31 - 1 }),
  right: fc.integer({ min: 1, max: 9 }),
  zeroPoint: fc.constantFrom(0, -128, 128, 11),
  narrow: fc.integer({ min: 0, max: 40 }),
  low: fc.integer({ min: -3000, max: 1000 }),
  size: fc.integer({ min: 0, max: 6000 }),
});

describe("planned requantization", () => {
  it("gives the defined integers for every accumulator, as a graph", () => {
    fc.assert(
      fc.property(task, ({ mode, multiplier, right, zeroPoint, narrow, low, size }) => {
        const lean = mode === "lean";
        const requantization: Requantization = {
          mode,
          multipliers: Int32Array.of(lean ? Math.round(multiplier / 2 ** 20) : multiplier),
          shifts: Int32Array.of(lean ? right + 11 : -right),
        };
        const clamp =
          zeroPoint === -128
            ? { low: -128, high: 127 - narrow }
            : { low: Math.min(narrow, zeroPoint), high: 255 };
        const given = { requantization, channel: 0, zeroPoint, clamp, low, high: low + size };
        const plan = planRequantization(given);
        const builder = new AdderGraphBuilder();
        const x = builder.input("a", interval(low, low + size));
        const terms = plan.kind === "always" ? [] : [{ source: x, shift: 0, negative: false }];
        const acc = builder.sum("acc", terms, BigInt(planOffset(plan)));
        const y = addPlannedRequantization(builder, acc, plan, { ...given, name: "y" });
        const graph = builder.build("requantization", [y]);
        const read = adderGraphFromJson(adderGraphToJson(graph));
        expect(printAdderGraph(read)).toBe(printAdderGraph(graph));
        const range = graph.nodes[y]!.interval;
        for (let a = low; a <= low + size; a += size < 500 ? 1 : 7) {
          const value = evaluateAdderGraph(graph, [BigInt(a)])[y]!;
          expect(value >= range.low && value <= range.high).toBe(true);
          const clamped = Math.max(clamp.low, Math.min(Number(value), clamp.high));
          const wanted = requantize(requantization, 0, a) + zeroPoint;
          expect(clamped).toBe(Math.max(clamp.low, Math.min(wanted, clamp.high)));
        }
      }),
      { numRuns: 60 },
    );
  });
});
