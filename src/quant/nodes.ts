import type { InputEncoding, NodeName } from "../graph/index.js";
import type { Padding, Shape, Size2, Tensor } from "../tensor/index.js";

/**
 * An integer tensor and what it stands for: real = scale · (integer − zeroPoint).
 * `bits` wide, two's complement when `signed`. Shape without the batch, [height, width, channels] or [features].
 */
export type QuantType = {
  readonly shape: Shape;
  readonly bits: number;
  readonly signed: boolean;
  readonly scale: number;
  readonly zeroPoint: number;
};

/**
 * From an accumulator to an output integer, per output channel (or one entry for all channels). Never a float.
 *
 * - `tflite`: r = roundingDivideByPowerOfTwo(saturatingRoundingDoublingHighMul(acc · 2^max(shift, 0), multiplier),
 *   max(−shift, 0)), multiplier in Q0.31 (Jacob 2018; gemmlowp). Byte-equal to TensorFlow Lite's reference kernels.
 *   With `ties: "up"` the rounding shift is floor(x / 2^e + 1/2), as in the matrix multiplications (convolution, dense) of TensorFlow
 *   Lite's optimized kernels on x86: the two differ in negative ties only.
 * - `lean`: r = (acc · multiplier + 2^(shift − 1)) >> shift, one rounding (floor of x + 1/2); shift ≥ 1, multiplier ≥ 0
 *   limited to a few signed digits, because in silicon it is a constant multiplication too.
 * - `shift`: as `lean`, every multiplier a power of two (1, unless the factor is above 1/2): the scales of the weights take up
 *   the rest, so that silicon only drops bits.
 * - `programmable`: as `lean`, but multipliers and biases are registers, which another task may fill with other values; shifts are constants.
 *
 * The output is clamp(r + zeroPoint of the output, clamp.low, clamp.high).
 */
export type Requantization =
  | {
      readonly mode: "tflite";
      readonly multipliers: Int32Array;
      readonly shifts: Int32Array;
      readonly ties?: "up" | undefined;
    }
  | { readonly mode: "lean"; readonly multipliers: Int32Array; readonly shifts: Int32Array }
  | { readonly mode: "shift"; readonly multipliers: Int32Array; readonly shifts: Int32Array }
  | ProgrammableRequantization;

/**
 * One entry a channel. What the registers hold is the layer's `multipliers` and bias; all values that fit them are safe: the verifier
 * takes any of them for the accumulators.
 */
export type ProgrammableRequantization = {
  readonly mode: "programmable";
  readonly multipliers: Int32Array;
  readonly shifts: Int32Array;
  /** Bits of a multiplier, two's complement when `signed`. */
  readonly multiplierBits: number;
  readonly signed: boolean;
  /** Bits of a bias, two's complement. */
  readonly biasBits: number;
};

/** A requantization that silicon holds as constants. */
export type ConstantRequantization = Exclude<Requantization, ProgrammableRequantization>;

/** Bounds of the output integers, zero point included: the type's range, narrowed by ReLU or ReLU6. */
export type Clamp = { readonly low: number; readonly high: number };

type Base<Kind extends string> = { readonly kind: Kind; readonly name: NodeName; readonly output: QuantType };
type Unary<Kind extends string> = Base<Kind> & { readonly input: NodeName };

export type QuantInput = Base<"input">;

/** acc = bias + Σ w·(x − zeroPoint of x); padding inserts the zero point. */
type Weighted = {
  readonly weights: Tensor<"int16">;
  readonly weightScales: Float64Array;
  readonly bias: Tensor<"int32">;
  readonly requantization: Requantization;
  readonly clamp: Clamp;
};

/** Weights [kernelHeight, kernelWidth, inChannels, outChannels]. */
export type QuantConv2d = Unary<"conv2d"> & Weighted & { readonly stride: Size2; readonly padding: Padding };
/** Weights [kernelHeight, kernelWidth, channels, multiplier]; output channel = channel · multiplier + k. */
export type QuantDepthwiseConv2d = Unary<"depthwiseConv2d"> &
  Weighted & { readonly stride: Size2; readonly padding: Padding };
/** Weights [inFeatures, outFeatures]. */
export type QuantDense = Unary<"dense"> & Weighted;

type Pool = { readonly window: Size2; readonly stride: Size2; readonly padding: Padding };
/** Padding never wins; input and output share scale and zero point. */
export type QuantMaxPool2d = Unary<"maxPool2d"> & Pool;
/**
 * Mean of the integers (zero point included) over the pixels inside the image, rounded half away from zero; input and
 * output share scale and zero point.
 */
export type QuantAveragePool2d = Unary<"averagePool2d"> & Pool;
/**
 * From an accumulator to an output integer by comparison: clamp.low plus the number of thresholds that the accumulator reaches. They ascend,
 * one for each output integer above clamp.low. For means whose definition rounds otherwise than any {@link Requantization}.
 */
export type StepRequantization = { readonly mode: "steps"; readonly thresholds: Int32Array };
/** acc = Σ (x − zeroPoint) over all pixels; the requantization divides by their number. */
export type QuantGlobalAveragePool2d = Unary<"globalAveragePool2d"> & {
  readonly requantization: ConstantRequantization | StepRequantization;
  readonly clamp: Clamp;
};

/**
 * Residual sum. Each operand is scaled to a common fixed point, then the sum is requantized:
 * acc = Σ ((x_i − zeroPoint_i) · multiplier_i), with integer multipliers.
 *
 * With `operandShifts` the operands are scaled as TensorFlow Lite's quantized Add does: acc = Σ
 * roundingDivideByPowerOfTwo(roundingDoublingHighMul((x_i − zeroPoint_i) · 2^20, multiplier_i), −shift_i), shifts ≤ 0.
 */
export type QuantAdd = Base<"add"> & {
  readonly inputs: readonly [NodeName, NodeName];
  readonly operandMultipliers: readonly [number, number];
  readonly operandShifts?: readonly [number, number] | undefined;
  readonly requantization: ConstantRequantization;
  readonly clamp: Clamp;
};

export type QuantReshape = Unary<"reshape">;

/** A layer of an integer network. */
export type QuantNode =
  | QuantInput
  | QuantConv2d
  | QuantDepthwiseConv2d
  | QuantDense
  | QuantMaxPool2d
  | QuantAveragePool2d
  | QuantGlobalAveragePool2d
  | QuantAdd
  | QuantReshape;

export type QuantKind = QuantNode["kind"];
export type QuantNodeOf<K extends QuantKind> = Extract<QuantNode, { readonly kind: K }>;

/** An integer network with one input (image bytes) and one output; nodes in topological order, the input first. */
export type QuantNetwork = {
  readonly kind: "quantNetwork";
  readonly name: string;
  /** How image bytes become input integers: bytes as they are (unsigned), real = scale · byte + offset. */
  readonly encoding: InputEncoding;
  readonly nodes: readonly QuantNode[];
  readonly output: NodeName;
};

/** Return the names of the layers that a layer reads. */
export function inputsOfQuantNode(node: QuantNode): readonly NodeName[] {
  if (node.kind === "input") return [];
  if (node.kind === "add") return node.inputs;
  return [node.input];
}
