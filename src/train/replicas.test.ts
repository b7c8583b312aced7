import { describe, expect, it } from "vitest";
import { everyKindGraph } from "../../test/helpers/graphs.js";
import { createRng } from "../core/index.js";
import type { Graph, NodeName } from "../graph/index.js";
import { elementCount } from "../tensor/index.js";
import { blockedLanes } from "./blocked-lanes.js";
import { mobilenetV1 } from "./mobilenet.js";
import { planTraining } from "./program/plan.js";
import { createTrainingSession, replicasFor } from "./session.js";
import type { StepInput, TrainingSession } from "./session-types.js";

const OPTIMIZER = { momentum: 0.9, nesterov: true, weightDecay: 1e-3, statisticsMomentum: 0.8 };

const allNodes = (graph: Graph) => planTraining(graph, new Set(graph.nodes.map(({ name }) => name)));

/** A step's input of random images; part of it with `from` and `to`. */
function randomInput(graph: Graph, batch: number, seed: number): StepInput {
  const rng = createRng(seed);
  const plan = allNodes(graph);
  const classes = plan.logits.shape.at(-1)!;
  const targets = new Float32Array(batch * classes);
  for (let i = 0; i < batch; i++) targets[i * classes + rng.integer(classes)] = 1;
  const boundary = new Map(
    plan.boundary.map((node): [NodeName, Uint8Array] => [
      node.name,
      Uint8Array.from({ length: batch * elementCount(node.shape) }, () => rng.integer(256)),
    ]),
  );
  return { boundary, targets, learningRate: 0.05, rng: createRng(seed + 1) };
}

/** The part of an input that a replica gets. */
function partOf(input: StepInput, index: number, count: number): StepInput {
  const cut = <T extends Uint8Array | Float32Array>(data: T): T =>
    data.slice((index * data.length) / count, ((index + 1) * data.length) / count) as T;
  const boundary = new Map([...input.boundary].map(([name, data]) => [name, cut(data)]));
  return { ...input, boundary, targets: cut(input.targets) };
}

/** Take a step and close. */
async function stepOnce(session: TrainingSession, input: StepInput) {
  const { loss, logits } = await session.step(input);
  const result = { loss, logits: logits.slice(), gradient: session.gradient()!.slice(), ...session.state() };
  await session.close();
  return result;
}

/** Largest difference, relative to the largest value. */
function distance(a: Float32Array, b: Float32Array): number {
  const largest = b.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
  return a.reduce((max, v, i) => Math.max(max, Math.abs(v - b[i]!)), 0) / largest;
}

describe("replicas", () => {
  it("average what single sessions make of the parts of a batch, and update once", async () => {
    const lanes = await blockedLanes();
    const part = Math.max(lanes, 4);
    const graph = mobilenetV1({ alpha: 0.25, side: 32, classes: 5, rng: createRng(3) });
    const plan = allNodes(graph);
    const options = { optimizer: OPTIMIZER, exposeGradient: true };
    const input = randomInput(graph, 2 * part, 4);
    const both = await stepOnce(
      await createTrainingSession(graph, plan, { ...options, batch: 2 * part, replicas: 2 }),
      input,
    );
    const [first, second] = await Promise.all(
      [0, 1].map(async (i) =>
        stepOnce(await createTrainingSession(graph, plan, { ...options, batch: part }), partOf(input, i, 2)),
      ),
    );
    const mean = (role: "gradient" | "parameters" | "velocity" | "statistics") =>
      first![role].map((v, i) => (v + second![role][i]!) / 2);
    expect(both.loss).toBeCloseTo((first!.loss + second!.loss) / 2, 5);
    expect(both.logits).toEqual(Float32Array.from([...first!.logits, ...second!.logits]));
    // The update is linear in the gradient, so its result averages as well.
    for (const role of ["gradient", "parameters", "velocity", "statistics"] as const) {
      expect(distance(both[role], mean(role)), role).toBeLessThan(1e-6);
    }
    expect(distance(first!.gradient, second!.gradient)).toBeGreaterThan(0.01);
  });

  it("give the same bytes again, with dropout, and go on from a restored state", async () => {
    const graph = everyKindGraph(createRng(5));
    const plan = allNodes(graph);
    const open = () => createTrainingSession(graph, plan, { batch: 6, optimizer: OPTIMIZER, replicas: 2 });
    const inputs = [1, 2, 3].map((seed) => randomInput(graph, 6, seed));
    const run = async (session: TrainingSession, steps: readonly StepInput[]) => {
      for (const input of steps) await session.step(input);
      const state = session.state();
      await session.close();
      return state;
    };
    const whole = await run(await open(), inputs);
    expect(await run(await open(), inputs)).toEqual(whole);
    const half = await run(await open(), inputs.slice(0, 2));
    const resumed = await open();
    resumed.restore(half);
    expect(await run(resumed, inputs.slice(2))).toEqual(whole);
    expect(half).not.toEqual(whole);
  });

  it("must divide the batch", async () => {
    const graph = everyKindGraph(createRng(5));
    const options = { batch: 5, optimizer: OPTIMIZER, replicas: 2 };
    await expect(createTrainingSession(graph, allNodes(graph), options)).rejects.toThrow(
      expect.objectContaining({ code: "FX3010" }),
    );
  });

  it("are as many as fill the lanes", async () => {
    const lanes = await blockedLanes();
    expect(await replicasFor(2 * lanes, 2)).toBe(2);
    expect(await replicasFor(2 * lanes, 1)).toBe(1);
    if (lanes > 1) expect(await replicasFor(lanes, 2)).toBe(1);
    expect(await replicasFor(7, 2)).toBe(1);
  });
});

describe("lanes", () => {
  it("change nothing but rounding", async () => {
    const lanes = await blockedLanes();
    const clamped = mobilenetV1({ alpha: 0.25, side: 32, classes: 5, rng: createRng(3) });
    // Without clamps: at their kinks rounding decides which way a gradient goes. Dropout of nothing is the identity.
    const nodes = clamped.nodes.map((node) =>
      node.kind === "relu"
        ? { kind: "dropout" as const, name: node.name, input: node.input, shape: node.shape, rate: 0 }
        : node,
    );
    const graph = { ...clamped, nodes };
    const options = { batch: 2 * lanes, optimizer: OPTIMIZER, exposeGradient: true };
    const input = randomInput(graph, options.batch, 9);
    const [plain, laned] = await Promise.all(
      [1, lanes].map(async (n) =>
        stepOnce(await createTrainingSession(graph, allNodes(graph), { ...options, lanes: n }), input),
      ),
    );
    expect(distance(laned!.logits, plain!.logits)).toBeLessThan(1e-4);
    expect(distance(laned!.gradient, plain!.gradient)).toBeLessThan(1e-4);
    expect(distance(laned!.statistics, plain!.statistics)).toBeLessThan(1e-5);
  });
});
