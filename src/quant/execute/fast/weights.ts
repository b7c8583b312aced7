import type { Size2 } from "../../../tensor/index.js";
import { LANES } from "./memory.js";

/** Weights in the order of `convolve`. */
export type PackedWeights = {
  /** Pairs of values in a row of taps. */
  readonly pairs: number;
  readonly data: Int16Array;
};

/**
 * Pack weights [height, width, channels, outputs]: for each eight outputs, row of taps and pair of values that lie side by side in memory,
 * the pair of each output. Values between pixels, a last odd value, and outputs that fill up a vector get weights of 0.
 *
 * @param options.pixelValues values from one pixel to the next, at least `channels`
 */
export function packWeights(
  weights: Int16Array,
  {
    window,
    channels,
    pixelValues,
    outputs,
  }: {
    readonly window: Size2;
    readonly channels: number;
    readonly pixelValues: number;
    readonly outputs: number;
  },
): PackedWeights {
  const pairs = Math.ceil(((window.width - 1) * pixelValues + channels) / 2);
  const blocks = Math.ceil(outputs / LANES);
  const blockValues = window.height * pairs * 2 * LANES;
  const data = new Int16Array(blocks * blockValues);
  for (let ky = 0, from = 0; ky < window.height; ky++) {
    for (let kx = 0; kx < window.width; kx++) {
      for (let i = 0; i < channels; i++, from += outputs) {
        const value = kx * pixelValues + i;
        const at = (ky * pairs + (value >> 1)) * 2 * LANES + (value & 1);
        for (let o = 0; o < outputs; o++) {
          data[Math.floor(o / LANES) * blockValues + at + 2 * (o % LANES)] = weights[from + o]!;
        }
      }
    }
  }
  return { pairs, data };
}

/** Pack weights [taps, channels] for `depthwise`: for each eight channels and pair of taps, the pair of each channel. */
export function packDepthwiseWeights(weights: Int16Array, taps: number, channels: number): Int16Array {
  const pairs = Math.ceil(taps / 2);
  const data = new Int16Array(Math.ceil(channels / LANES) * pairs * 2 * LANES);
  for (let t = 0; t < taps; t++) {
    for (let c = 0; c < channels; c++) {
      const block = Math.floor(c / LANES) * pairs + (t >> 1);
      data[(block * LANES + (c % LANES)) * 2 + (t & 1)] = weights[t * channels + c]!;
    }
  }
  return data;
}
