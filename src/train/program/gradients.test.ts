import { describe, expect, it } from "vitest";
import { maxAbsDifference } from "../../../test/helpers/float-reference.js";
import { everyKindGraph, randomTensor, randomVariance } from "../../../test/helpers/graphs.js";
import { createRng, type Rng } from "../../core/index.js";
import {
  createFloatExecutor,
  type Graph,
  GraphBuilder,
  type NodeName,
  type NodeSpec,
  nodeName,
} from "../../graph/index.js";
import { elementCount, type PaddingMode, type Shape } from "../../tensor/index.js";
import { blockedLanes } from "../blocked-lanes.js";
import { mobilenetV1 } from "../mobilenet.js";
import { createTrainingSession } from "../session.js";
import { gatherSlots, planTraining, scatterSlots } from "./plan.js";

const OPTIMIZER = { momentum: 0.9, nesterov: false, weightDecay: 0, statisticsMomentum: 0.9 };
const BATCH = 3;
const n = nodeName;

type Bare<Spec> = Spec extends NodeSpec ? Omit<Spec, "name" | "input"> : never;
type AnySpec = Bare<NodeSpec>;

/** input → (trainable 1×1 conv, so that data gradients are needed) → the layers under test → pool → logits. */
function chain(rng: Rng, shape: Shape, layers: (rng: Rng, shapeOf: () => Shape) => AnySpec[]): Graph {
  const g = new GraphBuilder();
  let x = g.add({ kind: "input", name: n("image"), shape });
  const channels = shape[2]!;
  x = g.add({
    kind: "conv2d",
    name: n("first"),
    input: x,
    weights: randomTensor(rng, [1, 1, channels, channels], 0.8),
    bias: randomTensor(rng, [channels], 0.3),
    stride: { height: 1, width: 1 },
    padding: { kind: "valid" },
  });
  layers(rng, () => g.shapeOf(x)).forEach((layer, i) => {
    x = g.add({ ...layer, input: x, name: n(`layer${i}`) } as unknown as NodeSpec);
  });
  const out = g.shapeOf(x);
  if (out.length === 3) {
    x = g.add({ kind: "reshape", name: n("flat"), input: x, shape: [elementCount(out)] });
  }
  const features = g.shapeOf(x)[0]!;
  x = g.add({
    kind: "dense",
    name: n("head"),
    input: x,
    weights: randomTensor(rng, [features, 4], 0.5),
    bias: undefined,
  });
  return g.build({ name: "chain", output: x, encoding: { scale: 1 / 64, offset: -2 } });
}

/**
 * Compare the program's gradient with central differences of its own loss along a random direction of each tensor. The programs compute in float32, so the bound is loose where the loss is rough; it is still far below
 * what a wrong term gives.
 */
async function checkGradients(
  graph: Graph,
  options: { trainable?: ReadonlySet<NodeName>; seed?: number; batch?: number; lanes?: number } = {},
) {
  const batch = options.batch ?? BATCH;
  const rng = createRng(options.seed ?? 7);
  const plan = planTraining(graph, options.trainable ?? new Set(graph.nodes.map(({ name }) => name)));
  const session = await createTrainingSession(graph, plan, {
    batch,
    optimizer: OPTIMIZER,
    exposeGradient: true,
    ...(options.lanes === undefined ? {} : { lanes: options.lanes }),
  });
  const classes = plan.logits.shape.at(-1)!;
  const targets = new Float32Array(batch * classes).fill(0.1 / classes);
  for (let i = 0; i < batch; i++) targets[i * classes + rng.integer(classes)]! += 0.9;
  const boundary = new Map(
    plan.boundary.map((node): [NodeName, Uint8Array | Float32Array] => {
      const length = batch * elementCount(node.shape);
      return node.kind === "input"
        ? [node.name, Uint8Array.from({ length }, () => rng.integer(256))]
        : [node.name, Float32Array.from({ length }, () => rng.normal())];
    }),
  );
  const start = session.state();
  const lossAt = async (parameters: Float32Array): Promise<number> => {
    session.restore({ ...start, parameters });
    return (await session.step({ boundary, targets, learningRate: 0, rng: createRng(3) })).loss;
  };
  await lossAt(start.parameters);
  const gradient = session.gradient()!.slice();
  expect(gradient.every(Number.isFinite)).toBe(true);
  const norm = Math.sqrt(gradient.reduce((sum, v) => sum + v * v, 0));
  expect(norm).toBeGreaterThan(1e-4);
  for (const slot of plan.parameters) {
    // One random direction within each tensor: a wrong gradient of any tensor shows.
    const random = new Float32Array(gradient.length);
    for (let i = 0; i < slot.length; i++) random[slot.offset + i] = rng.normal();
    const length = Math.sqrt(random.reduce((sum, v) => sum + v * v, 0));
    const direction = random.map((v) => v / length);
    const expected = direction.reduce((sum, d, i) => sum + d * gradient[i]!, 0);
    const errors: number[] = [];
    // Smaller steps cross fewer kinks of ReLU and max pooling, larger ones have less rounding noise.
    for (const step of [4e-3, 2e-3, 1e-3, 5e-4]) {
      const at = (scale: number) => lossAt(start.parameters.map((p, i) => p + scale * step * direction[i]!));
      // Fourth-order central difference.
      const [a, b, c, d] = [await at(-2), await at(-1), await at(1), await at(2)];
      errors.push(Math.abs((a - 8 * b + 8 * c - d) / (12 * step) - expected));
    }
    const bound = 6e-4 + 0.01 * Math.abs(expected) + 0.002 * norm;
    expect(Math.min(...errors), `${slot.node}/${slot.role}: ${expected}`).toBeLessThan(bound);
  }
  await session.close();
}

const one = { height: 1, width: 1 };
const two = { height: 2, width: 2 };
const three = { height: 3, width: 3 };
const same = { kind: "same" } as const;
const valid = { kind: "valid" } as const;
const lopsided = { kind: "explicit", top: 0, bottom: 1, left: 2, right: 1 } as const;

const conv = (
  rng: Rng,
  shape: Shape,
  options: { stride: typeof one; padding: PaddingMode; bias?: boolean },
) => ({
  kind: "conv2d" as const,
  weights: randomTensor(rng, shape, 0.4),
  bias: options.bias ? randomTensor(rng, [shape[3]!]) : undefined,
  stride: options.stride,
  padding: options.padding,
});

const depthwise = (
  rng: Rng,
  shape: Shape,
  options: { stride: typeof one; padding: PaddingMode; bias?: boolean },
) => ({
  ...conv(rng, shape, options),
  kind: "depthwiseConv2d" as const,
  bias: options.bias ? randomTensor(rng, [shape[2]! * shape[3]!]) : undefined,
});

const batchNorm = (rng: Rng, channels: number) => ({
  kind: "batchNorm" as const,
  gamma: randomTensor(rng, [channels], 0.2, 1),
  beta: randomTensor(rng, [channels], 0.2),
  mean: randomTensor(rng, [channels], 0.2),
  variance: randomVariance(rng, channels),
  epsilon: 1e-3,
});

const CASES: Record<string, { shape: Shape; layers: (rng: Rng, shapeOf: () => Shape) => AnySpec[] }> = {
  "pointwise convolution with bias": {
    shape: [4, 5, 3],
    layers: (rng) => [conv(rng, [1, 1, 3, 5], { stride: one, padding: valid, bias: true })],
  },
  "3x3 convolution, SAME": {
    shape: [5, 6, 2],
    layers: (rng) => [conv(rng, [3, 3, 2, 4], { stride: one, padding: same, bias: true })],
  },
  "3x2 convolution, stride 2, rest at the border": {
    shape: [8, 7, 2],
    layers: (rng) => [conv(rng, [3, 2, 2, 3], { stride: two, padding: valid })],
  },
  "3x3 convolution, stride 2, lopsided pads": {
    shape: [6, 6, 2],
    layers: (rng) => [conv(rng, [3, 3, 2, 3], { stride: two, padding: lopsided })],
  },
  "1x1 convolution, stride 2": {
    shape: [5, 5, 3],
    layers: (rng) => [conv(rng, [1, 1, 3, 4], { stride: two, padding: valid })],
  },
  "depthwise, one band matrix": {
    shape: [5, 6, 3],
    layers: (rng) => [depthwise(rng, [3, 3, 3, 1], { stride: one, padding: same, bias: true })],
  },
  "depthwise, one band matrix, stride 2, multiplier 2": {
    shape: [6, 5, 3],
    layers: (rng) => [depthwise(rng, [3, 3, 3, 2], { stride: two, padding: same, bias: true })],
  },
  "depthwise, row bands": {
    shape: [9, 10, 2],
    layers: (rng) => [depthwise(rng, [3, 3, 2, 1], { stride: one, padding: same })],
  },
  "depthwise, row bands, stride 2, lopsided pads": {
    shape: [10, 9, 2],
    layers: (rng) => [depthwise(rng, [3, 3, 2, 1], { stride: two, padding: lopsided })],
  },
  "depthwise, row bands, stride 2, valid, rest at the border": {
    shape: [12, 10, 2],
    layers: (rng) => [depthwise(rng, [3, 2, 2, 2], { stride: two, padding: valid })],
  },
  "batch norm on an image": { shape: [4, 4, 3], layers: (rng) => [batchNorm(rng, 3)] },
  "batch norm on features": {
    shape: [2, 2, 3],
    layers: (rng) => [{ kind: "reshape", shape: [12] }, batchNorm(rng, 12)] as AnySpec[],
  },
  "ReLU6 after batch norm": {
    shape: [4, 4, 3],
    layers: (rng) => [batchNorm(rng, 3), { kind: "relu", max: 0.8 }] as AnySpec[],
  },
  ReLU: { shape: [4, 4, 3], layers: () => [{ kind: "relu", max: undefined }] as AnySpec[] },
  "zero padding before a depthwise convolution": {
    shape: [4, 4, 2],
    layers: (rng) =>
      [
        { kind: "zeroPad2d", padding: { ...lopsided, top: 1 } },
        depthwise(rng, [3, 3, 2, 1], { stride: two, padding: valid }),
      ] as AnySpec[],
  },
  "zero padding alone": {
    shape: [3, 4, 2],
    layers: () => [{ kind: "zeroPad2d", padding: lopsided }] as AnySpec[],
  },
  "overlapping max pool": {
    shape: [6, 7, 2],
    layers: () => [{ kind: "maxPool2d", window: three, stride: two, padding: same }] as AnySpec[],
  },
  "overlapping average pool, padding not counted": {
    shape: [6, 7, 2],
    layers: () => [{ kind: "averagePool2d", window: three, stride: two, padding: same }] as AnySpec[],
  },
  "average pool, rest at the border": {
    shape: [7, 8, 2],
    layers: () => [{ kind: "averagePool2d", window: two, stride: three, padding: valid }] as AnySpec[],
  },
  "global average pool to features": {
    shape: [4, 5, 3],
    layers: () => [{ kind: "globalAveragePool2d", keepDims: false }] as AnySpec[],
  },
  "global average pool to a 1x1 image, reshape": {
    shape: [4, 5, 3],
    layers: () =>
      [
        { kind: "globalAveragePool2d", keepDims: true },
        { kind: "reshape", shape: [3] },
      ] as AnySpec[],
  },
  "reshape between images": {
    shape: [4, 6, 2],
    layers: (rng) =>
      [
        { kind: "reshape", shape: [3, 4, 4] },
        conv(rng, [2, 2, 4, 3], { stride: one, padding: valid }),
      ] as AnySpec[],
  },
  dropout: { shape: [4, 4, 3], layers: () => [{ kind: "dropout", rate: 0.4 }] as AnySpec[] },
  "dense with bias": {
    shape: [2, 3, 2],
    layers: (rng) =>
      [
        { kind: "reshape", shape: [12] },
        { kind: "dense", weights: randomTensor(rng, [12, 5], 0.4), bias: randomTensor(rng, [5]) },
      ] as AnySpec[],
  },
};

// Two blocks of images, so that sums over lanes and over blocks both count.
const lanes = await blockedLanes();
const LAYOUTS = { plain: { batch: BATCH, lanes: 1 }, "with lanes": { batch: 2 * lanes, lanes } };

describe.each(Object.entries(LAYOUTS))("gradients against finite differences, %s", (_, layout) => {
  for (const [name, { shape, layers }] of Object.entries(CASES)) {
    it(name, () => checkGradients(chain(createRng(11), shape, layers), layout));
  }

  it("a residual graph with every kind of node", () => checkGradients(everyKindGraph(createRng(5)), layout));

  it("through frozen layers in the middle: batch norm as an affine map", async () => {
    const graph = everyKindGraph(createRng(5));
    const trainable = new Set(["stem", "hidden", "logits"].map(n));
    await checkGradients(graph, { trainable, ...layout });
  });

  it("behind a frozen front", async () => {
    const graph = everyKindGraph(createRng(5));
    const front = new Set(["image", "stem", "stem_bn", "stem_relu", "pad", "dw", "dw_bn"].map(n));
    await checkGradients(graph, {
      ...layout,
      trainable: new Set(graph.nodes.map(({ name }) => name).filter((name) => !front.has(name))),
    });
  });

  it("logits as a 1x1 image", async () => {
    const rng = createRng(2);
    const g = new GraphBuilder();
    let x = g.add({ kind: "input", name: n("image"), shape: [4, 4, 3] });
    x = g.add({ kind: "globalAveragePool2d", name: n("gap"), input: x, keepDims: true });
    const spec = conv(rng, [1, 1, 3, 5], { stride: one, padding: same, bias: true });
    x = g.add({ ...spec, name: n("logits"), input: x });
    x = g.add({ kind: "softmax", name: n("softmax"), input: x });
    await checkGradients(g.build({ name: "image-logits", output: x }), layout);
  });
});

describe("forward", () => {
  it("gives the logits of the inference executor when batch norm is frozen", async () => {
    const rng = createRng(6);
    const plain = mobilenetV1({ alpha: 0.25, side: 40, classes: 7, rng });
    // Statistics and affine parameters that are not the identity.
    const nodes = plain.nodes.map((node) => {
      if (node.kind !== "batchNorm") return node;
      const { gamma, beta, mean, variance } = batchNorm(rng, node.shape.at(-1)!);
      return { ...node, gamma, beta, mean, variance };
    });
    const graph = { ...plain, nodes };
    const plan = planTraining(graph, new Set([n("conv1"), n("conv_dw_5"), n("conv_pw_13")]));
    const session = await createTrainingSession(graph, plan, { batch: BATCH, optimizer: OPTIMIZER });
    const bytes = Uint8Array.from({ length: BATCH * 40 * 40 * 3 }, () => rng.integer(256));
    const { logits } = await session.step({
      boundary: new Map([[graph.nodes[0]!.name, bytes]]),
      targets: new Float32Array(BATCH * 7).fill(1 / 7),
      learningRate: 0,
      rng,
    });
    const executor = createFloatExecutor(graph);
    const expected = (await executor.run(bytes, BATCH)).get(graph.output)!;
    expect(maxAbsDifference(logits, expected)).toBeLessThan(1e-4);
    expect(maxAbsDifference(expected, new Float32Array(expected.length))).toBeGreaterThan(0.01);
    await Promise.all([session.close(), executor.close()]);
  });
});

describe("flat arrays", () => {
  it("are the graph's tensors, in order, and go back unchanged", () => {
    const graph = everyKindGraph(createRng(5));
    const plan = planTraining(graph, new Set(graph.nodes.map(({ name }) => name)));
    const flat = gatherSlots(graph, plan.parameters);
    expect(scatterSlots(graph, plan.parameters, flat)).toEqual(graph);
    expect(plan.parameters.reduce((sum, { length }) => sum + length, 0)).toBe(flat.length);
  });
});
