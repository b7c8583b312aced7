import { elementCount } from "../../tensor/index.js";
import type { QuantAdd, QuantType } from "../nodes.js";
import { pixelRequantizer, scaledOperand } from "../requantize.js";
import { typeRange } from "../types.js";
import type { LayerKernel } from "./kernel.js";

/** Scaled operands of all integers that a type can hold, the lowest first. */
function operandTable(node: QuantAdd, operand: 0 | 1, type: QuantType): Int32Array {
  const { low, high } = typeRange(type);
  return Int32Array.from({ length: high - low + 1 }, (_, i) =>
    scaledOperand(node, operand, low + i - type.zeroPoint),
  );
}

/** acc = scaled a + scaled b, then requantize; see {@link scaledOperand}. */
export function addKernel(node: QuantAdd, inputs: readonly [QuantType, QuantType]): LayerKernel {
  const size = elementCount(node.output.shape);
  const channels = node.output.shape[node.output.shape.length - 1]!;
  const finish = pixelRequantizer(node.requantization, channels, node.output.zeroPoint, node.clamp);
  const tables = [operandTable(node, 0, inputs[0]), operandTable(node, 1, inputs[1])] as const;
  const lowA = typeRange(inputs[0]).low;
  const lowB = typeRange(inputs[1]).low;
  const accumulators = new Int32Array(channels);
  return ([a, b], output) => {
    for (let o = 0; o < size; o += channels) {
      for (let c = 0; c < channels; c++) {
        accumulators[c] = (tables[0][a![o + c]! - lowA]! + tables[1][b![o + c]! - lowB]!) | 0;
      }
      finish(accumulators, output, o);
    }
  };
}
