import { readFileSync } from "node:fs";
import { writeFileAtomic } from "../../core/index.js";
import { NO_AUGMENTATION, type Split, splitDigest } from "../../data/index.js";
import { graphToJson, splitGraph } from "../../graph/index.js";
import {
  evaluateQuantNetwork,
  prepareFineTuning,
  type QuantNetwork,
  quantNetworkFromJson,
  quantNetworkToJson,
  updateQuantNetwork,
} from "../../quant/index.js";
import { type TrainOptions, trainInWorker } from "../../train/index.js";
import type { FlowContext } from "../context.js";
import { fileNameOf } from "../run-directory.js";
import type { Task } from "./tasks.js";
import type { TrainedNetwork } from "./train.js";

/** Accuracy on validation images that quantization may lose before a network is fine-tuned, 0 to 1. */
export const FINE_TUNING_LOSS = 0.005;
/** Of the epochs and of the peak learning rate of the training in float. */
const EPOCHS_SHARE = 0.2;
const RATE_SHARE = 0.05;

/** What quantization-aware fine-tuning did; accuracies on validation images. */
export type FineTuningFigures = {
  readonly float: number;
  readonly before: number;
  readonly after: number;
  /** Whether the fine-tuned network is the one that counts: it is when it is better. */
  readonly kept: boolean;
};

/** An integer network, fine-tuned where that was called for. */
export type FineTunedNetwork = { readonly network: QuantNetwork; readonly figures?: FineTuningFigures };

/**
 * Train a network that loses more than {@link FINE_TUNING_LOSS} by quantization a little further, under the scales of its integer form:
 * weights and activations rounded and clipped in the forward pass, gradients straight through (Jacob 2018). The better of both on validation
 * images is kept.
 */
export async function fineTuneWhereNeeded(
  context: FlowContext,
  network: QuantNetwork,
  trained: TrainedNetwork,
  task: Task,
  label: string,
): Promise<FineTunedNetwork> {
  const { config, run, onProgress } = context;
  const { freezePoint } = trained;
  const { name: dataset } = task.loaded.dataset;
  const part = (which: "train" | "validation"): Split =>
    freezePoint === undefined ? task.images[which] : task.features[which].get(freezePoint)!;
  const measure = async (one: QuantNetwork): Promise<number> => {
    const from = freezePoint && { from: freezePoint };
    const options = { threads: config.threads, onProgress, ...from };
    return (await evaluateQuantNetwork(one, part("validation"), options)).top1;
  };
  const name = `fine-tune/${dataset}/${label}`;
  const file = `integer/${fileNameOf(dataset, label)}-fine-tuned.json`;
  const options: TrainOptions = {
    ...task.options,
    epochs: Math.max(1, Math.round(task.options.epochs * EPOCHS_SHARE)),
    learningRate: trained.training.learningRate * RATE_SHARE,
    augmentation: freezePoint === undefined ? task.options.augmentation : NO_AUGMENTATION,
  };
  const dependsOn = {
    network: quantNetworkToJson(network),
    graph: graphToJson(trained.graph),
    parts: [splitDigest(part("train")), splitDigest(part("validation"))],
    ...{ options, seed: config.seed },
  };
  const outcome = await run.step<FineTuningFigures | null>(name, dependsOn, async () => {
    const float = trained.validationAccuracy;
    const before = await measure(network);
    if (float - before <= FINE_TUNING_LOSS) return null;
    const graph = freezePoint === undefined ? trained.graph : splitGraph(trained.graph, freezePoint).tail;
    const prepared = prepareFineTuning(network, graph);
    const { graph: tuned } = await trainInWorker({
      ...{ graph: prepared.graph, fakeQuantization: prepared.fakeQuantization, split: part("train") },
      ...{ options, seed: config.seed, onProgress, job: name },
      checkpointFile: run.path("steps", `${fileNameOf(name)}.checkpoint`),
    });
    const updated = updateQuantNetwork(network, tuned);
    const after = await measure(updated);
    writeFileAtomic(run.path(file), JSON.stringify(quantNetworkToJson(updated)));
    return { float, before, after, kept: after > before };
  });
  const figures = outcome.value;
  if (figures === null) return { network };
  if (!figures.kept) return { network, figures };
  return { network: quantNetworkFromJson(JSON.parse(readFileSync(run.path(file), "utf8")), file), figures };
}
