import type { QuantDense, QuantType } from "../nodes.js";
import { pixelRequantizer } from "../requantize.js";
import { addDotProducts, outputMajor } from "./dot.js";
import type { LayerKernel } from "./kernel.js";

/** acc[o] = bias[o] + Σ w[i, o] · (x[i] − zeroPoint), then requantize. */
export function denseKernel(node: QuantDense, input: QuantType): LayerKernel {
  const [inFeatures, outFeatures] = node.weights.shape as [number, number];
  const weights = outputMajor(node.weights.data, inFeatures, outFeatures);
  const finish = pixelRequantizer(node.requantization, outFeatures, node.output.zeroPoint, node.clamp);
  const accumulators = new Int32Array(outFeatures);
  const patch = new Int32Array(inFeatures);

  return ([source], output) => {
    const features = source!;
    for (let i = 0; i < inFeatures; i++) patch[i] = features[i]! - input.zeroPoint;
    accumulators.set(node.bias.data);
    addDotProducts(accumulators, weights, patch);
    finish(accumulators, output, 0);
  };
}
