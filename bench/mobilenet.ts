import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { FixynnError, packageRoot } from "../src/core/index.js";
import { decodeImage } from "../src/data/index.js";
import { type NodeName, nodeName, simplify } from "../src/graph/index.js";
import { importModel } from "../src/importers/index.js";
import { type QuantNetwork, quantize } from "../src/quant/index.js";

const SIDE = 224;
const CALIBRATION = 16;

const shared = (...path: readonly string[]): string =>
  join(resolve(packageRoot, process.env["FIXYNN_SHARED"] ?? "../shared"), ...path);

/**
 * Load MobileNetV1-0.25 at 224×224 as an integer network: the Keras model quantized as TensorFlow Lite does, calibrated on the first shared
 * photos. The freeze point is the last pointwise layer, the 27th.
 *
 * @throws FixynnError FX9002 when the shared model or photos are absent
 */
export async function loadMobileNet(): Promise<{
  readonly network: QuantNetwork;
  readonly freezePoint: NodeName;
  readonly source: string;
}> {
  const folder = shared("data", "imagenet-photos");
  let files: readonly string[];
  try {
    const lines = readFileSync(join(folder, "labels.csv"), "utf8").trim().split("\n");
    files = lines.slice(1, 1 + CALIBRATION).map((line) => line.split(",")[0]!);
  } catch (cause) {
    throw new FixynnError("FX9002", "the benchmark's photos are missing", {
      place: folder,
      hint: "set FIXYNN_SHARED to the folder of shared models and images",
      cause,
    });
  }
  const size = SIDE * SIDE * 3;
  const pixels = new Uint8Array(new SharedArrayBuffer(files.length * size));
  for (const [i, file] of files.entries()) {
    const options = { side: SIDE, resize: "crop", shortSide: 256 } as const;
    pixels.set(await decodeImage(join(folder, file), options), i * size);
  }
  const file = shared("models", "mobilenet_v1_025_224_keras", "mobilenet_v1_0.25_224.h5");
  const graph = simplify(await importModel(file, { encoding: { scale: 1 / 127.5, offset: -1 } }));
  const calibration = { pixels, count: files.length };
  const network = await quantize(graph, { mode: "tflite", calibration });
  return { network, freezePoint: nodeName("conv_pw_13"), source: "Keras model, tflite mode" };
}
