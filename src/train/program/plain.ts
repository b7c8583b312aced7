import { type GraphNode, inputsOf } from "../../graph/index.js";
import type { Handler } from "./emit.js";
import { changeLanes, type Layout } from "./layout.js";

/** Let a handler that knows plain images only work in a program with lanes: convert what goes in and out. */
export function inPlainLayout<Node extends GraphNode>(handler: Handler<Node>): Handler<Node> {
  return (context, node) => {
    if (context.lanes === 1) return handler(context, node);
    const { onnx, batch, lanes, inputs } = context;
    const plain: Layout = { batch, lanes: 1 };
    const laned: Layout = { batch, lanes };
    const enter = { from: laned, to: plain };
    const leave = { from: plain, to: laned };
    const emitted = handler(
      {
        ...context,
        lanes: 1,
        inputs: inputs.map(({ name, shape }) => ({ name: changeLanes(onnx, name, shape, enter), shape })),
      },
      node,
    );
    return {
      output: changeLanes(onnx, emitted.output, node.shape, leave),
      backward(gradient, needed) {
        const result = emitted.backward(changeLanes(onnx, gradient, node.shape, enter), needed);
        return {
          ...result,
          inputs: inputsOf(node).map((_, i) => {
            const part = result.inputs[i];
            return part === undefined ? undefined : changeLanes(onnx, part, inputs[i]!.shape, leave);
          }),
        };
      },
    };
  };
}
