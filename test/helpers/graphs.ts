import type { Rng } from "../../src/core/index.js";
import { type Graph, GraphBuilder, type NodeName, nodeName } from "../../src/graph/index.js";
import { elementCount, type Shape, type Tensor, tensor } from "../../src/tensor/index.js";

/** A tensor of normal samples times `spread`, plus `mean`. */
export function randomTensor(rng: Rng, shape: Shape, spread = 0.5, mean = 0): Tensor<"float32"> {
  const data = Float32Array.from({ length: elementCount(shape) }, () => mean + spread * rng.normal());
  return tensor("float32", shape, data);
}

/** Positive variances between 0.5 and 1.5. */
export function randomVariance(rng: Rng, channels: number): Tensor<"float32"> {
  return tensor(
    "float32",
    [channels],
    Float32Array.from({ length: channels }, () => 0.5 + rng.next()),
  );
}

/** Append a batch norm with random statistics. */
export function addBatchNorm(builder: GraphBuilder, rng: Rng, name: string, input: NodeName): NodeName {
  const channels = builder.shapeOf(input).at(-1)!;
  return builder.add({
    kind: "batchNorm",
    name: nodeName(name),
    input,
    gamma: randomTensor(rng, [channels], 0.2, 1),
    beta: randomTensor(rng, [channels], 0.2),
    mean: randomTensor(rng, [channels], 0.2),
    variance: randomVariance(rng, channels),
    epsilon: 1e-3,
  });
}

/** A small graph with every kind of node: stride-2 stem, padding, depthwise block, residual, pools, dense head. */
export function everyKindGraph(rng: Rng): Graph {
  const g = new GraphBuilder();
  const n = nodeName;
  const one = { height: 1, width: 1 };
  const two = { height: 2, width: 2 };
  const three = { height: 3, width: 3 };
  const same = { kind: "same" } as const;
  const valid = { kind: "valid" } as const;
  let x = g.add({ kind: "input", name: n("image"), shape: [13, 16, 3] });
  const stem = { weights: randomTensor(rng, [3, 3, 3, 8], 0.3), bias: undefined, stride: two, padding: same };
  x = g.add({ kind: "conv2d", name: n("stem"), input: x, ...stem });
  x = addBatchNorm(g, rng, "stem_bn", x);
  x = g.add({ kind: "relu", name: n("stem_relu"), input: x, max: 6 });
  const pads = { kind: "explicit", top: 0, bottom: 1, left: 0, right: 1 } as const;
  x = g.add({ kind: "zeroPad2d", name: n("pad"), input: x, padding: pads });
  const dw = { weights: randomTensor(rng, [3, 3, 8, 2]), bias: randomTensor(rng, [16]), stride: one };
  x = g.add({ kind: "depthwiseConv2d", name: n("dw"), input: x, ...dw, padding: valid });
  x = addBatchNorm(g, rng, "dw_bn", x);
  const skip = g.add({ kind: "relu", name: n("dw_relu"), input: x, max: undefined });
  const pw = { weights: randomTensor(rng, [1, 1, 16, 16], 0.3), bias: randomTensor(rng, [16]), stride: one };
  x = g.add({ kind: "conv2d", name: n("pw"), input: skip, ...pw, padding: same });
  x = addBatchNorm(g, rng, "pw_bn", x);
  x = g.add({ kind: "add", name: n("sum"), inputs: [x, skip] });
  x = g.add({ kind: "relu", name: n("sum_relu"), input: x, max: undefined });
  x = g.add({ kind: "averagePool2d", name: n("avg"), input: x, window: three, stride: one, padding: same });
  x = g.add({ kind: "maxPool2d", name: n("max"), input: x, window: two, stride: two, padding: same });
  x = addBatchNorm(g, rng, "lone_bn", x);
  x = g.add({ kind: "reshape", name: n("flat"), input: x, shape: [elementCount(g.shapeOf(x))] });
  const [length] = g.shapeOf(x) as [number];
  x = g.add({ kind: "reshape", name: n("back"), input: x, shape: [length / 16, 1, 16] });
  x = g.add({ kind: "globalAveragePool2d", name: n("gap"), input: x, keepDims: true });
  x = g.add({ kind: "reshape", name: n("flat_gap"), input: x, shape: [16] });
  x = g.add({ kind: "dropout", name: n("drop"), input: x, rate: 0.25 });
  const hidden = { weights: randomTensor(rng, [16, 12]), bias: randomTensor(rng, [12]) };
  x = g.add({ kind: "dense", name: n("hidden"), input: x, ...hidden });
  x = addBatchNorm(g, rng, "hidden_bn", x);
  x = g.add({ kind: "relu", name: n("hidden_relu"), input: x, max: undefined });
  const head = { weights: randomTensor(rng, [12, 10]), bias: undefined };
  x = g.add({ kind: "dense", name: n("logits"), input: x, ...head });
  x = g.add({ kind: "softmax", name: n("probabilities"), input: x });
  return g.build({ name: "every-kind", output: x });
}
