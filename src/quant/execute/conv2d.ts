import type { QuantConv2d, QuantType } from "../nodes.js";
import { pixelRequantizer } from "../requantize.js";
import { addDotProducts, outputMajor } from "./dot.js";
import { type LayerKernel, windowGeometry } from "./kernel.js";

/**
 * acc[o] = bias[o] + Σ w[ky, kx, i, o] · (x[y·stride + ky − top, x·stride + kx − left, i] − zeroPoint), then requantize.
 * Taps outside the image see the zero point, so they add nothing.
 */
export function conv2dKernel(node: QuantConv2d, input: QuantType): LayerKernel {
  const [kernelHeight, kernelWidth, inChannels, outChannels] = node.weights.shape as [
    number,
    number,
    number,
    number,
  ];
  const g = windowGeometry(input.shape, node.output.shape, node, {
    height: kernelHeight,
    width: kernelWidth,
  });
  const taps = kernelHeight * kernelWidth * inChannels;
  const weights = outputMajor(node.weights.data, taps, outChannels);
  const bias = node.bias.data;
  const finish = pixelRequantizer(node.requantization, outChannels, node.output.zeroPoint, node.clamp);
  const accumulators = new Int32Array(outChannels);
  const patch = new Int32Array(taps);
  const zeroPoint = input.zeroPoint;
  const rowTaps = kernelWidth * inChannels;

  return ([source], output) => {
    const image = source!;
    for (let oy = 0, o = 0; oy < g.outHeight; oy++) {
      for (let ox = 0; ox < g.outWidth; ox++, o += outChannels) {
        const top = oy * g.stride.height - g.padding.top;
        const left = ox * g.stride.width - g.padding.left;
        const firstTap = Math.max(-left, 0) * inChannels;
        const lastTap = Math.min(g.inWidth - left, kernelWidth) * inChannels;
        if (firstTap > 0 || lastTap < rowTaps) patch.fill(0);
        for (let ky = 0; ky < kernelHeight; ky++) {
          const y = top + ky;
          const to = ky * rowTaps;
          if (y < 0 || y >= g.inHeight) {
            for (let t = 0; t < rowTaps; t++) patch[to + t] = 0;
            continue;
          }
          const from = (y * g.inWidth + left) * inChannels;
          for (let t = firstTap; t < lastTap; t++) patch[to + t] = image[from + t]! - zeroPoint;
        }
        accumulators.set(bias);
        addDotProducts(accumulators, weights, patch);
        finish(accumulators, output, o);
      }
    }
  };
}
