import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { FixynnError, type ProgressListener, silent, workerUrl } from "../core/index.js";
import type { Split } from "../data/index.js";
import type { NodeName } from "../graph/index.js";
import { sameShape } from "../tensor/index.js";
import type { EvaluateJob, EvaluateMessage } from "./evaluate-protocol.js";
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
  /** Start behind a layer, on its integers for the first images of the split (at least `limit` of them). */
  readonly from?: { readonly node: NodeName; readonly values: QuantValues };
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

/**
 * Predict the class of each image of a split with the golden executor, on several threads.
 *
 * @throws FixynnError FX4009 when the images have another size than the network's input, FX4010 when a worker dies
 */
export async function predictQuantNetwork(
  network: QuantNetwork,
  split: Pick<Split, "count" | "height" | "width" | "channels" | "pixels">,
  options: EvaluateQuantOptions = {},
): Promise<Uint16Array> {
  const { from, onProgress = silent } = options;
  const count = Math.min(split.count, options.limit ?? split.count);
  const { shape } = quantInput(network).output;
  if (from === undefined && !sameShape(shape, [split.height, split.width, split.channels])) {
    throw new FixynnError("FX4009", `images of ${split.height}x${split.width}x${split.channels}`, {
      place: `integer network ${network.name}`,
      hint: `resize them to ${shape.join("x")}`,
    });
  }
  const source = from?.values ?? split.pixels;
  const perImage = from
    ? valuesPerImage(findQuantNode(network, from.node))
    : shape.reduce((a, b) => a * b, 1);
  if (source.length < count * perImage) {
    throw new FixynnError("FX4003", `${source.length} values are fewer than ${count} images`, {
      place: `integer network ${network.name}`,
    });
  }
  const job = (first: number, n: number): EvaluateJob => {
    const values = source.subarray(first * perImage, (first + n) * perImage);
    return { first, count: n, values, ...(from && { from: from.node }) };
  };
  const predictions = new Uint16Array(count);
  let done = 0;
  const record = (first: number, classes: Uint16Array): void => {
    predictions.set(classes, first);
    done += classes.length;
    onProgress({ job: `evaluate ${network.name}`, done, total: count, unit: "images" });
  };
  const jobs = Array.from({ length: Math.ceil(count / CHUNK) }, (_, i) =>
    job(i * CHUNK, Math.min(CHUNK, count - i * CHUNK)),
  );
  const threads = Math.min(options.threads ?? availableParallelism(), jobs.length);
  if (threads <= 1) {
    for (const each of jobs) record(each.first, runEvaluateJob(network, each));
  } else {
    await Promise.all(Array.from({ length: threads }, () => drain(network, jobs, record)));
  }
  return predictions;
}

/** Run one chunk of images; the workers' inner part. */
export function runEvaluateJob(network: QuantNetwork, job: EvaluateJob): Uint16Array {
  const values = job.values;
  const outputs =
    job.from === undefined
      ? executeQuantNetwork(network, values as Uint8Array, job.count)
      : executeQuantNetwork(network, new Uint8Array(0), job.count, { from: { node: job.from, values } });
  return classify(network, outputs.get(network.output)!);
}

/** Start a worker and let it take jobs from the common list until none is left. */
function drain(
  network: QuantNetwork,
  jobs: EvaluateJob[],
  record: (first: number, classes: Uint16Array) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(workerUrl(import.meta.url, "./evaluate.worker.js"), { workerData: network });
    const finish = (error?: FixynnError): void => {
      if (error === undefined) resolve();
      else reject(error);
      void worker.terminate();
    };
    const next = (): void => {
      const job = jobs.shift();
      if (job === undefined) finish();
      // Only the chunk's own values travel, unless they are in shared memory already.
      else {
        const shared = job.values.buffer instanceof SharedArrayBuffer;
        worker.postMessage(shared ? job : { ...job, values: job.values.slice() });
      }
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
