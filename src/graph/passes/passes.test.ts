import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { maxAbsDifference, runReference } from "../../../test/helpers/float-reference.js";
import { addBatchNorm, everyKindGraph, randomTensor } from "../../../test/helpers/graphs.js";
import { createRng } from "../../core/index.js";
import { elementCount } from "../../tensor/index.js";
import {
  foldBatchNorm,
  foldPadding,
  type Graph,
  GraphBuilder,
  type NodeName,
  nodeName,
  removeDropout,
  SIMPLIFY_PASSES,
  simplify,
  stripSoftmax,
} from "../index.js";

const kinds = (graph: Graph): string[] => graph.nodes.map((node) => node.kind);

function outputDifference(a: Graph, b: Graph, seed: number): number {
  const rng = createRng(seed);
  const image = Float32Array.from({ length: elementCount(a.nodes[0]!.shape) }, () => 2 * rng.next() - 1);
  return maxAbsDifference(runReference(a, image).get(a.output)!, runReference(b, image).get(b.output)!);
}

const one = { height: 1, width: 1 };
const three = { height: 3, width: 3 };

describe("passes", () => {
  test("each keeps the function, whatever the weights", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const graph = everyKindGraph(createRng(seed));
        for (const pass of SIMPLIFY_PASSES.filter(({ name }) => name !== "stripSoftmax")) {
          expect(outputDifference(graph, pass.run(graph), seed), pass.name).toBeLessThan(1e-5);
        }
      }),
      { numRuns: 10 },
    );
  });

  test("foldBatchNorm leaves none, and layers keep their names", () => {
    const graph = everyKindGraph(createRng(3));
    const folded = foldBatchNorm(graph);
    expect(kinds(folded)).not.toContain("batchNorm");
    const names = folded.nodes.map((node) => node.name);
    expect(names).toEqual(expect.arrayContaining(["stem", "stem_relu", "dw", "dw_relu", "pw", "sum"]));
    expect(folded.nodes.find((node) => node.name === "lone_bn")?.kind).toBe("depthwiseConv2d");
    expect(kinds(graph)).toContain("batchNorm");
  });

  test("foldPadding adds up nested padding and leaves padding before pooling alone", () => {
    const rng = createRng(4);
    const g = new GraphBuilder();
    let x = g.add({ kind: "input", name: nodeName("x"), shape: [8, 9, 2] });
    const pad = (name: string, input: NodeName, top: number, right: number): NodeName => {
      const padding = { kind: "explicit", top, bottom: 1, left: 0, right } as const;
      return g.add({ kind: "zeroPad2d", name: nodeName(name), input, padding });
    };
    x = pad("p2", pad("p1", x, 2, 1), 1, 3);
    const conv = {
      weights: randomTensor(rng, [3, 3, 2, 4]),
      bias: undefined,
      stride: { height: 2, width: 2 },
    };
    x = g.add({ kind: "conv2d", name: nodeName("c"), input: x, ...conv, padding: { kind: "same" } });
    x = pad("p3", x, 0, 1);
    const pool = { window: three, stride: one, padding: { kind: "valid" } } as const;
    x = g.add({ kind: "averagePool2d", name: nodeName("a"), input: x, ...pool });
    const graph = g.build({ name: "pads", output: x });
    const folded = foldPadding(graph);
    expect(folded.nodes.map((node) => node.name)).toEqual(["x", "c", "p3", "a"]);
    expect(folded.nodes[1]).toMatchObject({
      padding: { kind: "explicit", top: 4, bottom: 3, left: 1, right: 5 },
    });
    expect(outputDifference(graph, folded, 4)).toBe(0);
  });

  test("foldBatchNorm before a padded convolution, twice in a row, behind a shared layer and around dense layers", () => {
    const rng = createRng(5);
    const g = new GraphBuilder();
    let x = g.add({ kind: "input", name: nodeName("x"), shape: [5, 5, 2] });
    x = addBatchNorm(g, rng, "first", x);
    const conv = { weights: randomTensor(rng, [3, 3, 2, 2]), bias: undefined, stride: one };
    const shared = g.add({
      kind: "conv2d",
      name: nodeName("c"),
      input: x,
      ...conv,
      padding: { kind: "same" },
    });
    x = addBatchNorm(g, rng, "shared_bn", shared);
    x = g.add({ kind: "add", name: nodeName("s"), inputs: [x, shared] });
    const conv2 = { weights: randomTensor(rng, [1, 1, 2, 3]), bias: undefined, stride: one };
    x = g.add({ kind: "conv2d", name: nodeName("c2"), input: x, ...conv2, padding: { kind: "valid" } });
    x = addBatchNorm(g, rng, "twice", addBatchNorm(g, rng, "once", x));
    x = g.add({ kind: "reshape", name: nodeName("flat"), input: x, shape: [75] });
    x = addBatchNorm(g, rng, "flat_bn", x);
    x = g.add({
      kind: "dense",
      name: nodeName("d"),
      input: x,
      weights: randomTensor(rng, [75, 4]),
      bias: undefined,
    });
    x = addBatchNorm(g, rng, "d_bn", x);
    x = g.add({ kind: "relu", name: nodeName("r"), input: x, max: undefined });
    x = addBatchNorm(g, rng, "last", x);
    const graph = g.build({ name: "norms", output: x });
    const folded = foldBatchNorm(graph);
    expect(outputDifference(graph, folded, 5)).toBeLessThan(1e-5);
    expect(folded.nodes.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      "input x",
      "depthwiseConv2d first",
      "conv2d c",
      "depthwiseConv2d shared_bn",
      "add s",
      "conv2d c2",
      "reshape flat",
      "dense d",
      "relu r",
      "reshape last_image",
      "depthwiseConv2d last",
      "reshape last_flat",
    ]);
  });

  test("removeDropout, stripSoftmax and simplify remove what they say, and simplify is idempotent", () => {
    const graph = everyKindGraph(createRng(6));
    expect(kinds(removeDropout(graph))).not.toContain("dropout");
    expect(stripSoftmax(graph).output).toBe("logits");
    const simple = simplify(graph);
    for (const kind of ["dropout", "softmax", "batchNorm", "zeroPad2d"])
      expect(kinds(simple)).not.toContain(kind);
    expect(simplify(simple)).toEqual(simple);
  });
});
