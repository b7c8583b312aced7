import { type QuantNode, type Requantization, tfliteFactor } from "../../../quant/index.js";
import { resolvePadding, type Size2, type Tensor, tensor } from "../../../tensor/index.js";
import { constantIntegers, type TfliteTensor } from "../model.js";
import { activationClamp, type OperatorContext, paddingMode } from "../operator.js";

/** Constant integers of a tensor less their zero points, in the order given by `place`. */
function centredWeights(
  weights: TfliteTensor,
  { refuse }: OperatorContext,
  place: (i: number) => number,
): Int16Array {
  const integers = constantIntegers(weights);
  const count = weights.shape.reduce((product, n) => product * n, 1);
  if (weights.type !== "uint8" && weights.type !== "int8")
    refuse(`weights of type ${weights.type}; uint8 and int8 are supported`);
  if (integers.length !== count) refuse(`${integers.length} weights instead of ${count}`);
  const { zeroPoints } = weights.quantization;
  if (zeroPoints.length > 1 && zeroPoints.some((zero) => zero !== 0))
    refuse("weights per channel with zero points");
  const out = new Int16Array(count);
  for (let i = 0; i < count; i++) out[place(i)] = integers[i]! - (zeroPoints[0] ?? 0);
  return out;
}

/**
 * Multipliers of a weighted layer. Per tensor, TensorFlow Lite multiplies the scales of input and weights in float32 and divides in
 * double (GetQuantizedConvolutionMultipler); convolutions of int8 do all in double, one a channel
 * (PopulateConvolutionQuantizationParams).
 */
function requantizationOf(
  weights: TfliteTensor,
  perChannel: boolean,
  context: OperatorContext,
): Requantization {
  const { scale } = context.inputType(0);
  const factors = weights.quantization.scales.map((s) =>
    tfliteFactor((perChannel ? scale * s : Math.fround(scale * s)) / context.output.scale),
  );
  return {
    mode: "tflite",
    // Matrix multiplications round so; depthwise convolutions as the reference kernels do.
    ...(context.operator.op === "DEPTHWISE_CONV_2D" ? {} : { ties: "up" as const }),
    multipliers: Int32Array.from(factors, ({ multiplier }) => multiplier),
    shifts: Int32Array.from(factors, ({ shift }) => shift),
  };
}

function weighted(
  context: OperatorContext,
  data: Int16Array,
  {
    shape,
    channelAxis,
    activation,
  }: { readonly shape: readonly number[]; readonly channelAxis: number; readonly activation: number },
) {
  const weights = context.input(1);
  const channels = context.output.shape.at(-1)!;
  const { scales, axis } = weights.quantization;
  const isConvolution = context.operator.op !== "FULLY_CONNECTED";
  if (scales.length !== 1 && (scales.length !== channels || axis !== channelAxis || !isConvolution)) {
    context.refuse(`${scales.length} weight scales along axis ${axis} for ${channels} output channels`);
  }
  const biasTensor =
    context.operator.inputs[2] === undefined || context.operator.inputs[2] < 0 ? undefined : context.input(2);
  const bias = biasTensor === undefined ? new Int32Array(channels) : constantIntegers(biasTensor);
  if (bias.length !== channels || (biasTensor !== undefined && biasTensor.type !== "int32")) {
    context.refuse(`${bias.length} bias values for ${channels} output channels`);
  }
  const isInt8 = context.input(0).type === "int8";
  return {
    name: context.name,
    input: context.source(0),
    output: context.output,
    weights: tensor("int16", shape, data) as Tensor<"int16">,
    weightScales: Float64Array.from(scales),
    bias: tensor("int32", [channels], bias) as Tensor<"int32">,
    requantization: requantizationOf(weights, isInt8 && isConvolution, context),
    clamp: activationClamp(activation, context),
  };
}

/** Stride and padding of a convolution; an explicit PAD before it takes the place of its own padding. */
function windowOf(
  context: OperatorContext,
  kernel: Size2,
  [dilationWidth, dilationHeight]: readonly [field: number, field: number],
) {
  const { options } = context.operator;
  if ((options?.int32(dilationWidth, 1) ?? 1) !== 1 || (options?.int32(dilationHeight, 1) ?? 1) !== 1) {
    context.refuse("dilated convolutions are not supported");
  }
  const own = paddingMode(options, 0);
  if (context.paddedBefore !== undefined && own.kind !== "valid")
    context.refuse("padding before a convolution that pads itself");
  const stride = { width: options?.int32(1) ?? 1, height: options?.int32(2) ?? 1 };
  const [height = 1, width = 1] = context.inputType(0).shape;
  const padding = resolvePadding(context.paddedBefore ?? own, { height, width }, kernel, stride);
  return { stride, padding };
}

/** CONV_2D: weights [outputs, height, width, inputs]. */
export function importConv2d(context: OperatorContext): QuantNode {
  const [outputs = 0, height = 0, width = 0, inputs = 0] = context.input(1).shape;
  const taps = height * width * inputs;
  const data = centredWeights(context.input(1), context, (i) => (i % taps) * outputs + Math.floor(i / taps));
  const activation = context.operator.options?.int8(3) ?? 0;
  const shape = [height, width, inputs, outputs];
  return {
    kind: "conv2d",
    ...weighted(context, data, { shape, channelAxis: 0, activation }),
    ...windowOf(context, { height, width }, [4, 5]),
  };
}

/** DEPTHWISE_CONV_2D: weights [1, height, width, channels · multiplier], in our order already. */
export function importDepthwise(context: OperatorContext): QuantNode {
  const [, height = 0, width = 0, outputs = 0] = context.input(1).shape;
  const channels = context.inputType(0).shape.at(-1)!;
  const data = centredWeights(context.input(1), context, (i) => i);
  const activation = context.operator.options?.int8(4) ?? 0;
  const shape = [height, width, channels, outputs / channels];
  return {
    kind: "depthwiseConv2d",
    ...weighted(context, data, { shape, channelAxis: 3, activation }),
    ...windowOf(context, { height, width }, [5, 6]),
  };
}

/** FULLY_CONNECTED: weights [outputs, inputs]. */
export function importFullyConnected(context: OperatorContext): QuantNode {
  const [outputs = 0, inputs = 0] = context.input(1).shape;
  const data = centredWeights(
    context.input(1),
    context,
    (i) => (i % inputs) * outputs + Math.floor(i / inputs),
  );
  const activation = context.operator.options?.int8(0) ?? 0;
  return {
    kind: "dense",
    ...weighted(context, data, { shape: [inputs, outputs], channelAxis: 0, activation }),
  };
}
