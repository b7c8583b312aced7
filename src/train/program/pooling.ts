import { int, ints, type NodeOf, type OnnxNode } from "../../graph/index.js";
import { elementCount, resolvePadding, type Shape, tensor } from "../../tensor/index.js";
import type { EmitContext, Emitted } from "./emit.js";
import { isImage, programShape, reshapeTo } from "./layout.js";

type PoolNode = NodeOf<"maxPool2d"> | NodeOf<"averagePool2d">;

function poolAttributes(node: PoolNode, input: Shape): OnnxNode["attributes"] {
  const [height = 0, width = 0] = input;
  const pads = resolvePadding(node.padding, { height, width }, node.window, node.stride);
  return {
    kernel_shape: ints(node.window.height, node.window.width),
    strides: ints(node.stride.height, node.stride.width),
    pads: ints(pads.top, pads.left, pads.bottom, pads.right),
  };
}

/** Max pooling. The gradient goes to the first largest value of each window; overlapping windows add up. */
export function emitMaxPool(context: EmitContext, node: NodeOf<"maxPool2d">): Emitted {
  const { onnx, batch } = context;
  const input = context.inputs[0]!;
  const attributes = poolAttributes(node, input.shape);
  const [y, indices] = onnx.ops("MaxPool", [input.name], 2, attributes) as [string, string];
  return {
    output: y,
    backward(gradient, needed) {
      if (!needed[0]) return { inputs: [undefined], parameters: {} };
      const zeros = onnx.op("ConstantOfShape", [onnx.int64s([batch * elementCount(input.shape)])]);
      const flat = onnx.op(
        "ScatterElements",
        [zeros, reshapeTo(onnx, indices, [-1]), reshapeTo(onnx, gradient, [-1])],
        { axis: int(0), reduction: { kind: "string", value: "add" } },
      );
      return { inputs: [reshapeTo(onnx, flat, programShape(input.shape, context))], parameters: {} };
    },
  };
}

/** Average pooling over the pixels inside the image; backward spreads each gradient over its window. */
export function emitAveragePool(context: EmitContext, node: NodeOf<"averagePool2d">): Emitted {
  const { onnx, batch } = context;
  const input = context.inputs[0]!;
  const [height, width, channels] = input.shape as [number, number, number];
  const [outHeight, outWidth] = node.shape as [number, number];
  const { window, stride } = node;
  const attributes = poolAttributes(node, input.shape);
  const pads = resolvePadding(node.padding, { height, width }, window, stride);
  const y = onnx.op("AveragePool", [input.name], { ...attributes, count_include_pad: int(0) });
  return {
    output: y,
    backward(gradient, needed) {
      if (!needed[0]) return { inputs: [undefined], parameters: {} };
      const inside = (o: number, s: number, before: number, k: number, n: number): number =>
        Math.min(o * s - before + k, n) - Math.max(o * s - before, 0);
      const shares = Float32Array.from({ length: outHeight * outWidth }, (_, o) => {
        const rows = inside(Math.floor(o / outWidth), stride.height, pads.top, window.height, height);
        const columns = inside(o % outWidth, stride.width, pads.left, window.width, width);
        return 1 / (rows * columns);
      });
      const share = onnx.constant(
        `${node.name}/share`,
        tensor("float32", [1, 1, outHeight, outWidth], shares),
      );
      const ones = new Float32Array(window.height * window.width).fill(1);
      const kernel = onnx.constant(
        `${node.name}/ones`,
        tensor("float32", [1, 1, window.height, window.width], ones),
      );
      const parts = reshapeTo(onnx, onnx.op("Mul", [gradient, share]), [
        channels * batch,
        1,
        outHeight,
        outWidth,
      ]);
      const restHeight = height + pads.top + pads.bottom - window.height - (outHeight - 1) * stride.height;
      const restWidth = width + pads.left + pads.right - window.width - (outWidth - 1) * stride.width;
      const dx = onnx.op("ConvTranspose", [parts, kernel], {
        ...attributes,
        output_padding: ints(restHeight, restWidth),
      });
      return { inputs: [reshapeTo(onnx, dx, programShape(input.shape, context))], parameters: {} };
    },
  };
}

/** Mean over height and width. */
export function emitGlobalAveragePool(context: EmitContext, node: NodeOf<"globalAveragePool2d">): Emitted {
  const { onnx, batch, lanes } = context;
  const input = context.inputs[0]!;
  const [height, width, channels] = input.shape as [number, number, number];
  const blocks = (channels * batch) / lanes;
  const rows = reshapeTo(onnx, input.name, [blocks, height * width, lanes]);
  const mean = onnx.op("ReduceMean", [rows], { axes: ints(1), keepdims: int(0) });
  // With height and width gone the order is (channel, image), whatever the lanes.
  const output = isImage(node.shape)
    ? reshapeTo(onnx, mean, programShape(node.shape, context))
    : onnx.op("Transpose", [reshapeTo(onnx, mean, [channels, batch])], { perm: ints(1, 0) });
  return {
    output,
    backward(gradient, needed) {
      if (!needed[0]) return { inputs: [undefined], parameters: {} };
      const channelMajor = isImage(node.shape)
        ? gradient
        : onnx.op("Transpose", [gradient], { perm: ints(1, 0) });
      const share = onnx.op("Mul", [channelMajor, onnx.scalar(1 / (height * width))]);
      const points = reshapeTo(onnx, share, [blocks, 1, lanes]);
      const dx = onnx.op("Expand", [points, onnx.int64s([blocks, height * width, lanes])]);
      return { inputs: [reshapeTo(onnx, dx, programShape(input.shape, context))], parameters: {} };
    },
  };
}
