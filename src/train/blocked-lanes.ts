import * as ort from "onnxruntime-node";
import { encodeOnnx, OnnxBuilder, onnxSessionOptions } from "../graph/index.js";
import { laneBlocks } from "./program/lanes.js";

const CHANNELS = 4;
let known: Promise<number> | undefined;

/**
 * Find out how many lanes ONNX Runtime's blocked kernels have on this machine (16 with AVX-512, 8 with AVX), by
 * letting it block a tensor of four channels. 1 where it has no such kernels.
 */
export function blockedLanes(): Promise<number> {
  known ??= probe();
  return known;
}

async function probe(): Promise<number> {
  const onnx = new OnnxBuilder();
  onnx.output(laneBlocks(onnx, onnx.input("x", "float32", [1, CHANNELS, 1, 1])), "float32", [
    1,
    "lanes",
    1,
    1,
  ]);
  let session: ort.InferenceSession | undefined;
  try {
    session = await ort.InferenceSession.create(encodeOnnx(onnx.build("lanes")), onnxSessionOptions(1));
    const results = await session.run({
      x: new ort.Tensor("float32", new Float32Array(CHANNELS), [1, CHANNELS, 1, 1]),
    });
    const lanes = Object.values(results)[0]!.dims[1]!;
    return lanes > CHANNELS ? lanes : 1;
  } catch {
    // These operators are not part of ONNX: a build of ONNX Runtime may lack them.
    return 1;
  } finally {
    await session?.release();
  }
}
