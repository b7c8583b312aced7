import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { compareLayers } from "../../../test/helpers/compare-tflite.js";
import { requireShared } from "../../../test/helpers/environment.js";
import { createRng } from "../../core/index.js";
import { quantNetworkFromJson, quantNetworkToJson } from "../../quant/index.js";
import { importQuantizedModel } from "../index.js";
import { importTflite } from "./import-tflite.js";
import { layerName } from "./names.js";

const MOBILENET = "models/mobilenet_v1_025_224_quant/mobilenet_v1_0.25_224_quant.tflite";
const RESNET = "models/resnet8_cifar10/pretrainedResnet_quant.tflite";

async function photos(folder: string, count: number): Promise<Uint8Array> {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith(".jpg") || name.endsWith(".jpeg"))
    .sort();
  const images = new Uint8Array(count * 224 * 224 * 3);
  for (const [i, name] of names.slice(0, count).entries()) {
    images.set(
      await sharp(join(folder, name)).resize(224, 224, { fit: "cover" }).removeAlpha().raw().toBuffer(),
      i * 224 * 224 * 3,
    );
  }
  return images;
}

describe("quantized MobileNetV1-0.25", () => {
  test("gives TensorFlow Lite's bytes in every layer, logits included", async (context) => {
    const path = requireShared(context, MOBILENET);
    const network = importQuantizedModel(path);
    const features = network.nodes
      .filter(({ kind }) => kind === "conv2d" || kind === "depthwiseConv2d")
      .slice(0, 27);
    expect(features.reduce((sum, node) => sum + ("weights" in node ? node.weights.data.length : 0), 0)).toBe(
      207_600,
    );
    const images = await photos(requireShared(context, "data/imagenet-photos"), 2);
    expect(await compareLayers(readFileSync(path), network, images, { count: 2 })).toBeGreaterThan(2_000_000);
  }, 120_000);
});

describe("quantized ResNet-8", () => {
  test("gives TensorFlow Lite's bytes in every layer", async (context) => {
    const path = requireShared(context, RESNET);
    const network = importQuantizedModel(path);
    expect(network.nodes.filter(({ kind }) => kind === "add")).toHaveLength(3);
    const rng = createRng(5);
    const images = Uint8Array.from({ length: 8 * 32 * 32 * 3 }, (_, i) => (i * 7 + rng.integer(90)) & 255);
    expect(await compareLayers(readFileSync(path), network, images, { count: 8 })).toBeGreaterThan(900_000);
    expect(quantNetworkFromJson(JSON.parse(JSON.stringify(quantNetworkToJson(network))))).toEqual(network);
  }, 120_000);
});

describe("bad files", () => {
  test("a truncated file is refused wherever it ends, with a code and a hint", (context) => {
    const file = readFileSync(requireShared(context, RESNET));
    for (const share of [0, 0.001, 0.1, 0.5, 0.9, 0.99]) {
      const cut = file.subarray(0, Math.floor(file.length * share));
      expect(() => importTflite(cut, "cut.tflite")).toThrow(
        /FX1016|FX1003|truncated|not a readable|instead of|unsupported/,
      );
    }
  });

  test("a float model is refused, saying what to do", (context) => {
    const path = requireShared(context, "models/resnet8_cifar10/pretrainedResnet.tflite");
    expect(() => importQuantizedModel(path)).toThrow(/quantize the model to int8 or uint8/);
  });
});

test("layer names come from the scopes of what was fused", () => {
  expect(layerName("CONV_2D", "MobilenetV1/MobilenetV1/Conv2d_0/Relu6")).toBe("Conv2d_0");
  expect(
    layerName(
      "CONV_2D",
      "model/activation/Relu;model/batch_normalization/FusedBatchNormV3;model/conv2d/BiasAdd",
    ),
  ).toBe("conv2d");
  expect(layerName("ADD", "model/activation_2/Relu;model/add/add")).toBe("add");
  expect(layerName("RESHAPE", "model/flatten/Reshape")).toBe("flatten");
});
