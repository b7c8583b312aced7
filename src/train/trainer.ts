import {
  canonicalJson,
  createRng,
  FixynnError,
  type ProgressListener,
  sha256,
  shuffledIndices,
  silent,
} from "../core/index.js";
import { type Split, splitDigest } from "../data/index.js";
import {
  type FakeQuantization,
  fakeQuantizeParameters,
  type Graph,
  type NodeName,
  verifyGraph,
} from "../graph/index.js";
import { createBatcher } from "./batches.js";
import { type BestEpoch, type EpochRecord, readCheckpoint, writeCheckpoint } from "./checkpoint.js";
import { argmax, checkSplit, evaluate } from "./evaluate.js";
import { createFrozenFront } from "./front.js";
import { learningRateAt, type TrainOptions } from "./options.js";
import { planTraining, type TrainingPlan } from "./program/plan.js";
import { createTrainingSession, replicasFor } from "./session.js";

/** What to train. */
export type TrainRequest = {
  /** The last layer must give as many values as there are classes; see `replaceHead`. */
  readonly graph: Graph;
  /** Layers whose parameters may change; default all. */
  readonly trainable?: ReadonlySet<NodeName>;
  readonly split: Split;
  /** Images to measure accuracy on after each epoch (every `validateEvery` epochs, and after the last). */
  readonly validation?: Split;
  readonly validateEvery?: number;
  /** Give back the network of the best validation accuracy instead of the last one. */
  readonly keepBest?: boolean;
  readonly options: TrainOptions;
  readonly seed: number;
  readonly onProgress?: ProgressListener;
  /** Called after each epoch with the network as it is now. */
  readonly onEpoch?: (record: EpochRecord, graph: () => Graph) => Promise<void> | void;
  /** Where to keep the state after each epoch. A training that finds its own checkpoint there goes on from it. */
  readonly checkpointFile?: string;
  readonly job?: string;
  /**
   * Threads that share a batch, at most (default 1); see `replicasFor`. The outcome depends on their number, because
   * batch norm takes the statistics of each thread's part.
   */
  readonly threads?: number;
  /**
   * Quantization-aware training: the forward pass rounds and clips as the integer network will, gradients go straight
   * through. The network that comes back has weights off the grid, to be rounded (`updateQuantNetwork`). Validation
   * rounds weights, not activations.
   */
  readonly fakeQuantization?: FakeQuantization;
};

/** A trained network and how it got there. */
export type TrainResult = {
  readonly graph: Graph;
  readonly history: readonly EpochRecord[];
  /** Epoch that the network is of. */
  readonly epoch: number;
  readonly seconds: number;
};

/** Digest of everything that the outcome depends on, so that a checkpoint is never used for another training. */
function trainingKey(request: TrainRequest, plan: TrainingPlan, replicas: number): string {
  const { graph, split, options, seed, fakeQuantization: fake } = request;
  const layers = graph.nodes.map((node) => [node.kind, node.name, node.shape]);
  const slots = plan.parameters.map(({ node, role, shape }) => [node, role, shape]);
  const bytes = (data: ArrayBufferView): Uint8Array =>
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const weights = graph.nodes.flatMap((node) =>
    Object.entries(node).flatMap(([role, value]: [string, unknown]) =>
      value !== null && typeof value === "object" && (value as { kind?: string }).kind === "tensor"
        ? [[node.name, role, sha256(bytes((value as { data: Float32Array }).data))]]
        : [],
    ),
  );
  return sha256(
    canonicalJson({
      layers,
      slots,
      encoding: graph.encoding,
      weights,
      images: splitDigest(split),
      options,
      seed,
      ...(replicas > 1 && { replicas }),
      ...(fake && {
        fake: [
          [...fake.weights].map(([name, grid]) => [name, { ...grid, scales: Array.from(grid.scales) }]),
          [...fake.activations],
        ],
      }),
    }),
  );
}

function checkRequest(request: TrainRequest, plan: TrainingPlan): void {
  const { graph, split } = request;
  checkSplit(graph, split);
  const classes = plan.logits.shape.at(-1)!;
  const tooLarge = split.labels.findIndex((label) => label >= classes);
  if (tooLarge >= 0) {
    throw new FixynnError("FX3004", `image ${tooLarge} has class ${split.labels[tooLarge]}`, {
      place: `graph ${graph.name}`,
      hint: `the network has ${classes} classes; replace its head`,
    });
  }
  if (split.count === 0)
    throw new FixynnError("FX3005", "no training images", { place: `graph ${graph.name}` });
}

/**
 * Train a network, or the part of it that is not frozen, by SGD with momentum under a cosine schedule.
 *
 * All randomness comes from (seed, epoch, step): a training resumed from its checkpoint gives the weights that it would
 * have given without the interruption, and two runs on one machine give the same bytes.
 *
 * @throws FixynnError FX3001 to FX3005 for requests that make no sense, FX3006 when the loss is not finite,
 *   FX3011 when fake quantization does not fit the network
 */
export async function trainNetwork(request: TrainRequest): Promise<TrainResult> {
  const { graph, split, options, seed, validation } = request;
  const onProgress = request.onProgress ?? silent;
  const job = request.job ?? `train ${graph.name}`;
  const trainable = request.trainable ?? new Set(graph.nodes.map((node) => node.name));
  const plan = planTraining(graph, trainable);
  checkRequest(request, plan);
  const batch = Math.min(options.batch, split.count);
  const classes = plan.logits.shape.at(-1)!;
  const [height, width] = graph.nodes[0]!.shape as [number, number];
  const stepsPerEpoch = Math.floor(split.count / batch);
  const replicas = await replicasFor(batch, request.threads ?? 1);
  const key = request.checkpointFile === undefined ? "" : trainingKey(request, plan, replicas);
  const started = performance.now();
  const root = createRng(seed);
  const batcher = createBatcher({ split, size: { height, width }, classes, train: options, batch });
  const fake = request.fakeQuantization;
  const session = await createTrainingSession(graph, plan, {
    ...{ batch, optimizer: options, replicas },
    ...(fake && { fakeQuantization: fake }),
  });
  const validated = (): Graph =>
    fake === undefined ? session.graph() : fakeQuantizeParameters(session.graph(), fake);
  const front = createFrozenFront(graph, plan, batch);
  const history: EpochRecord[] = [];
  let epoch = 0;
  let best: BestEpoch | undefined;
  const isStopped = (): boolean =>
    best !== undefined && options.patience !== undefined && epoch - best.epoch >= options.patience;
  try {
    if (request.checkpointFile !== undefined) {
      const checkpoint = readCheckpoint(request.checkpointFile, key);
      if (checkpoint !== undefined) {
        session.restore(checkpoint.state);
        history.push(...checkpoint.history);
        epoch = checkpoint.epoch;
        best = checkpoint.best;
      }
    }
    for (; epoch < options.epochs && !isStopped(); epoch++) {
      const epochStarted = performance.now();
      const epochRng = root.fork(`epoch ${epoch}`);
      const order = shuffledIndices(split.count, epochRng.fork("order"));
      let loss = 0;
      let correct = 0;
      const stepRng = (step: number) => epochRng.fork(`step ${step}`);
      const prepare = async (step: number) => {
        const made = batcher.make(
          { indices: order, first: step * batch, round: epoch },
          stepRng(step).fork("images"),
        );
        return { ...made, boundary: await front.run(made.bytes, batch) };
      };
      let next = await prepare(0);
      for (let step = 0; step < stepsPerEpoch; step++) {
        const current = next;
        const running = session.step({
          boundary: current.boundary,
          targets: current.targets,
          learningRate: learningRateAt(epoch * stepsPerEpoch + step, stepsPerEpoch, options),
          rng: stepRng(step),
        });
        // Replicas work on threads of their own: prepare the next batch meanwhile.
        const isLastStep = step + 1 === stepsPerEpoch;
        const [result, prepared] = await Promise.all([running, isLastStep ? current : prepare(step + 1)]);
        next = prepared;
        loss += result.loss;
        for (let i = 0; i < batch; i++) {
          if (argmax(result.logits, i * classes, classes) === current.labels[i]) correct++;
        }
        if (!Number.isFinite(result.loss)) {
          throw new FixynnError("FX3006", `the loss is ${result.loss} in epoch ${epoch + 1}`, {
            place: job,
            hint: "lower the learning rate",
          });
        }
        if (step % 50 === 49) {
          const note = `epoch ${epoch + 1}/${options.epochs}, loss ${(loss / (step + 1)).toFixed(3)}`;
          const done = epoch * stepsPerEpoch + step + 1;
          onProgress({ job, done, total: options.epochs * stepsPerEpoch, unit: "steps", note });
        }
      }
      const seconds = (performance.now() - epochStarted) / 1000;
      const isLast = epoch + 1 === options.epochs;
      const isMeasured =
        validation !== undefined && (isLast || (epoch + 1) % (request.validateEvery ?? 1) === 0);
      const record: EpochRecord = {
        epoch: epoch + 1,
        loss: loss / stepsPerEpoch,
        trainAccuracy: correct / (stepsPerEpoch * batch),
        ...(isMeasured ? { validationAccuracy: (await evaluate(validated(), validation)).top1 } : {}),
        seconds,
      };
      history.push(record);
      const { validationAccuracy } = record;
      if (validationAccuracy !== undefined && validationAccuracy > (best?.validationAccuracy ?? -1))
        best = { epoch: epoch + 1, validationAccuracy, state: session.state() };
      if (request.checkpointFile !== undefined) {
        const state = session.state();
        writeCheckpoint(request.checkpointFile, key, {
          epoch: epoch + 1,
          history,
          state,
          ...(best && { best }),
        });
      }
      await request.onEpoch?.(record, () => session.graph());
    }
    const kept = request.keepBest === true ? best : undefined;
    if (kept !== undefined) session.restore(kept.state);
    const trained = verifyGraph(session.graph());
    return {
      ...{ graph: trained, history, epoch: kept?.epoch ?? epoch },
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    batcher.close();
    await Promise.all([session.close(), front.close()]);
  }
}
