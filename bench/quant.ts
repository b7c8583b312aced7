import { cpus } from "node:os";
import type { Split } from "../src/data/index.js";
import { createFloatExecutor, type Graph, simplify, statistics } from "../src/graph/index.js";
import { importModel } from "../src/importers/index.js";
import {
  executeQuantNetwork,
  predictQuantNetwork,
  type QuantizeOptions,
  quantize,
} from "../src/quant/index.js";
import { readPhotos, SIDE, sharedPath } from "./photos.js";
import type { BenchRow, BenchTable } from "./table.js";

const CALIBRATION = 40;
const CASES: readonly { readonly name: string; readonly options: Omit<QuantizeOptions, "calibration"> }[] = [
  { name: "lean, 1 digit (shift)", options: { multiplierDigits: 1 } },
  { name: "lean, 2 digits", options: { multiplierDigits: 2 } },
  { name: "lean, 3 digits", options: { multiplierDigits: 3 } },
  { name: "tflite", options: { mode: "tflite" } },
  { name: "lean, range minmax", options: { rangeMethod: "minmax" } },
  { name: "lean, range percentile", options: { rangeMethod: "percentile" } },
  { name: "lean, no bias correction", options: { biasCorrection: false } },
];

async function floatPredictions(graph: Graph, images: Uint8Array, count: number): Promise<Uint16Array> {
  const executor = createFloatExecutor(graph);
  const logits = (await executor.run(images.slice(), count)).get(graph.output)!;
  await executor.close();
  const classes = logits.length / count;
  return Uint16Array.from({ length: count }, (_, image) => {
    const scores = logits.subarray(image * classes, (image + 1) * classes);
    return scores.indexOf(scores.reduce((a, b) => Math.max(a, b)));
  });
}

const percentEqual = (a: Uint16Array, b: Uint16Array): number =>
  (100 * a.filter((value, i) => value === b[i]).length) / a.length;

/**
 * Measure the golden executor's speed on one thread (CPU time, so that a busy machine disturbs it little), and what quantization costs the Keras MobileNetV1-0.25 at 224×224 on
 * the 200 shared photos: top-1 accuracy and agreement with the float network. Calibrated on the first 40 photos, so the
 * figures compare modes; they are no accuracy claim.
 *
 * @throws FixynnError FX9002 when the shared photos are absent
 */
export async function run(): Promise<BenchTable> {
  const photos = await readPhotos();
  const file = sharedPath("models", "mobilenet_v1_025_224_keras", "mobilenet_v1_0.25_224.h5");
  const graph = simplify(await importModel(file, { encoding: { scale: 1 / 127.5, offset: -1 } }));
  const expected = await floatPredictions(graph, photos.pixels, photos.count);
  const split: Split = {
    count: photos.count,
    ...{ height: SIDE, width: SIDE, channels: 3 },
    store: { kind: "memory", bytes: photos.pixels },
    labels: photos.labels,
  };
  const floatTop1 = percentEqual(expected, photos.labels);
  const rows: BenchRow[] = [{ name: "float", metric: "top-1", value: floatTop1, unit: "%" }];
  const size = SIDE * SIDE * 3;
  const calibration = { pixels: photos.pixels.subarray(0, CALIBRATION * size), count: CALIBRATION };
  for (const { name, options } of CASES) {
    const network = await quantize(graph, { ...options, calibration });
    const predictions = await predictQuantNetwork(network, split);
    const top1 = percentEqual(predictions, photos.labels);
    const peer = { name: "float", value: floatTop1 };
    rows.push({ name, metric: "top-1", value: top1, unit: "%", peer, ratio: top1 / floatTop1 });
    rows.push({
      name,
      metric: "agreement with float",
      value: percentEqual(predictions, expected),
      unit: "%",
    });
    if (options.multiplierDigits !== 2 && options.mode !== "tflite") continue;
    const images = 10;
    const start = process.cpuUsage();
    executeQuantNetwork(network, photos.pixels.subarray(0, images * size), images);
    const { user, system } = process.cpuUsage(start);
    const seconds = (user + system) / 1e6;
    const macs = statistics(graph).layers.reduce((sum, layer) => sum + layer.macs, 0) * images;
    rows.push({
      name: `golden executor, ${name}`,
      metric: "speed",
      value: macs / seconds / 1e6,
      unit: "million MAC/s of CPU time",
    });
  }
  return { bench: "quant", machine: `${cpus()[0]?.model ?? "unknown"}, 1 thread for speed`, rows };
}
