import { int, type NodeOf } from "../../graph/index.js";
import type { EmitContext, Emitted } from "./emit.js";

/** ReLU and ReLU6. The gradient passes where the clamp left the value as it was. */
export function emitRelu(context: EmitContext, node: NodeOf<"relu">): Emitted {
  const { onnx } = context;
  const x = context.inputs[0]!.name;
  const y =
    node.max === undefined
      ? onnx.op("Relu", [x])
      : onnx.op("Clip", [x, onnx.scalar(0), onnx.scalar(node.max)]);
  return {
    output: y,
    backward(gradient, needed) {
      if (!needed[0]) return { inputs: [undefined], parameters: {} };
      // A product with ones and zeros: ONNX Runtime's Where makes three passes.
      const passes = onnx.op("Cast", [onnx.op("Equal", [x, y])], { to: int(1) });
      return { inputs: [onnx.op("Mul", [gradient, passes])], parameters: {} };
    },
  };
}

/** Sum of two equal shapes: the gradient goes to both. */
export function emitAdd(context: EmitContext): Emitted {
  const [a, b] = context.inputs;
  return {
    output: context.onnx.op("Add", [a!.name, b!.name]),
    backward: (gradient, needed) => ({
      inputs: needed.map((wanted) => (wanted ? gradient : undefined)),
      parameters: {},
    }),
  };
}

/** Dropout with a mask from outside, so that the program itself has no randomness. */
export function emitDropout(context: EmitContext, node: NodeOf<"dropout">): Emitted {
  const { onnx } = context;
  const x = context.inputs[0]!.name;
  if (node.rate === 0) {
    return { output: x, backward: (gradient) => ({ inputs: [gradient], parameters: {} }) };
  }
  const mask = context.dropoutMask();
  return {
    output: onnx.op("Mul", [x, mask]),
    backward: (gradient, needed) => ({
      inputs: [needed[0] ? onnx.op("Mul", [gradient, mask]) : undefined],
      parameters: {},
    }),
  };
}
