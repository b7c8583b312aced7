import { cpus } from "node:os";
import { firstIndices, gatherImages, loadDataset } from "../src/data/index.js";
import { floatOnnxModel, type OnnxModel } from "../src/graph/index.js";
import { importModel, importTfliteFile } from "../src/importers/index.js";
import {
  executeQuantNetwork,
  findQuantNode,
  type QuantNetwork,
  qdqOnnxModel,
  quantInput,
  quantize,
} from "../src/quant/index.js";
import { runOnnxFile } from "./onnx-file.js";
import { type Photos, readPhotos, SIDE, sharedPath } from "./photos.js";
import type { BenchRow, BenchTable } from "./table.js";

const CALIBRATION = 40;

type Labelled = { readonly images: Uint8Array; readonly labels: ArrayLike<number>; readonly count: number };

function classOf(values: ArrayLike<number>, image: number, classes: number): number {
  let best = 0;
  for (let c = 1; c < classes; c++)
    if (values[image * classes + c]! > values[image * classes + best]!) best = c;
  return best;
}

const percent = (count: number, predicate: (image: number) => boolean): number =>
  (100 * Array.from({ length: count }, (_, i) => i).filter(predicate).length) / count;

/** Accuracy of an exported file beside the network that it comes from, and how far their logits agree. */
async function compare(
  name: string,
  network: QuantNetwork,
  { images, labels, count }: Labelled,
): Promise<BenchRow[]> {
  const shape = quantInput(network).output.shape as [number, number, number];
  const { output } = findQuantNode(network, network.output);
  const classes = output.shape.at(-1)!;
  const ours = executeQuantNetwork(network, images, count).get(network.output)!;
  const own = percent(count, (i) => classOf(ours, i, classes) === labels[i]);
  const rows: BenchRow[] = [{ name, metric: "top-1, integer network", value: own, unit: "%" }];
  for (const [how, level] of [
    ["default options", "all"],
    ["not optimized", "disabled"],
  ] as const) {
    const session = { graphOptimizationLevel: level, intraOpNumThreads: 1 };
    const encoding = network.encoding;
    const theirs = await runOnnxFile(qdqOnnxModel(network), images, shape, { encoding, session });
    const top1 = percent(count, (i) => classOf(theirs, i, classes) === labels[i]);
    const same = percent(count, (i) => classOf(theirs, i, classes) === classOf(ours, i, classes));
    let largest = 0;
    let different = 0;
    for (let i = 0; i < ours.length; i++) {
      const steps = Math.abs(Math.round(theirs[i]! / output.scale) + output.zeroPoint - ours[i]!);
      largest = Math.max(largest, steps);
      if (steps > 0) different++;
    }
    const row = `${name}, ${how}`;
    const peer = { name: "integer network", value: own };
    rows.push({ name: row, metric: "top-1", value: top1, unit: "%", peer, ratio: top1 / own });
    rows.push({ name: row, metric: "same class", value: same, unit: "%" });
    rows.push({ name: row, metric: "logits that differ", value: (100 * different) / ours.length, unit: "%" });
    rows.push({ name: row, metric: "largest difference", value: largest, unit: "steps" });
  }
  return rows;
}

async function floatRow(name: string, model: OnnxModel, photos: Photos): Promise<BenchRow> {
  const encoding = { scale: 1 / 127.5, offset: -1 };
  const logits = await runOnnxFile(model, photos.pixels, [SIDE, SIDE, 3], { encoding });
  const classes = logits.length / photos.count;
  const value = percent(photos.count, (i) => classOf(logits, i, classes) === photos.labels[i]);
  return { name, metric: "top-1", value, unit: "%" };
}

/**
 * Run exported ONNX files in ONNX Runtime beside the networks that they come from: the quantized ResNet-8 on all CIFAR-10 test
 * images, the quantized MobileNet and the Keras one in every mode on the 200 shared photos.
 *
 * @throws FixynnError FX9002 when the shared photos are absent, FX2020 when CIFAR-10 cannot be fetched
 */
export async function run(): Promise<BenchTable> {
  const photos = await readPhotos();
  const { test } = await loadDataset({ name: "cifar10" });
  const cifar = {
    images: gatherImages(test, firstIndices(test.count)),
    labels: test.labels,
    count: test.count,
  };
  const model = (...path: readonly string[]): string => sharedPath("models", ...path);
  const rows = await compare(
    "ResNet-8, int8 .tflite, CIFAR-10",
    importTfliteFile(model("resnet8_cifar10", "pretrainedResnet_quant.tflite")),
    cifar,
  );
  const tflite = model("mobilenet_v1_025_224_quant", "mobilenet_v1_0.25_224_quant.tflite");
  // Class 0 of that model is the background.
  const background = photos.labels.map((label) => label + 1);
  const images = photos.pixels.slice();
  const shown = { images, labels: background, count: photos.count };
  rows.push(...(await compare("MobileNet, uint8 .tflite, photos", importTfliteFile(tflite), shown)));
  const keras = await importModel(model("mobilenet_v1_025_224_keras", "mobilenet_v1_0.25_224.h5"));
  rows.push(await floatRow("MobileNet, Keras, float, photos", floatOnnxModel(keras), photos));
  const pixels = images.subarray(0, CALIBRATION * SIDE * SIDE * 3);
  for (const mode of ["lean", "shift", "tflite"] as const) {
    const network = await quantize(keras, { mode, calibration: { pixels, count: CALIBRATION } });
    const given = { images, labels: photos.labels, count: photos.count };
    rows.push(...(await compare(`MobileNet, Keras, ${mode}, photos`, network, given)));
  }
  return { bench: "export", machine: cpus()[0]?.model.trim() ?? "unknown", rows };
}
