import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quantType, randomWeighted } from "../../test/helpers/quant-networks.js";
import {
  AdderGraphBuilder,
  adderGraphFromJson,
  adderGraphToJson,
  evaluateAdderGraph,
  interval,
  printAdderGraph,
} from "../arith/index.js";
import { createRng } from "../core/index.js";
import {
  accumulatorInterval,
  type ConstantRequantization,
  type QuantConv2d,
  requantize,
} from "../quant/index.js";
import { NO_PADDING } from "../tensor/index.js";
import { datapathCounts, planDatapath, wholePlan } from "./datapath-plan.js";
import { compileLayer } from "./layer.js";
import { defaultClock } from "./layer-datapath.js";
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
  it("is counted by itself in a layer's statistics, in one module or in several", () => {
    const input = quantType([3, 3, 5], { zeroPoint: 3 });
    const conv = randomWeighted(createRng(3), "conv2d", input, 6, {
      kernel: { height: 1, width: 1 },
      stride: { height: 1, width: 1 },
      padding: NO_PADDING,
    }) as QuantConv2d;
    const shifts = conv.bias.data.map(() => -8);
    const multipliers = conv.bias.data.map((_, c) => 1_300_000_007 + c * 77_777_777);
    const node = { ...conv, requantization: { mode: "tflite" as const, multipliers, shifts } };
    const { low, high } = accumulatorInterval(node, input);
    let expected = 0;
    let saturating = 0;
    for (let channel = 0; channel < 6; channel++) {
      const { requantization, clamp, output } = node;
      const given = { requantization, channel, zeroPoint: output.zeroPoint, clamp };
      const task = { ...given, low: low[channel]!, high: high[channel]! };
      const plan = planRequantization(task);
      const builder = new AdderGraphBuilder();
      const offset = planOffset(plan);
      const acc = builder.input("a", interval(task.low + offset, task.high + offset));
      const y = addPlannedRequantization(builder, acc, plan, { ...task, name: "y" });
      const graph = builder.build("one", [y]);
      for (const sum of graph.nodes) {
        if (sum.kind === "saturate") saturating++;
      }
      const alone = planDatapath(graph, defaultClock);
      const { fullAdders, finalAdderBits } = datapathCounts(alone, wholePlan(alone));
      expected += fullAdders + finalAdderBits;
    }
    expect(expected).toBeGreaterThan(100);
    for (const maxFullAddersPerModule of [30_000, 300]) {
      const { stats } = compileLayer(node, input, { maxFullAddersPerModule });
      const { fullAdders, finalAdderBits } = stats.requantization;
      // Bits come one after the other in the layer, so that some half adders fall elsewhere.
      expect(Math.abs(fullAdders + finalAdderBits - expected)).toBeLessThan(0.02 * expected);
      expect(stats.clampCells.and2 + stats.clampCells.or2).toBeGreaterThan(saturating * 16);
    }
  });

  it("gives the defined integers for every accumulator, as a graph", () => {
    fc.assert(
      fc.property(task, ({ mode, multiplier, right, zeroPoint, narrow, low, size }) => {
        const lean = mode === "lean";
        const requantization: ConstantRequantization = {
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
