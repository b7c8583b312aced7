import * as ort from "onnxruntime-node";
import { encodeOnnx, type InputEncoding, type OnnxModel } from "../src/graph/index.js";

/** Reorder images from channels last to channels first. */
export function toChannelsFirst<T extends Uint8Array | Float32Array>(
  values: T,
  [height, width, channels]: readonly [number, number, number],
): T {
  const result = values.slice() as T;
  const pixels = height * width;
  for (let at = 0; at < values.length; at += pixels * channels) {
    for (let p = 0; p < pixels; p++) {
      for (let c = 0; c < channels; c++) result[at + c * pixels + p] = values[at + p * channels + c]!;
    }
  }
  return result;
}

/** Encode image bytes as a network reads them. */
export function encodeImages(bytes: Uint8Array, { scale, offset }: InputEncoding): Float32Array {
  return Float32Array.from(bytes, (byte) => scale * byte + offset);
}

/**
 * Run an exported file as a user would: default session options, unless others are given, and the names and metadata that
 * the file has. Images are channels last, as bytes; the encoding comes from the caller.
 */
export async function runOnnxFile(
  model: OnnxModel,
  images: Uint8Array,
  shape: readonly [number, number, number],
  options: { readonly encoding: InputEncoding; readonly session?: ort.InferenceSession.SessionOptions },
): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(encodeOnnx(model), {
    logSeverityLevel: 3,
    ...options.session,
  });
  const perImage = shape[0] * shape[1] * shape[2];
  const count = images.length / perImage;
  const results: number[] = [];
  const isBytes = model.inputs[0]!.dtype === "uint8";
  const batch = 50;
  for (let first = 0; first < count; first += batch) {
    const n = Math.min(batch, count - first);
    const bytes = toChannelsFirst(images.slice(first * perImage, (first + n) * perImage), shape);
    const dims = [n, shape[2], shape[0], shape[1]];
    const feed = isBytes
      ? new ort.Tensor("uint8", bytes, dims)
      : new ort.Tensor("float32", encodeImages(bytes, options.encoding), dims);
    const output = await session.run({ [session.inputNames[0]!]: feed });
    for (const value of output[session.outputNames[0]!]!.data as Float32Array) results.push(value);
  }
  await session.release();
  return Float32Array.from(results);
}
