import { describe, expect, it } from "vitest";
import { maxAbsDifference } from "../../../test/helpers/float-reference.js";
import { everyKindGraph } from "../../../test/helpers/graphs.js";
import { createRng } from "../../core/index.js";
import {
  type ActivationGrid,
  type FakeQuantization,
  fakeQuantizeParameters,
  type Graph,
  type NodeName,
  nodeName,
  simplify,
  type WeightGrid,
} from "../../graph/index.js";
import { elementCount } from "../../tensor/index.js";
import { createTrainingSession } from "../session.js";
import { planTraining } from "./plan.js";

const OPTIMIZER = { momentum: 0.9, nesterov: false, weightDecay: 0, statisticsMomentum: 0.9 };
// Divisible by the lanes of blocked kernels, whatever the machine has.
const BATCH = 16;
const CLASSES = 10;

const graph = simplify({ ...everyKindGraph(createRng(4)), encoding: { scale: 1 / 127.5, offset: -1 } });
const rng = createRng(3);
const images = Uint8Array.from({ length: BATCH * 13 * 16 * 3 }, () => rng.integer(256));
const targets = new Float32Array(BATCH * CLASSES);
for (let i = 0; i < BATCH; i++) targets[i * CLASSES + rng.integer(CLASSES)] = 1;

/** Grids of all weighted layers: the largest weight of a channel is `limit · spread`, so that spread > 1 clips. */
function weightGrids(of: Graph, limit: number, spread: number): Map<NodeName, WeightGrid> {
  const grids = new Map<NodeName, WeightGrid>();
  for (const node of of.nodes) {
    if (node.kind !== "conv2d" && node.kind !== "depthwiseConv2d" && node.kind !== "dense") continue;
    const channels = node.shape.at(-1)!;
    const scales = new Float64Array(channels);
    node.weights.data.forEach((w, i) => {
      scales[i % channels] = Math.max(scales[i % channels]!, Math.abs(w) / (limit * spread));
    });
    grids.set(node.name, { low: -limit, high: limit, scales, inputScale: 1e-4 });
  }
  return grids;
}

/** A session of a graph, with a function from parameters to loss, and the gradient. */
async function open(of: Graph, fakeQuantization?: FakeQuantization) {
  const plan = planTraining(of, new Set(of.nodes.map(({ name }) => name)));
  const session = await createTrainingSession(of, plan, {
    batch: BATCH,
    optimizer: OPTIMIZER,
    exposeGradient: true,
    ...(fakeQuantization && { fakeQuantization }),
  });
  const start = session.state();
  const boundary = new Map([[of.nodes[0]!.name, images]]);
  return {
    plan,
    start,
    session,
    async at(parameters: Float32Array) {
      session.restore({ ...start, parameters });
      const { loss, logits } = await session.step({ boundary, targets, learningRate: 0, rng: createRng(1) });
      return { loss, logits: logits.slice(), gradient: session.gradient()!.slice() };
    },
  };
}

describe("fake quantization in a training program", () => {
  it("computes what the network of rounded weights computes, with gradients straight through but for clipped weights", async () => {
    const fake = { weights: weightGrids(graph, 7, 1.25), activations: new Map() };
    const rounded = await open(fakeQuantizeParameters(graph, fake));
    const aware = await open(graph, fake);
    const expected = await rounded.at(rounded.start.parameters);
    const got = await aware.at(aware.start.parameters);
    expect(maxAbsDifference(got.logits, expected.logits)).toBeLessThan(1e-6);
    let clipped = 0;
    for (const { node, role, offset, length } of aware.plan.parameters) {
      const grid = fake.weights.get(node)!;
      for (let i = offset; i < offset + length; i++) {
        const scale = grid.scales[(i - offset) % grid.scales.length]!;
        const isClipped =
          role === "weights" && Math.abs(aware.start.parameters[i]! / scale) > grid.high + 1e-6;
        if (isClipped) clipped++;
        expect(got.gradient[i]).toBeCloseTo(isClipped ? 0 : expected.gradient[i]!, 5);
      }
    }
    expect(clipped).toBeGreaterThan(50);
    expect(Math.max(...got.gradient.map(Math.abs))).toBeGreaterThan(0.01);
    await Promise.all([rounded.session.close(), aware.session.close()]);
  });

  it("has the gradient of its loss where grids are so fine that rounding does not show, clipping included", async () => {
    // Steps of 1e-5 against ranges that cut off a good part of the values.
    const grid = (low: number, high: number): ActivationGrid => ({
      scale: 1e-5,
      zeroPoint: 50,
      low: 50 + Math.round(low / 1e-5),
      high: 50 + Math.round(high / 1e-5),
    });
    const activations = new Map<NodeName, ActivationGrid>([
      [nodeName("stem_relu"), grid(0, 0.8)],
      [nodeName("pw"), grid(-1, 0.9)],
      [nodeName("sum_relu"), grid(0, 2)],
      [nodeName("avg"), grid(0, 1)],
      [nodeName("logits"), grid(-3, 3)],
    ]);
    const fake = { weights: weightGrids(graph, 2 ** 15, 1), activations };
    const aware = await open(graph, fake);
    const { start, plan, at } = aware;
    const { gradient, loss } = await at(start.parameters);
    const plain = await open(graph);
    // The clipping matters: without it the loss is another one.
    expect(Math.abs((await plain.at(plain.start.parameters)).loss - loss)).toBeGreaterThan(0.01);
    const norm = Math.sqrt(gradient.reduce((sum, v) => sum + v * v, 0));
    for (const slot of plan.parameters) {
      const own = createRng(slot.offset);
      const direction = new Float32Array(gradient.length);
      for (let i = 0; i < slot.length; i++) direction[slot.offset + i] = own.normal();
      const length = Math.sqrt(direction.reduce((sum, v) => sum + v * v, 0));
      const expected = direction.reduce((sum, d, i) => sum + (d / length) * gradient[i]!, 0);
      const errors: number[] = [];
      for (const step of [8e-3, 4e-3, 2e-3]) {
        const moved = async (scale: number): Promise<number> =>
          (await at(start.parameters.map((p, i) => p + (scale * step * direction[i]!) / length))).loss;
        const [a, b, c, d] = [await moved(-2), await moved(-1), await moved(1), await moved(2)];
        errors.push(Math.abs((a - 8 * b + 8 * c - d) / (12 * step) - expected));
      }
      const bound = 1e-3 + 0.02 * Math.abs(expected) + 0.005 * norm;
      expect(Math.min(...errors), `${slot.node}/${slot.role}: ${expected}`).toBeLessThan(bound);
    }
    await Promise.all([aware.session.close(), plain.session.close()]);
  });

  it("rounds activations to their grids", async () => {
    const logits = { scale: 0.25, zeroPoint: 100, low: 96, high: 108 };
    const fake = { weights: new Map(), activations: new Map([[nodeName("logits"), logits]]) };
    const [plain, aware] = [await open(graph), await open(graph, fake)];
    const exact = (await plain.at(plain.start.parameters)).logits;
    const rounded = (await aware.at(aware.start.parameters)).logits;
    const expected = exact.map((x) => 0.25 * Math.max(-4, Math.min(8, Math.floor(x / 0.25 + 0.5))));
    expect(maxAbsDifference(rounded, expected)).toBeLessThan(1e-6);
    expect(exact.some((x) => x < -1)).toBe(true);
    await Promise.all([plain.session.close(), aware.session.close()]);
  });

  it("refuses batch norms and scales of another network", async () => {
    const unfolded = everyKindGraph(createRng(4));
    const fake = { weights: weightGrids(unfolded, 7, 1), activations: new Map() };
    await expect(open(unfolded, fake)).rejects.toMatchObject({ code: "FX3011" });
    const weights = weightGrids(graph, 7, 1);
    const grid = weights.get(nodeName("dw"))!;
    weights.set(nodeName("dw"), { ...grid, scales: grid.scales.subarray(1) });
    await expect(open(graph, { weights, activations: new Map() })).rejects.toMatchObject({ code: "FX3011" });
  });
});

it("fakeQuantizeParameters leaves what has no grid", () => {
  expect(fakeQuantizeParameters(graph, { weights: new Map(), activations: new Map() })).toEqual(graph);
  expect(elementCount(graph.nodes[0]!.shape)).toBe(13 * 16 * 3);
});
