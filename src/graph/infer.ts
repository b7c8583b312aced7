import { assertNever, FixynnError } from "../core/index.js";
import {
  elementCount,
  formatShape,
  type Padding,
  type PaddingMode,
  resolvePadding,
  type Shape,
  type Size2,
  sameShape,
  type Tensor,
  windowOutput,
} from "../tensor/index.js";
import type { NodeKind, NodeOf } from "./nodes.js";

/** A node before its output shape is known. `input` and `reshape` carry theirs, the others have it inferred. */
export type NodeSpec = {
  readonly [K in NodeKind]: K extends "input" | "reshape" ? NodeOf<K> : Omit<NodeOf<K>, "shape">;
}[NodeKind];

function shapeError(node: NodeSpec, message: string, hint?: string): FixynnError {
  return new FixynnError("FX1010", message, {
    place: `layer ${node.name}`,
    ...(hint === undefined ? {} : { hint }),
  });
}

function imageShape(node: NodeSpec, shape: Shape): readonly [number, number, number] {
  const [height, width, channels] = shape;
  if (shape.length !== 3 || height === undefined || width === undefined || channels === undefined) {
    throw shapeError(node, `${node.kind} needs a height x width x channels input, not ${formatShape(shape)}`);
  }
  return [height, width, channels];
}

function expectTensor(
  node: NodeSpec,
  role: string,
  value: Tensor,
  expected: readonly (number | "any")[],
): void {
  const { shape } = value;
  const fits = shape.length === expected.length && expected.every((e, i) => e === "any" || e === shape[i]);
  if (!fits) {
    const wanted = expected.map((extent) => (extent === "any" ? "?" : extent)).join("x");
    throw shapeError(node, `${role} of shape ${formatShape(shape)} do not fit, expected ${wanted}`);
  }
}

function positive(node: NodeSpec, role: string, size: Size2): void {
  for (const value of [size.height, size.width]) {
    if (!Number.isInteger(value) || value < 1) {
      throw shapeError(node, `${role} must be positive integers, not ${size.height}x${size.width}`);
    }
  }
}

function windowShape(
  node: NodeSpec,
  input: Size2,
  fields: { readonly window: Size2; readonly stride: Size2; readonly padding: PaddingMode },
): Size2 {
  positive(node, "window sides", fields.window);
  positive(node, "strides", fields.stride);
  const pads = resolvePadding(fields.padding, input, fields.window, fields.stride);
  expectPads(node, pads);
  const output = windowOutput(input, pads, fields.window, fields.stride);
  if (output.height < 1 || output.width < 1) {
    const { window } = fields;
    throw shapeError(
      node,
      `a ${window.height}x${window.width} window does not fit a ${input.height}x${input.width} image`,
      "use larger images or fewer stride-2 layers",
    );
  }
  return output;
}

function expectPads(node: NodeSpec, pads: Padding): void {
  for (const value of [pads.top, pads.bottom, pads.left, pads.right]) {
    if (!Number.isInteger(value) || value < 0)
      throw shapeError(node, `padding ${value} is no natural number`);
  }
}

/** A window that sees padding only would average over nothing. */
function expectPoolPads(node: NodeOfPool, input: Size2): void {
  const pads = resolvePadding(node.padding, input, node.window, node.stride);
  const { window } = node;
  if (Math.max(pads.top, pads.bottom) >= window.height || Math.max(pads.left, pads.right) >= window.width) {
    throw shapeError(node, "pooling padding must be smaller than the window");
  }
}

type NodeOfPool = Extract<NodeSpec, { readonly kind: "maxPool2d" | "averagePool2d" }>;

/**
 * Infer the output shape of a node (without the batch), checking attributes and weight shapes on the way.
 *
 * @param inputs shapes of the node's inputs, in the order of `inputsOf`
 * @throws FixynnError FX1010 with the layer's name when input, weights or attributes do not fit together
 */
export function inferShape(node: NodeSpec, inputs: readonly Shape[]): Shape {
  const input = inputs[0] ?? [];
  switch (node.kind) {
    case "input": {
      if (node.shape.length === 0 || node.shape.some((e) => !Number.isInteger(e) || e < 1)) {
        throw shapeError(node, `input shape ${formatShape(node.shape)} is not made of positive integers`);
      }
      return node.shape;
    }
    case "conv2d": {
      const [height, width, channels] = imageShape(node, input);
      expectTensor(node, "weights", node.weights, ["any", "any", channels, "any"]);
      const [kernelHeight, kernelWidth, , outChannels] = node.weights.shape as [
        number,
        number,
        number,
        number,
      ];
      if (node.bias) expectTensor(node, "bias values", node.bias, [outChannels]);
      const window = { height: kernelHeight, width: kernelWidth };
      const output = windowShape(node, { height, width }, { ...node, window });
      return [output.height, output.width, outChannels];
    }
    case "depthwiseConv2d": {
      const [height, width, channels] = imageShape(node, input);
      expectTensor(node, "weights", node.weights, ["any", "any", channels, "any"]);
      const [kernelHeight, kernelWidth, , multiplier] = node.weights.shape as [
        number,
        number,
        number,
        number,
      ];
      if (node.bias) expectTensor(node, "bias values", node.bias, [channels * multiplier]);
      const window = { height: kernelHeight, width: kernelWidth };
      const output = windowShape(node, { height, width }, { ...node, window });
      return [output.height, output.width, channels * multiplier];
    }
    case "batchNorm": {
      const channels = input[input.length - 1] ?? 0;
      if (input.length !== 1 && input.length !== 3) {
        throw shapeError(node, `batchNorm needs an image or a flat input, not ${formatShape(input)}`);
      }
      for (const role of ["gamma", "beta", "mean", "variance"] as const) {
        expectTensor(node, `${role} values`, node[role], [channels]);
      }
      if (!(node.epsilon >= 0 && Number.isFinite(node.epsilon))) {
        throw shapeError(node, `epsilon ${node.epsilon} is negative or not finite`);
      }
      return input;
    }
    case "relu": {
      if (node.max !== undefined && !(node.max > 0 && Number.isFinite(node.max))) {
        throw shapeError(node, `the upper bound ${node.max} is not a positive number`);
      }
      return input;
    }
    case "zeroPad2d": {
      const [height, width, channels] = imageShape(node, input);
      expectPads(node, node.padding);
      const { top, bottom, left, right } = node.padding;
      return [height + top + bottom, width + left + right, channels];
    }
    case "maxPool2d":
    case "averagePool2d": {
      const [height, width, channels] = imageShape(node, input);
      const output = windowShape(node, { height, width }, node);
      expectPoolPads(node, { height, width });
      return [output.height, output.width, channels];
    }
    case "globalAveragePool2d": {
      const [, , channels] = imageShape(node, input);
      return node.keepDims ? [1, 1, channels] : [channels];
    }
    case "reshape": {
      const valid = node.shape.length > 0 && node.shape.every((e) => Number.isInteger(e) && e > 0);
      if (!valid || elementCount(node.shape) !== elementCount(input)) {
        throw shapeError(node, `cannot reshape ${formatShape(input)} to ${formatShape(node.shape)}`);
      }
      return node.shape;
    }
    case "dense": {
      if (input.length !== 1) {
        const hint = "put a Flatten or a global pooling layer before it";
        throw shapeError(node, `dense needs a flat input, not ${formatShape(input)}`, hint);
      }
      expectTensor(node, "weights", node.weights, [input[0]!, "any"]);
      const features = node.weights.shape[1]!;
      if (node.bias) expectTensor(node, "bias values", node.bias, [features]);
      return [features];
    }
    case "add": {
      const [a = [], b = []] = inputs;
      if (!sameShape(a, b)) {
        throw shapeError(node, `cannot add ${formatShape(a)} and ${formatShape(b)}: shapes must be equal`);
      }
      return a;
    }
    case "softmax":
      return input;
    case "dropout": {
      if (!(node.rate >= 0 && node.rate < 1))
        throw shapeError(node, `dropout rate ${node.rate} is not in [0, 1)`);
      return input;
    }
    default:
      return assertNever(node);
  }
}
