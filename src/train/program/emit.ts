import type { GraphNode, NodeKind, NodeOf, OnnxBuilder } from "../../graph/index.js";
import type { Shape } from "../../tensor/index.js";
import type { Layout } from "./layout.js";

/**
 * A value inside a training program. Images are stored channel-major (see `Layout`): a pointwise convolution is then one
 * matrix product for the whole batch, and batch statistics are sums over contiguous rows. Everything that is not an image
 * is `[batch, features]`.
 */
export type Value = {
  readonly name: string;
  /** As in the graph, without the batch: [height, width, channels] or [features]. */
  readonly shape: Shape;
  /** An input of a program with lanes also as `[batch / lanes, height, width, channels, lanes]`. */
  readonly interleaved?: string;
};

/** Tensors of a node that the optimizer updates. */
export type ParameterRole = "weights" | "bias" | "gamma" | "beta";

/** Gradients of the loss with respect to what a node reads. */
export type Gradients = {
  /** One for each input, in the order of `inputsOf`; undefined where it was not asked for. */
  readonly inputs: readonly (string | undefined)[];
  /** In the layout of the graph's own tensors; empty when the node is frozen. */
  readonly parameters: Readonly<Partial<Record<ParameterRole, string>>>;
};

/** What a handler leaves behind: the output, and how to go back through the node. */
export type Emitted = {
  readonly output: string;
  /**
   * Emit the backward part.
   *
   * @param gradient of the loss with respect to the output, in the output's layout
   * @param needed which inputs need a gradient
   */
  backward(gradient: string, needed: readonly boolean[]): Gradients;
};

/** What a handler may use. */
export type EmitContext = Layout & {
  readonly onnx: OnnxBuilder;
  /** True when the node's own parameters are updated; batch norm then uses the statistics of the batch. */
  readonly trainable: boolean;
  readonly inputs: readonly Value[];
  /** Name of a parameter, in the layout of the graph's tensor: a slice of the flat parameters, or a constant. */
  parameter(role: ParameterRole): string;
  /** Hand over batch statistics, shape [channels] each, for the moving averages. */
  statistics(mean: string, variance: string): void;
  /** Name of the dropout mask of this node, same layout as its output, already divided by the keep rate. */
  dropoutMask(): string;
};

/** Emits forward and backward of one kind of node. */
export type Handler<Node extends GraphNode> = (context: EmitContext, node: Node) => Emitted;

/** A handler for every kind: a missing one is a type error. */
export type Handlers = { readonly [K in Exclude<NodeKind, "input" | "softmax">]: Handler<NodeOf<K>> };
