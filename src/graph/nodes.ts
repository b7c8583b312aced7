import type { Brand } from "../core/index.js";
import type { PaddingMode, Shape, Size2, Tensor } from "../tensor/index.js";

/** Unique name of a node within its graph: the layer's name in the source model. */
export type NodeName = Brand<string, "node">;

/** Name a node. */
export const nodeName = (name: string): NodeName => name as NodeName;

type Base<Kind extends string> = {
  readonly kind: Kind;
  readonly name: NodeName;
  /** Output shape without the batch: [height, width, channels] or [features]. */
  readonly shape: Shape;
};

type Unary<Kind extends string> = Base<Kind> & { readonly input: NodeName };

/** Where images enter. `real = scale · byte + offset` is what the network was trained on. */
export type InputNode = Base<"input">;

/** Weights [kernelHeight, kernelWidth, inChannels, outChannels]; y = Σ w·x + bias. */
export type Conv2dNode = Unary<"conv2d"> & {
  readonly weights: Tensor<"float32">;
  readonly bias: Tensor<"float32"> | undefined;
  readonly stride: Size2;
  readonly padding: PaddingMode;
};

/** Weights [kernelHeight, kernelWidth, channels, multiplier]; output channel = channel · multiplier + k. */
export type DepthwiseConv2dNode = Unary<"depthwiseConv2d"> & {
  readonly weights: Tensor<"float32">;
  readonly bias: Tensor<"float32"> | undefined;
  readonly stride: Size2;
  readonly padding: PaddingMode;
};

/** y = gamma·(x − mean)/√(variance + epsilon) + beta, per channel (last axis). */
export type BatchNormNode = Unary<"batchNorm"> & {
  readonly gamma: Tensor<"float32">;
  readonly beta: Tensor<"float32">;
  readonly mean: Tensor<"float32">;
  readonly variance: Tensor<"float32">;
  readonly epsilon: number;
};

/** y = min(max(x, 0), max); `max` undefined is plain ReLU, 6 is ReLU6. */
export type ReluNode = Unary<"relu"> & { readonly max: number | undefined };

/** Zeros around an image. */
export type ZeroPad2dNode = Unary<"zeroPad2d"> & {
  readonly padding: Extract<PaddingMode, { kind: "explicit" }>;
};

export type MaxPool2dNode = Unary<"maxPool2d"> & PoolFields;
/** Average over the pixels inside the image: padding does not count, as in TensorFlow. */
export type AveragePool2dNode = Unary<"averagePool2d"> & PoolFields;
type PoolFields = { readonly window: Size2; readonly stride: Size2; readonly padding: PaddingMode };

/** Mean over height and width; `keepDims` keeps them as 1×1. */
export type GlobalAveragePool2dNode = Unary<"globalAveragePool2d"> & { readonly keepDims: boolean };

/** Same elements, new shape, in height-width-channel order (as Keras). Also Flatten. */
export type ReshapeNode = Unary<"reshape">;

/** Weights [inFeatures, outFeatures], applied to the last axis of a flat input. */
export type DenseNode = Unary<"dense"> & {
  readonly weights: Tensor<"float32">;
  readonly bias: Tensor<"float32"> | undefined;
};

/** Element-wise sum of two equal shapes (residual). */
export type AddNode = Base<"add"> & { readonly inputs: readonly [NodeName, NodeName] };

/** Softmax over the last axis. */
export type SoftmaxNode = Unary<"softmax">;

/** Dropout: identity at inference, scaled Bernoulli mask in training. */
export type DropoutNode = Unary<"dropout"> & { readonly rate: number };

/** A layer of a float network. */
export type GraphNode =
  | InputNode
  | Conv2dNode
  | DepthwiseConv2dNode
  | BatchNormNode
  | ReluNode
  | ZeroPad2dNode
  | MaxPool2dNode
  | AveragePool2dNode
  | GlobalAveragePool2dNode
  | ReshapeNode
  | DenseNode
  | AddNode
  | SoftmaxNode
  | DropoutNode;

export type NodeKind = GraphNode["kind"];
export type NodeOf<K extends NodeKind> = Extract<GraphNode, { readonly kind: K }>;

/** How image bytes become network input: `real = scale · byte + offset`, the same for all channels. */
export type InputEncoding = { readonly scale: number; readonly offset: number };

/** A float network with one input and one output; nodes in topological order, the input first. */
export type Graph = {
  readonly kind: "graph";
  readonly name: string;
  readonly encoding: InputEncoding;
  readonly nodes: readonly GraphNode[];
  readonly output: NodeName;
};

/** Return the names of the nodes that a node reads. */
export function inputsOf(node: GraphNode): readonly NodeName[] {
  if (node.kind === "input") return [];
  if (node.kind === "add") return node.inputs;
  return [node.input];
}
