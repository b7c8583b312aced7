import type { Rng } from "../../src/core/index.js";
import { nodeName } from "../../src/graph/index.js";
import type { ConstantRequantization, QuantNetwork, QuantNode, QuantType } from "../../src/quant/index.js";
import { elementCount, type Padding, type Shape, type Size2, tensor } from "../../src/tensor/index.js";

/** Integers drawn evenly from [low, high]. */
export function randomIntegers(rng: Rng, length: number, low: number, high: number): number[] {
  return Array.from({ length }, () => low + rng.integer(high - low + 1));
}

export function quantType(shape: Shape, options: Partial<QuantType> = {}): QuantType {
  return { shape, bits: 8, signed: false, scale: 1, zeroPoint: 0, ...options };
}

/** A lean requantization that brings sums of about `largest` into 8 bits. */
export function leanTo8Bits(channels: number, largest: number): ConstantRequantization {
  const shift = Math.max(1, Math.ceil(Math.log2(largest)) - 5);
  return {
    mode: "lean",
    multipliers: Int32Array.from({ length: channels }, (_, c) => 5 + (c % 4)),
    shifts: new Int32Array(channels).fill(shift),
  };
}

type WindowOptions = { readonly kernel: Size2; readonly stride: Size2; readonly padding: Padding };

/** A convolution, depthwise convolution or dense layer of random 8-bit weights. */
export function randomWeighted(
  rng: Rng,
  kind: "conv2d" | "depthwiseConv2d" | "dense",
  input: QuantType,
  outChannels: number,
  { kernel, stride, padding }: WindowOptions,
): Extract<QuantNode, { kind: "conv2d" | "depthwiseConv2d" | "dense" }> & {
  readonly requantization: ConstantRequantization;
} {
  const inChannels = input.shape.at(-1)!;
  const taps =
    kind === "dense" ? inChannels : kernel.height * kernel.width * (kind === "conv2d" ? inChannels : 1);
  const weightShape =
    kind === "dense"
      ? [inChannels, outChannels]
      : kind === "conv2d"
        ? [kernel.height, kernel.width, inChannels, outChannels]
        : [kernel.height, kernel.width, inChannels, outChannels / inChannels];
  const [height = 1, width = 1] = input.shape;
  const extent = (n: number, k: number, s: number, pad: number): number => Math.floor((n + pad - k) / s) + 1;
  const { top, bottom, left, right } = padding;
  const shape =
    kind === "dense"
      ? [outChannels]
      : [
          extent(height, kernel.height, stride.height, top + bottom),
          extent(width, kernel.width, stride.width, left + right),
          outChannels,
        ];
  const weights = Int16Array.from(randomIntegers(rng, elementCount(weightShape), -127, 127));
  const common = {
    name: nodeName("layer"),
    input: nodeName("image"),
    output: quantType(shape, { zeroPoint: 100 }),
    weights: tensor("int16", weightShape, weights),
    weightScales: Float64Array.of(1),
    bias: tensor("int32", [outChannels], Int32Array.from(randomIntegers(rng, outChannels, -5000, 5000))),
    requantization: leanTo8Bits(outChannels, Math.sqrt(taps) * 127 * 255),
    clamp: { low: 0, high: 255 },
  };
  return kind === "dense" ? { kind, ...common } : { kind, ...common, stride, padding };
}

/** A network of an input and one layer. */
export function singleLayerNetwork(input: QuantType, layer: QuantNode): QuantNetwork {
  return {
    kind: "quantNetwork",
    name: `single ${layer.kind}`,
    encoding: { scale: input.scale, offset: -input.scale * input.zeroPoint },
    nodes: [{ kind: "input", name: nodeName("image"), output: input }, layer],
    output: layer.name,
  };
}
