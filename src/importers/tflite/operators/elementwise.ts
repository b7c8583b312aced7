import { type QuantNode, tfliteFactor } from "../../../quant/index.js";
import { sameShape } from "../../../tensor/index.js";
import { activationClamp, type OperatorContext } from "../operator.js";

/** Bits that the operands are shifted left before they are scaled. */
const LEFT_SHIFT = 20;

/**
 * ADD of two tensors of one shape (PrepareGeneralAdd of TensorFlow Lite's add.cc): both operands are scaled to twice the larger
 * input scale, the sum to the output's.
 */
export function importAdd(context: OperatorContext): QuantNode {
  const [a, b] = [context.inputType(0), context.inputType(1)];
  if (!sameShape(a.shape, b.shape)) context.refuse("an addition that broadcasts");
  const twiceLargest = 2 * Math.max(a.scale, b.scale);
  const [first, second, sum] = [
    tfliteFactor(a.scale / twiceLargest),
    tfliteFactor(b.scale / twiceLargest),
    tfliteFactor(twiceLargest / (2 ** LEFT_SHIFT * context.output.scale)),
  ];
  return {
    kind: "add",
    name: context.name,
    inputs: [context.source(0), context.source(1)],
    output: context.output,
    operandMultipliers: [first.multiplier, second.multiplier],
    operandShifts: [first.shift, second.shift],
    requantization: {
      mode: "tflite",
      multipliers: Int32Array.of(sum.multiplier),
      shifts: Int32Array.of(sum.shift),
    },
    clamp: activationClamp(context.operator.options?.int8(0) ?? 0, context),
  };
}
