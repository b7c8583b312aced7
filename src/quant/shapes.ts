import { assertNever } from "../core/index.js";
import { elementCount, type Padding, type Shape, type Size2, windowOutput } from "../tensor/index.js";
import type { QuantNode } from "./nodes.js";

/** What is wrong with a layer, to be reported with its name. */
export type Complaint = (message: string, hint?: string) => never;

function positiveSize(size: Size2, role: string, complain: Complaint): void {
  for (const value of [size.height, size.width]) {
    if (!Number.isInteger(value) || value < 1) complain(`${role} must be positive integers`);
  }
}

function image(shape: Shape, complain: Complaint): readonly [number, number, number] {
  const [height, width, channels] = shape;
  if (shape.length !== 3 || height === undefined || width === undefined || channels === undefined) {
    return complain(`needs a height x width x channels input, not ${shape.join("x")}`);
  }
  return [height, width, channels];
}

function windowed(
  [height, width]: readonly [number, number, number],
  node: { readonly stride: Size2; readonly padding: Padding },
  window: Size2,
  complain: Complaint,
): Size2 {
  positiveSize(window, "window sides", complain);
  positiveSize(node.stride, "strides", complain);
  const { top, bottom, left, right } = node.padding;
  for (const pad of [top, bottom, left, right]) {
    if (!Number.isInteger(pad) || pad < 0) complain(`padding ${pad} is no natural number`);
  }
  const output = windowOutput({ height, width }, node.padding, window, node.stride);
  if (output.height < 1 || output.width < 1) complain("the window does not fit the image");
  return output;
}

/** Infer the output shape of an integer layer from its inputs' shapes, checking weights and attributes on the way. */
export function quantShape(node: QuantNode, inputs: readonly Shape[], complain: Complaint): Shape {
  const input = inputs[0] ?? [];
  switch (node.kind) {
    case "input":
      return node.output.shape;
    case "conv2d": {
      const source = image(input, complain);
      const [height, width, inChannels, outChannels] = node.weights.shape;
      if (node.weights.shape.length !== 4 || inChannels !== source[2]) {
        complain(`weights of shape ${node.weights.shape.join("x")} do not fit ${source[2]} input channels`);
      }
      const output = windowed(source, node, { height: height!, width: width! }, complain);
      return [output.height, output.width, outChannels!];
    }
    case "depthwiseConv2d": {
      const source = image(input, complain);
      const [height, width, channels, multiplier] = node.weights.shape;
      if (node.weights.shape.length !== 4 || channels !== source[2]) {
        complain(`weights of shape ${node.weights.shape.join("x")} do not fit ${source[2]} input channels`);
      }
      const output = windowed(source, node, { height: height!, width: width! }, complain);
      return [output.height, output.width, channels! * multiplier!];
    }
    case "dense": {
      if (node.weights.shape.length !== 2 || input.length !== 1 || node.weights.shape[0] !== input[0]) {
        complain(
          `weights of shape ${node.weights.shape.join("x")} do not fit an input of ${input.join("x")}`,
        );
      }
      return [node.weights.shape[1]!];
    }
    case "maxPool2d":
    case "averagePool2d": {
      const source = image(input, complain);
      const output = windowed(source, node, node.window, complain);
      const { top, bottom, left, right } = node.padding;
      if (Math.max(top, bottom) >= node.window.height || Math.max(left, right) >= node.window.width) {
        complain("pooling padding must be smaller than the window");
      }
      return [output.height, output.width, source[2]];
    }
    case "globalAveragePool2d": {
      const [, , channels] = image(input, complain);
      return node.output.shape.length === 3 ? [1, 1, channels] : [channels];
    }
    case "add":
      if (inputs[0]?.join() !== inputs[1]?.join()) complain("cannot add different shapes");
      return input;
    case "reshape":
      if (elementCount(node.output.shape) !== elementCount(input)) {
        complain(`cannot reshape ${input.join("x")} to ${node.output.shape.join("x")}`);
      }
      return node.output.shape;
    default:
      return assertNever(node);
  }
}
