import { type Tensor, tensor } from "../../tensor/index.js";
import type { QuantType } from "../nodes.js";
import { type IntegerRange, typeRange } from "../types.js";

/**
 * How integers are stored in an ONNX file: real = scale · (stored − zeroPoint). Stored integers may be shifted against the
 * network's, with the zero point; that changes nothing they stand for.
 */
export type StoredType = {
  readonly dtype: "uint8" | "int16";
  readonly zeroPoint: number;
  /** stored = integer + shift. */
  readonly shift: number;
  /** All that the type holds, stored. */
  readonly range: IntegerRange;
};

/**
 * Choose how activations are stored: uint8 up to 8 bits, signed ones 128 higher; int16 above, where unsigned ones are 32768
 * lower. One signedness everywhere, so that ONNX Runtime can fuse any two layers.
 */
export function storedActivation(type: Pick<QuantType, "bits" | "signed" | "zeroPoint">): StoredType {
  const isByte = type.bits <= 8;
  const shift = isByte ? (type.signed ? 128 : 0) : type.signed ? 0 : -32768;
  const { low, high } = typeRange(type);
  return {
    dtype: isByte ? "uint8" : "int16",
    zeroPoint: type.zeroPoint + shift,
    shift,
    range: { low: low + shift, high: high + shift },
  };
}

/** Integers of the weights as stored, and the zero point of all of them. */
export type StoredWeights = {
  readonly values: Tensor<"uint8" | "int8" | "int16">;
  readonly zeroPoint: number;
};

/**
 * Store weights in 8 bits where their range allows: as uint8 with zero point 128 (or another one, for TensorFlow Lite's 9-bit
 * differences), as int8 when asked for; else as int16, which ONNX Runtime computes in floats.
 */
export function storedWeights(weights: Tensor<"int16">, wanted: "uint8" | "int8"): StoredWeights {
  const { shape, data } = weights;
  let low = 0;
  let high = 0;
  for (const value of data) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const isByte = low >= -128 && high <= 127;
  if (isByte && wanted === "int8")
    return { values: tensor("int8", shape, Int8Array.from(data)), zeroPoint: 0 };
  if (high - low > 255) return { values: weights, zeroPoint: 0 };
  const zeroPoint = isByte ? 128 : -low;
  return {
    values: tensor(
      "uint8",
      shape,
      Uint8Array.from(data, (w) => w + zeroPoint),
    ),
    zeroPoint,
  };
}
