import type { QuantDepthwiseConv2d, QuantType } from "../nodes.js";
import { pixelRequantizer } from "../requantize.js";
import { type LayerKernel, windowGeometry } from "./kernel.js";

/**
 * acc[c·multiplier + k] = bias + Σ w[ky, kx, c, k] · (x[…, c] − zeroPoint) over the taps inside the image, then requantize.
 */
export function depthwiseConv2dKernel(node: QuantDepthwiseConv2d, input: QuantType): LayerKernel {
  const [kernelHeight, kernelWidth, channels, multiplier] = node.weights.shape as [
    number,
    number,
    number,
    number,
  ];
  const outChannels = channels * multiplier;
  const g = windowGeometry(input.shape, node.output.shape, node, {
    height: kernelHeight,
    width: kernelWidth,
  });
  const weights = node.weights.data;
  const bias = node.bias.data;
  const finish = pixelRequantizer(node.requantization, outChannels, node.output.zeroPoint, node.clamp);
  const accumulators = new Int32Array(outChannels);
  const zeroPoint = input.zeroPoint;

  return ([source], output) => {
    const image = source!;
    for (let oy = 0, o = 0; oy < g.outHeight; oy++) {
      for (let ox = 0; ox < g.outWidth; ox++, o += outChannels) {
        accumulators.set(bias);
        for (let ky = 0; ky < kernelHeight; ky++) {
          const y = oy * g.stride.height - g.padding.top + ky;
          if (y < 0 || y >= g.inHeight) continue;
          for (let kx = 0; kx < kernelWidth; kx++) {
            const x = ox * g.stride.width - g.padding.left + kx;
            if (x < 0 || x >= g.inWidth) continue;
            const pixel = (y * g.inWidth + x) * channels;
            const tap = (ky * kernelWidth + kx) * outChannels;
            if (multiplier === 1) {
              for (let c = 0; c < channels; c++) {
                const product = Math.imul(weights[tap + c]!, image[pixel + c]! - zeroPoint);
                accumulators[c] = (accumulators[c]! + product) | 0;
              }
            } else {
              for (let c = 0, a = 0; c < channels; c++) {
                const value = image[pixel + c]! - zeroPoint;
                for (let k = 0; k < multiplier; k++, a++) {
                  accumulators[a] = (accumulators[a]! + Math.imul(weights[tap + a]!, value)) | 0;
                }
              }
            }
          }
        }
        finish(accumulators, output, o);
      }
    }
  };
}
