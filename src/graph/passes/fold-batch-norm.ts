import { elementCount, type Tensor, tensor } from "../../tensor/index.js";
import type { BatchNormNode, Graph, GraphNode, NodeName, NodeOf } from "../nodes.js";
import { freshName, type Replacement, readersOf, rewriteGraph } from "./rewrite.js";

type Weighted = NodeOf<"conv2d"> | NodeOf<"depthwiseConv2d"> | NodeOf<"dense">;

/** y = scale·x + shift per channel, in double precision. */
type Affine = { readonly scale: Float64Array; readonly shift: Float64Array };

/** scale = gamma / √(variance + epsilon), shift = beta − mean·scale (Ioffe and Szegedy 2015, inference form). */
function affineOf(node: BatchNormNode): Affine {
  const { gamma, beta, mean, variance, epsilon } = node;
  const scale = Float64Array.from(gamma.data, (g, c) => g / Math.sqrt(variance.data[c]! + epsilon));
  const shift = Float64Array.from(beta.data, (b, c) => b - mean.data[c]! * scale[c]!);
  return { scale, shift };
}

/** The affine map follows the weighted layer: scale each output channel (the last axes of the weights). */
function foldAfter(node: Weighted, { scale, shift }: Affine): Weighted {
  const channels = scale.length;
  const weights = Float32Array.from(node.weights.data, (w, i) => w * scale[i % channels]!);
  const bias = Float32Array.from(shift, (s, c) => (node.bias?.data[c] ?? 0) * scale[c]! + s);
  return {
    ...node,
    weights: tensor("float32", node.weights.shape, weights),
    bias: tensor("float32", [channels], bias),
  };
}

/** The affine map comes before a dense layer: scale each input row, move W·shift into the bias. */
function foldBefore(node: NodeOf<"dense">, { scale, shift }: Affine): NodeOf<"dense"> {
  const features = node.weights.shape[1]!;
  const bias = Float64Array.from({ length: features }, (_, o) => node.bias?.data[o] ?? 0);
  const weights = Float32Array.from(node.weights.data, (w, i) => {
    const row = Math.floor(i / features);
    bias[i % features]! += w * shift[row]!;
    return w * scale[row]!;
  });
  return {
    ...node,
    weights: tensor("float32", node.weights.shape, weights),
    bias: tensor("float32", [features], Float32Array.from(bias)),
  };
}

const vector = (values: Float64Array, shape: readonly number[]): Tensor<"float32"> =>
  tensor("float32", shape, Float32Array.from(values));

/** A batch norm that no neighbour can take becomes a 1×1 depthwise convolution of the same name. */
function asDepthwise(graph: Graph, node: BatchNormNode): Replacement {
  const { scale, shift } = affineOf(node);
  const channels = scale.length;
  const depthwise = (name: NodeName, input: NodeName, shape: readonly number[]): GraphNode => ({
    kind: "depthwiseConv2d",
    name,
    shape,
    input,
    weights: vector(scale, [1, 1, channels, 1]),
    bias: vector(shift, [channels]),
    stride: { height: 1, width: 1 },
    padding: { kind: "valid" },
  });
  if (node.shape.length === 3) {
    return { nodes: [depthwise(node.name, node.input, node.shape)], value: node.name };
  }
  const image = [1, 1, elementCount(node.shape)];
  const before = freshName(graph, `${node.name}_image`);
  const after = freshName(graph, `${node.name}_flat`);
  return {
    nodes: [
      { kind: "reshape", name: before, input: node.input, shape: image },
      depthwise(node.name, before, image),
      { kind: "reshape", name: after, input: node.name, shape: node.shape },
    ],
    value: after,
  };
}

/**
 * Remove every batch norm. It goes into the convolution, depthwise convolution or dense layer whose only reader it is
 * (which keeps its name); else into the dense layer that alone reads it; else it becomes a 1×1 depthwise convolution (a
 * batch norm before a padded convolution cannot go forward: the padding would have to change). Arithmetic in double
 * precision, results rounded once to float32.
 */
export function foldBatchNorm(graph: Graph): Graph {
  const readers = readersOf(graph);
  const soleReader = (name: NodeName): GraphNode | undefined => {
    const list = readers.get(name) ?? [];
    return list.length === 1 && graph.output !== name ? list[0] : undefined;
  };
  /** Weighted layers as folded so far, by their names in the new graph. */
  const folded = new Map<NodeName, Weighted>();
  /** Original names of the nodes whose only reader is a batch norm. */
  const feedsBatchNorm = new Set<NodeName>();
  for (const node of graph.nodes) {
    if (node.kind === "batchNorm" && soleReader(node.input) === node) feedsBatchNorm.add(node.input);
  }
  /** Maps waiting for the dense layer that reads them. */
  const pending = new Map<NodeName, Affine>();
  const originals = new Map(graph.nodes.map((node) => [node.name, node]));

  const result = rewriteGraph(graph, (node) => {
    if (node.kind === "batchNorm") {
      const affine = affineOf(node);
      const original = originals.get(node.name) as BatchNormNode;
      const before = folded.get(node.input);
      if (before !== undefined && feedsBatchNorm.has(original.input)) {
        folded.set(node.input, foldAfter(before, affine));
        return { nodes: [], value: node.input };
      }
      if (soleReader(node.name)?.kind === "dense") {
        pending.set(node.name, affine);
        return undefined;
      }
      return asDepthwise(graph, node);
    }
    if (node.kind === "conv2d" || node.kind === "depthwiseConv2d" || node.kind === "dense") {
      const affine = node.kind === "dense" ? pending.get(node.input) : undefined;
      if (affine !== undefined && node.kind === "dense") {
        const batchNorm = originals.get(node.input) as BatchNormNode;
        // The batch norm's own input may have been renamed by an earlier folding; it is read through the batch norm.
        const merged = { ...foldBefore(node, affine), input: batchNorm.name };
        folded.set(node.name, merged);
        return { nodes: [merged], value: node.name };
      }
      folded.set(node.name, node);
    }
    return undefined;
  });
  // Second sweep: put the folded weights in place and bypass the batch norms that went forward.
  return rewriteGraph(result, (node) => {
    if (node.kind === "batchNorm" && pending.has(node.name)) return { nodes: [], value: node.input };
    const weighted = folded.get(node.name);
    if (weighted === undefined || weighted.kind !== node.kind) return undefined;
    const current = node as Weighted;
    return {
      nodes: [{ ...current, weights: weighted.weights, bias: weighted.bias } as Weighted],
      value: node.name,
    };
  });
}
