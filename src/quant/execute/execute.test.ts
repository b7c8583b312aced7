import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { onnxAccumulators, type Weighted } from "../../../test/helpers/onnx-integers.js";
import {
  quantType,
  randomIntegers,
  randomWeighted,
  singleLayerNetwork,
} from "../../../test/helpers/quant-networks.js";
import { createRng, packageRoot } from "../../core/index.js";
import { encodeOnnx, graphFromJson, int, ints, nodeName, OnnxBuilder } from "../../graph/index.js";
import { NO_PADDING, type Padding } from "../../tensor/index.js";
import { accumulatorInterval } from "../interval.js";
import type { QuantAdd, QuantNode } from "../nodes.js";
import { quantize } from "../quantize/quantize.js";
import { requantize } from "../requantize.js";
import { findQuantNode } from "../types.js";
import { verifyQuantNetwork } from "../verify.js";
import { executeFrom, executeLayer, executeQuantNetwork } from "./execute.js";

const asymmetric: Padding = { top: 0, bottom: 1, left: 2, right: 1 };
const one = { height: 1, width: 1 };
const cases: readonly {
  readonly name: string;
  readonly kind: Weighted["kind"];
  readonly input: readonly number[];
  readonly out: number;
  readonly kernel: { readonly height: number; readonly width: number };
  readonly stride?: { readonly height: number; readonly width: number };
  readonly padding?: Padding;
}[] = [
  {
    name: "3x3 stride 2, asymmetric padding",
    kind: "conv2d",
    input: [11, 9, 3],
    out: 8,
    kernel: { height: 3, width: 3 },
    stride: { height: 2, width: 2 },
    padding: asymmetric,
  },
  {
    name: "5x2 kernel, uneven strides",
    kind: "conv2d",
    input: [12, 7, 4],
    out: 5,
    kernel: { height: 5, width: 2 },
    stride: { height: 3, width: 1 },
  },
  { name: "pointwise", kind: "conv2d", input: [5, 6, 33], out: 18, kernel: one },
  {
    name: "depthwise 3x3",
    kind: "depthwiseConv2d",
    input: [9, 10, 7],
    out: 7,
    kernel: { height: 3, width: 3 },
    padding: { top: 1, bottom: 1, left: 1, right: 1 },
  },
  {
    name: "depthwise stride 2, multiplier 3",
    kind: "depthwiseConv2d",
    input: [9, 10, 4],
    out: 12,
    kernel: { height: 3, width: 3 },
    stride: { height: 2, width: 2 },
    padding: asymmetric,
  },
  { name: "dense", kind: "dense", input: [301], out: 13, kernel: one },
];

describe("golden executor", () => {
  it.each(cases)("equals ONNX Runtime's integers: $name", async (c) => {
    for (const [seed, zeroPoint] of [0, 128, 3].entries()) {
      const rng = createRng(seed).fork(c.name);
      const input = quantType(c.input, { zeroPoint });
      const layer = randomWeighted(rng, c.kind, input, c.out, {
        kernel: c.kernel,
        stride: c.stride ?? one,
        padding: c.padding ?? NO_PADDING,
      });
      const network = verifyQuantNetwork(singleLayerNetwork(input, layer));
      const size = c.input.reduce((a, b) => a * b, 1);
      const image = Uint8Array.from(randomIntegers(rng, size, 0, 255));
      if (seed === 0) image.fill(255);
      const accumulators = await onnxAccumulators(layer, input, image);
      const expected = Uint8Array.from(accumulators, (acc, i) => {
        const r = requantize(layer.requantization, i % c.out, acc) + layer.output.zeroPoint;
        return Math.max(layer.clamp.low, Math.min(layer.clamp.high, r));
      });
      expect(executeQuantNetwork(network, image, 1).get(layer.name)).toEqual(expected);
      if (seed > 0) expect(new Set(expected).size).toBeGreaterThan(10);
      const { low, high } = accumulatorInterval(layer, input);
      expect(accumulators.every((acc, i) => acc >= low[i % c.out]! && acc <= high[i % c.out]!)).toBe(true);
    }
  });

  it("equals ONNX Runtime's integers in every weighted layer of MobileNetV1", async () => {
    const file = join(packageRoot, "models", "mobilenet-v1-025-48-cifar100.json");
    const graph = graphFromJson(JSON.parse(readFileSync(file, "utf8")));
    const rng = createRng(21);
    const pixels = Uint8Array.from(randomIntegers(rng, 8 * 48 * 48 * 3, 0, 255));
    for (const mode of ["lean", "tflite"] as const) {
      const network = await quantize(graph, { mode, calibration: { pixels, count: 8 } });
      const outputs = network.nodes.map((node) => node.name);
      const values = executeQuantNetwork(network, pixels.subarray(0, 48 * 48 * 3), 1, { outputs });
      let compared = 0;
      for (const layer of network.nodes) {
        if (layer.kind !== "conv2d" && layer.kind !== "depthwiseConv2d" && layer.kind !== "dense") continue;
        const input = findQuantNode(network, layer.input).output;
        const accumulators = await onnxAccumulators(layer, input, values.get(layer.input) as Uint8Array);
        const channels = layer.bias.data.length;
        const expected = Uint8Array.from(accumulators, (acc, i) => {
          const r = requantize(layer.requantization, i % channels, acc) + layer.output.zeroPoint;
          return Math.max(layer.clamp.low, Math.min(layer.clamp.high, r));
        });
        expect(values.get(layer.name), layer.name).toEqual(expected);
        compared += expected.length;
      }
      expect(compared).toBeGreaterThan(40_000);
    }
  });

  it("bounds accumulators exactly: both ends are reached", () => {
    const rng = createRng(5);
    const input = quantType([20], { zeroPoint: 77 });
    const layer = randomWeighted(rng, "dense", input, 6, { kernel: one, stride: one, padding: NO_PADDING });
    const { low, high } = accumulatorInterval(layer, input);
    for (let o = 0; o < 6; o++) {
      const sums = [1, -1].map((sign) => {
        let sum = layer.bias.data[o]!;
        for (let i = 0; i < 20; i++) {
          const w = layer.weights.data[i * 6 + o]!;
          sum += w * ((w * sign > 0 ? 255 : 0) - 77);
        }
        return sum;
      });
      expect([high[o], low[o]]).toEqual(sums);
    }
  });

  it("pools as ONNX Runtime does, padding excluded", async () => {
    const rng = createRng(3);
    const input = quantType([7, 8, 3], { zeroPoint: 9 });
    const image = Uint8Array.from(randomIntegers(rng, 168, 0, 255));
    const padding = { top: 1, left: 0, bottom: 1, right: 2 };
    const pool = {
      name: nodeName("pool"),
      input: nodeName("image"),
      output: quantType([4, 4, 3], { zeroPoint: 9 }),
      window: { height: 3, width: 3 },
      stride: { height: 2, width: 2 },
      padding,
    };
    const run = async (op: "MaxPool" | "AveragePool"): Promise<Float32Array> => {
      const b = new OnnxBuilder();
      b.input("x", "float32", [1, 7, 8, 3]);
      const nchw = b.op("Transpose", ["x"], { perm: ints(0, 3, 1, 2) });
      const y = b.op(op, [nchw], {
        kernel_shape: ints(3, 3),
        strides: ints(2, 2),
        pads: ints(1, 0, 1, 2),
        ...(op === "AveragePool" && { count_include_pad: int(0) }),
      });
      b.alias(b.op("Transpose", [y], { perm: ints(0, 2, 3, 1) }), "y");
      b.output("y", "float32", [1, 4, 4, 3]);
      const session = await ort.InferenceSession.create(encodeOnnx(b.build("pool")), {
        intraOpNumThreads: 1,
      });
      const feed = new ort.Tensor("float32", Float32Array.from(image), [1, 7, 8, 3]);
      const values = (await session.run({ x: feed }))["y"]!.data as Float32Array;
      await session.release();
      return values;
    };
    const max: QuantNode = { kind: "maxPool2d", ...pool };
    const average: QuantNode = { kind: "averagePool2d", ...pool };
    const value = (layer: QuantNode): Uint8Array =>
      executeQuantNetwork(verifyQuantNetwork(singleLayerNetwork(input, layer)), image, 1).get(
        pool.name,
      ) as Uint8Array;
    expect(value(max)).toEqual(Uint8Array.from(await run("MaxPool")));
    // Sums of at most 9 bytes: half-way cases are exact in float32 up to 1e-4, all others are 1/18 away.
    expect(value(average)).toEqual(
      Uint8Array.from(await run("AveragePool"), (v) => Math.floor(v + 0.5 + 1e-3)),
    );
  });

  it("averages globally and adds with the sums of the definition", () => {
    const rng = createRng(8);
    const input = quantType([3, 4, 5], { zeroPoint: 40 });
    const image = Uint8Array.from(randomIntegers(rng, 60, 0, 255));
    const requantization = {
      mode: "lean" as const,
      multipliers: Int32Array.of(171),
      shifts: Int32Array.of(11),
    };
    const gap: QuantNode = {
      kind: "globalAveragePool2d",
      name: nodeName("gap"),
      input: nodeName("image"),
      output: quantType([5], { zeroPoint: 40 }),
      requantization,
      clamp: { low: 40, high: 200 },
    };
    const means = executeQuantNetwork(verifyQuantNetwork(singleLayerNetwork(input, gap)), image, 1).get(
      gap.name,
    );
    const expected = Array.from({ length: 5 }, (_, c) => {
      let sum = 0;
      for (let p = 0; p < 12; p++) sum += image[p * 5 + c]! - 40;
      return Math.max(40, Math.min(200, Math.floor((sum * 171) / 2048 + 0.5) + 40));
    });
    expect([...means!]).toEqual(expected);

    const add: QuantAdd = {
      kind: "add",
      name: nodeName("sum"),
      inputs: [nodeName("image"), nodeName("image")],
      output: quantType([3, 4, 5], { zeroPoint: 12 }),
      operandMultipliers: [128, 33],
      requantization: { mode: "lean", multipliers: Int32Array.of(3), shifts: Int32Array.of(10) },
      clamp: { low: 0, high: 255 },
    };
    const other = Uint8Array.from(randomIntegers(rng, 60, 0, 255));
    const sums = executeLayer(add, [input, quantType([3, 4, 5], { zeroPoint: 7 })], [image, other], 1);
    const expectedSums = [...image].map((a, i) => {
      const acc = (a - 40) * 128 + (other[i]! - 7) * 33;
      return Math.max(0, Math.min(255, Math.floor((acc * 3) / 1024 + 0.5) + 12));
    });
    expect([...sums]).toEqual(expectedSums);
  });

  it("rejects wrong counts and unknown layers", () => {
    const rng = createRng(1);
    const input = quantType([4]);
    const layer = randomWeighted(rng, "dense", input, 2, { kernel: one, stride: one, padding: NO_PADDING });
    const network = singleLayerNetwork(input, layer);
    expect(() => executeQuantNetwork(network, new Uint8Array(5), 1)).toThrow(/5 values are not 1 images/);
    expect(() => executeFrom(network, nodeName("nowhere"), new Uint8Array(4))).toThrow(/no layer "nowhere"/);
    expect(() =>
      executeFrom(network, layer.name, new Uint8Array(2), { outputs: [nodeName("image")] }),
    ).toThrow(/do not follow/);
  });
});
