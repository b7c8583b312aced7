import { describe, expect, it } from "vitest";
import { runOnnxFile, toChannelsFirst } from "../../../bench/onnx-file.js";
import { maxAbsDifference } from "../../../test/helpers/float-reference.js";
import { everyKindGraph } from "../../../test/helpers/graphs.js";
import { checkOnnxStructure } from "../../../test/helpers/onnx-decode.js";
import { createRng } from "../../core/index.js";
import { createFloatExecutor } from "../execute.js";
import { type Graph, nodeName } from "../nodes.js";
import { encodeOnnx } from "./encode.js";
import { exportOnnx } from "./export.js";
import { floatOnnxModel } from "./file.js";

const graph = { ...everyKindGraph(createRng(7)), encoding: { scale: 1 / 127.5, offset: -1 } };
const shape = [13, 16, 3] as const;
const count = 5;
const rng = createRng(8);
const images = Uint8Array.from({ length: count * 13 * 16 * 3 }, () => rng.integer(256));

async function expected(network: Graph): Promise<Float32Array> {
  const executor = createFloatExecutor(network);
  const values = (await executor.run(images, count)).get(network.output)!;
  await executor.close();
  return values;
}

describe("floatOnnxModel", () => {
  it.each(["float32", "uint8"] as const)(
    "gives the network's outputs in ONNX Runtime, fed with %s",
    async (inputDType) => {
      const model = floatOnnxModel(graph, { inputDType });
      const got = await runOnnxFile(model, images, shape, { encoding: graph.encoding });
      // The executor's model differs in its transposes and in where the encoding is computed.
      expect(maxAbsDifference(got, await expected(graph))).toBeLessThan(1e-6);
    },
  );

  it("returns images channels first", async () => {
    const front = { ...graph, output: nodeName("max") };
    const got = await runOnnxFile(floatOnnxModel(front), images, shape, { encoding: graph.encoding });
    const [height, width, channels] = graph.nodes.find(({ name }) => name === "max")!.shape as [
      number,
      number,
      number,
    ];
    const wanted = toChannelsFirst(await expected(front), [height, width, channels]);
    expect(maxAbsDifference(got, wanted)).toBeLessThan(1e-5);
  });

  it("names values, nodes and constants after the layers, and says how bytes are encoded", () => {
    const classNames = Array.from({ length: 10 }, (_, i) => `class "${i}" ä`);
    const bytes = encodeOnnx(floatOnnxModel(graph, { classNames, producerVersion: "1.2.3" }));
    const file = checkOnnxStructure(bytes);
    expect(file.producer).toEqual(["fixynn", "1.2.3"]);
    expect(file.inputs).toEqual([{ name: "image", type: 1, shape: ["N", 3, 13, 16] }]);
    expect(file.outputs).toEqual([{ name: "probabilities", type: 1, shape: ["N", 10] }]);
    expect(file.values).toContainEqual({ name: "stem", type: 1, shape: ["N", 8, 7, 8] });
    // Every layer but the input is a node of its own name; dropout is the identity.
    const layers = graph.nodes.map(({ name }) => name as string).filter((n) => n !== "image" && n !== "drop");
    expect(file.nodes.map(({ name }) => name)).toEqual(expect.arrayContaining(layers));
    expect(file.initializers.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["stem/weights", "dw/bias", "pw_bn/gamma", "logits/weights"]),
    );
    expect(file.metadata).toEqual({
      "fixynn.encoding.scale": `${1 / 127.5}`,
      "fixynn.encoding.offset": "-1",
      "fixynn.class_names": JSON.stringify(classNames),
      "Image.BitmapPixelFormat": "Rgb8",
      "Image.NominalPixelRange": "Normalized_1_1",
    });
    expect(file.doc).toContain("* byte - 1, channels first");
    expect(encodeOnnx(floatOnnxModel(graph, { classNames, producerVersion: "1.2.3" }))).toEqual(bytes);
  });

  it("takes a fixed batch, and refuses class names that do not fit", () => {
    expect(floatOnnxModel(graph, { batch: 4 }).inputs[0]!.shape).toEqual([4, 3, 13, 16]);
    expect(() => floatOnnxModel(graph, { classNames: ["a"] })).toThrow(
      expect.objectContaining({ code: "FX1018" }),
    );
  });

  it("survives names that look like the builder's own", async () => {
    const rename = (name: string): string =>
      ({ stem: "dw/weights", stem_bn: "dw/y_3", dw: "dw" })[name] ?? name;
    const nodes = graph.nodes.map((node) => ({
      ...node,
      name: nodeName(rename(node.name)),
      ...("input" in node ? { input: nodeName(rename(node.input)) } : {}),
    })) as Graph["nodes"];
    const tricky = { ...graph, nodes };
    checkOnnxStructure(encodeOnnx(floatOnnxModel(tricky)));
    const got = await runOnnxFile(floatOnnxModel(tricky), images, shape, { encoding: graph.encoding });
    expect(maxAbsDifference(got, await expected(graph))).toBeLessThan(1e-6);
  });
});

it("models of our own executor have a sound structure, too", () => {
  for (const inputDType of ["float32", "uint8"] as const)
    checkOnnxStructure(encodeOnnx(exportOnnx(graph, { batch: "N", inputDType })));
});
