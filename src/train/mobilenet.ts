import type { Rng } from "../core/index.js";
import { type Graph, GraphBuilder, type InputEncoding, type NodeName, nodeName } from "../graph/index.js";
import { elementCount, type Shape, type Tensor, tensor } from "../tensor/index.js";

/** `real = byte / 128 − 1` exactly, so that byte 128 is real 0. */
export const CENTRED_ENCODING: InputEncoding = { scale: 1 / 128, offset: -1 };

/** Pointwise output channels (before the width multiplier) and stride of each block (Howard et al. 2017, table 1). */
const BLOCKS: readonly (readonly [number, 1 | 2])[] = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [1024, 2],
  [1024, 1],
];

const VALID = { kind: "valid" } as const;
const SAME = { kind: "same" } as const;

/** Normal weights with variance 2 / fan-in (He et al. 2015). */
export function heNormal(rng: Rng, shape: Shape, fanIn: number): Tensor<"float32"> {
  const deviation = Math.sqrt(2 / fanIn);
  const data = Float32Array.from({ length: elementCount(shape) }, () => deviation * rng.normal());
  return tensor("float32", shape, data);
}

const filled = (length: number, value: number): Tensor<"float32"> =>
  tensor("float32", [length], new Float32Array(length).fill(value));

/** Append batch norm (identity at first) and ReLU6 under Keras's names. */
function normalizeAndClamp(builder: GraphBuilder, input: NodeName, prefix: string): NodeName {
  const channels = builder.shapeOf(input).at(-1)!;
  const normalized = builder.add({
    kind: "batchNorm",
    name: nodeName(`${prefix}_bn`),
    input,
    gamma: filled(channels, 1),
    beta: filled(channels, 0),
    mean: filled(channels, 0),
    variance: filled(channels, 1),
    epsilon: 1e-3,
  });
  return builder.add({ kind: "relu", name: nodeName(`${prefix}_relu`), input: normalized, max: 6 });
}

function padForStride(builder: GraphBuilder, input: NodeName, name: string): NodeName {
  const padding = { kind: "explicit", top: 0, bottom: 1, left: 0, right: 1 } as const;
  return builder.add({ kind: "zeroPad2d", name: nodeName(name), input, padding });
}

/**
 * Build MobileNetV1 (Howard et al. 2017) with the layer names of Keras: `conv1`, `conv_dw_1`, `conv_pw_1`, … Stride-2
 * convolutions pad one row below and one column at the right, as Keras does. Random weights (He), identity batch norm;
 * head: global average pooling and a dense layer named `predictions` that gives logits.
 *
 * @param options.alpha width multiplier, e.g. 0.25
 * @param options.side input height and width in pixels
 */
export function mobilenetV1(options: {
  readonly alpha: number;
  readonly side: number;
  readonly classes: number;
  readonly rng: Rng;
  readonly encoding?: InputEncoding;
}): Graph {
  const { alpha, side, classes, rng } = options;
  const builder = new GraphBuilder();
  const two = { height: 2, width: 2 };
  const one = { height: 1, width: 1 };
  let x = builder.add({ kind: "input", name: nodeName("input_1"), shape: [side, side, 3] });
  let channels = Math.floor(32 * alpha);
  x = padForStride(builder, x, "conv1_pad");
  x = builder.add({
    kind: "conv2d",
    name: nodeName("conv1"),
    input: x,
    weights: heNormal(rng.fork("conv1"), [3, 3, 3, channels], 27),
    bias: undefined,
    stride: two,
    padding: VALID,
  });
  x = normalizeAndClamp(builder, x, "conv1");
  BLOCKS.forEach(([filters, stride], i) => {
    const block = i + 1;
    const outChannels = Math.floor(filters * alpha);
    if (stride === 2) x = padForStride(builder, x, `conv_pad_${block}`);
    x = builder.add({
      kind: "depthwiseConv2d",
      name: nodeName(`conv_dw_${block}`),
      input: x,
      weights: heNormal(rng.fork(`conv_dw_${block}`), [3, 3, channels, 1], 9),
      bias: undefined,
      stride: stride === 2 ? two : one,
      padding: stride === 2 ? VALID : SAME,
    });
    x = normalizeAndClamp(builder, x, `conv_dw_${block}`);
    x = builder.add({
      kind: "conv2d",
      name: nodeName(`conv_pw_${block}`),
      input: x,
      weights: heNormal(rng.fork(`conv_pw_${block}`), [1, 1, channels, outChannels], channels),
      bias: undefined,
      stride: one,
      padding: SAME,
    });
    x = normalizeAndClamp(builder, x, `conv_pw_${block}`);
    channels = outChannels;
  });
  x = builder.add({
    kind: "globalAveragePool2d",
    name: nodeName("global_average_pooling2d"),
    input: x,
    keepDims: false,
  });
  x = builder.add({
    kind: "dense",
    name: nodeName("predictions"),
    input: x,
    weights: heNormal(rng.fork("predictions"), [channels, classes], 2 * channels),
    bias: filled(classes, 0),
  });
  return builder.build({
    name: `mobilenet-v1-${alpha}-${side}`,
    output: x,
    encoding: options.encoding ?? CENTRED_ENCODING,
  });
}
