import type { OnnxBuilder } from "../../graph/index.js";
import {
  type Padding,
  type PaddingMode,
  resolvePadding,
  type Shape,
  type Size2,
} from "../../tensor/index.js";
import { type Layout, reshapeTo } from "./layout.js";

/** How a window moves over an image, and the pads of the convolutions that go backward through it. */
export type WindowGeometry = {
  readonly input: Size2;
  readonly output: Size2;
  readonly kernel: Size2;
  readonly stride: Size2;
  /** Forward. */
  readonly pads: Padding;
  /** Of the gradient with zeros put between and behind its pixels, so that a flipped kernel gives the input's extents. */
  readonly dataPads: Padding;
  /** Of the input, under the output's gradient as a kernel, so that the weights' extents come out. */
  readonly weightPads: Padding;
};

/** Work out the geometry of a convolution with weights [kernel height, kernel width, …]; undefined when a pad would be negative. */
export function windowGeometry(
  inputShape: Shape,
  node: {
    readonly shape: Shape;
    readonly weights: { readonly shape: Shape };
    readonly stride: Size2;
    readonly padding: PaddingMode;
  },
): WindowGeometry | undefined {
  const size = ([height = 0, width = 0]: Shape): Size2 => ({ height, width });
  const [input, output, kernel] = [size(inputShape), size(node.shape), size(node.weights.shape)];
  const { stride } = node;
  const pads = resolvePadding(node.padding, input, kernel, stride);
  // Rows and columns at the bottom right that no window reaches.
  const restHeight =
    input.height + pads.top + pads.bottom - kernel.height - (output.height - 1) * stride.height;
  const restWidth = input.width + pads.left + pads.right - kernel.width - (output.width - 1) * stride.width;
  const dataPads = {
    top: kernel.height - 1 - pads.top,
    left: kernel.width - 1 - pads.left,
    bottom: kernel.height - pads.bottom + restHeight - stride.height,
    right: kernel.width - pads.right + restWidth - stride.width,
  };
  const weightPads = {
    top: pads.top,
    left: pads.left,
    bottom: pads.bottom - restHeight,
    right: pads.right - restWidth,
  };
  const isPossible = [dataPads, weightPads].every((p) => Math.min(...Object.values(p)) >= 0);
  return isPossible ? { input, output, kernel, stride, pads, dataPads, weightPads } : undefined;
}

/** Put zeros between and behind the pixels of some channels of a gradient with lanes, as many as the stride skips. */
export function spreadGradient(
  onnx: OnnxBuilder,
  gradient: string,
  options: { readonly channels: number; readonly geometry: WindowGeometry; readonly layout: Layout },
): string {
  const { channels, geometry, layout } = options;
  const { stride, output } = geometry;
  if (stride.height * stride.width === 1) return gradient;
  const blocks = (channels * layout.batch) / layout.lanes;
  const apart = reshapeTo(onnx, gradient, [blocks, output.height, 1, output.width, 1, layout.lanes]);
  const gaps = [0, 0, stride.height - 1, 0, stride.width - 1, 0];
  return onnx.op("Pad", [apart, onnx.int64s([0, 0, 0, 0, 0, 0, ...gaps])]);
}

/** Reverse both axes of weights [kernel height · kernel width, …]. */
export function flipTaps(onnx: OnnxBuilder, weights: string, taps: number): string {
  return onnx.op("Gather", [weights, onnx.int64s(Array.from({ length: taps }, (_, i) => taps - 1 - i))], {
    axis: { kind: "int", value: 0 },
  });
}
