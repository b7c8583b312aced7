import type { NodeName } from "../../graph/index.js";
import { type Clamp, type QuantNode, type QuantType, typeRange } from "../../quant/index.js";
import type { PaddingMode } from "../../tensor/index.js";
import type { TfliteOperator, TfliteTensor } from "./model.js";
import type { FlatTable } from "./table.js";

/** What an operator needs to become a layer. */
export type OperatorContext = {
  readonly name: NodeName;
  readonly operator: TfliteOperator;
  /** Tensor of an input, which must be there. */
  input(i: number): TfliteTensor;
  /** Layer that computes an input. */
  source(i: number): NodeName;
  /** Integer type of an input or of the output. */
  readonly inputType: (i: number) => QuantType;
  readonly output: QuantType;
  /** Zeros that a PAD before this operator puts around its input. */
  readonly paddedBefore: PaddingMode | undefined;
  /** Say what cannot be imported; the operator is listed with it. */
  refuse(hint: string): never;
};

/** Makes a layer of an operator. */
export type OperatorImporter = (context: OperatorContext) => QuantNode;

/** `Padding` of schema.fbs. */
export function paddingMode(options: FlatTable | undefined, field: number): PaddingMode {
  return { kind: options?.int8(field) === 1 ? "valid" : "same" };
}

/**
 * Bounds of the output integers under a fused activation (CalculateActivationRangeQuantized of TensorFlow Lite's kernel_util.cc): the
 * bounds are rounded in float32.
 */
export function activationClamp(activation: number, { refuse, output }: OperatorContext): Clamp {
  const { low, high } = typeRange(output);
  const integer = (real: number): number => output.zeroPoint + Math.round(Math.fround(real / output.scale));
  switch (activation) {
    case 0:
      return { low, high };
    case 1:
      return { low: Math.max(low, integer(0)), high };
    case 2:
      return {
        low: Math.max(low, -Math.round(Math.fround(1 / output.scale)) + output.zeroPoint),
        high: Math.min(high, integer(1)),
      };
    case 3:
      return { low: Math.max(low, integer(0)), high: Math.min(high, integer(6)) };
    default:
      return refuse(
        `fused activation ${activation} is not supported; none, RELU, RELU_N1_TO_1 and RELU6 are`,
      );
  }
}
