import { ints, type NodeOf } from "../../graph/index.js";
import { emitBandedDepthwise } from "./depthwise-bands.js";
import type { EmitContext, Emitted } from "./emit.js";
import { addChannelBias, weightGradients } from "./gradients-of-weights.js";
import { laneConvolution } from "./lanes.js";
import { programShape, reshapeTo, sumOfChannels, sumOver } from "./layout.js";
import { inPlainLayout } from "./plain.js";
import { flipTaps, spreadGradient, type WindowGeometry, windowGeometry } from "./window-geometry.js";

/** Depthwise convolution: by ONNX Runtime's blocked kernels in a program with lanes, else by band matrices. */
export function emitDepthwise(context: EmitContext, node: NodeOf<"depthwiseConv2d">): Emitted {
  const geometry = windowGeometry(context.inputs[0]!.shape, node);
  return context.lanes === 1 || geometry === undefined
    ? inPlainLayout(emitBandedDepthwise)(context, node)
    : emitLanedDepthwise(context, node, geometry);
}

/**
 * Each pair (channel, image) is a channel of a blocked convolution, so a channel's weights are repeated for every image.
 * Backward of the data is a convolution of the spread gradient with flipped weights; the weight gradient of a pair is a
 * convolution of its input whose kernel is its output gradient, with the stride as dilation, summed over the images.
 */
function emitLanedDepthwise(
  context: EmitContext,
  node: NodeOf<"depthwiseConv2d">,
  geometry: WindowGeometry,
): Emitted {
  const { onnx, batch, lanes, inputs } = context;
  const { input: size, output: outSize, kernel, stride, pads, dataPads, weightPads } = geometry;
  const input = inputs[0]!;
  const [, , inChannels, multiplier] = node.weights.shape as [number, number, number, number];
  const channels = inChannels * multiplier;
  const taps = kernel.height * kernel.width;
  const pairs = channels * batch;
  const blocks = batch / lanes;
  const pixels = batch * size.height * size.width;
  const weights = reshapeTo(onnx, context.parameter("weights"), [taps, channels]);
  const repeated = (rows: string): string => {
    const columns = onnx.op("Transpose", [rows], { perm: ints(1, 0) });
    const apart = reshapeTo(onnx, columns, [channels, 1, taps, 1]);
    const all = onnx.op("Expand", [apart, onnx.int64s([channels, blocks, taps, lanes])]);
    return reshapeTo(onnx, all, [pairs, 1, kernel.height, kernel.width]);
  };
  let source = input.name;
  if (multiplier > 1) {
    const apart = reshapeTo(onnx, source, [inChannels, 1, pixels]);
    source = onnx.op("Expand", [apart, onnx.int64s([inChannels, multiplier, pixels])]);
  }
  const x = reshapeTo(onnx, source, [1, pairs, size.height, size.width]);
  const product = laneConvolution(
    onnx,
    { input: x, weights: repeated(weights) },
    { channels: pairs, kernel, stride, pads },
  );
  const extents = programShape(node.shape, context);
  let output = reshapeTo(onnx, product, extents);
  if (node.bias) output = addChannelBias(onnx, output, context.parameter("bias"), extents);

  const dataGradient = (gradient: string): string => {
    const spread = spreadGradient(onnx, gradient, { channels, geometry, layout: context });
    const extent = [outSize.height * stride.height, outSize.width * stride.width];
    const dx = laneConvolution(
      onnx,
      {
        input: reshapeTo(onnx, spread, [1, pairs, ...extent]),
        weights: repeated(flipTaps(onnx, weights, taps)),
      },
      { channels: pairs, kernel, pads: dataPads },
    );
    const sum =
      multiplier === 1 ? dx : sumOver(onnx, reshapeTo(onnx, dx, [inChannels, multiplier, pixels]), [1]);
    return reshapeTo(onnx, sum, programShape(input.shape, context));
  };
  const weightGradient = (gradient: string): string => {
    const dy = reshapeTo(onnx, gradient, [pairs, 1, outSize.height, outSize.width]);
    const parts = laneConvolution(
      onnx,
      { input: x, weights: dy },
      { channels: pairs, kernel: outSize, dilation: stride, pads: weightPads },
    );
    const sums = sumOver(onnx, reshapeTo(onnx, parts, [channels, blocks, taps, lanes]), [1, 3]);
    const rows = onnx.op("Transpose", [sums], { perm: ints(1, 0) });
    return reshapeTo(onnx, rows, node.weights.shape);
  };
  return {
    output,
    backward: (gradient, needed) => ({
      inputs: [needed[0] ? dataGradient(gradient) : undefined],
      parameters: weightGradients(
        context,
        node,
        () => weightGradient(gradient),
        () => sumOfChannels(onnx, gradient, channels),
      ),
    }),
  };
}
