import { describe, expect, test } from "vitest";
import { everyKindGraph, randomTensor } from "../../test/helpers/graphs.js";
import { createRng } from "../core/index.js";
import { tensor } from "../tensor/index.js";
import { type Graph, type GraphNode, graphFromJson, graphToJson, nodeName, verifyGraph } from "./index.js";

const graph = everyKindGraph(createRng(1));

function withNode(name: string, change: (node: GraphNode) => Record<string, unknown>): Graph {
  const nodes = graph.nodes.map((node) =>
    node.name === name ? ({ ...node, ...change(node) } as GraphNode) : node,
  );
  return { ...graph, nodes };
}

describe("verifyGraph", () => {
  test("accepts a valid graph and returns it", () => {
    expect(verifyGraph(graph)).toBe(graph);
  });

  test.each([
    ["a wrong declared shape", withNode("stem", () => ({ shape: [7, 8, 9] })), "FX1011", "stem"],
    ["a duplicate name", withNode("pw", () => ({ name: "dw" })), "FX1011", "dw"],
    ["an unknown input", withNode("dw_bn", () => ({ input: "nowhere" })), "FX1011", "dw_bn"],
    ["a forward reference", withNode("dw", () => ({ input: "pw" })), "FX1011", "dw"],
    [
      "wrong weights",
      withNode("pw", () => ({ weights: randomTensor(createRng(1), [1, 1, 9, 16]) })),
      "FX1010",
      "pw",
    ],
    ["a wrong bias", withNode("pw", () => ({ bias: randomTensor(createRng(1), [15]) })), "FX1010", "pw"],
    ["stride 0", withNode("avg", () => ({ stride: { height: 0, width: 1 } })), "FX1010", "avg"],
    ["a negative ReLU bound", withNode("stem_relu", () => ({ max: -1 })), "FX1010", "stem_relu"],
    ["dropout of everything", withNode("drop", () => ({ rate: 1 })), "FX1010", "drop"],
    ["unequal summands", withNode("sum", () => ({ inputs: ["pw_bn", "stem_relu"] })), "FX1010", "sum"],
    ["a dead layer", { ...graph, output: nodeName("logits") }, "FX1011", "every-kind"],
    ["a scale of 0", { ...graph, encoding: { scale: 0, offset: 0 } }, "FX1011", "every-kind"],
  ])("refuses %s", (_what, broken, code, place) => {
    expect(() => verifyGraph(broken as Graph)).toThrow(
      expect.objectContaining({ code, place: expect.stringContaining(place) }),
    );
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])("refuses a weight of %d, naming the layer", (bad) => {
    const data = Float32Array.from({ length: 256 }, (_, i) => (i === 17 ? bad : 0));
    const broken = withNode("pw", () => ({ weights: tensor("float32", [1, 1, 16, 16], data) }));
    expect(() => verifyGraph(broken)).toThrow(
      expect.objectContaining({
        code: "FX1012",
        place: "layer pw",
        message: `weights contain ${bad} (element 17)`,
        hint: expect.any(String),
      }),
    );
  });

  test("refuses a negative variance", () => {
    const variance = tensor("float32", [8], new Float32Array(8).fill(-1));
    expect(() => verifyGraph(withNode("stem_bn", () => ({ variance })))).toThrow(/variance/);
  });
});

describe("graph JSON", () => {
  test("gives the same graph back through text", () => {
    const text = JSON.stringify(graphToJson(graph));
    expect(graphFromJson(JSON.parse(text))).toEqual(graph);
    expect(JSON.stringify(graphToJson(graphFromJson(JSON.parse(text))))).toBe(text);
  });

  test.each([
    ["nothing", null],
    ["another schema", { ...graphToJson(graph), schema: "other" }],
    ["an unknown kind", { ...graphToJson(graph), nodes: [{ kind: "lstm", name: "x", shape: [1] }] }],
    ["short weights", shorten(graphToJson(graph))],
  ])("refuses %s", (_what, json) => {
    expect(() => graphFromJson(json)).toThrow(expect.objectContaining({ code: "FX1013" }));
  });

  test("verifies what it reads", () => {
    const json = graphToJson({ ...graph, output: nodeName("logits") });
    expect(() => graphFromJson(json)).toThrow(expect.objectContaining({ code: "FX1011" }));
  });
});

function shorten(json: ReturnType<typeof graphToJson>): unknown {
  const nodes = json.nodes.map((node) =>
    node["name"] === "pw" ? { ...node, bias: { dtype: "float32", shape: [16], base64: "AAAAAA==" } } : node,
  );
  return { ...json, nodes };
}
