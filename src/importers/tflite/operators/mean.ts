import { type QuantNode, requantizeTflite, tfliteFactor, typeRange } from "../../../quant/index.js";
import { constantIntegers } from "../model.js";
import type { OperatorContext } from "../operator.js";

/** From the sum of an image's integers, zero point included, to the output integer, not yet clamped. Never falls. */
type MeanOfSum = (sum: number) => number;

const { fround } = Math;
const roundAway = (x: number): number => (x < 0 ? -Math.floor(0.5 - x) : Math.floor(x + 0.5));

/**
 * The four means of TensorFlow Lite 2.9 (EvalMean of its reduce.cc), as its library computes them. Kernels of their own, where the
 * dimensions are kept and the axes counted from the front:
 * - uint8 (optimized_ops::Mean): the sum scaled at once, zero points in a rounded bias;
 * - int8 (reference_integer_ops::Mean): the sum less its zero points scaled, then divided with rounding.
 * The general kernel:
 * - input and output of one scale and zero point: the sum divided, truncating toward zero;
 * - else (QuantizedMeanOrSum): in float32.
 */
function meanOfSum(context: OperatorContext, pixels: number): MeanOfSum {
  const [input, output] = [context.input(0), context.output];
  const scale = input.quantization.scales[0]!;
  const zeroPoint = input.quantization.zeroPoints[0] ?? 0;
  const isKept = context.operator.options?.bool(0) ?? false;
  const isOwnKernel = isKept && constantIntegers(context.input(1)).every((axis) => axis > 0);
  if (isOwnKernel && input.type === "uint8") {
    const factor = tfliteFactor(fround(scale / fround(pixels * output.scale)));
    const bias =
      output.zeroPoint - Math.trunc(fround(fround(fround(zeroPoint * scale) / output.scale) + 0.5));
    return (sum) => requantizeTflite(sum, factor.multiplier, factor.shift) + bias;
  }
  if (isOwnKernel) {
    const factor = tfliteFactor(scale / output.scale);
    return (sum) => {
      const scaled = requantizeTflite(sum - pixels * zeroPoint, factor.multiplier, factor.shift);
      const half = scaled > 0 ? pixels >> 1 : -(pixels >> 1);
      return Math.trunc((scaled + half) / pixels) + output.zeroPoint;
    };
  }
  if (scale === output.scale && zeroPoint === output.zeroPoint) return (sum) => Math.trunc(sum / pixels);
  const ratio = fround(scale / output.scale);
  const bias = fround(-zeroPoint * ratio);
  return (sum) =>
    roundAway(fround(fround(fround(fround(sum) / fround(pixels)) * ratio) + bias)) + output.zeroPoint;
}

/** MEAN over height and width: the thresholds of its exact function of the sum. */
export function importMean(context: OperatorContext): QuantNode {
  const input = context.input(0);
  const [, height = 1, width = 1] = input.shape;
  const axes = [...constantIntegers(context.input(1))].map((axis) => (axis < 0 ? axis + 4 : axis)).sort();
  if (input.shape.length !== 4 || axes.join() !== "1,2") {
    context.refuse("a mean over anything but height and width");
  }
  const pixels = height * width;
  const { output } = context;
  const mean = meanOfSum(context, pixels);
  const zeroPoint = input.quantization.zeroPoints[0] ?? 0;
  const sums = typeRange({ bits: 8, signed: input.type === "int8" });
  const clamp = typeRange(output);
  const thresholds = Int32Array.from({ length: clamp.high - clamp.low }, (_, i) => {
    let [below, above] = [pixels * sums.low - 1, pixels * sums.high + 1];
    while (above - below > 1) {
      const middle = Math.floor((below + above) / 2);
      if (mean(middle) > clamp.low + i) above = middle;
      else below = middle;
    }
    return above - pixels * zeroPoint;
  });
  return {
    kind: "globalAveragePool2d",
    name: context.name,
    input: context.source(0),
    output,
    requantization: { mode: "steps", thresholds },
    clamp,
  };
}
