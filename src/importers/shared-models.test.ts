import { readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { requireShared } from "../../test/helpers/environment.js";
import { maxAbsDifference } from "../../test/helpers/float-reference.js";
import { createRng } from "../core/index.js";
import {
  createFloatExecutor,
  freezePoints,
  graphFromJson,
  graphToJson,
  type NodeName,
  simplify,
  statistics,
} from "../graph/index.js";
import { importModel } from "./index.js";

const MOBILENET = "models/mobilenet_v1_025_224_keras/mobilenet_v1_0.25_224.h5";
const RESNET = "models/resnet8_cifar10/pretrainedResnet.h5";

/** The centre 224×224 of a JPEG, as RGB bytes. */
async function centreCrop(path: string): Promise<Buffer> {
  const { width, height } = await sharp(path).metadata();
  const left = Math.floor((width - 224) / 2);
  const top = Math.floor((height - 224) / 2);
  return sharp(path).extract({ left, top, width: 224, height: 224 }).removeAlpha().raw().toBuffer();
}

function argMax(values: Float32Array): number {
  return values.reduce((best, value, i) => (value > values[best]! ? i : best), 0);
}

describe("MobileNetV1-0.25 from Keras", () => {
  test("has 475,544 parameters and classifies the 200 photos at 59.0 %", async (context) => {
    const graph = await importModel(requireShared(context, MOBILENET));
    expect(statistics(graph).params).toBe(475_544);
    const folder = requireShared(context, "data/imagenet-photos");
    const rows = readFileSync(join(folder, "labels.csv"), "utf8").trim().split("\n").slice(1);
    expect(rows).toHaveLength(200);
    const images = new Uint8Array(200 * 224 * 224 * 3);
    for (const [i, row] of rows.entries()) {
      images.set(await centreCrop(join(folder, row.split(",")[0]!)), i * 224 * 224 * 3);
    }
    const executor = createFloatExecutor(graph, { batch: 8 });
    const scores = (await executor.run(images, 200)).get(graph.output)!;
    await executor.close();
    const correct = rows.filter(
      (row, i) => argMax(scores.subarray(i * 1000, (i + 1) * 1000)) === Number(row.split(",")[2]),
    );
    expect(correct.length / 200).toBeGreaterThanOrEqual(0.585);
    expect(correct.length / 200).toBeLessThanOrEqual(0.595);
  }, 60_000);

  test("computes the same when simplified: logits within 2e-4, features within 2e-4 of values up to 6", async (context) => {
    const graph = await importModel(requireShared(context, MOBILENET));
    const simple = simplify(graph);
    // Batch norm goes from 4 values for each of the 2,736 channels to a bias.
    expect(statistics(simple).params).toBe(475_544 - 3 * 2_736);
    const rng = createRng(3);
    const images = Uint8Array.from({ length: 2 * 224 * 224 * 3 }, () => rng.integer(256));
    const outputs = ["conv_pw_13_relu", "conv_preds"] as NodeName[];
    const results = [];
    for (const current of [graph, simple]) {
      const executor = createFloatExecutor(current, { outputs });
      results.push(await executor.run(images, 2));
      await executor.close();
    }
    for (const name of outputs) {
      expect(maxAbsDifference(results[0]!.get(name)!, results[1]!.get(name)!), name).toBeLessThan(2e-4);
    }
  });

  test("can be frozen after any of its 27 feature layers and the global pool", async (context) => {
    const graph = await importModel(requireShared(context, MOBILENET));
    const points = freezePoints(graph);
    expect(points).toHaveLength(28);
    expect(points[6]).toMatchObject({
      layer: "conv_pw_3",
      cut: "conv_pw_3_relu",
      shape: [56, 56, 32],
      frozenLayers: 7,
    });
    expect(points.map(({ layer }) => layer)).toEqual(freezePoints(simplify(graph)).map(({ layer }) => layer));
  });

  test("runs at another input side", async (context) => {
    const graph = await importModel(requireShared(context, MOBILENET), { inputSide: 96 });
    expect(graph.nodes[0]!.shape).toEqual([96, 96, 3]);
    expect(statistics(graph).params).toBe(475_544);
  });
});

describe("ResNet-8 from Keras", () => {
  test("imports with 78,666 parameters, survives JSON and runs simplified within 1e-4", async (context) => {
    const encoding = { scale: 1, offset: 0 };
    const graph = await importModel(requireShared(context, RESNET), { encoding });
    expect(statistics(graph).params).toBe(78_666);
    expect(graphFromJson(JSON.parse(JSON.stringify(graphToJson(graph))))).toEqual(graph);
    const rng = createRng(4);
    const images = Uint8Array.from({ length: 4 * 32 * 32 * 3 }, () => rng.integer(256));
    const before = createFloatExecutor(graph, { outputs: ["dense" as NodeName, graph.output] });
    const simple = simplify(graph);
    const after = createFloatExecutor(simple);
    const expected = await before.run(images, 4);
    const logits = (await after.run(images, 4)).get(simple.output)!;
    await before.close();
    await after.close();
    expect(simple.output).toBe("dense");
    expect(maxAbsDifference(logits, expected.get("dense" as NodeName)!)).toBeLessThan(1e-4);
    const probabilities = expected.get(graph.output)!;
    const sums = [0, 1, 2, 3].map((i) =>
      probabilities.subarray(i * 10, i * 10 + 10).reduce((a, b) => a + b, 0),
    );
    for (const sum of sums) expect(sum).toBeCloseTo(1, 5);
  });

  test("can be frozen after its blocks only", async (context) => {
    const graph = await importModel(requireShared(context, RESNET));
    expect(freezePoints(graph).map(({ layer }) => layer)).toEqual([
      "conv2d",
      "add",
      "add_1",
      "add_2",
      "average_pooling2d",
    ]);
  });
});
