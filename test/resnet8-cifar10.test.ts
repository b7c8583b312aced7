import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { firstIndices, gatherImages } from "../src/data/index.js";
import { importTfliteFile } from "../src/importers/index.js";
import { evaluateQuantNetwork } from "../src/quant/index.js";
import { compareLayers } from "./helpers/compare-tflite.js";
import { requireCifar10Test, requireShared } from "./helpers/environment.js";

const RESNET = "models/resnet8_cifar10/pretrainedResnet_quant.tflite";

it("the quantized ResNet-8 gives TensorFlow Lite's bytes for CIFAR-10 test images, and scores 87.0 % on all", async (context) => {
  const path = requireShared(context, RESNET);
  const test = await requireCifar10Test(context);
  const network = importTfliteFile(path);
  const file = readFileSync(path);
  // Logits of 1,000 images, every layer of 8.
  const logits = await compareLayers(file, network, gatherImages(test, firstIndices(1000)), {
    count: 1000,
    last: true,
  });
  expect(logits).toBe(10_000);
  const values = await compareLayers(file, network, gatherImages(test, firstIndices(8)), { count: 8 });
  expect(values).toBeGreaterThan(900_000);

  const evaluation = await evaluateQuantNetwork(network, test);
  // MLPerf Tiny's own figure for this file: 87.02 %.
  expect(evaluation).toMatchObject({ count: 10_000, correct: 8702 });
}, 300_000);
