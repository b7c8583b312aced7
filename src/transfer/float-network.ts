import { FixynnError } from "../core/index.js";
import {
  createFloatExecutor,
  type Graph,
  GraphBuilder,
  type NodeName,
  type NodeSpec,
  nodeName,
} from "../graph/index.js";
import type { QuantNetwork, QuantNode, QuantType } from "../quant/index.js";
import { type Tensor, tensor } from "../tensor/index.js";

type Weighted = Extract<QuantNode, { readonly weights: unknown }>;

/** Weights times their scales; per tensor or per output channel (the last axes). */
function realWeights({ weights, weightScales }: Weighted): Tensor<"float32"> {
  const { length } = weightScales;
  const data = Float32Array.from(weights.data, (w, i) => w * weightScales[length === 1 ? 0 : i % length]!);
  return tensor("float32", weights.shape, data);
}

function realBias(node: Weighted, input: QuantType): Tensor<"float32"> {
  const { length } = node.weightScales;
  const data = Float32Array.from(
    node.bias.data,
    (b, c) => b * input.scale * node.weightScales[length === 1 ? 0 : c % length]!,
  );
  return tensor("float32", [data.length], data);
}

/** What a clamp of integers stands for: nothing, ReLU, or ReLU with an upper bound. */
function reluOf(
  node: Extract<QuantNode, { readonly clamp: unknown }>,
): { max: number | undefined } | undefined {
  const { clamp, output } = node;
  if (output.zeroPoint > clamp.low) return undefined;
  const top = (clamp.high - output.zeroPoint) * output.scale;
  // A clamp at the end of the range bounds what can be stored; 6 is a bound of the network.
  return { max: Math.abs(top - 6) < output.scale ? 6 : undefined };
}

/**
 * Turn an integer network into the float network that it stands for, as a start for training: weights and biases times their scales,
 * clamps as ReLU or ReLU6. Layers keep their names; an activation is called `LAYER_relu`.
 *
 * @throws FixynnError FX3030 for layers without a float form (none at present but a reshape of a changed size)
 */
export function floatNetwork(network: QuantNetwork): Graph {
  const builder = new GraphBuilder();
  const typeOf = new Map(network.nodes.map((node) => [node.name, node.output]));
  const renamed = new Map<NodeName, NodeName>();
  const of = (name: NodeName): NodeName => renamed.get(name) ?? name;
  for (const node of network.nodes) {
    builder.add(floatNode(node, of, typeOf));
    if (!("clamp" in node)) continue;
    const relu = reluOf(node);
    if (relu === undefined) continue;
    const name = nodeName(`${node.name}_relu`);
    renamed.set(node.name, builder.add({ kind: "relu", name, input: node.name, ...relu }));
  }
  return builder.build({ name: network.name, output: of(network.output), encoding: network.encoding });
}

function floatNode(
  node: QuantNode,
  of: (name: NodeName) => NodeName,
  typeOf: ReadonlyMap<NodeName, QuantType>,
): NodeSpec {
  const { name } = node;
  const explicit = <P extends object>(padding: P) => ({ kind: "explicit", ...padding }) as const;
  switch (node.kind) {
    case "input":
      return { kind: "input", name, shape: node.output.shape };
    case "conv2d":
    case "depthwiseConv2d": {
      const { kind, stride, padding } = node;
      const bias = realBias(node, typeOf.get(node.input)!);
      return {
        kind,
        name,
        input: of(node.input),
        weights: realWeights(node),
        bias,
        stride,
        padding: explicit(padding),
      };
    }
    case "dense": {
      const bias = realBias(node, typeOf.get(node.input)!);
      return { kind: "dense", name, input: of(node.input), weights: realWeights(node), bias };
    }
    case "maxPool2d":
    case "averagePool2d": {
      const { kind, window, stride, padding } = node;
      return { kind, name, input: of(node.input), window, stride, padding: explicit(padding) };
    }
    case "globalAveragePool2d":
      return {
        kind: "globalAveragePool2d",
        name,
        input: of(node.input),
        keepDims: node.output.shape.length === 3,
      };
    case "add":
      return { kind: "add", name, inputs: [of(node.inputs[0]), of(node.inputs[1])] };
    case "reshape":
      return { kind: "reshape", name, input: of(node.input), shape: node.output.shape };
  }
}

/** Like Keras's MobileNet: batch norms that begin as what the network does now need no small variance. */
const EPSILON = 1e-3;

/**
 * Give every convolution a batch norm that changes nothing on the given images: with mean μ and variance σ² of a convolution's
 * outputs, bias included, it has gamma √(σ² + ε) and beta μ. A network whose batch norms were folded trains as before the folding.
 *
 * @param images bytes of the network's input size, `count` of them
 */
export async function withBatchNorm(graph: Graph, images: Uint8Array, count: number): Promise<Graph> {
  const layers = graph.nodes.filter((node) => node.kind === "conv2d" || node.kind === "depthwiseConv2d");
  if (layers.length === 0) return graph;
  const sums = new Map(
    layers.map(({ name, shape }) => {
      const channels = shape.at(-1)!;
      return [name, { count: 0, sum: new Float64Array(channels), squares: new Float64Array(channels) }];
    }),
  );
  const executor = createFloatExecutor(graph, { outputs: layers.map(({ name }) => name) });
  const perImage = images.length / count;
  try {
    for (let i = 0; i < count; i++) {
      const values = await executor.run(images.slice(i * perImage, (i + 1) * perImage), 1);
      for (const [name, data] of values) {
        const entry = sums.get(name)!;
        const channels = entry.sum.length;
        for (let p = 0; p < data.length; p++) {
          entry.sum[p % channels]! += data[p]!;
          entry.squares[p % channels]! += data[p]! ** 2;
        }
        entry.count += data.length / channels;
      }
    }
  } finally {
    await executor.close();
  }
  const builder = new GraphBuilder();
  const renamed = new Map<NodeName, NodeName>();
  const of = (name: NodeName): NodeName => renamed.get(name) ?? name;
  for (const node of graph.nodes) {
    const spec =
      node.kind === "input"
        ? node
        : node.kind === "add"
          ? { ...node, inputs: [of(node.inputs[0]), of(node.inputs[1])] as const }
          : { ...node, input: of(node.input) };
    const measured = sums.get(node.name);
    if (measured === undefined || (node.kind !== "conv2d" && node.kind !== "depthwiseConv2d")) {
      builder.add(spec as NodeSpec);
      continue;
    }
    builder.add({ ...spec, bias: undefined } as NodeSpec);
    const { count: n, sum, squares } = measured;
    const channels = sum.length;
    const vector = (value: (c: number) => number): Tensor<"float32"> =>
      tensor(
        "float32",
        [channels],
        Float32Array.from({ length: channels }, (_, c) => value(c)),
      );
    const mean = (c: number): number => sum[c]! / n;
    const variance = (c: number): number => Math.max(squares[c]! / n - mean(c) ** 2, 0);
    const name = nodeName(`${node.name}_bn`);
    renamed.set(
      node.name,
      builder.add({
        ...{ kind: "batchNorm", name, input: node.name, epsilon: EPSILON },
        gamma: vector((c) => Math.sqrt(variance(c) + EPSILON)),
        beta: vector(mean),
        // The convolution has lost its bias.
        mean: vector((c) => mean(c) - (node.bias?.data[c] ?? 0)),
        variance: vector(variance),
      }),
    );
  }
  return builder.build({ name: graph.name, output: of(graph.output), encoding: graph.encoding });
}

/**
 * Append a classifier to a network that ends in features: global average pooling and a dense layer, `predictions`.
 *
 * @throws FixynnError FX3031 when the network does not end in an image of features
 */
export function withClassifier(graph: Graph, predictions: { readonly weights: Tensor<"float32"> }): Graph {
  const { shape } = graph.nodes.find(({ name }) => name === graph.output)!;
  if (shape.length !== 3) {
    throw new FixynnError("FX3031", `features of ${shape.join("x")} are not an image`, { place: graph.name });
  }
  const builder = new GraphBuilder();
  for (const node of graph.nodes) builder.add(node as NodeSpec);
  const pooled = nodeName("global_average_pooling2d");
  builder.add({ kind: "globalAveragePool2d", name: pooled, input: graph.output, keepDims: false });
  const classes = predictions.weights.shape[1]!;
  const output = builder.add({
    ...{ kind: "dense", name: nodeName("predictions"), input: pooled, weights: predictions.weights },
    bias: tensor("float32", [classes], new Float32Array(classes)),
  });
  return builder.build({ name: graph.name, output, encoding: graph.encoding });
}
