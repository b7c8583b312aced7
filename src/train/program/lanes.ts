import { int, ints, type OnnxBuilder } from "../../graph/index.js";
import type { Padding, Size2 } from "../../tensor/index.js";

/**
 * ONNX Runtime's kernels for blocked channels (`NCHWc` in its sources: `[batch, channels / lanes, height, width, lanes]`).
 * They are its fastest depthwise convolutions, and unlike ONNX's Conv they are fast with weights that change. A
 * program's images with lanes are such tensors of a batch of one, whose "channels" are all pairs (channel, image).
 */
const DOMAIN = "com.microsoft.nchwc";

/** A depthwise convolution of blocked channels. */
export type LaneConvolution = {
  /** Logical channels: a multiple of the lanes. */
  readonly channels: number;
  readonly kernel: Size2;
  readonly stride?: Size2;
  readonly dilation?: Size2;
  readonly pads?: Padding;
};

/**
 * Emit a depthwise convolution of blocked channels.
 *
 * @param operands.input logically [1, channels, height, width]
 * @param operands.weights logically [channels, 1, kernel height, kernel width]; as blocked as the input, so that an
 *   image of the same layout can be the weights
 * @param operands.bias [channels]
 * @param operands.sum added to the result, of its shape
 */
export function laneConvolution(
  onnx: OnnxBuilder,
  operands: {
    readonly input: string;
    readonly weights: string;
    readonly bias?: string;
    readonly sum?: string;
  },
  { channels, kernel, stride, dilation, pads }: LaneConvolution,
): string {
  const { input, weights, bias, sum } = operands;
  const inputs =
    sum !== undefined
      ? [input, weights, bias ?? "", sum]
      : bias !== undefined
        ? [input, weights, bias]
        : [input, weights];
  const pair = (size: Size2 | undefined) => ints(size?.height ?? 1, size?.width ?? 1);
  return onnx.op(`${DOMAIN}.Conv`, inputs, {
    group: int(channels),
    kernel_shape: pair(kernel),
    strides: pair(stride),
    dilations: pair(dilation),
    pads: ints(pads?.top ?? 0, pads?.left ?? 0, pads?.bottom ?? 0, pads?.right ?? 0),
  });
}

/** Emit the mean over height and width: logically [1, channels, 1, 1]. */
export function laneAverage(onnx: OnnxBuilder, input: string): string {
  return onnx.op(`${DOMAIN}.GlobalAveragePool`, [input]);
}

/** Emit the blocked form of [batch, channels, height, width]; channels must be a multiple of 4. */
export function laneBlocks(onnx: OnnxBuilder, input: string): string {
  return onnx.op(`${DOMAIN}.ReorderInput`, [input]);
}
