import { describe, expect, it } from "vitest";
import { quantType } from "../../test/helpers/quant-networks.js";
import { randomAdd } from "../../test/helpers/random-front.js";
import {
  AdderGraphBuilder,
  evaluateAdderGraph,
  evaluateRequantizer,
  interval,
  stepFunction,
  stepValue,
} from "../arith/index.js";
import { createRng } from "../core/index.js";
import { nodeName } from "../graph/index.js";
import { executeLayer, type QuantNode, roundedMean } from "../quant/index.js";
import { additionGraph, linearAddition } from "./addition.js";
import { planMean } from "./average-pool.js";
import { addComparisons, planSteps } from "./step-form.js";

describe("planMean", () => {
  for (const [low, high] of [
    [0, 255],
    [-128, 127],
    [-53, 37],
    [3, 3],
  ] as const) {
    it(`divides every sum of ${low}..${high} by every number of pixels up to 100, and by those of large images`, () => {
      const counts = [...Array.from({ length: 100 }, (_, i) => i + 1), 196, 49 * 49, 3136, 4096];
      for (const count of counts) {
        const sums = { low: low * count, high: high * count };
        const plan = planMean(count, sums, { low, high });
        if (plan.kind === "compared") throw new Error(`${count} has no linear form`);
        const step = count > 200 ? 7 : 1;
        for (let sum = sums.low; sum <= sums.high; sum += step) {
          if (evaluateRequantizer(plan, sum, { low, high }) !== roundedMean(sum, count))
            expect.fail(`${sum} / ${count}`);
        }
      }
    });
  }
});

describe("addComparisons", () => {
  it("computes any step function", () => {
    const f = stepFunction(
      (a) => Math.floor(Math.cbrt(a) * 2),
      { low: -300, high: 500 },
      { low: -9, high: 13 },
    );
    expect(planSteps(f).kind).toBe("compared");
    const graph = new AdderGraphBuilder();
    const sum = graph.input("sum", interval(f.low, f.high));
    const built = graph.build("test", [addComparisons(graph, sum, f, "y")]);
    for (let a = f.low; a <= f.high; a++)
      expect(Number(evaluateAdderGraph(built, [BigInt(a)])[built.outputs[0]!])).toBe(stepValue(f, a));
  });
});

describe("additionGraph", () => {
  for (const mode of ["lean", "tflite", "shift"] as const) {
    it(`equals the integer layer on every pair of operands: ${mode}`, () => {
      let linear = 0;
      for (let seed = 0; seed < 4; seed++) {
        const rng = createRng(seed);
        const operand = (name: string): QuantNode => {
          const signed = rng.integer(2) === 1;
          const zeroPoint = rng.integer(256) - (signed ? 128 : 0);
          return { kind: "input", name: nodeName(name), output: quantType([1], { signed, zeroPoint }) };
        };
        const [a, b] = [operand("a"), operand("b")];
        const node = randomAdd(rng, [a, b], mode);
        const low = (type: typeof a.output): number => (type.signed ? -128 : 0);
        const ranges = [a, b].map(({ output }) => ({ low: low(output), high: low(output) + 255 }));
        const both = [ranges[0]!, ranges[1]!] as const;
        const graph = additionGraph("test", node, [a.output, b.output], both);
        const zeroPoints = [a.output.zeroPoint, b.output.zeroPoint] as const;
        if (linearAddition({ node, channel: 0, zeroPoints, ranges: both }) !== undefined) linear++;
        const pairs = Array.from({ length: 65_536 }, (_, i) => [
          both[0].low + (i >> 8),
          both[1].low + (i & 255),
        ]);
        const wanted = executeLayer(
          node,
          [a.output, b.output],
          [Int16Array.from(pairs, ([x]) => x!), Int16Array.from(pairs, ([, y]) => y!)],
          pairs.length,
        );
        for (const [i, [x, y]] of pairs.entries()) {
          const values = evaluateAdderGraph(graph, [BigInt(x!), BigInt(y!)]);
          const value = Number(values[graph.outputs[0]!]);
          const clamped = Math.max(node.clamp.low, Math.min(value, node.clamp.high));
          if (clamped !== wanted[i]) expect.fail(`${x} + ${y}: ${clamped}, not ${wanted[i]}`);
        }
      }
      expect(linear).toBeGreaterThan(1);
    });
  }
});
