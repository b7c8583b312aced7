import { readFileSync } from "node:fs";
import { createRng, invariant, type ProgressListener, writeFileAtomic } from "../core/index.js";
import { compareNormalization } from "../cost/index.js";
import { subset } from "../data/index.js";
import { type Graph, graphToJson, type NodeName, splitGraph } from "../graph/index.js";
import { compileFrontEnd } from "../hw/index.js";
import {
  evaluateQuantNetwork,
  isSameSilicon,
  makeProgrammable,
  programNormalization,
  type QuantNetwork,
  quantize,
  quantNetworkFromJson,
  quantNetworkToJson,
  truncateQuantNetwork,
} from "../quant/index.js";
import { replaceHead, trainableAfter } from "../train/index.js";
import { appendTail, floatNetwork, withBatchNorm } from "../transfer/index.js";
import type { Config } from "./config.js";
import type { FlowContext } from "./context.js";
import { normalizationText } from "./normalization-text.js";
import { fileNameOf, RunDirectory } from "./run-directory.js";
import { loadTechnology } from "./steps/cost.js";
import { inputBytes, loadDatasets, spreadIndices } from "./steps/data.js";
import { calibrationBytes, type PreparedBackbone, prepareBackbone } from "./steps/front.js";
import { loadBackbone, orderedFreezePoints } from "./steps/model.js";
import { quantizeAll } from "./steps/quantize.js";
import { prepareTasks, type Task } from "./steps/tasks.js";
import { meanAccuracy, type Subject, type TrainedNetwork, trainAll, trainSubject } from "./steps/train.js";

/** What to compare. */
export type NormalizationRequest = {
  readonly config: Config;
  readonly baseFolder: string;
  readonly folder: string;
  readonly onProgress: ProgressListener;
};

type Accuracy = { readonly value: number; readonly images: number };

/** One dataset at one freeze point. */
export type NormalizationRow = {
  readonly dataset: string;
  readonly freezePoint: string;
  readonly unfrozen: { readonly float: Accuracy; readonly int8: Accuracy };
  /** Front of constants. */
  readonly plain: { readonly float: Accuracy; readonly int8: Accuracy };
  /** The same front with scale and bias of every channel in registers, fine-tuned with the tail. */
  readonly programmable: {
    readonly float: Accuracy;
    readonly int8: Accuracy;
    /** Register values that had to be brought into their range. */
    readonly saturated: number;
    /** Channels with registers. */
    readonly channels: number;
  };
};

/** Silicon of one freeze point, with constants and with registers. */
export type NormalizationSilicon = {
  readonly freezePoint: string;
  readonly technology: string;
  readonly plainMm2: number;
  readonly programmableMm2: number;
  readonly areaRatio: number;
  readonly energyRatio: number;
  readonly channels: number;
  readonly registerBits: number;
};

/** Accuracy gained and silicon paid by programmable normalization. */
export type NormalizationResults = {
  readonly backbone: string;
  readonly rows: readonly NormalizationRow[];
  readonly silicon: readonly NormalizationSilicon[];
};

/** The reference front in float with batch norms that change nothing yet, and the tail behind it. */
async function adaptableNetwork(
  prepared: PreparedBackbone,
  task: Task,
  options: { readonly freezePoint: NodeName; readonly seed: number; readonly calibrationImages: number },
): Promise<Graph> {
  const { freezePoint, seed, calibrationImages } = options;
  const { dataset } = task.loaded;
  const front = truncateQuantNetwork(prepared.front, freezePoint);
  const side = front.nodes[0]!.output.shape[0]!;
  const { pixels, count } = calibrationBytes([task.loaded], side, calibrationImages);
  const float = await withBatchNorm(floatNetwork(front), pixels, count);
  const head = createRng(seed).fork(`head ${dataset.name}`);
  const { tail } = splitGraph(replaceHead(prepared.graph, dataset.classes.length, head), freezePoint);
  return appendTail(float, tail);
}

/** Fine-tune the batch norms of the front together with the tail; the front's weights stay. */
async function trainAdapted(
  context: FlowContext,
  prepared: PreparedBackbone,
  task: Task,
  freezePoint: NodeName,
): Promise<TrainedNetwork> {
  const { config } = context;
  const { calibrationImages } = config.quantization;
  const graphs = new Map<number, Graph>();
  for (let i = 0; i < (task.training.seeds ?? 1); i++) {
    const seed = config.seed + i;
    graphs.set(seed, await adaptableNetwork(prepared, task, { freezePoint, seed, calibrationImages }));
  }
  const start = (seed: number): Graph => graphs.get(seed)!;
  const network = start(config.seed);
  const frozen = new Set(network.nodes.map(({ name }) => name));
  for (const name of trainableAfter(network, freezePoint)) frozen.delete(name);
  const trainable = new Set(
    network.nodes.flatMap(({ kind, name }) => (!frozen.has(name) || kind === "batchNorm" ? [name] : [])),
  );
  const subject: Subject = {
    ...{ context, task, freezePoint: undefined, label: `${freezePoint} programmable`, parts: task.images },
    ...{ whole: start, start, trainable },
    dependsOn: { network: graphToJson(network), freezePoint, programmable: true },
  };
  return { ...(await trainSubject(subject)), freezePoint };
}

/** Turn the fine-tuned batch norms into register values, quantize the tail behind them, and measure. */
async function quantizeAdapted(
  context: FlowContext,
  reference: QuantNetwork,
  trained: TrainedNetwork,
  task: Task,
  suffix: string,
): Promise<Omit<NormalizationRow["programmable"], "float">> {
  const { config, run, onProgress } = context;
  const freezePoint = trained.freezePoint!;
  const { name: dataset } = task.loaded.dataset;
  const { mode, calibrationImages } = config.quantization;
  const label = `${freezePoint}${suffix}`;
  const name = `programmable/${dataset}/${label}`;
  const file = `integer/${fileNameOf(dataset, label)}-programmable.json`;
  const dependsOn = {
    graph: graphToJson(trained.graph),
    reference: quantNetworkToJson(reference),
    ...{ mode, calibrationImages, limit: config.evaluation.int8Images },
  };
  const outcome = await run.step(
    name,
    dependsOn,
    async () => {
      const { train, test } = task.images;
      const side = trained.graph.nodes[0]!.shape[0]!;
      const chosen = subset(train, spreadIndices(train.count, calibrationImages));
      const { bytes, count } = inputBytes(chosen, side, chosen.count);
      const calibration = { pixels: bytes, count };
      const front = splitGraph(trained.graph, freezePoint).front;
      const programmed = await programNormalization(reference, front, {
        calibration,
        saturate: true,
        onProgress,
      });
      invariant(isSameSilicon(reference, programmed.network), "programming changes registers only");
      const network = await quantize(trained.graph, {
        calibration,
        mode,
        fixedFront: programmed.network,
        onProgress,
      });
      writeFileAtomic(run.path(file), JSON.stringify(quantNetworkToJson(network)));
      const tested = subset(test, spreadIndices(test.count, config.evaluation.int8Images));
      const { top1, count: images } = await evaluateQuantNetwork(network, tested, {
        threads: config.threads,
        onProgress,
      });
      return { int8: { value: top1, images }, saturated: programmed.saturated.length };
    },
    [file],
  );
  // The file is what a run that goes on reads: it must be a network.
  quantNetworkFromJson(JSON.parse(readFileSync(run.path(file), "utf8")), file);
  const channels = reference.nodes.reduce(
    (sum, node) =>
      sum +
      ("requantization" in node && node.requantization.mode === "programmable"
        ? node.requantization.multipliers.length
        : 0),
    0,
  );
  return { ...outcome.value, channels };
}

async function siliconOf(
  context: FlowContext,
  plain: QuantNetwork,
  reference: QuantNetwork,
  freezePoint: NodeName,
): Promise<NormalizationSilicon> {
  const technology = loadTechnology(context);
  const { clockMhz } = context.config.cost;
  const step = await context.run.step(
    `silicon/${freezePoint}`,
    {
      plain: quantNetworkToJson(plain),
      reference: quantNetworkToJson(reference),
      technology: technology.name,
      clockMhz,
    },
    (): NormalizationSilicon => {
      const cost = compareNormalization(
        compileFrontEnd(plain, freezePoint),
        compileFrontEnd(reference, freezePoint),
        {
          technology,
          ...(clockMhz !== undefined && { clockMhz }),
        },
      );
      const { areaRatio, energyRatio, channels, registerBits } = cost;
      return {
        ...{ freezePoint, technology: technology.name, areaRatio, energyRatio, channels, registerBits },
        plainMm2: cost.plain.areaMm2.total,
        programmableMm2: cost.programmable.areaMm2.total,
      };
    },
  );
  return step.value;
}

/**
 * Compare plain freezing with programmable normalization at every freeze point: accuracy of both, fine-tuned under the same budget, and
 * what the registers and multipliers cost in silicon.
 *
 * @throws FixynnError as the steps of a sweep
 */
export async function runNormalization(request: NormalizationRequest): Promise<NormalizationResults> {
  const { config, baseFolder, folder, onProgress } = request;
  const run = new RunDirectory(folder);
  const context: FlowContext = { config, baseFolder, run, onProgress };
  const backbone = await loadBackbone(context);
  const points = orderedFreezePoints(backbone.graph, config.freezePoints);
  const datasets = await loadDatasets(context, backbone.graph.nodes[0]!.shape[0]!);
  const prepared = await prepareBackbone(context, backbone, datasets, points);
  const tasks = await prepareTasks(context, prepared, datasets, points);
  const trained = await trainAll(context, prepared, tasks, points);
  const integer = await quantizeAll(context, prepared, trained, tasks);
  const rows: NormalizationRow[] = [];
  const silicon: NormalizationSilicon[] = [];
  for (const freezePoint of points) {
    const plain = truncateQuantNetwork(prepared.front, freezePoint);
    const reference = makeProgrammable(plain);
    silicon.push(await siliconOf(context, plain, reference, freezePoint));
    for (const task of tasks) {
      const { name: dataset } = task.loaded.dataset;
      const both = (point: NodeName | undefined): NormalizationRow["plain"] => ({
        float: trained.find((one) => one.dataset === dataset && one.freezePoint === point)!.accuracy,
        int8: integer.find((one) => one.dataset === dataset && one.freezePoint === point)!.accuracy,
      });
      const adapted = await trainAdapted(context, prepared, task, freezePoint);
      const quantized = await quantizeAdapted(context, reference, adapted, task, "");
      const accuracies = [quantized.int8];
      for (const { seed, ...repeat } of adapted.repeats) {
        const again = { ...adapted, ...repeat };
        accuracies.push((await quantizeAdapted(context, reference, again, task, ` seed ${seed}`)).int8);
      }
      rows.push({
        ...{ dataset, freezePoint, unfrozen: both(undefined), plain: both(freezePoint) },
        programmable: { ...quantized, float: adapted.accuracy, int8: meanAccuracy(accuracies) },
      });
    }
  }
  const results = { backbone: prepared.graph.name, rows, silicon };
  writeFileAtomic(run.path("normalization.json"), `${JSON.stringify(results, null, 2)}\n`);
  writeFileAtomic(run.path("normalization.md"), normalizationText(results));
  return results;
}
