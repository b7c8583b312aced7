import { assertNever, FixynnError } from "../../core/index.js";
import {
  type DType,
  elementCount,
  type PaddingMode,
  resolvePadding,
  type Shape,
  type Size2,
  type Tensor,
  tensor,
  transpose,
} from "../../tensor/index.js";
import {
  type Graph,
  type GraphNode,
  type InputNode,
  inputsOf,
  type NodeName,
  type NodeOf,
} from "../nodes.js";
import { float, int, ints, OnnxBuilder, type OnnxModel, type OnnxNode } from "./model.js";

/** Name of the input of every exported model. It cannot clash with a layer's output, which bears the layer's name. */
export const ONNX_INPUT = "fixynn:images";

/** What to export. */
export type OnnxExportOptions = {
  /** Images at once; "N" leaves it free. */
  readonly batch: number | "N";
  /** Layers whose outputs the model returns; default the graph's output. */
  readonly outputs?: readonly NodeName[];
  /**
   * `float32` (default): the input is what the network reads, already encoded. `uint8`: the input is image bytes, and
   * the model applies the graph's encoding itself.
   */
  readonly inputDType?: "float32" | "uint8";
  /** Order of the axes of images at the input and the outputs: channels last (default) or first. */
  readonly layout?: "nhwc" | "nchw";
};

/**
 * Where the values of a layer are during lowering. ONNX wants images channels first (NCHW); everything that is not an
 * image (one axis, two axes) stays in our order.
 */
export type Lowered = { readonly value: string; readonly shape: Shape };

const isImage = (shape: Shape): boolean => shape.length === 3;

function toChannelsLast(onnx: OnnxBuilder, { value, shape }: Lowered): string {
  return isImage(shape) ? onnx.op("Transpose", [value], { perm: ints(0, 2, 3, 1) }, "nhwc") : value;
}

function toChannelsFirst(onnx: OnnxBuilder, value: string, shape: Shape): string {
  return isImage(shape) ? onnx.op("Transpose", [value], { perm: ints(0, 3, 1, 2) }, "nchw") : value;
}

/** Extents of a value channels first, without the batch. */
export function channelsFirst(shape: Shape): Shape {
  const [height, width, channels] = shape;
  return isImage(shape) ? [channels!, height!, width!] : shape;
}

/** Attributes of Conv and the pools. */
export function windowAttributes(
  input: Shape,
  window: Size2,
  stride: Size2,
  mode: PaddingMode,
): OnnxNode["attributes"] {
  const [height = 0, width = 0] = input;
  const pads = resolvePadding(mode, { height, width }, window, stride);
  return {
    kernel_shape: ints(window.height, window.width),
    strides: ints(stride.height, stride.width),
    pads: ints(pads.top, pads.left, pads.bottom, pads.right),
  };
}

/**
 * Bring weights in the form of ONNX's Conv: [out, in, kh, kw], or [c · multiplier, 1, kh, kw] with one group a channel for
 * a depthwise convolution.
 */
export function convolutionWeights<D extends DType>(
  kind: "conv2d" | "depthwiseConv2d",
  weights: Tensor<D>,
): { readonly weights: Tensor<D>; readonly group: number } {
  if (kind === "conv2d") return { weights: transpose(weights, [3, 2, 0, 1]), group: 1 };
  const [height = 0, width = 0, channels = 0, multiplier = 0] = weights.shape;
  // [kh, kw, c, m] to [c·m, 1, kh, kw]: the output channel c·multiplier + m is row-major in (c, m).
  const moved = transpose(weights, [2, 3, 0, 1]);
  return {
    weights: tensor(weights.dtype, [channels * multiplier, 1, height, width], moved.data),
    group: channels,
  };
}

function convolution(
  onnx: OnnxBuilder,
  node: NodeOf<"conv2d"> | NodeOf<"depthwiseConv2d">,
  input: Lowered,
): string {
  const [height = 0, width = 0] = node.weights.shape;
  const attributes = windowAttributes(input.shape, { height, width }, node.stride, node.padding);
  const { weights, group } = convolutionWeights(node.kind, node.weights);
  const inputs = [input.value, onnx.constant(`${node.name}/weights`, weights)];
  if (node.bias) inputs.push(onnx.constant(`${node.name}/bias`, node.bias));
  return onnx.op("Conv", inputs, { ...attributes, group: int(group) }, `${node.name}/y`);
}

/** Give a value a new shape in height-width-channel order, which a transpose restores where an image has several pixels. */
export function lowerReshape(
  onnx: OnnxBuilder,
  node: { readonly name: NodeName; readonly shape: Shape },
  input: Lowered,
): string {
  const spatial = (shape: Shape): boolean => isImage(shape) && shape[0]! * shape[1]! > 1;
  const source = spatial(input.shape) ? toChannelsLast(onnx, input) : input.value;
  const y = `${node.name}/y`;
  if (spatial(node.shape)) {
    const channelsLast = onnx.op("Reshape", [source, onnx.int64s([0, ...node.shape])], {}, y);
    return toChannelsFirst(onnx, channelsLast, node.shape);
  }
  // A 1×1 image has the same elements in both orders.
  const extents = isImage(node.shape) ? [node.shape[2]!, 1, 1] : node.shape;
  return onnx.op("Reshape", [source, onnx.int64s([0, ...extents])], {}, y);
}

function lowerInput(onnx: OnnxBuilder, node: InputNode, graph: Graph, options: OnnxExportOptions): string {
  const dtype = options.inputDType ?? "float32";
  const isFirst = options.layout === "nchw";
  const shape = isFirst ? channelsFirst(node.shape) : node.shape;
  const images = onnx.input(ONNX_INPUT, dtype, [options.batch, ...shape]);
  const moved = isFirst ? images : toChannelsFirst(onnx, images, node.shape);
  if (dtype === "float32") return moved;
  const cast = onnx.op("Cast", [moved], { to: int(1) }, `${node.name}/bytes`);
  const scale = onnx.scalar(graph.encoding.scale, `${node.name}/scale`);
  const scaled = onnx.op("Mul", [cast, scale], {}, `${node.name}/scaled`);
  const offset = onnx.scalar(graph.encoding.offset, `${node.name}/offset`);
  return onnx.op("Add", [scaled, offset], {}, `${node.name}/real`);
}

function lower(onnx: OnnxBuilder, node: Exclude<GraphNode, InputNode>, inputs: readonly Lowered[]): string {
  const input = inputs[0]!;
  const y = `${node.name}/y`;
  switch (node.kind) {
    case "conv2d":
    case "depthwiseConv2d":
      return convolution(onnx, node, input);
    case "batchNorm": {
      const roles = ["gamma", "beta", "mean", "variance"] as const;
      const constants = roles.map((role) => onnx.constant(`${node.name}/${role}`, node[role]));
      const attributes = { epsilon: float(node.epsilon) };
      return onnx.op("BatchNormalization", [input.value, ...constants], attributes, y);
    }
    case "relu":
      return node.max === undefined
        ? onnx.op("Relu", [input.value], {}, y)
        : onnx.op(
            "Clip",
            [input.value, onnx.scalar(0, `${node.name}/low`), onnx.scalar(node.max, `${node.name}/high`)],
            {},
            y,
          );
    case "zeroPad2d": {
      const { top, bottom, left, right } = node.padding;
      return onnx.op("Pad", [input.value, onnx.int64s([0, 0, top, left, 0, 0, bottom, right])], {}, y);
    }
    case "maxPool2d": {
      const attributes = windowAttributes(input.shape, node.window, node.stride, node.padding);
      return onnx.op("MaxPool", [input.value], attributes, y);
    }
    case "averagePool2d": {
      const attributes = windowAttributes(input.shape, node.window, node.stride, node.padding);
      return onnx.op("AveragePool", [input.value], { ...attributes, count_include_pad: int(0) }, y);
    }
    case "globalAveragePool2d": {
      const pooled = onnx.op("GlobalAveragePool", [input.value], {}, y);
      return node.keepDims ? pooled : onnx.op("Flatten", [pooled], { axis: int(1) }, y);
    }
    case "reshape":
      return lowerReshape(onnx, node, input);
    case "dense": {
      const operands = [input.value, onnx.constant(`${node.name}/weights`, node.weights)];
      if (node.bias) operands.push(onnx.constant(`${node.name}/bias`, node.bias));
      return onnx.op("Gemm", operands, {}, y);
    }
    case "add":
      return onnx.op("Add", [input.value, inputs[1]!.value], {}, y);
    case "softmax":
      return onnx.op("Softmax", [input.value], { axis: int(isImage(node.shape) ? 1 : -1) }, y);
    case "dropout":
      return input.value;
    default:
      return assertNever(node);
  }
}

/** Leave out what no requested output needs, so that intermediate outputs cost nothing beyond them. */
function neededNodes(graph: Graph, outputs: readonly NodeName[]): ReadonlySet<NodeName> {
  const needed = new Set<NodeName>(outputs);
  for (const node of graph.nodes.toReversed()) {
    if (needed.has(node.name)) for (const name of inputsOf(node)) needed.add(name);
  }
  return needed;
}

/** Lower the layers that some outputs need; returns the value of each. */
export function lowerGraph(
  onnx: OnnxBuilder,
  graph: Graph,
  options: OnnxExportOptions,
): ReadonlyMap<NodeName, Lowered> {
  const needed = neededNodes(graph, options.outputs ?? [graph.output]);
  const lowered = new Map<NodeName, Lowered>();
  for (const node of graph.nodes) {
    // The input stays in any case: a model without inputs cannot be fed.
    if (!needed.has(node.name) && node.kind !== "input") continue;
    const inputs = inputsOf(node).map((name) => lowered.get(name)!);
    const value = node.kind === "input" ? lowerInput(onnx, node, graph, options) : lower(onnx, node, inputs);
    lowered.set(node.name, { value, shape: node.shape });
  }
  return lowered;
}

/**
 * Lower a graph to an ONNX model for our own use; `floatOnnxModel` makes the one for other tools. Input (named
 * {@link ONNX_INPUT}) and outputs (named as their layers) are `[batch, height, width, channels]` or `[batch, features]`,
 * unless `layout` says otherwise; inside, images are channels first. Dropout is the identity. Average pooling leaves
 * padding out of the mean, as TensorFlow does.
 *
 * @throws FixynnError FX1011 when a requested output is no layer of the graph
 */
export function exportOnnx(graph: Graph, options: OnnxExportOptions): OnnxModel {
  const outputs = [...new Set(options.outputs ?? [graph.output])];
  const onnx = new OnnxBuilder();
  const lowered = lowerGraph(onnx, graph, options);
  const isFirst = options.layout === "nchw";
  for (const name of outputs) {
    const value = lowered.get(name);
    if (value === undefined || elementCount(value.shape) === 0) {
      throw new FixynnError("FX1011", `no layer "${name}" to output`, { place: `graph ${graph.name}` });
    }
    onnx.alias(isFirst ? value.value : toChannelsLast(onnx, value), name);
    const shape = isFirst ? channelsFirst(value.shape) : value.shape;
    onnx.output(name, "float32", [options.batch, ...shape]);
  }
  return onnx.build(graph.name);
}
