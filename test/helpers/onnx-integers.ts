import * as ort from "onnxruntime-node";
import { encodeOnnx, int, ints, OnnxBuilder } from "../../src/graph/index.js";
import type { QuantNode, QuantType } from "../../src/quant/index.js";
import { tensor, transpose } from "../../src/tensor/index.js";

/** A layer with weights. */
export type Weighted = Extract<QuantNode, { kind: "conv2d" | "depthwiseConv2d" | "dense" }>;

/**
 * Compute accumulators with ONNX Runtime's integer operators, u8 × u8 with weights + 128 at zero point 128 (u8 × s8 would
 * saturate on AVX2), channels last.
 */
export async function onnxAccumulators(
  layer: Weighted,
  input: QuantType,
  image: Uint8Array,
): Promise<Int32Array> {
  const b = new OnnxBuilder();
  const shifted = tensor(
    "uint8",
    layer.weights.shape,
    Uint8Array.from(layer.weights.data, (w) => w + 128),
  );
  const point = (hint: string, value: number): string =>
    b.constant(hint, tensor("uint8", [], Uint8Array.of(value)));
  const zeroPoints = [point("x_zero", input.zeroPoint), point("w_zero", 128)];
  let value: string;
  let feed: ort.Tensor;
  if (layer.kind === "dense") {
    b.input("x", "uint8", [1, input.shape[0]!]);
    value = b.op("MatMulInteger", ["x", b.constant("w", shifted), ...zeroPoints]);
    feed = new ort.Tensor("uint8", image, [1, input.shape[0]!]);
  } else {
    const [height, width, channels] = input.shape as [number, number, number];
    b.input("x", "uint8", [1, height, width, channels]);
    const nchw = b.op("Transpose", ["x"], { perm: ints(0, 3, 1, 2) });
    // [h, w, in, out] to [out, in, h, w]; depthwise [h, w, c, m] to [c·m, 1, h, w].
    const [kh, kw, third, fourth] = layer.weights.shape as [number, number, number, number];
    const moved =
      layer.kind === "conv2d"
        ? transpose(shifted, [3, 2, 0, 1])
        : tensor("uint8", [third * fourth, 1, kh, kw], transpose(shifted, [2, 3, 0, 1]).data);
    const { top, left, bottom, right } = layer.padding;
    const conv = b.op("ConvInteger", [nchw, b.constant("w", moved), ...zeroPoints], {
      strides: ints(layer.stride.height, layer.stride.width),
      pads: ints(top, left, bottom, right),
      group: int(layer.kind === "conv2d" ? 1 : channels),
    });
    value = b.op("Transpose", [conv], { perm: ints(0, 2, 3, 1) });
    feed = new ort.Tensor("uint8", image, [1, height, width, channels]);
  }
  b.alias(value, "y");
  b.output("y", "int32", layer.kind === "dense" ? [1, "n"] : [1, "h", "w", "c"]);
  const session = await ort.InferenceSession.create(encodeOnnx(b.build("judge")), { intraOpNumThreads: 1 });
  const sums = (await session.run({ x: feed }))["y"]!.data as Int32Array;
  await session.release();
  const channels = layer.bias.data.length;
  return Int32Array.from(sums, (sum, i) => sum + layer.bias.data[i % channels]!);
}
