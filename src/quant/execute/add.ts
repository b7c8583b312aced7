import { elementCount } from "../../tensor/index.js";
import type { QuantAdd, QuantType } from "../nodes.js";
import { pixelRequantizer } from "../requantize.js";
import type { LayerKernel } from "./kernel.js";

/** acc = (a − zeroPoint_a) · multiplier_a + (b − zeroPoint_b) · multiplier_b, then requantize. */
export function addKernel(node: QuantAdd, inputs: readonly [QuantType, QuantType]): LayerKernel {
  const size = elementCount(node.output.shape);
  const channels = node.output.shape[node.output.shape.length - 1]!;
  const finish = pixelRequantizer(node.requantization, channels, node.output.zeroPoint, node.clamp);
  const [multiplierA, multiplierB] = node.operandMultipliers;
  const [{ zeroPoint: zeroPointA }, { zeroPoint: zeroPointB }] = inputs;
  const accumulators = new Int32Array(channels);
  return ([a, b], output) => {
    for (let o = 0; o < size; o += channels) {
      for (let c = 0; c < channels; c++) {
        const left = Math.imul(a![o + c]! - zeroPointA, multiplierA);
        accumulators[c] = (left + Math.imul(b![o + c]! - zeroPointB, multiplierB)) | 0;
      }
      finish(accumulators, output, o);
    }
  };
}
