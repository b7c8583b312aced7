import type { NodeOf } from "../../graph/index.js";
import { resolvePadding, tensor } from "../../tensor/index.js";
import type { Clamp, ConstantRequantization, QuantNode, QuantType } from "../nodes.js";
import { type IntegerFactor, leanFactors, leanValue, tfliteFactor } from "./digits.js";

/** Weights are symmetric integers, the lowest left out. */
export const weightLimit = (weightBits: number): number => 2 ** (weightBits - 1) - 1;
/** Biases stay below 2^24 accumulator units, so that one huge bias cannot overflow a channel. */
const BIAS_LIMIT = 2 ** 24;
/** Accumulator units of an output unit at most: more only makes shifts long. */
const FINEST_UNIT = 2 ** 24;
/** The same for biases in registers, whose width is the largest bias's: a unit of 1/4096 of the output's is fine enough for dead channels. */
const REGISTER_LIMITS = { bias: 2 ** 20, unit: 2 ** 12 };

/** How to turn real factors into integers. */
export type Arithmetic = { readonly weightBits: number } & (
  | { readonly mode: "tflite" }
  | {
      readonly mode: "lean";
      readonly multiplierDigits: number;
      /** The multipliers of layers with weights are registers: so many significant bits, of any digits. */
      readonly registerBits?: number | undefined;
    }
  | { readonly mode: "shift"; readonly multiplierDigits: 1 }
);

export type WeightedFloat = NodeOf<"conv2d"> | NodeOf<"depthwiseConv2d"> | NodeOf<"dense">;
export type WeightedQuant = Extract<QuantNode, { kind: "conv2d" | "depthwiseConv2d" | "dense" }>;

/** Put factors, one per channel, in the form that the network stores. */
export function requantizationOf(
  mode: ConstantRequantization["mode"],
  factors: readonly IntegerFactor[],
): ConstantRequantization {
  return {
    mode,
    multipliers: Int32Array.from(factors, ({ multiplier }) => multiplier),
    shifts: Int32Array.from(factors, ({ shift }) => shift),
  };
}

/** Square error of rounding the weights of one channel (data[o], data[o + channels], …) to a scale. */
function roundingError(
  { data, o, channels }: { readonly data: Float32Array; readonly o: number; readonly channels: number },
  scale: number,
  limit: number,
): number {
  let error = 0;
  for (let i = o; i < data.length; i += channels) {
    const q = Math.max(-limit, Math.min(limit, Math.round(data[i]! / scale)));
    error += (data[i]! - q * scale) ** 2;
  }
  return error;
}

/**
 * Choose the weight scale of a channel and the factor scale_x · scale_w / scale_out as integers.
 *
 * In `lean` and `shift` mode the multiplier has few digits, so the factor comes first, and the weight scale follows from it: the
 * factor is exact, and costs no accuracy. Of the factors around the ideal one, the one whose weight scale rounds
 * the channel's weights best is taken.
 */
function chooseScale(
  arithmetic: Arithmetic,
  channel: {
    readonly data: Float32Array;
    readonly o: number;
    readonly channels: number;
    /** The least scale that bias and shift can bear. */
    readonly floor: number;
    readonly ideal: number;
  },
  inputScale: number,
  outputScale: number,
): { readonly factor: IntegerFactor; readonly weightScale: number } {
  if (arithmetic.mode === "tflite") {
    const weightScale = Math.fround(Math.max(channel.ideal, channel.floor));
    return { factor: tfliteFactor((inputScale * weightScale) / outputScale), weightScale };
  }
  const toScale = outputScale / inputScale;
  const registerBits = arithmetic.mode === "lean" ? arithmetic.registerBits : undefined;
  const factors = (value: number) =>
    leanFactors(value, registerBits ?? arithmetic.multiplierDigits, registerBits);
  const start = Math.max(channel.ideal, channel.floor);
  const { below, above } = factors(start / toScale);
  let best = above;
  const limit = weightLimit(arithmetic.weightBits);
  let least = roundingError(channel, leanValue(above) * toScale, limit);
  let candidate = below;
  for (;;) {
    const scale = leanValue(candidate) * toScale;
    if (scale < channel.floor || scale < 0.75 * start) break;
    const error = roundingError(channel, scale, limit);
    if (error < least) {
      least = error;
      best = candidate;
    }
    const next = factors(leanValue(candidate) * (1 - 2 ** -14)).below;
    if (leanValue(next) >= leanValue(candidate)) break;
    candidate = next;
  }
  return { factor: best, weightScale: leanValue(best) * toScale };
}

/**
 * Quantize a convolution, depthwise convolution or dense layer: weights of `weightBits` with one symmetric scale per output channel,
 * int32 bias at scale_x · scale_w.
 *
 * @param input type of the input; real = scale · (integer − zeroPoint) + inputOffset
 * @param inputOffset goes into the bias, exactly for every tap inside the image
 */
export function quantizeWeighted(
  node: WeightedFloat,
  input: QuantType,
  inputOffset: number,
  output: QuantType,
  clamp: Clamp,
  arithmetic: Arithmetic,
  source: QuantNode["name"],
): WeightedQuant {
  const { data } = node.weights;
  const channels = node.shape.at(-1)!;
  const weights = new Int16Array(data.length);
  const bias = new Int32Array(channels);
  const weightScales = new Float64Array(channels);
  const factors: IntegerFactor[] = [];
  const limit = weightLimit(arithmetic.weightBits);
  const isRegister = arithmetic.mode === "lean" && arithmetic.registerBits !== undefined;
  const limits = isRegister ? REGISTER_LIMITS : { bias: BIAS_LIMIT, unit: FINEST_UNIT };
  for (let o = 0; o < channels; o++) {
    let largest = 0;
    let sum = 0;
    for (let i = o; i < data.length; i += channels) {
      largest = Math.max(largest, Math.abs(data[i]!));
      sum += data[i]!;
    }
    const realBias = (node.bias?.data[o] ?? 0) + inputOffset * sum;
    // Dead and nearly dead channels: keep the bias in range and the shift moderate.
    const floor = Math.max(
      Math.abs(realBias) / (input.scale * limits.bias),
      output.scale / input.scale / limits.unit,
    );
    const ideal = largest / limit;
    const channel = { data, o, channels, floor, ideal };
    const { factor, weightScale } = chooseScale(arithmetic, channel, input.scale, output.scale);
    factors.push(factor);
    weightScales[o] = weightScale;
    for (let i = o; i < data.length; i += channels) {
      weights[i] = Math.max(-limit, Math.min(limit, Math.round(data[i]! / weightScale)));
    }
    bias[o] = Math.round(realBias / (input.scale * weightScale));
  }
  const common = {
    name: node.name,
    output,
    input: source,
    weights: tensor("int16", node.weights.shape, weights),
    weightScales,
    bias: tensor("int32", [channels], bias),
    requantization: requantizationOf(arithmetic.mode, factors),
    clamp,
  };
  if (node.kind === "dense") return { kind: "dense", ...common };
  const [height, width] = input.shape as [number, number];
  const [kernelHeight, kernelWidth] = node.weights.shape as [number, number];
  const kernel = { height: kernelHeight, width: kernelWidth };
  const padding = resolvePadding(node.padding, { height, width }, kernel, node.stride);
  return { kind: node.kind, ...common, stride: node.stride, padding };
}

/**
 * Compute the mean accumulator of each output channel over given inputs, in the layer's accumulator units. Linear in
 * the input, so that the mean of every tap is enough.
 */
export function meanAccumulators(
  node: WeightedQuant,
  input: QuantType,
  values: ArrayLike<number>,
  count: number,
): Float64Array {
  const channels = node.bias.data.length;
  const shape = node.weights.shape;
  const means = Float64Array.from(node.bias.data);
  const inChannels = input.shape.at(-1)!;
  const [inHeight, inWidth] = node.kind === "dense" ? [1, 1] : (input.shape as [number, number]);
  const [outHeight, outWidth] = node.kind === "dense" ? [1, 1] : (node.output.shape as [number, number]);
  const [kernelHeight, kernelWidth] = node.kind === "dense" ? [1, 1] : (shape as [number, number]);
  const stride = node.kind === "dense" ? { height: 1, width: 1 } : node.stride;
  const padding = node.kind === "dense" ? { top: 0, left: 0 } : node.padding;
  const perTap = node.weights.data.length / (kernelHeight * kernelWidth);
  const positions = count * outHeight * outWidth;
  const tapMean = new Float64Array(inChannels);
  for (let ky = 0; ky < kernelHeight; ky++) {
    for (let kx = 0; kx < kernelWidth; kx++) {
      tapMean.fill(0);
      for (let image = 0; image < count; image++) {
        for (let oy = 0; oy < outHeight; oy++) {
          const y = oy * stride.height - padding.top + ky;
          if (y < 0 || y >= inHeight) continue;
          for (let ox = 0; ox < outWidth; ox++) {
            const x = ox * stride.width - padding.left + kx;
            if (x < 0 || x >= inWidth) continue;
            const pixel = ((image * inHeight + y) * inWidth + x) * inChannels;
            for (let c = 0; c < inChannels; c++) tapMean[c]! += values[pixel + c]! - input.zeroPoint;
          }
        }
      }
      const first = (ky * kernelWidth + kx) * perTap;
      for (let i = 0; i < perTap; i++) {
        // conv2d and dense: [inChannels, channels]; depthwise: [inChannels, multiplier], flat the output channel.
        const c = Math.floor((i * inChannels) / perTap);
        means[i % channels]! += (node.weights.data[first + i]! * tapMean[c]!) / positions;
      }
    }
  }
  return means;
}
