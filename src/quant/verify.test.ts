import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quantType, randomWeighted, singleLayerNetwork } from "../../test/helpers/quant-networks.js";
import { createRng } from "../core/index.js";
import { nodeName } from "../graph/index.js";
import { NO_PADDING, tensor } from "../tensor/index.js";
import type { QuantConv2d, QuantNetwork, QuantNode } from "./nodes.js";
import { verifyQuantNetwork } from "./verify.js";

const one = { height: 1, width: 1 };
const input = quantType([4, 4, 3], { zeroPoint: 5 });
const conv = randomWeighted(createRng(1), "conv2d", input, 2, {
  kernel: { height: 3, width: 3 },
  stride: one,
  padding: NO_PADDING,
}) as QuantConv2d;
const network = singleLayerNetwork(input, conv);
const withConv = (change: Partial<QuantConv2d>): QuantNetwork =>
  singleLayerNetwork(input, { ...conv, ...change } as QuantNode);
const fill = (value: number): Int32Array => new Int32Array(2).fill(value);

const withSteps = (thresholds: readonly number[]): QuantNetwork =>
  singleLayerNetwork(input, {
    kind: "globalAveragePool2d",
    name: nodeName("mean"),
    input: nodeName("image"),
    output: quantType([3], { bits: 2 }),
    requantization: { mode: "steps", thresholds: Int32Array.from(thresholds) },
    clamp: { low: 0, high: 3 },
  });

describe("verifyQuantNetwork", () => {
  it("accepts a valid network and returns it", () => {
    expect(verifyQuantNetwork(network)).toBe(network);
    expect(verifyQuantNetwork(withSteps([-4, 0, 0])).nodes).toHaveLength(2);
  });

  const bad: readonly [string, QuantNetwork, RegExp][] = [
    ["unknown input", withConv({ input: nodeName("x") }), /no earlier layer/],
    ["doubled name", { ...network, nodes: [...network.nodes, conv] }, /two layers named/],
    ["too few thresholds", withSteps([1, 2]), /2 thresholds for outputs from 0 to 3/],
    ["falling thresholds", withSteps([1, 3, 2]), /must ascend/],
    ["no input", { ...network, nodes: [conv] }, /input must be the first/],
    ["missing output", { ...network, output: nodeName("x") }, /no layer "x"/],
    ["wrong shape", withConv({ output: quantType([2, 3, 2], { zeroPoint: 100 }) }), /expected 2x2x2/],
    [
      "wrong channels",
      withConv({ weights: tensor("int16", [3, 3, 1, 2], new Int16Array(18)) }),
      /do not fit/,
    ],
    ["zero point", withConv({ output: { ...conv.output, zeroPoint: 300 } }), /zero point 300/],
    ["clamp beyond the type", withConv({ clamp: { low: 0, high: 256 } }), /is no part of/],
    ["zero point outside the clamp", withConv({ clamp: { low: 101, high: 200 } }), /lies outside the clamp/],
    ["scale", withConv({ output: { ...conv.output, scale: 0 } }), /scale 0/],
    ["32-bit accumulator", withConv({ bias: tensor("int32", [2], fill(2 ** 31 - 5)) }), /beyond 32 bits/],
    [
      "53-bit product",
      withConv({
        bias: tensor("int32", [2], fill(2 ** 23)),
        requantization: { mode: "lean", multipliers: fill(2 ** 31 - 1), shifts: fill(40) },
      }),
      /exceeds 53 bits/,
    ],
    [
      "no power of two",
      withConv({ requantization: { mode: "shift", multipliers: fill(3), shifts: fill(9) } }),
      /no power of two/,
    ],
    [
      "lean shift 0",
      withConv({ requantization: { mode: "lean", multipliers: fill(1), shifts: fill(0) } }),
      /not in 1 to/,
    ],
    [
      "negative",
      withConv({ requantization: { mode: "lean", multipliers: fill(-1), shifts: fill(3) } }),
      /is negative/,
    ],
    [
      "left shift",
      withConv({ requantization: { mode: "tflite", multipliers: fill(1), shifts: fill(20) } }),
      /exceeds 32/,
    ],
    [
      "number of multipliers",
      withConv({ requantization: { mode: "lean", multipliers: new Int32Array(3), shifts: fill(3) } }),
      /3 multipliers and 2 shifts/,
    ],
  ];
  it.each(bad)("rejects: %s", (_name, broken, message) => {
    expect(() => verifyQuantNetwork(broken)).toThrow(message);
  });

  it("draws the line of the 32-bit accumulator exactly", () => {
    const dense = (bias: number): QuantNetwork => {
      const source = quantType([1], { zeroPoint: 0 });
      const node: QuantNode = {
        kind: "dense",
        name: nodeName("one"),
        input: nodeName("image"),
        output: quantType([1]),
        weights: tensor("int16", [1, 1], Int16Array.of(100)),
        weightScales: Float64Array.of(1),
        bias: tensor("int32", [1], Int32Array.of(bias)),
        requantization: { mode: "lean", multipliers: Int32Array.of(1), shifts: Int32Array.of(24) },
        clamp: { low: 0, high: 255 },
      };
      return singleLayerNetwork(source, node);
    };
    const limit = 2 ** 31 - 1 - 25500;
    fc.assert(
      fc.property(fc.integer({ min: limit - 100, max: limit + 100 }), (bias) => {
        const verify = (): QuantNetwork => verifyQuantNetwork(dense(bias));
        if (bias <= limit) expect(verify).not.toThrow();
        else expect(verify).toThrow(/beyond 32 bits/);
      }),
    );
  });
});
