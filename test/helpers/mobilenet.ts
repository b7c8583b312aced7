import { readFileSync } from "node:fs";
import type { TestContext } from "vitest";
import { readPictures } from "../../src/flow/deliverable.js";
import type { NodeName } from "../../src/graph/index.js";
import { importTfliteFile } from "../../src/importers/index.js";
import { parseTflite } from "../../src/importers/tflite/model.js";
import type { QuantNetwork } from "../../src/quant/index.js";
import { requireShared } from "./environment.js";
import { tfliteJudge } from "./tflite-judge.js";

/** The published quantized MobileNetV1-0.25 at 224×224, photos, and what TensorFlow Lite says of them. */
export type MobileNet = {
  readonly network: QuantNetwork;
  readonly photos: (count: number) => Promise<Uint8Array>;
  /** TensorFlow Lite's bytes of a layer's output for the first photos. */
  readonly judge: (layer: NodeName, images: Uint8Array, count: number) => Uint8Array;
};

/** Load the model; skips the test where the shared files are absent. */
export async function requireMobileNet(context: TestContext): Promise<MobileNet> {
  const path = requireShared(context, "models/mobilenet_v1_025_224_quant/mobilenet_v1_0.25_224_quant.tflite");
  const folder = requireShared(context, "data/imagenet-photos");
  const network = importTfliteFile(path);
  const file = readFileSync(path);
  const model = parseTflite(file, path);
  const operators = model.operators.filter(({ op }) => op !== "SOFTMAX" && op !== "PAD");
  const lite = await tfliteJudge(file);
  return {
    network,
    photos: async (count) => (await readPictures(folder, network, count)).bytes,
    judge: (layer, images, count) => {
      const index = network.nodes.findIndex(({ name }) => name === layer) - 1;
      return lite(operators[index]!.outputs[0]!, images, count);
    },
  };
}
