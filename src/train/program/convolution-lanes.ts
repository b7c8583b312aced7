import { int, ints, type NodeOf } from "../../graph/index.js";
import type { EmitContext, Emitted } from "./emit.js";
import { addChannelBias, weightGradients } from "./gradients-of-weights.js";
import { laneConvolution } from "./lanes.js";
import { programShape, reshapeTo, sumOfChannels, sumOver } from "./layout.js";
import type { WindowGeometry } from "./window-geometry.js";

/**
 * Convolution of an image of few channels that needs no gradient, in a program with lanes: the first layer of most
 * networks. The input's channels stand side by side in a row, `[batch / lanes, height, width · channels, lanes]`, so an
 * output channel is a depthwise convolution with a kernel `channels` times as wide, and the weights are in order already.
 * The weight gradient is a convolution whose kernel is the output gradient, as in `emitDepthwise`.
 */
export function emitFirstConvolution(
  context: EmitContext,
  node: NodeOf<"conv2d">,
  options: { readonly geometry: WindowGeometry; readonly interleaved: string },
): Emitted {
  const { onnx, batch, lanes } = context;
  const { geometry, interleaved } = options;
  const { input: size, output: outSize, pads, weightPads } = geometry;
  const [, , inChannels, outChannels] = node.weights.shape as [number, number, number, number];
  const widen = <T extends { readonly width: number }>(value: T): T => ({
    ...value,
    width: value.width * inChannels,
  });
  const widenPads = (value: typeof pads): typeof pads => ({
    ...value,
    left: value.left * inChannels,
    right: value.right * inChannels,
  });
  const kernel = widen(geometry.kernel);
  const stride = widen(geometry.stride);
  const taps = kernel.height * kernel.width;
  const blocks = batch / lanes;
  /** Cut [channels, …] into single channels, each reshaped. */
  const single = (value: string, extents: readonly number[]): string[] => {
    const parts = outChannels === 1 ? [value] : onnx.ops("Split", [value], outChannels, { axis: int(0) });
    return parts.map((part) => reshapeTo(onnx, part, extents));
  };
  const join = (parts: readonly string[], extents: readonly number[]): string =>
    reshapeTo(onnx, parts.length === 1 ? parts[0]! : onnx.op("Concat", parts, { axis: int(1) }), extents);
  const input = reshapeTo(onnx, interleaved, [1, batch, size.height, size.width * inChannels]);
  const rows = reshapeTo(onnx, context.parameter("weights"), [taps, outChannels]);
  const columns = onnx.op("Transpose", [rows], { perm: ints(1, 0) });
  const apart = reshapeTo(onnx, columns, [outChannels, 1, taps, 1]);
  const repeated = onnx.op("Expand", [apart, onnx.int64s([outChannels, blocks, taps, lanes])]);
  const products = single(repeated, [batch, 1, kernel.height, kernel.width]).map((weights) =>
    laneConvolution(onnx, { input, weights }, { channels: batch, kernel, stride, pads: widenPads(pads) }),
  );
  const extents = programShape(node.shape, context);
  let output = join(products, extents);
  if (node.bias) output = addChannelBias(onnx, output, context.parameter("bias"), extents);

  const weightGradient = (gradient: string): string => {
    const parts = single(gradient, [batch, 1, outSize.height, outSize.width]).map((weights) =>
      laneConvolution(
        onnx,
        { input, weights },
        { channels: batch, kernel: outSize, dilation: stride, pads: widenPads(weightPads) },
      ),
    );
    const sums = sumOver(onnx, join(parts, [outChannels, blocks, taps, lanes]), [1, 3]);
    return reshapeTo(onnx, onnx.op("Transpose", [sums], { perm: ints(1, 0) }), node.weights.shape);
  };
  return {
    output,
    backward: (gradient) => ({
      inputs: [undefined],
      parameters: weightGradients(
        context,
        node,
        () => weightGradient(gradient),
        () => sumOfChannels(onnx, gradient, outChannels),
      ),
    }),
  };
}
