import { ints, type OnnxBuilder } from "../../graph/index.js";
import type { Shape } from "../../tensor/index.js";

/** Tell whether a shape (without the batch) is an image. */
export const isImage = (shape: Shape): boolean => shape.length === 3;

/** Extents of a value inside the program: `[channels, batch, height, width]` or `[batch, …]`. */
export function programShape(shape: Shape, batch: number): number[] {
  if (!isImage(shape)) return [batch, ...shape];
  const [height = 0, width = 0, channels = 0] = shape;
  return [channels, batch, height, width];
}

/** Reshape to constant extents. */
export function reshapeTo(onnx: OnnxBuilder, value: string, extents: readonly number[]): string {
  return onnx.op("Reshape", [value, onnx.int64s(extents)]);
}

/** Move `[batch, height, width, channels]` to channel-major; flat values stay. */
export function fromChannelsLast(onnx: OnnxBuilder, value: string, shape: Shape): string {
  return isImage(shape) ? onnx.op("Transpose", [value], { perm: ints(3, 0, 1, 2) }) : value;
}

/** Move channel-major to `[batch, height, width, channels]`; flat values stay. */
export function toChannelsLast(onnx: OnnxBuilder, value: string, shape: Shape): string {
  return isImage(shape) ? onnx.op("Transpose", [value], { perm: ints(1, 2, 3, 0) }) : value;
}

/** Swap channels and batch: channel-major to ONNX's usual batch-major (NCHW), or back. */
export function swapBatch(onnx: OnnxBuilder, value: string): string {
  return onnx.op("Transpose", [value], { perm: ints(1, 0, 2, 3) });
}

/** Sum over some axes, which disappear. */
export function sumOver(onnx: OnnxBuilder, value: string, axes: readonly number[]): string {
  return onnx.op("ReduceSum", [value, onnx.int64s(axes)], { keepdims: { kind: "int", value: 0 } });
}
