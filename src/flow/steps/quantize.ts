import { readFileSync } from "node:fs";
import { runPool, writeFileAtomic } from "../../core/index.js";
import { type Split, splitDigest, subset } from "../../data/index.js";
import { graphToJson, type NodeName } from "../../graph/index.js";
import {
  evaluateQuantNetwork,
  type QuantNetwork,
  quantize,
  quantNetworkFromJson,
  quantNetworkToJson,
  truncateQuantNetwork,
} from "../../quant/index.js";
import type { FlowContext } from "../context.js";
import { fileNameOf } from "../run-directory.js";
import { inputBytes, spreadIndices } from "./data.js";
import { type FineTuningFigures, fineTuneWhereNeeded } from "./fine-tune.js";
import type { PreparedBackbone } from "./front.js";
import type { Task } from "./tasks.js";
import { meanAccuracy, type SeededAccuracy, type TrainedNetwork } from "./train.js";

/** An integer network of one dataset and freeze point. */
export type IntegerNetwork = {
  readonly dataset: string;
  /** None: the whole network, retrained and quantized for this task alone. */
  readonly freezePoint: NodeName | undefined;
  readonly network: QuantNetwork;
  /** What fine-tuning did, where calibration alone lost too much. */
  readonly fineTuning?: FineTuningFigures;
  /** Of the golden executor; the mean over the seeds. */
  readonly accuracy: SeededAccuracy;
};

/** Quantize the network of one seed; `suffix` keeps the steps and files of further seeds apart. */
async function quantizeSeed(
  context: FlowContext,
  prepared: PreparedBackbone,
  trained: TrainedNetwork,
  task: Task,
  suffix: string,
): Promise<IntegerNetwork> {
  const { config, run, onProgress } = context;
  const { images, features } = task;
  const { freezePoint } = trained;
  const { name: dataset } = task.loaded.dataset;
  const side = trained.graph.nodes[0]!.shape[0]!;
  const { mode, calibrationImages } = config.quantization;
  const label = `${freezePoint ?? "unfrozen"}${suffix}`;
  const fixedFront = freezePoint && truncateQuantNetwork(prepared.front, freezePoint);
  const file = `integer/${fileNameOf(dataset, label)}.json`;
  const dependsOn = {
    graph: graphToJson(trained.graph),
    data: splitDigest(images.train),
    mode,
    calibrationImages,
    fixedFront: fixedFront === undefined ? null : quantNetworkToJson(fixedFront),
  };
  await run.step(
    `quantize/${dataset}/${label}`,
    dependsOn,
    async () => {
      const chosen = subset(images.train, spreadIndices(images.train.count, calibrationImages));
      const { bytes, count } = inputBytes(chosen, side, chosen.count);
      const calibration = { pixels: bytes, count };
      const options = { calibration, mode, onProgress, ...(fixedFront && { fixedFront }) };
      const network = await quantize(trained.graph, options);
      writeFileAtomic(run.path(file), JSON.stringify(quantNetworkToJson(network)));
      return {};
    },
    [file],
  );
  const calibrated = quantNetworkFromJson(JSON.parse(readFileSync(run.path(file), "utf8")), file);
  const { network, figures } = await fineTuneWhereNeeded(context, calibrated, trained, task, label);
  const limit = config.evaluation.int8Images;
  const test: Split = freezePoint === undefined ? images.test : features.test.get(freezePoint)!;
  const tested = { network: quantNetworkToJson(network), data: splitDigest(test), limit };
  const evaluated = await run.step(`int8/${dataset}/${label}`, tested, async () => {
    const { top1, count } = await evaluateQuantNetwork(
      network,
      subset(test, spreadIndices(test.count, limit)),
      {
        threads: config.threads,
        onProgress,
        ...(freezePoint && { from: freezePoint }),
      },
    );
    return { value: top1, images: count };
  });
  return {
    dataset,
    freezePoint,
    network,
    accuracy: evaluated.value,
    ...(figures && { fineTuning: figures }),
  };
}

/** Quantize the network of every seed; that of the first goes on. */
async function quantizeOne(
  context: FlowContext,
  prepared: PreparedBackbone,
  trained: TrainedNetwork,
  task: Task,
): Promise<IntegerNetwork> {
  const first = await quantizeSeed(context, prepared, trained, task, "");
  const accuracies = [first.accuracy];
  for (const { seed, ...repeat } of trained.repeats) {
    const one = await quantizeSeed(context, prepared, { ...trained, ...repeat }, task, ` seed ${seed}`);
    accuracies.push(one.accuracy);
  }
  return { ...first, accuracy: meanAccuracy(accuracies) };
}

/**
 * Quantize every network: tails behind the one integer front that they were trained on, whole networks as a whole. As many at a time as there are
 * threads, since some are trained further.
 */
export function quantizeAll(
  context: FlowContext,
  prepared: PreparedBackbone,
  trained: readonly TrainedNetwork[],
  tasks: readonly Task[],
): Promise<readonly IntegerNetwork[]> {
  const taskOf = ({ dataset }: TrainedNetwork): Task =>
    tasks.find(({ loaded }) => loaded.dataset.name === dataset)!;
  return runPool(
    context.config.threads,
    trained.map((one) => () => quantizeOne(context, prepared, one, taskOf(one))),
  );
}
