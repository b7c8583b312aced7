import { int, ints, type NodeOf } from "../../graph/index.js";
import { resolvePadding } from "../../tensor/index.js";
import { emitFirstConvolution } from "./convolution-lanes.js";
import type { EmitContext, Emitted } from "./emit.js";
import { addChannelBias, weightGradients } from "./gradients-of-weights.js";
import { programShape, reshapeTo, sumOfChannels, sumOver, swapBatch } from "./layout.js";
import { inPlainLayout } from "./plain.js";
import { windowGeometry } from "./window-geometry.js";

/** Most channels of an image that `emitFirstConvolution` takes. */
const FEW_CHANNELS = 4;

/**
 * Convolution. A 1×1 one with stride 1 is a matrix product over all pixels of the batch, forward and backward. Any
 * other uses ONNX's Conv; its data gradient is ConvTranspose, and its weight gradient is a convolution of the input
 * with the output gradient as kernel, in which batch and channels swap places (channel-major order has them swapped
 * already) and the stride becomes a dilation.
 */
export function emitConv2d(context: EmitContext, node: NodeOf<"conv2d">): Emitted {
  const [kernelHeight, kernelWidth] = node.weights.shape as [number, number];
  const { height: strideHeight, width: strideWidth } = node.stride;
  const pads = resolvePadding(
    node.padding,
    { height: context.inputs[0]!.shape[0]!, width: context.inputs[0]!.shape[1]! },
    { height: kernelHeight, width: kernelWidth },
    node.stride,
  );
  const isPointwise =
    kernelHeight * kernelWidth * strideHeight * strideWidth === 1 &&
    pads.top + pads.bottom + pads.left + pads.right === 0;
  if (isPointwise) return emitPointwise(context, node);
  const { interleaved, shape } = context.inputs[0]!;
  const geometry = windowGeometry(shape, node);
  return interleaved !== undefined && geometry !== undefined && shape[2]! <= FEW_CHANNELS
    ? emitFirstConvolution(context, node, { geometry, interleaved })
    : inPlainLayout(emitWindow)(context, node);
}

function emitPointwise(context: EmitContext, node: NodeOf<"conv2d">): Emitted {
  const { onnx, batch, inputs } = context;
  const input = inputs[0]!;
  const [, , inChannels, outChannels] = node.weights.shape as [number, number, number, number];
  const columns = batch * node.shape[0]! * node.shape[1]!;
  const x = reshapeTo(onnx, input.name, [inChannels, columns]);
  const weights = reshapeTo(onnx, context.parameter("weights"), [inChannels, outChannels]);
  const product = onnx.op("Gemm", [weights, x], { transA: int(1) });
  const extents = programShape(node.shape, context);
  let output = reshapeTo(onnx, product, extents);
  if (node.bias) output = addChannelBias(onnx, output, context.parameter("bias"), extents);
  return {
    output,
    backward(gradient, needed) {
      const dy = reshapeTo(onnx, gradient, [outChannels, columns]);
      const dx = needed[0]
        ? reshapeTo(onnx, onnx.op("Gemm", [weights, dy]), programShape(input.shape, context))
        : undefined;
      const parameters = weightGradients(
        context,
        node,
        () => reshapeTo(onnx, onnx.op("Gemm", [x, dy], { transB: int(1) }), node.weights.shape),
        () => sumOver(onnx, dy, [1]),
      );
      return { inputs: [dx], parameters };
    },
  };
}

function emitWindow(context: EmitContext, node: NodeOf<"conv2d">): Emitted {
  const { onnx, inputs } = context;
  const input = inputs[0]!;
  const [height = 0, width = 0] = input.shape;
  const [outHeight, outWidth, outChannels] = node.shape as [number, number, number];
  const [kernelHeight, kernelWidth] = node.weights.shape as [number, number];
  const { stride } = node;
  const pads = resolvePadding(
    node.padding,
    { height, width },
    { height: kernelHeight, width: kernelWidth },
    stride,
  );
  const onnxPads = ints(pads.top, pads.left, pads.bottom, pads.right);
  const attributes = {
    kernel_shape: ints(kernelHeight, kernelWidth),
    strides: ints(stride.height, stride.width),
    pads: onnxPads,
  };
  const weights = onnx.op("Transpose", [context.parameter("weights")], { perm: ints(3, 2, 0, 1) });
  let output = swapBatch(onnx, onnx.op("Conv", [swapBatch(onnx, input.name), weights], attributes));
  if (node.bias) {
    output = addChannelBias(onnx, output, context.parameter("bias"), programShape(node.shape, context));
  }
  // Rows and columns at the bottom right that no window reaches.
  const restHeight = height + pads.top + pads.bottom - kernelHeight - (outHeight - 1) * stride.height;
  const restWidth = width + pads.left + pads.right - kernelWidth - (outWidth - 1) * stride.width;
  const dataGradient = (gradient: string): string => {
    const dx = onnx.op("ConvTranspose", [swapBatch(onnx, gradient), weights], {
      ...attributes,
      output_padding: ints(restHeight, restWidth),
    });
    return swapBatch(onnx, dx);
  };
  const weightGradient = (gradient: string): string => {
    const all = onnx.op("Conv", [input.name, gradient], {
      kernel_shape: ints(outHeight, outWidth),
      dilations: ints(stride.height, stride.width),
      pads: onnxPads,
    });
    const cut =
      restHeight + restWidth === 0
        ? all
        : onnx.op("Slice", [
            all,
            onnx.int64s([0, 0]),
            onnx.int64s([kernelHeight, kernelWidth]),
            onnx.int64s([2, 3]),
          ]);
    // [in, out, kh, kw] to [kh, kw, in, out].
    return onnx.op("Transpose", [cut], { perm: ints(2, 3, 0, 1) });
  };
  return {
    output,
    backward: (gradient, needed) => ({
      inputs: [needed[0] ? dataGradient(gradient) : undefined],
      parameters: weightGradients(
        context,
        node,
        () => weightGradient(gradient),
        () => sumOfChannels(onnx, gradient, outChannels),
      ),
    }),
  };
}
