import type {
  Clamp,
  QuantAveragePool2d,
  QuantGlobalAveragePool2d,
  QuantMaxPool2d,
  QuantType,
  StepRequantization,
} from "../nodes.js";
import { type PixelRequantizer, pixelRequantizer } from "../requantize.js";
import { type LayerKernel, type WindowGeometry, windowGeometry } from "./kernel.js";

/** The part of a window that lies inside the image: rows [top, bottom), columns [left, right). */
type Inside = { top: number; bottom: number; left: number; right: number };

function insideImage(g: WindowGeometry, oy: number, ox: number, inside: Inside): void {
  const top = oy * g.stride.height - g.padding.top;
  const left = ox * g.stride.width - g.padding.left;
  inside.top = Math.max(top, 0);
  inside.bottom = Math.min(top + g.window.height, g.inHeight);
  inside.left = Math.max(left, 0);
  inside.right = Math.min(left + g.window.width, g.inWidth);
}

/** Largest integer over the pixels inside the image. */
export function maxPool2dKernel(node: QuantMaxPool2d, input: QuantType): LayerKernel {
  const g = windowGeometry(input.shape, node.output.shape, node, node.window);
  const inside: Inside = { top: 0, bottom: 0, left: 0, right: 0 };
  return ([source], output) => {
    const image = source!;
    for (let oy = 0, o = 0; oy < g.outHeight; oy++) {
      for (let ox = 0; ox < g.outWidth; ox++, o += g.outChannels) {
        insideImage(g, oy, ox, inside);
        for (let c = 0; c < g.inChannels; c++) {
          let largest = Number.NEGATIVE_INFINITY;
          for (let y = inside.top; y < inside.bottom; y++) {
            for (let x = inside.left; x < inside.right; x++) {
              const value = image[(y * g.inWidth + x) * g.inChannels + c]!;
              if (value > largest) largest = value;
            }
          }
          output[o + c] = largest;
        }
      }
    }
  };
}

/** Divide integers, rounding to nearest, ties away from zero; exact in doubles for any int32 sum. */
export function roundedMean(sum: number, count: number): number {
  const half = Math.floor(count / 2);
  return Math.trunc((sum >= 0 ? sum + half : sum - half) / count);
}

/** Mean of the integers over the pixels inside the image, rounded half away from zero. */
export function averagePool2dKernel(node: QuantAveragePool2d, input: QuantType): LayerKernel {
  const g = windowGeometry(input.shape, node.output.shape, node, node.window);
  const inside: Inside = { top: 0, bottom: 0, left: 0, right: 0 };
  return ([source], output) => {
    const image = source!;
    for (let oy = 0, o = 0; oy < g.outHeight; oy++) {
      for (let ox = 0; ox < g.outWidth; ox++, o += g.outChannels) {
        insideImage(g, oy, ox, inside);
        const pixels = (inside.bottom - inside.top) * (inside.right - inside.left);
        for (let c = 0; c < g.inChannels; c++) {
          let sum = 0;
          for (let y = inside.top; y < inside.bottom; y++) {
            for (let x = inside.left; x < inside.right; x++) {
              sum += image[(y * g.inWidth + x) * g.inChannels + c]!;
            }
          }
          output[o + c] = roundedMean(sum, pixels);
        }
      }
    }
  };
}

/** Prepare {@link StepRequantization} for all channels of a pixel. */
function stepRequantizer(
  { thresholds }: StepRequantization,
  channels: number,
  clamp: Clamp,
): PixelRequantizer {
  return (accumulators, output, offset) => {
    for (let c = 0; c < channels; c++) {
      const first = thresholds.findIndex((threshold) => threshold > accumulators[c]!);
      output[offset + c] = first < 0 ? clamp.high : clamp.low + first;
    }
  };
}

/** acc[c] = Σ (x[y, x, c] − zeroPoint) over the whole image, then requantize. */
export function globalAveragePool2dKernel(node: QuantGlobalAveragePool2d, input: QuantType): LayerKernel {
  const [height, width, channels] = input.shape as [number, number, number];
  const { requantization, clamp } = node;
  const finish =
    requantization.mode === "steps"
      ? stepRequantizer(requantization, channels, clamp)
      : pixelRequantizer(requantization, channels, node.output.zeroPoint, clamp);
  const accumulators = new Int32Array(channels);
  return ([source], output) => {
    const image = source!;
    accumulators.fill(-height * width * input.zeroPoint);
    for (let p = 0; p < height * width; p++) {
      for (let c = 0; c < channels; c++) accumulators[c] = accumulators[c]! + image[p * channels + c]!;
    }
    finish(accumulators, output, 0);
  };
}
