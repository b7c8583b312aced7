import type { Rng } from "../../src/core/index.js";
import { nodeName } from "../../src/graph/index.js";
import {
  type Clamp,
  type ConstantRequantization,
  type QuantNode,
  type QuantType,
  type QuantValues,
  typeRange,
} from "../../src/quant/index.js";
import { elementCount, type Padding, type Shape, tensor, windowOutput } from "../../src/tensor/index.js";
import { quantType, randomIntegers } from "./quant-networks.js";

export type ComputedNode = Exclude<QuantNode, { kind: "input" }>;

/** Draw one of some values. */
export function pick<T>(rng: Rng, ...values: readonly T[]): T {
  return values[rng.integer(values.length)]!;
}

const between = (rng: Rng, low: number, high: number): number => low + rng.integer(high - low + 1);

/** A type of 8 bits (rarely 5, 12 or 16), signed or not, of any zero point. */
export function randomType(
  rng: Rng,
  shape: Shape,
  bits = pick(rng, 8, 8, 8, 8, 8, 8, 8, 8, 5, pick(rng, 12, 12, 16)),
): QuantType {
  const signed = rng.integer(2) === 1;
  const { low, high } = typeRange({ bits, signed });
  const zeroPoint = pick(rng, low, high, between(rng, low, high), Math.max(low, 0));
  return quantType(shape, { bits, signed, zeroPoint });
}

/** Values of a type, its ends more often than others. */
export function randomValues(rng: Rng, type: QuantType, count = 1): QuantValues {
  const { low, high } = typeRange(type);
  const wild = rng.integer(4);
  const values = Array.from({ length: count * elementCount(type.shape) }, () => {
    if (wild === 0) return rng.integer(8) > 0 ? high : low;
    return rng.integer(8) === 0 ? pick(rng, low, high, type.zeroPoint) : between(rng, low, high);
  });
  if (type.bits > 8) return type.signed ? Int16Array.from(values) : Uint16Array.from(values);
  return type.signed ? Int8Array.from(values) : Uint8Array.from(values);
}

/** A clamp around the zero point: all of the type, a ReLU, or any other. */
export function randomClamp(rng: Rng, type: QuantType): Clamp {
  const { low, high } = typeRange(type);
  return pick(
    rng,
    { low, high },
    { low: type.zeroPoint, high },
    { low: between(rng, low, type.zeroPoint), high: between(rng, type.zeroPoint, high) },
  );
}

/** A requantization of any mode that brings sums of about `largest` into about 8 bits. */
export function randomRequantization(rng: Rng, channels: number, largest: number): ConstantRequantization {
  const entries = pick(rng, 1, channels);
  const wanted = Math.round(Math.log2(Math.max(largest, 1))) - 7;
  const each = (value: () => number): Int32Array => Int32Array.from({ length: entries }, value);
  switch (pick(rng, "tflite", "up", "lean", "shift")) {
    case "lean":
      return {
        mode: "lean",
        multipliers: each(() => rng.integer(4096)),
        shifts: each(() => between(rng, 11, 13) + Math.max(wanted, -8)),
      };
    case "shift":
      return {
        mode: "shift",
        multipliers: each(() => 1),
        shifts: each(() => Math.max(1, wanted + rng.integer(3))),
      };
    case "up":
      return { mode: "tflite", ties: "up", ...tflite() };
    default:
      return { mode: "tflite", ...tflite() };
  }
  function tflite(): { multipliers: Int32Array; shifts: Int32Array } {
    // Powers of two as multipliers give ties.
    const multipliers = each(() => pick(rng, 2 ** 30, 2 ** 30 + rng.integer(2 ** 30), 3 * 2 ** 29));
    return { multipliers, shifts: each(() => Math.max(-31, Math.min(0, 1 - wanted - rng.integer(3)))) };
  }
}

type Kind = ComputedNode["kind"];
export const LAYER_KINDS: readonly Kind[] = [
  "conv2d",
  "depthwiseConv2d",
  "dense",
  "maxPool2d",
  "averagePool2d",
  "globalAveragePool2d",
  "add",
];

/**
 * A random layer of a kind on an input of its own shape: kernels 1 to 5, strides 1 to 3, any padding, channels 1 to 20.
 *
 * @param given input type, when it is given; a dense layer needs one dimension, others three
 * @returns undefined when the window does not fit the input
 */
export function randomLayer(
  rng: Rng,
  kind: Kind,
  given?: QuantType,
): { readonly node: ComputedNode; readonly inputs: readonly QuantType[] } | undefined {
  const channels = between(rng, 1, 20);
  const shape =
    kind === "dense" ? [between(rng, 1, 70)] : [between(rng, 1, 11), between(rng, 1, 11), channels];
  const input = given ?? randomType(rng, shape);
  const [height = 1, width = 1, inChannels = 1] = input.shape;
  const base = { name: nodeName("layer"), input: nodeName("image") };
  const side = () => pick(rng, 1, 2, 3, 3, 3, 5);
  const window = { height: side(), width: side() };
  const stride = { height: between(rng, 1, 3), width: between(rng, 1, 3) };
  const pad = (extent: number) => rng.integer(Math.max(1, extent));
  const padding: Padding = {
    top: pad(window.height),
    bottom: pad(window.height),
    left: pad(window.width),
    right: pad(window.width),
  };
  const extents = windowOutput({ height, width }, padding, window, stride);
  const isWindowed =
    kind !== "dense" && kind !== "add" && kind !== "globalAveragePool2d" && kind !== "reshape";
  if (isWindowed && (extents.height < 1 || extents.width < 1)) return undefined;
  const weighted = (weightShape: Shape, outputShape: Shape, taps: number) => {
    const outputs = outputShape.at(-1)!;
    const bound = pick(rng, 127, 255, 3, 1000);
    const output = randomType(rng, outputShape);
    const largest = bound * 256 * Math.sqrt(taps);
    const weights = Int16Array.from(randomIntegers(rng, elementCount(weightShape), -bound, bound));
    return {
      ...base,
      output,
      weights: tensor("int16", weightShape, weights),
      weightScales: Float64Array.of(1),
      bias: tensor(
        "int32",
        [outputs],
        Int32Array.from(randomIntegers(rng, outputs, -Math.round(largest), Math.round(largest))),
      ),
      requantization: randomRequantization(rng, outputs, largest),
      clamp: randomClamp(rng, output),
    };
  };
  const outputs = between(rng, 1, 20);
  const inputs = [input];
  switch (kind) {
    case "conv2d": {
      const weights = [window.height, window.width, inChannels, outputs];
      const taps = window.height * window.width * inChannels;
      const common = weighted(weights, [extents.height, extents.width, outputs], taps);
      return { node: { kind, ...common, stride, padding }, inputs };
    }
    case "depthwiseConv2d": {
      const multiplier = pick(rng, 1, 1, 1, 1, 3);
      const weights = [window.height, window.width, inChannels, multiplier];
      const output = [extents.height, extents.width, inChannels * multiplier];
      const common = weighted(weights, output, window.height * window.width);
      return { node: { kind, ...common, stride, padding }, inputs };
    }
    case "dense": {
      const features = input.shape[0]!;
      return { node: { kind, ...weighted([features, outputs], [outputs], features) }, inputs };
    }
    case "maxPool2d":
    case "averagePool2d": {
      const output = { ...input, shape: [extents.height, extents.width, inChannels] };
      return { node: { kind, ...base, output, window, stride, padding }, inputs };
    }
    case "globalAveragePool2d": {
      const output = randomType(rng, [inChannels]);
      const requantization = randomRequantization(rng, inChannels, height * width * 128);
      return { node: { kind, ...base, output, requantization, clamp: randomClamp(rng, output) }, inputs };
    }
    case "add": {
      const output = randomType(rng, input.shape);
      const isTflite = rng.integer(2) === 1;
      const multiplier = () => (isTflite ? 2 ** 30 + rng.integer(2 ** 30) : rng.integer(1024));
      const node: ComputedNode = {
        kind,
        name: base.name,
        inputs: [base.input, nodeName("other")],
        output,
        operandMultipliers: [multiplier(), multiplier()],
        ...(isTflite && { operandShifts: [-rng.integer(3), -rng.integer(3)] as const }),
        requantization: randomRequantization(rng, inChannels, isTflite ? 2 ** 27 : 2 ** 18),
        clamp: randomClamp(rng, output),
      };
      return { node, inputs: [input, randomType(rng, input.shape)] };
    }
    case "reshape":
      return { node: { kind, ...base, output: { ...input, shape: [elementCount(input.shape)] } }, inputs };
  }
}
