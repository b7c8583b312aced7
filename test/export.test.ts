import { expect, it } from "vitest";
import { runOnnxFile } from "../bench/onnx-file.js";
import { firstIndices, gatherImages } from "../src/data/index.js";
import { encodeOnnx } from "../src/graph/index.js";
import { importTfliteFile } from "../src/importers/index.js";
import { executeQuantNetwork, findQuantNode, type QuantNetwork, qdqOnnxModel } from "../src/quant/index.js";
import { requireCifar10Test, requireShared } from "./helpers/environment.js";
import { requireMobileNet } from "./helpers/mobilenet.js";
import { checkOnnxStructure } from "./helpers/onnx-decode.js";

const argmax = (values: ArrayLike<number>, first: number, length: number): number => {
  let best = 0;
  for (let i = 1; i < length; i++) if (values[first + i]! > values[first + best]!) best = i;
  return best;
};

/** Share of images whose class is the same, and correct answers of both, under default session options. */
async function agreement(
  network: QuantNetwork,
  images: Uint8Array,
  side: number,
  labels?: ArrayLike<number>,
) {
  const model = qdqOnnxModel(network);
  checkOnnxStructure(encodeOnnx(model));
  const got = await runOnnxFile(model, images, [side, side, 3], { encoding: network.encoding });
  const count = images.length / (side * side * 3);
  const ours = executeQuantNetwork(network, images, count).get(network.output)!;
  const classes = findQuantNode(network, network.output).output.shape.at(-1)!;
  let same = 0;
  const correct = { ours: 0, theirs: 0 };
  for (let i = 0; i < count; i++) {
    const [a, b] = [argmax(ours, i * classes, classes), argmax(got, i * classes, classes)];
    if (a === b) same++;
    if (a === labels?.[i]) correct.ours++;
    if (b === labels?.[i]) correct.theirs++;
  }
  return { same: same / count, correct };
}

it("the quantized ResNet-8 as QDQ has its accuracy in ONNX Runtime, within half a point on 2,000 images", async (context) => {
  const path = requireShared(context, "models/resnet8_cifar10/pretrainedResnet_quant.tflite");
  const test = await requireCifar10Test(context);
  const images = gatherImages(test, firstIndices(2000));
  const { same, correct } = await agreement(importTfliteFile(path), images, 32, test.labels);
  expect(same).toBeGreaterThan(0.96);
  expect(correct.ours).toBeGreaterThan(1700);
  expect(Math.abs(correct.ours - correct.theirs)).toBeLessThanOrEqual(10);
}, 120_000);

it("the quantized MobileNet, with 9-bit weights, exports as uint8 with zero points", async (context) => {
  const { network, photos } = await requireMobileNet(context);
  const file = checkOnnxStructure(encodeOnnx(qdqOnnxModel(network)));
  const weights = file.initializers.filter(({ name }) => name.endsWith("/weights/quantized"));
  expect(weights.length).toBe(28);
  expect(new Set(weights.map(({ type }) => type))).toEqual(new Set([2]));
  const { same } = await agreement(network, await photos(40), 224);
  expect(same).toBeGreaterThan(0.8);
}, 120_000);
