import { int, ints, type OnnxBuilder } from "../../graph/index.js";
import type { Shape } from "../../tensor/index.js";
import { laneBlocks } from "./lanes.js";

/**
 * How images lie in a program. With one lane `[channels, batch, height, width]`; with more
 * `[channels, batch / lanes, height, width, lanes]`: the same pixel of `lanes` images side by side.
 */
export type Layout = { readonly batch: number; readonly lanes: number };

/** Tell whether a shape (without the batch) is an image. */
export const isImage = (shape: Shape): boolean => shape.length === 3;

/** Extents of a value inside the program. */
export function programShape(shape: Shape, { batch, lanes }: Layout): number[] {
  if (!isImage(shape)) return [batch, ...shape];
  const [height = 0, width = 0, channels = 0] = shape;
  return lanes === 1 ? [channels, batch, height, width] : [channels, batch / lanes, height, width, lanes];
}

/** Reshape to constant extents. */
export function reshapeTo(onnx: OnnxBuilder, value: string, extents: readonly number[]): string {
  return onnx.op("Reshape", [value, onnx.int64s(extents)]);
}

/** Move `[batch, height, width, channels]` to the program's layout; flat values stay. */
export function fromChannelsLast(onnx: OnnxBuilder, value: string, shape: Shape, layout: Layout): string {
  if (!isImage(shape)) return value;
  if (layout.lanes === 1) return onnx.op("Transpose", [value], { perm: ints(3, 0, 1, 2) });
  return onnx.op("Transpose", [interleave(onnx, value, shape, layout)], { perm: ints(3, 0, 1, 2, 4) });
}

/** Move `[batch, height, width, channels]` to `[batch / lanes, height, width, channels, lanes]`. */
export function interleave(onnx: OnnxBuilder, value: string, shape: Shape, layout: Layout): string {
  const [height = 0, width = 0, channels = 0] = shape;
  const blocks = layout.batch / layout.lanes;
  const images = reshapeTo(onnx, value, [blocks, layout.lanes, height, width * channels]);
  return reshapeTo(onnx, laneBlocks(onnx, images), [blocks, height, width, channels, layout.lanes]);
}

/** Move the program's layout to `[batch, height, width, channels]`; flat values stay. */
export function toChannelsLast(onnx: OnnxBuilder, value: string, shape: Shape, layout: Layout): string {
  if (!isImage(shape)) return value;
  if (layout.lanes === 1) return onnx.op("Transpose", [value], { perm: ints(1, 2, 3, 0) });
  const images = onnx.op("Transpose", [value], { perm: ints(1, 4, 2, 3, 0) });
  return reshapeTo(onnx, images, [layout.batch, ...shape]);
}

/** Change between layouts that differ in their lanes, one of which has a single lane. */
export function changeLanes(
  onnx: OnnxBuilder,
  value: string,
  shape: Shape,
  { from, to }: { readonly from: Layout; readonly to: Layout },
): string {
  if (!isImage(shape) || from.lanes === to.lanes) return value;
  const [height = 0, width = 0, channels = 0] = shape;
  if (to.lanes === 1) {
    const apart = onnx.op("Transpose", [value], { perm: ints(0, 1, 4, 2, 3) });
    return reshapeTo(onnx, apart, programShape(shape, to));
  }
  const { batch, lanes } = to;
  const blocks = reshapeTo(onnx, value, [channels, batch / lanes, lanes, height, width]);
  return onnx.op("Transpose", [blocks], { perm: ints(0, 1, 3, 4, 2) });
}

/** Swap channels and batch of a plain image: channel-major to ONNX's usual batch-major (NCHW), or back. */
export function swapBatch(onnx: OnnxBuilder, value: string): string {
  return onnx.op("Transpose", [value], { perm: ints(1, 0, 2, 3) });
}

/** Sum over some axes, which disappear. */
export function sumOver(onnx: OnnxBuilder, value: string, axes: readonly number[]): string {
  return onnx.op("ReduceSum", [value, onnx.int64s(axes)], { keepdims: int(0) });
}

/** Sum of an image over everything but its channels: [channels]. */
export function sumOfChannels(onnx: OnnxBuilder, value: string, channels: number): string {
  return sumOver(onnx, reshapeTo(onnx, value, [channels, -1]), [1]);
}
