import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { maxAbsDifference, runReference } from "../../../test/helpers/float-reference.js";
import { randomTensor, randomVariance } from "../../../test/helpers/graphs.js";
import { type KerasFixture, type LayerWeights, writeKerasFile } from "../../../test/helpers/keras-file.js";
import { createRng, FixynnError, UnsupportedOpError } from "../../core/index.js";
import { createFloatExecutor, type Graph, graphToJson, simplify, statistics } from "../../graph/index.js";
import { elementCount, tensor } from "../../tensor/index.js";
import { importModel } from "../index.js";

const folder = mkdtempSync(join(tmpdir(), "fixynn-keras-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
async function write(fixture: KerasFixture): Promise<string> {
  const path = join(folder, `model-${files++}.h5`);
  await writeKerasFile(path, fixture);
  return path;
}

async function failure(promise: Promise<unknown>): Promise<FixynnError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof FixynnError) return error;
    throw error;
  }
  throw new Error("expected a failure");
}

const rng = createRng(21);
const random = (...shape: number[]) => randomTensor(rng, shape, 0.4);

type Config = Record<string, unknown>;
const layer = (className: string, name: string, config: Config = {}) => ({
  class_name: className,
  config: { name, trainable: true, dtype: "float32", ...config },
});
const windowed = { strides: [1, 1], padding: "same", data_format: "channels_last", dilation_rate: [1, 1] };
const conv = (name: string, filters: number, config: Config = {}) =>
  layer("Conv2D", name, {
    filters,
    kernel_size: [3, 3],
    ...windowed,
    groups: 1,
    activation: "linear",
    use_bias: true,
    ...config,
  });
const norm = (name: string, config: Config = {}) =>
  layer("BatchNormalization", name, {
    axis: [3],
    momentum: 0.99,
    epsilon: 1e-3,
    center: true,
    scale: true,
    ...config,
  });
const input = (shape: (number | null)[] = [null, 9, 8, 3]) =>
  layer("InputLayer", "image", { batch_input_shape: shape });
const sequential = (...layers: unknown[]) => ({ class_name: "Sequential", config: { name: "seq", layers } });

const normWeights = (name: string, channels: number): LayerWeights => ({
  [`${name}/gamma:0`]: random(channels),
  [`${name}/beta:0`]: random(channels),
  [`${name}/moving_mean:0`]: random(channels),
  [`${name}/moving_variance:0`]: randomVariance(rng, channels),
});

/** Check the executor on an imported graph against the definitions, as imported and simplified. */
async function expectRuns(graph: Graph): Promise<void> {
  const image = Float32Array.from({ length: elementCount(graph.nodes[0]!.shape) }, () => rng.normal());
  const expected = runReference(graph, image);
  const executor = createFloatExecutor(graph);
  const got = (await executor.run(image, 1)).get(graph.output)!;
  await executor.close();
  expect(maxAbsDifference(got, expected.get(graph.output)!)).toBeLessThan(1e-5);
  const simple = simplify(graph);
  const folded = runReference(simple, image).get(simple.output)!;
  expect(maxAbsDifference(folded, expected.get(simple.output) ?? expected.get(graph.output)!)).toBeLessThan(
    1e-4,
  );
}

describe("Sequential", () => {
  const layers = [
    input(),
    layer("ZeroPadding2D", "pad", {
      padding: [
        [0, 1],
        [2, 0],
      ],
      data_format: "channels_last",
    }),
    conv("conv", 4, { strides: [2, 2], padding: "valid", activation: "relu" }),
    layer("SeparableConv2D", "sep", {
      filters: 6,
      kernel_size: [3, 3],
      ...windowed,
      depth_multiplier: 2,
      activation: "relu6",
      use_bias: true,
    }),
    norm("bn", { scale: false, center: false }),
    layer("DepthwiseConv2D", "dw", {
      kernel_size: [3, 3],
      ...windowed,
      depth_multiplier: 1,
      activation: "linear",
      use_bias: false,
    }),
    layer("ReLU", "clip", { max_value: 6.0, negative_slope: 0.0, threshold: 0.0 }),
    layer("MaxPooling2D", "pool", { pool_size: [2, 2], strides: [2, 2], padding: "same" }),
    layer("SpatialDropout2D", "spatial", { rate: 0.1 }),
    layer("Flatten", "flatten", { data_format: "channels_last" }),
    norm("flat_bn", { axis: [1] }),
    layer("Dense", "hidden", { units: 5, use_bias: true, activation: "relu" }),
    layer("Dropout", "dropout", { rate: 0.5 }),
    layer("Dense", "scores", { units: 3, use_bias: false, activation: "softmax" }),
  ];
  const weights = {
    conv: { "conv/kernel:0": random(3, 3, 3, 4), "conv/bias:0": random(4) },
    sep: {
      "sep/depthwise_kernel:0": random(3, 3, 4, 2),
      "sep/pointwise_kernel:0": random(1, 1, 8, 6),
      "sep/bias:0": random(6),
    },
    bn: { "bn/moving_mean:0": random(6), "bn/moving_variance:0": randomVariance(rng, 6) },
    dw: { "dw/depthwise_kernel:0": random(3, 3, 6, 1) },
    flat_bn: normWeights("flat_bn", 24),
    hidden: { "hidden/kernel:0": random(24, 5), "hidden/bias:0": random(5) },
    scores: { "scores/kernel:0": random(5, 3) },
  };

  test("imports every sequential kind of layer and runs", async () => {
    const graph = await importModel(await write({ config: sequential(...layers), weights }));
    expect(graph.nodes.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      "input image",
      "zeroPad2d pad",
      "conv2d conv",
      "relu conv_relu",
      "depthwiseConv2d sep_depthwise",
      "conv2d sep",
      "relu sep_relu",
      "batchNorm bn",
      "depthwiseConv2d dw",
      "relu clip",
      "maxPool2d pool",
      "dropout spatial",
      "reshape flatten",
      "batchNorm flat_bn",
      "dense hidden",
      "relu hidden_relu",
      "dropout dropout",
      "dense scores",
      "softmax scores_softmax",
    ]);
    expect(graph.encoding).toEqual({ scale: 1 / 127.5, offset: -1 });
    expect(statistics(graph).params).toBe(112 + (72 + 48 + 6) + 24 + 54 + 96 + 125 + 15);
    await expectRuns(graph);
  });

  test("takes the input shape from the first layer of old files, and Keras 3's names", async () => {
    const first = conv("conv", 4, { batch_input_shape: [null, 9, 8, 3] });
    const oldConfig = { class_name: "Sequential", config: [first] };
    const old = await importModel(await write({ config: oldConfig, weights: { conv: weights.conv } }));
    expect(old.nodes[0]).toMatchObject({ kind: "input", shape: [9, 8, 3] });
    const modern = sequential(
      layer("InputLayer", "image", { batch_shape: [null, 9, 8, 3], dtype: { class_name: "DTypePolicy" } }),
      layer("DepthwiseConv2D", "dw", {
        kernel_size: [3, 3],
        ...windowed,
        depth_multiplier: 2,
        activation: "linear",
        use_bias: true,
      }),
      layer("GlobalMaxPooling2D", "max", { data_format: "channels_last", keepdims: false }),
    );
    const dw = { "seq/dw/kernel": random(3, 3, 3, 2), "seq/dw/bias": random(6) };
    const graph = await importModel(await write({ config: modern, weights: { dw } }));
    expect(graph.nodes.at(-1)).toMatchObject({ kind: "reshape", name: "max_flat", shape: [6] });
    await expectRuns(graph);
  });
});

describe("Functional", () => {
  const call = (...names: string[]) => [names.map((name) => [name, 0, 0, {}])];
  const keras3 = (...names: string[]) => {
    const tensors = names.map((name) => ({
      class_name: "__keras_tensor__",
      config: { shape: [null, 9, 8, 4], dtype: "float32", keras_history: [name, 0, 0] },
    }));
    return [{ args: tensors.length === 1 ? tensors : [tensors], kwargs: {} }];
  };
  const residual = (
    inbound: (...names: string[]) => unknown[],
    ends: (name: string) => unknown,
    order = false,
  ) => {
    const layers = [
      { ...input(), name: "image", inbound_nodes: [] },
      { ...conv("conv", 4, { use_bias: false }), name: "conv", inbound_nodes: inbound("image") },
      { ...norm("bn"), name: "bn", inbound_nodes: inbound("conv") },
      { ...layer("Activation", "act", { activation: "linear" }), name: "act", inbound_nodes: inbound("bn") },
      { ...conv("inner", 4, { kernel_size: 1, strides: 1 }), name: "inner", inbound_nodes: inbound("act") },
      { ...layer("Add", "add"), name: "add", inbound_nodes: inbound("inner", "act") },
      {
        ...layer("AveragePooling2D", "avg", { pool_size: [3, 3], strides: null, padding: "same" }),
        name: "avg",
        inbound_nodes: inbound("add"),
      },
      {
        ...layer("GlobalAveragePooling2D", "gap", { data_format: "channels_last", keepdims: true }),
        name: "gap",
        inbound_nodes: inbound("avg"),
      },
      {
        ...layer("Dense", "dense", { units: 2, use_bias: true, activation: null }),
        name: "dense",
        inbound_nodes: inbound("gap"),
      },
      { ...layer("Reshape", "out", { target_shape: [-1] }), name: "out", inbound_nodes: inbound("dense") },
      { ...layer("Softmax", "soft", { axis: -1 }), name: "soft", inbound_nodes: inbound("out") },
    ];
    return {
      class_name: "Functional",
      config: {
        name: "residual",
        layers: order ? layers.toReversed() : layers,
        input_layers: ends("image"),
        output_layers: ends("soft"),
      },
    };
  };
  const weights = {
    conv: { "conv/kernel:0": random(3, 3, 3, 4) },
    bn: normWeights("bn", 4),
    inner: { "inner/kernel:0": random(1, 1, 4, 4), "inner/bias:0": random(4) },
    dense: { "dense/kernel:0": random(4, 2), "dense/bias:0": random(2) },
  };

  test("imports a residual block, the same from Keras 2, Keras 3 and in any order of layers", async () => {
    const graphs = [];
    for (const config of [
      residual(call, (name) => [[name, 0, 0]]),
      residual(keras3, (name) => [name, 0, 0]),
      residual(call, (name) => [[name, 0, 0]], true),
    ]) {
      graphs.push(await importModel(await write({ config, weights })));
    }
    expect(graphs[0]!.nodes.find(({ name }) => name === "add")).toMatchObject({ inputs: ["inner", "bn"] });
    expect(graphs[0]!.nodes.find(({ name }) => name === "dense")?.kind).toBe("conv2d");
    expect(graphs[1]).toEqual(graphs[0]);
    expect(graphs[2]).toEqual(graphs[0]);
    await expectRuns(graphs[0]!);
  });

  test("refuses shared layers, several inputs and outputs", async () => {
    const config = {
      class_name: "Functional",
      config: {
        name: "twins",
        layers: [
          {
            ...layer("InputLayer", "a", { batch_input_shape: [null, 4, 4, 1] }),
            name: "a",
            inbound_nodes: [],
          },
          {
            ...layer("InputLayer", "b", { batch_input_shape: [null, 4, 4, 1] }),
            name: "b",
            inbound_nodes: [],
          },
          { ...conv("twin", 2), name: "twin", inbound_nodes: [call("a")[0], call("b")[0]] },
          {
            ...layer("Add", "add"),
            name: "add",
            inbound_nodes: [
              [
                ["twin", 0, 0, {}],
                ["twin", 1, 0, {}],
              ],
            ],
          },
        ],
        input_layers: [
          ["a", 0, 0],
          ["b", 0, 0],
        ],
        output_layers: [
          ["add", 0, 0],
          ["twin", 0, 0],
        ],
      },
    };
    const error = await failure(importModel(await write({ config, weights: {} })));
    expect(error).toBeInstanceOf(UnsupportedOpError);
    expect(
      (error as UnsupportedOpError).ops.map(({ node, hint }) => `${node}: ${hint.split(/[;(]/)[0]!.trim()}`),
    ).toEqual([
      "twins: exactly one input is supported",
      "twins: it has 2 outputs",
      "twin: the layer is used more than once",
      "add: it reads a second use or a second output of a layer",
    ]);
  });
});

describe("bad files", () => {
  let good: string;
  const config = sequential(input(), conv("conv", 4, { use_bias: false }));
  const kernel = random(3, 3, 3, 4);
  beforeAll(async () => {
    good = await write({ config, weights: { conv: { "conv/kernel:0": kernel } } });
  });

  test("every unsupported layer and option is listed at once, before weights are read", async () => {
    const bad = sequential(
      input(),
      conv("grouped", 4, { groups: 2 }),
      conv("wide", 4, { dilation_rate: [2, 2], activation: "swish", data_format: "channels_first" }),
      layer("LSTM", "memory"),
      layer("ReLU", "leaky", { max_value: null, negative_slope: 0.1, threshold: 0.5 }),
      { class_name: "Functional", config: { name: "nested", layers: [] } },
      layer("Dropout", "all", { rate: 2 }),
    );
    const error = await failure(importModel(await write({ config: bad, weights: {} })));
    expect(error.code).toBe("FX1003");
    const ops = (error as UnsupportedOpError).ops;
    expect(ops.map(({ op, node }) => `${op} ${node}`)).toEqual([
      "Conv2D grouped",
      "Conv2D wide",
      "Conv2D wide",
      "Conv2D wide",
      "LSTM memory",
      "ReLU leaky",
      "ReLU leaky",
      "Functional nested",
      "Dropout all",
    ]);
    expect(ops.every(({ hint }) => hint.length > 0)).toBe(true);
    expect(error.oneLine()).not.toContain("\n");
  });

  test.each([
    ["weights only", { config: undefined, weights: {} }, "FX1004", /no model configuration/],
    ["missing weights", { config, weights: {} }, "FX1004", /no kernel/],
    [
      "another shape",
      { config, weights: { conv: { "conv/kernel:0": random(3, 3, 4, 3) } } },
      "FX1005",
      /3x3x4x3.*3x3x3x4/,
    ],
    ["no model", { config: { hello: 1 }, weights: {} }, "FX1006", /configuration/],
    ["a subclassed model", { config: { class_name: "Mine", config: {} }, weights: {} }, "FX1006", /Mine/],
    [
      "an open size",
      { config: sequential(input([null, null, null, 3]), conv("c", 1)), weights: {} },
      "FX1007",
      /open/,
    ],
    [
      "a window larger than the image",
      {
        config: sequential(input([null, 2, 2, 3]), conv("conv", 4, { use_bias: false, padding: "valid" })),
        weights: { conv: { "conv/kernel:0": kernel } },
      },
      "FX1010",
      /does not fit/,
    ],
  ])("%s: one clear error with a hint", async (_what, fixture, code, message) => {
    const path = await write(fixture);
    const error = await failure(importModel(path));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.place).toContain(path);
    expect(error.place?.split(path)).toHaveLength(2);
    expect(error.hint === undefined && code !== "FX1010").toBe(false);
  });

  test("NaN weights name file and layer", async () => {
    const data = Float32Array.from(kernel.data, (value, i) => (i === 5 ? Number.NaN : value));
    const weights = { conv: { "conv/kernel:0": tensor("float32", kernel.shape, data) } };
    const path = await write({ config, weights });
    const error = await failure(importModel(path));
    expect(error).toMatchObject({ code: "FX1012", place: `${path}: layer conv`, hint: expect.any(String) });
  });

  test("an open size is taken from inputSide", async () => {
    const open = sequential(input([null, null, null, 3]), conv("conv", 4, { use_bias: false }));
    const path = await write({ config: open, weights: { conv: { "conv/kernel:0": kernel } } });
    expect((await importModel(path, { inputSide: 12 })).nodes[0]!.shape).toEqual([12, 12, 3]);
  });

  test("truncated, garbage, empty, foreign and absent files, without a word on standard error", async () => {
    const said = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const logged = vi.spyOn(console, "error").mockReturnValue();
    const bytes = readFileSync(good);
    const cases: [string, Uint8Array | string, string][] = [
      ["half.h5", bytes.subarray(0, bytes.length >> 1), "FX1002"],
      ["stub.h5", bytes.subarray(0, 20), "FX1002"],
      ["garbage.h5", Uint8Array.from({ length: 4096 }, () => rng.integer(256)), "FX1002"],
      ["empty.h5", "", "FX1002"],
      ["archive.keras", "PK\u0003\u0004rest", "FX1001"],
      ["model.tflite", "\u001c\0\0\0TFL3", "FX1001"],
      ["model.onnx", "\u0008\u0008", "FX1001"],
      ["broken.json", "{", "FX1013"],
      ["other.json", "{}", "FX1013"],
    ];
    for (const [name, content, code] of cases) {
      const path = join(folder, name);
      writeFileSync(path, content);
      const error = await failure(importModel(path));
      expect(error, name).toMatchObject({ code, place: path, hint: expect.any(String) });
    }
    expect((await failure(importModel(join(folder, "absent.h5")))).code).toBe("FX1001");
    expect(said).not.toHaveBeenCalled();
    expect(logged).not.toHaveBeenCalled();
    said.mockRestore();
    logged.mockRestore();
  });

  test("a good file still opens after bad ones, and many times over", async () => {
    for (let i = 0; i < 50; i++) expect((await importModel(good)).nodes).toHaveLength(2);
  });

  test("damaged bytes anywhere give a graph or a FixynnError, never another failure", async () => {
    const bytes = readFileSync(good);
    const path = join(folder, "flipped.h5");
    for (let i = 0; i < 150; i++) {
      const flipped = Uint8Array.from(bytes);
      flipped[rng.integer(bytes.length)]! ^= 1 << rng.integer(8);
      writeFileSync(path, flipped);
      const result = await importModel(path).catch((error: unknown) => error);
      if (result instanceof Error) expect(result).toBeInstanceOf(FixynnError);
    }
  });
});

test("a graph file imports as written, with another encoding if asked", async () => {
  const config = sequential(input(), conv("conv", 4, { use_bias: false }));
  const graph = await importModel(
    await write({ config, weights: { conv: { "conv/kernel:0": random(3, 3, 3, 4) } } }),
  );
  const path = join(folder, "graph.json");
  writeFileSync(path, JSON.stringify(graphToJson(graph)));
  expect(await importModel(path)).toEqual(graph);
  const encoding = { scale: 1, offset: 0 };
  expect(await importModel(path, { encoding })).toEqual({ ...graph, encoding });
});
