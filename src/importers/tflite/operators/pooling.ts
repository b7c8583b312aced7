import { type QuantNode, typeRange } from "../../../quant/index.js";
import { resolvePadding } from "../../../tensor/index.js";
import { activationClamp, type OperatorContext, paddingMode } from "../operator.js";

/** AVERAGE_POOL_2D and MAX_POOL_2D: input and output share their quantization, so that integers are pooled as they are. */
export function importPool(context: OperatorContext): QuantNode {
  const { options, op } = context.operator;
  const input = context.inputType(0);
  const clamp = activationClamp(options?.int8(5) ?? 0, context);
  const { low, high } = typeRange(context.output);
  if (clamp.low > low || clamp.high < high) context.refuse("a pool with an activation that cuts its range");
  if (input.scale !== context.output.scale || input.zeroPoint !== context.output.zeroPoint) {
    context.refuse("a pool that rescales");
  }
  const [inputHeight = 1, inputWidth = 1] = input.shape;
  const stride = { width: options?.int32(1) ?? 1, height: options?.int32(2) ?? 1 };
  const window = { width: options?.int32(3) ?? 1, height: options?.int32(4) ?? 1 };
  const padding = resolvePadding(
    paddingMode(options, 0),
    { height: inputHeight, width: inputWidth },
    window,
    stride,
  );
  return {
    kind: op === "MAX_POOL_2D" ? "maxPool2d" : "averagePool2d",
    name: context.name,
    input: context.source(0),
    output: context.output,
    window,
    stride,
    padding,
  };
}
