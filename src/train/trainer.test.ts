import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { everyKindGraph } from "../../test/helpers/graphs.js";
import { createRng } from "../core/index.js";
import { NO_AUGMENTATION, type Split } from "../data/index.js";
import { type Graph, weightsOf } from "../graph/index.js";
import { evaluate } from "./evaluate.js";
import { replaceHead, trainableAfter } from "./head.js";
import { trainInWorker } from "./in-worker.js";
import { mobilenetV1 } from "./mobilenet.js";
import type { TrainOptions } from "./options.js";
import { trainNetwork } from "./trainer.js";

const OPTIONS: TrainOptions = {
  epochs: 4,
  batch: 16,
  learningRate: 0.05,
  warmupEpochs: 0.5,
  momentum: 0.9,
  nesterov: true,
  weightDecay: 1e-4,
  statisticsMomentum: 0.8,
  labelSmoothing: 0.05,
  mixup: 0,
  augmentation: { flip: true, shift: 2, border: "reflect", cutout: 4 },
};

/** Images whose class is a coarse pattern under noise: a network has to learn something, and can. */
function patternSplit(count: number, classes: number, seed: number): Split {
  const rng = createRng(seed);
  const side = 16;
  const pixels = new Uint8Array(new SharedArrayBuffer(count * side * side * 3));
  const labels = new Uint16Array(new SharedArrayBuffer(2 * count));
  for (let i = 0; i < count; i++) {
    const label = rng.integer(classes);
    labels[i] = label;
    for (let p = 0; p < side * side; p++) {
      const y = Math.floor(p / side) >> 2;
      for (let c = 0; c < 3; c++) {
        const wave = Math.sin((y * (label + 1) + c * label) * 1.3);
        pixels[(i * side * side + p) * 3 + c] = 128 + 60 * wave + 25 * rng.normal();
      }
    }
  }
  const store = { kind: "memory", bytes: pixels } as const;
  return { count, height: side, width: side, channels: 3, store, labels };
}

const network = (seed = 1): Graph =>
  mobilenetV1({ alpha: 0.125, side: 32, classes: 4, rng: createRng(seed) });
const bytesOf = (graph: Graph): Buffer[] =>
  graph.nodes.flatMap((node) =>
    weightsOf(node).map(({ value }) =>
      Buffer.from(value.data.buffer, value.data.byteOffset, value.data.byteLength),
    ),
  );

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "fixynn-train-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("trainNetwork", () => {
  const split = patternSplit(96, 4, 5);

  it("makes a small network learn images by heart, and the moving statistics serve inference", async () => {
    const options = { ...OPTIONS, epochs: 25, labelSmoothing: 0, augmentation: NO_AUGMENTATION };
    const { graph, history } = await trainNetwork({ graph: network(), split, options, seed: 3 });
    expect(history).toHaveLength(25);
    expect(history.at(-1)!.loss).toBeLessThan(0.1 * history[0]!.loss);
    expect((await evaluate(graph, split)).top1).toBeGreaterThan(0.97);
    expect((await evaluate(graph, patternSplit(200, 4, 99))).top1).toBeGreaterThan(0.9);
  });

  it("gives the same bytes for the same seed and others for another", async () => {
    const options = { ...OPTIONS, epochs: 2, mixup: 0.3 };
    const run = async (seed: number) =>
      bytesOf((await trainNetwork({ graph: network(), split, options, seed })).graph);
    const first = await run(7);
    expect(await run(7)).toEqual(first);
    expect(await run(8)).not.toEqual(first);
  });

  it("resumes from a checkpoint to the weights of the uninterrupted training", async () => {
    const checkpointFile = join(folder, "resume.json");
    const graph = everyKindGraph(createRng(4));
    const request = { graph, split: patternSplit(64, 4, 5), options: OPTIONS, seed: 11 };
    const whole = await trainNetwork(request);
    const stop = new Error("stop");
    const stopped = trainNetwork({
      ...request,
      checkpointFile,
      onEpoch: ({ epoch }) => {
        if (epoch === 2) throw stop;
      },
    });
    await expect(stopped).rejects.toBe(stop);
    const epochs: number[] = [];
    const resumed = await trainNetwork({
      ...request,
      checkpointFile,
      onEpoch: ({ epoch }) => void epochs.push(epoch),
    });
    expect(epochs).toEqual([3, 4]);
    expect(bytesOf(resumed.graph)).toEqual(bytesOf(whole.graph));
    expect(resumed.history.map(({ loss }) => loss)).toEqual(whole.history.map(({ loss }) => loss));
  });

  it("shares batches among threads: same bytes again, here and in a worker, and not those of one thread", async () => {
    const graph = everyKindGraph(createRng(4));
    const options = { ...OPTIONS, batch: 24, epochs: 3 };
    const request = { graph, split, options, seed: 5, threads: 2 };
    const shared = await trainNetwork(request);
    expect(shared.history.at(-1)!.loss).toBeLessThan(shared.history[0]!.loss);
    expect(bytesOf((await trainInWorker(request)).graph)).toEqual(bytesOf(shared.graph));
    expect(bytesOf((await trainNetwork({ ...request, threads: 1 })).graph)).not.toEqual(
      bytesOf(shared.graph),
    );
  });

  it("does not use the checkpoint of another training", async () => {
    const checkpointFile = join(folder, "other.json");
    const options = { ...OPTIONS, epochs: 1 };
    await trainNetwork({ graph: network(), split, options, seed: 1, checkpointFile });
    const { history } = await trainNetwork({ graph: network(), split, options, seed: 2, checkpointFile });
    const fresh = await trainNetwork({ graph: network(), split, options, seed: 2 });
    expect(history[0]!.loss).toBe(fresh.history[0]!.loss);
  });

  it("changes nothing in the frozen part, and gives in a worker what it gives here", async () => {
    const backbone = network(2);
    const graph = replaceHead(backbone, 4, createRng(1));
    const trainable = trainableAfter(graph, "conv_pw_3");
    const request = { graph, trainable, split, options: { ...OPTIONS, epochs: 2 }, seed: 5 };
    const here = await trainNetwork(request);
    for (const node of here.graph.nodes) {
      const before = graph.nodes.find(({ name }) => name === node.name)!;
      const changed = weightsOf(node).length > 0 && trainable.has(node.name);
      if (changed) expect(node).not.toEqual(before);
      else expect(node).toEqual(before);
    }
    const events: string[] = [];
    const there = await trainInWorker({ ...request, onEpoch: ({ epoch }) => events.push(`epoch ${epoch}`) });
    expect(events).toEqual(["epoch 1", "epoch 2"]);
    expect(bytesOf(there.graph)).toEqual(bytesOf(here.graph));
  });

  it("refuses requests that make no sense", async () => {
    const request = { graph: network(), split, options: OPTIONS, seed: 1 };
    const code = (c: string) => expect.objectContaining({ code: c });
    await expect(trainNetwork({ ...request, trainable: new Set() })).rejects.toEqual(code("FX3001"));
    await expect(trainNetwork({ ...request, split: patternSplit(20, 9, 1) })).rejects.toEqual(code("FX3004"));
    await expect(trainInWorker({ ...request, split: patternSplit(20, 9, 1) })).rejects.toEqual(
      code("FX3004"),
    );
    await expect(trainNetwork({ ...request, split: patternSplit(0, 4, 1) })).rejects.toEqual(code("FX3005"));
    await expect(trainNetwork({ ...request, options: { ...OPTIONS, learningRate: 1e30 } })).rejects.toEqual(
      code("FX3006"),
    );
  });
});

describe("replaceHead and freeze points", () => {
  it("replaces the classifier and keeps the features", () => {
    const graph = network();
    const changed = replaceHead(graph, 9, createRng(1));
    expect(changed.nodes.at(-1)).toMatchObject({ kind: "dense", name: "predictions", shape: [9] });
    expect(changed.nodes.slice(0, -1)).toEqual(graph.nodes.slice(0, -1));
    expect(replaceHead(everyKindGraph(createRng(1)), 3, createRng(1)).nodes.at(-1)!.shape).toEqual([3]);
  });

  it("leaves everything behind the freeze point trainable", () => {
    const graph = network();
    const start = graph.nodes.findIndex(({ name }) => name === "conv_pw_1_relu") + 1;
    expect([...trainableAfter(graph, "conv_pw_1")]).toEqual(graph.nodes.slice(start).map(({ name }) => name));
    expect(trainableAfter(graph, undefined).size).toBe(graph.nodes.length);
    expect(() => trainableAfter(graph, "conv_pw_99")).toThrow("no such layer");
  });
});
