import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { createRng, FixynnError, type ProgressListener, silent, workerUrl } from "../core/index.js";
import { createBatchFiller, NO_AUGMENTATION, type Split } from "../data/index.js";
import type { NodeName } from "../graph/index.js";
import { sameShape } from "../tensor/index.js";
import type { EvaluateJob, EvaluateMessage, EvaluateSetup } from "./evaluate-protocol.js";
import { executeQuantNetwork } from "./execute/execute.js";
import type { QuantNetwork } from "./nodes.js";
import { findQuantNode, type QuantValues, quantInput, valuesPerImage } from "./types.js";

/** Accuracy on some images; `count` belongs to the figure. */
export type QuantEvaluation = {
  readonly count: number;
  readonly correct: number;
  /** correct / count, 0 to 1. */
  readonly top1: number;
};

export type EvaluateQuantOptions = {
  /** Use the first images only. */
  readonly limit?: number;
  /** Worker threads; 1 runs in this thread. Default: one per core. */
  readonly threads?: number;
  /** Start behind this layer: the split then holds its output bytes in place of images. */
  readonly from?: NodeName;
  readonly onProgress?: ProgressListener;
};

/** Images a worker takes at once. */
const CHUNK = 32;

/** Return the class of each image: the first of the largest output integers. */
export function classify(network: QuantNetwork, logits: QuantValues): Uint16Array {
  const classes = valuesPerImage(findQuantNode(network, network.output));
  return Uint16Array.from({ length: logits.length / classes }, (_, image) => {
    const first = image * classes;
    let best = 0;
    for (let c = 1; c < classes; c++) if (logits[first + c]! > logits[first + best]!) best = c;
    return best;
  });
}

/** Check that the bytes of a split can enter a network, or its layers behind `from`. */
function checkBytes(network: QuantNetwork, split: Split, from: NodeName | undefined): void {
  const type = (from === undefined ? quantInput(network) : findQuantNode(network, from)).output;
  const own = [split.height, split.width, split.channels];
  const fits =
    from === undefined
      ? type.shape.length === 3 && type.shape[2] === split.channels
      : sameShape(type.shape.length === 3 ? type.shape : [1, 1, ...type.shape], own) &&
        !type.signed &&
        type.bits === 8;
  if (fits) return;
  throw new FixynnError("FX4009", `images of ${own.join("x")} bytes`, {
    place: `integer network ${network.name}`,
    hint: `${from === undefined ? "it reads images" : `layer ${from} has values`} of ${type.shape.join("x")}`,
  });
}

/** Classifies chunks of a split: reads, resizes to the network's input, runs the integer network. */
export type Classifier = { run(first: number, count: number): Uint16Array; close(): void };

/** Make a {@link Classifier}; the workers' inner part. */
export function createClassifier({ network, split, from }: EvaluateSetup): Classifier {
  const shape = from === undefined ? quantInput(network).output.shape : undefined;
  const [height, width] = shape ?? [split.height, split.width];
  const filler = createBatchFiller(split, { height: height!, width: width! }, NO_AUGMENTATION);
  const perImage = height! * width! * split.channels;
  const rng = createRng(0);
  return {
    run(first, count) {
      const indices = Uint32Array.from({ length: count }, (_, i) => first + i);
      const values = new Uint8Array(count * perImage);
      filler.fill({ indices, first: 0, count }, values, rng);
      const outputs =
        from === undefined
          ? executeQuantNetwork(network, values, count)
          : executeQuantNetwork(network, new Uint8Array(0), count, { from: { node: from, values } });
      return classify(network, outputs.get(network.output)!);
    },
    close: () => filler.close(),
  };
}

/**
 * Predict the class of each image of a split with the golden executor, on several threads. Images are resized to the network's input
 * chunk by chunk, so that memory does not grow with their number.
 *
 * @throws FixynnError FX4009 when the images do not fit the network, FX4010 when a worker dies
 */
export async function predictQuantNetwork(
  network: QuantNetwork,
  split: Split,
  options: EvaluateQuantOptions = {},
): Promise<Uint16Array> {
  const { from, onProgress = silent } = options;
  const count = Math.min(split.count, options.limit ?? split.count);
  checkBytes(network, split, from);
  const predictions = new Uint16Array(count);
  let done = 0;
  const record = (first: number, classes: Uint16Array): void => {
    predictions.set(classes, first);
    done += classes.length;
    onProgress({ job: `evaluate ${network.name}`, done, total: count, unit: "images" });
  };
  const jobs = Array.from({ length: Math.ceil(count / CHUNK) }, (_, i) => ({
    first: i * CHUNK,
    count: Math.min(CHUNK, count - i * CHUNK),
  }));
  const setup: EvaluateSetup = { network, split, from };
  const threads = Math.min(options.threads ?? availableParallelism(), jobs.length);
  if (threads <= 1) {
    const classifier = createClassifier(setup);
    try {
      for (const job of jobs) record(job.first, classifier.run(job.first, job.count));
    } finally {
      classifier.close();
    }
  } else {
    await Promise.all(Array.from({ length: threads }, () => drain(setup, jobs, record)));
  }
  return predictions;
}

/** Start a worker and let it take jobs from the common list until none is left. */
function drain(
  setup: EvaluateSetup,
  jobs: EvaluateJob[],
  record: (first: number, classes: Uint16Array) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(workerUrl(import.meta.url, "./evaluate.worker.js"), { workerData: setup });
    const finish = (error?: FixynnError): void => {
      if (error === undefined) resolve();
      else reject(error);
      void worker.terminate();
    };
    const next = (): void => {
      const job = jobs.shift();
      if (job === undefined) finish();
      else worker.postMessage(job);
    };
    worker.on("message", (message: EvaluateMessage) => {
      if (message.kind === "failed") {
        finish(new FixynnError("FX4010", `evaluation failed: ${message.message}`));
        return;
      }
      record(message.first, message.classes);
      next();
    });
    const died = (cause: unknown): void =>
      finish(new FixynnError("FX4010", `the evaluation worker ended: ${String(cause)}`, { cause }));
    worker.on("error", died);
    worker.on("exit", died);
    next();
  });
}

/**
 * Measure the top-1 accuracy of an integer network with the golden executor, on several threads.
 *
 * @throws FixynnError as {@link predictQuantNetwork}
 */
export async function evaluateQuantNetwork(
  network: QuantNetwork,
  split: Split,
  options: EvaluateQuantOptions = {},
): Promise<QuantEvaluation> {
  const predictions = await predictQuantNetwork(network, split, options);
  let correct = 0;
  for (const [image, predicted] of predictions.entries()) if (predicted === split.labels[image]) correct++;
  const count = predictions.length;
  return { count, correct, top1: count === 0 ? 0 : correct / count };
}
