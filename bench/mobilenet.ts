import { readPictures } from "../src/flow/deliverable.js";
import { type NodeName, nodeName } from "../src/graph/index.js";
import { importTfliteFile } from "../src/importers/index.js";
import type { QuantNetwork } from "../src/quant/index.js";
import { sharedPath } from "./photos.js";

/** Decode the first shared photos as a network's input bytes. */
export async function loadPhotos(network: QuantNetwork, count: number): Promise<Uint8Array> {
  const read = await readPictures(sharedPath("data", "imagenet-photos"), network, count);
  return read.bytes;
}

/**
 * Load the published quantized MobileNetV1-0.25 at 224×224 of the shared models. The freeze point is the last pointwise layer, the 27th.
 *
 * @throws FixynnError when the shared model is absent (FIXYNN_SHARED names its folder)
 */
export function loadMobileNet(): { readonly network: QuantNetwork; readonly freezePoint: NodeName } {
  const file = sharedPath("models", "mobilenet_v1_025_224_quant", "mobilenet_v1_0.25_224_quant.tflite");
  return { network: importTfliteFile(file), freezePoint: nodeName("Conv2d_13_pointwise") };
}
