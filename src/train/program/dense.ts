import { int, type NodeOf } from "../../graph/index.js";
import type { EmitContext, Emitted } from "./emit.js";
import { weightGradients } from "./gradients-of-weights.js";
import { sumOver } from "./layout.js";

/** Fully connected layer on [batch, features]. */
export function emitDense(context: EmitContext, node: NodeOf<"dense">): Emitted {
  const { onnx } = context;
  const x = context.inputs[0]!.name;
  const weights = context.parameter("weights");
  const operands = node.bias ? [x, weights, context.parameter("bias")] : [x, weights];
  return {
    output: onnx.op("Gemm", operands),
    backward: (gradient, needed) => ({
      inputs: [needed[0] ? onnx.op("Gemm", [gradient, weights], { transB: int(1) }) : undefined],
      parameters: weightGradients(
        context,
        node,
        () => onnx.op("Gemm", [x, gradient], { transA: int(1) }),
        () => sumOver(onnx, gradient, [0]),
      ),
    }),
  };
}
