import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { everyKindGraph } from "../../test/helpers/graphs.js";
import { createRng } from "../core/index.js";
import { NO_AUGMENTATION, type Split } from "../data/index.js";
import {
  type ActivationGrid,
  type FakeQuantization,
  type NodeName,
  nodeName,
  simplify,
  weightsOf,
} from "../graph/index.js";
import { trainInWorker } from "./in-worker.js";
import type { TrainOptions } from "./options.js";
import { type TrainRequest, type TrainResult, trainNetwork } from "./trainer.js";

const graph = simplify(everyKindGraph(createRng(4)));
const rng = createRng(1);
const count = 32;
const bytes = new Uint8Array(new SharedArrayBuffer(count * 13 * 16 * 3)).map(() => rng.integer(256));
const split: Split = {
  ...{ count, height: 13, width: 16, channels: 3, store: { kind: "memory", bytes } },
  labels: Uint16Array.from({ length: count }, (_, i) => i % 10),
};
const options: TrainOptions = {
  ...{ epochs: 2, batch: 16, learningRate: 0.01, warmupEpochs: 0, momentum: 0.9, nesterov: true },
  ...{ weightDecay: 0, statisticsMomentum: 0.9, labelSmoothing: 0, mixup: 0 },
  augmentation: NO_AUGMENTATION,
};
const dense = graph.nodes.find(({ name }) => name === "hidden")!;
const scales = new Float64Array(dense.shape[0]!).fill(0.25);
const fakeQuantization: FakeQuantization = {
  weights: new Map([[nodeName("hidden"), { low: -3, high: 3, scales, inputScale: 0.01 }]]),
  activations: new Map<NodeName, ActivationGrid>([
    [nodeName("stem_relu"), { scale: 0.1, zeroPoint: 0, low: 0, high: 31 }],
  ]),
};
const request: Omit<TrainRequest, "onEpoch"> = { graph, split, options, seed: 1 };
const weights = ({ graph: of }: TrainResult) =>
  of.nodes.flatMap((node) => weightsOf(node).map(({ value }) => value));

it("trains under fake quantization, alike in a worker, and takes no checkpoint of another grid", async () => {
  const folder = mkdtempSync(join(tmpdir(), "fixynn-fake-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const checkpointFile = join(folder, "checkpoint.json");
  const plain = await trainNetwork({ ...request, checkpointFile });
  const aware = await trainNetwork({ ...request, checkpointFile, fakeQuantization });
  expect(weights(aware)).not.toEqual(weights(plain));
  expect(aware.history).toHaveLength(2);
  const worker = await trainInWorker({ ...request, fakeQuantization });
  expect(weights(worker)).toEqual(weights(aware));
  // The same grid goes on from its own checkpoint: nothing is left to do.
  const again = await trainNetwork({ ...request, checkpointFile, fakeQuantization });
  expect(weights(again)).toEqual(weights(aware));
  expect(again.history).toEqual(aware.history);
});

it("validates with rounded weights", async () => {
  const validated = await trainNetwork({
    ...request,
    options: { ...options, epochs: 1 },
    validation: split,
    fakeQuantization: {
      activations: new Map(),
      // All weights of the last layer become 0, and its biases too: the first class is the answer to everything.
      weights: new Map([
        [nodeName("logits"), { low: 0, high: 0, scales: new Float64Array(10).fill(1), inputScale: 1e6 }],
      ]),
    },
  });
  const first = split.labels.filter((label) => label === 0).length;
  expect(validated.history[0]!.validationAccuracy).toBe(first / count);
});
