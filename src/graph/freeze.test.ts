import { describe, expect, test } from "vitest";
import { maxAbsDifference, runReference } from "../../test/helpers/float-reference.js";
import { everyKindGraph, randomTensor } from "../../test/helpers/graphs.js";
import { createRng } from "../core/index.js";
import { elementCount } from "../tensor/index.js";
import {
  freezePoints,
  frozenNodes,
  GraphBuilder,
  nodeName,
  printGraph,
  simplify,
  splitGraph,
  statistics,
} from "./index.js";

const graph = everyKindGraph(createRng(11));

describe("freeze points", () => {
  test("are the layers after which one value crosses", () => {
    expect(freezePoints(graph).map(({ layer, cut }) => `${layer} ${cut}`)).toEqual([
      "stem stem_relu",
      "dw dw_relu",
      "sum sum_relu",
      "avg avg",
      "max lone_bn",
      "gap gap",
      "hidden hidden_relu",
    ]);
  });

  test("carry growing shares of the work", () => {
    const points = freezePoints(graph);
    const shares = points.map(({ macsShare }) => macsShare);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    const stem = statistics(graph).layers.find(({ name }) => name === "stem")!;
    expect(points[0]).toMatchObject({ frozenLayers: 1, params: 216 + 32, macs: stem.macs, shape: [7, 8, 8] });
  });

  test("refuse a cut through a residual block, and other layers, listing the possible ones", () => {
    for (const layer of ["pw", "stem_relu", "logits", "nowhere"]) {
      expect(() => frozenNodes(graph, layer)).toThrow(
        expect.objectContaining({ code: "FX1015", hint: expect.stringContaining("stem, dw, sum") }),
      );
    }
  });

  test("split a graph in two that compute the same, as imported and simplified", () => {
    const rng = createRng(12);
    const image = Float32Array.from({ length: elementCount(graph.nodes[0]!.shape) }, () => rng.normal());
    for (const whole of [graph, simplify(graph)]) {
      const expected = runReference(whole, image).get(whole.output)!;
      for (const { layer, shape } of freezePoints(whole)) {
        const { front, tail } = splitGraph(whole, layer);
        expect(new Set(front.nodes.map(({ name }) => name))).toEqual(frozenNodes(whole, layer));
        expect(tail.nodes[0]).toEqual({ kind: "input", name: front.output, shape });
        const crossing = runReference(front, image).get(front.output)!;
        expect(maxAbsDifference(runReference(tail, crossing).get(tail.output)!, expected), layer).toBe(0);
      }
    }
  });
});

test("statistics count parameters as Keras and only products inside the image", () => {
  const g = new GraphBuilder();
  const rng = createRng(1);
  let x = g.add({ kind: "input", name: nodeName("x"), shape: [4, 4, 2] });
  x = g.add({
    kind: "conv2d",
    name: nodeName("c"),
    input: x,
    weights: randomTensor(rng, [3, 3, 2, 5]),
    bias: randomTensor(rng, [5]),
    stride: { height: 1, width: 1 },
    padding: { kind: "same" },
  });
  const counted = statistics(g.build({ name: "count", output: x }));
  // Along an axis of 4 pixels the 3-wide windows see 2 + 3 + 3 + 2 = 10 of them.
  expect(counted).toMatchObject({ params: 95, weights: 90, macs: 10 * 10 * 2 * 5 });
  expect(statistics(graph).layers.find(({ name }) => name === "stem_bn")).toMatchObject({
    params: 32,
    weights: 0,
  });
});

test("printGraph is readable", () => {
  expect(printGraph(simplify(graph))).toMatchInlineSnapshot(`
    "graph every-kind: real = 0.00784313725490196 * byte + -1
      image        input                             13x16x3
      stem         conv2d               image        7x8x8    3x3 stride 2x2 same weights 3x3x3x8 bias 8
      stem_relu    relu                 stem         7x8x8    max 6
      dw           depthwiseConv2d      stem_relu    6x7x16   3x3 stride 1x1 pad 0,1,0,1 weights 3x3x8x2 bias 16
      dw_relu      relu                 dw           6x7x16
      pw           conv2d               dw_relu      6x7x16   1x1 stride 1x1 same weights 1x1x16x16 bias 16
      sum          add                  pw, dw_relu  6x7x16
      sum_relu     relu                 sum          6x7x16
      avg          averagePool2d        sum_relu     6x7x16   3x3 stride 1x1 same
      max          maxPool2d            avg          3x4x16   2x2 stride 2x2 same
      lone_bn      depthwiseConv2d      max          3x4x16   1x1 stride 1x1 valid weights 1x1x16x1 bias 16
      flat         reshape              lone_bn      192
      back         reshape              flat         12x1x16
      gap          globalAveragePool2d  back         1x1x16   keepDims
      flat_gap     reshape              gap          16
      hidden       dense                flat_gap     12       weights 16x12 bias 12
      hidden_relu  relu                 hidden       12
      logits       dense                hidden_relu  10       weights 12x10
      output logits
    "
  `);
});
