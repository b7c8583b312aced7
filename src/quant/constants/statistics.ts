import { elementCount, NO_PADDING } from "../../tensor/index.js";
import type { QuantType } from "../nodes.js";
import type { WeightedQuant } from "../quantize/weighted.js";
import type { QuantValues } from "../types.js";
import { type TapBlock, tapBlocks } from "./blocks.js";

/** What the taps of a block see on calibration images. */
export type BlockStatistics = {
  readonly block: TapBlock;
  /** Root mean square of each tap's integers less the zero point. */
  readonly rms: Float64Array;
  /** Covariance of the taps, [taps, taps]. Means are left out: the bias takes them up. */
  readonly covariance: Float64Array;
};

/** Most windows that are looked at; more change the figures little. */
const MOST_WINDOWS = 2 ** 17;

/** Fills windows of a layer's input, less the zero point, flat [row, column, channel]; taps in the padding are 0. */
type WindowReader = {
  readonly size: number;
  readonly windowsPerImage: number;
  read(window: number, patch: Float64Array): void;
};

function windowReader(node: WeightedQuant, input: QuantType, values: QuantValues): WindowReader {
  const isDense = node.kind === "dense";
  const inputShape = isDense ? [1, 1, elementCount(input.shape)] : input.shape;
  const [height, width, channels] = inputShape as [number, number, number];
  const [outHeight, outWidth] = isDense ? [1, 1] : (node.output.shape as [number, number]);
  const [kernelHeight, kernelWidth] = isDense ? [1, 1] : (node.weights.shape as [number, number]);
  const stride = isDense ? { height: 1, width: 1 } : node.stride;
  const { top, left } = isDense ? NO_PADDING : node.padding;
  const perImage = height * width * channels;
  const windowsPerImage = outHeight * outWidth;
  return {
    size: kernelHeight * kernelWidth * channels,
    windowsPerImage,
    read(window, patch) {
      const image = Math.floor(window / windowsPerImage);
      const position = window % windowsPerImage;
      const firstRow = Math.floor(position / outWidth) * stride.height - top;
      const firstColumn = (position % outWidth) * stride.width - left;
      let to = 0;
      for (let ky = 0; ky < kernelHeight; ky++) {
        const y = firstRow + ky;
        for (let kx = 0; kx < kernelWidth; kx++, to += channels) {
          const x = firstColumn + kx;
          if (y < 0 || y >= height || x < 0 || x >= width) {
            patch.fill(0, to, to + channels);
            continue;
          }
          const from = image * perImage + (y * width + x) * channels;
          for (let c = 0; c < channels; c++) patch[to + c] = values[from + c]! - input.zeroPoint;
        }
      }
    },
  };
}

const greatestCommonDivisor = (a: number, b: number): number =>
  b === 0 ? a : greatestCommonDivisor(b, a % b);

/** A step through all windows that meets every column and row of an image. */
function stepThrough(windows: number, windowsPerImage: number): number {
  let step = Math.ceil(windows / MOST_WINDOWS);
  while (step > 1 && greatestCommonDivisor(step, windowsPerImage) > 1) step++;
  return step;
}

/**
 * Measure the inputs of a layer on calibration images: the second moments that a change of its weights is judged by,
 * Σ (Δw·x)² / windows = Δwᵀ (Xᵀ X / windows) Δw (the Hessian of OBQ and GPTQ, Frantar 2022, up to a factor).
 *
 * @param values `count` images of the layer's input
 */
export function inputStatistics(
  node: WeightedQuant,
  input: QuantType,
  values: QuantValues,
  count: number,
): readonly BlockStatistics[] {
  const reader = windowReader(node, input, values);
  const windows = count * reader.windowsPerImage;
  const step = stepThrough(windows, reader.windowsPerImage);
  const patch = new Float64Array(reader.size);
  const sums = tapBlocks(node).map((block) => ({
    block,
    sum: new Float64Array(block.taps),
    products: new Float64Array(block.taps * block.taps),
    own: new Float64Array(block.taps),
  }));
  let seen = 0;
  for (let window = 0; window < windows; window += step, seen++) {
    reader.read(window, patch);
    for (const { block, sum, products, own } of sums) {
      const { taps, patchStart, patchStep } = block;
      for (let t = 0; t < taps; t++) own[t] = patch[patchStart + t * patchStep]!;
      for (let i = 0; i < taps; i++) {
        const x = own[i]!;
        // Behind a ReLU many values are zero.
        if (x === 0) continue;
        sum[i]! += x;
        for (let j = i, at = i * taps + i; j < taps; j++, at++) products[at]! += x * own[j]!;
      }
    }
  }
  return sums.map(({ block, sum, products }) => {
    const { taps } = block;
    const rms = Float64Array.from({ length: taps }, (_, t) => Math.sqrt(products[t * taps + t]! / seen));
    for (let i = 0; i < taps; i++) {
      for (let j = i; j < taps; j++) {
        const value = products[i * taps + j]! / seen - (sum[i]! / seen) * (sum[j]! / seen);
        products[i * taps + j] = value;
        products[j * taps + i] = value;
      }
    }
    return { block, rms, covariance: products };
  });
}
