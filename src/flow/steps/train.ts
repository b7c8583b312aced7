import { readFileSync } from "node:fs";
import { createRng, writeFileAtomic } from "../../core/index.js";
import { type Split, subset } from "../../data/index.js";
import { type Graph, graphFromJson, graphToJson, type NodeName } from "../../graph/index.js";
import {
  defaultTransferOptions,
  evaluate,
  replaceHead,
  type TrainOptions,
  trainableAfter,
  trainInWorker,
} from "../../train/index.js";
import type { FlowContext } from "../context.js";
import { runPool } from "../pool.js";
import { fileNameOf } from "../run-directory.js";
import type { LoadedDataset } from "./data.js";

/** A network retrained on a dataset, with the front up to `freezePoint` frozen (none: every layer retrained). */
export type TrainedNetwork = {
  readonly dataset: string;
  readonly freezePoint: NodeName | undefined;
  readonly graph: Graph;
  readonly accuracy: { readonly value: number; readonly images: number };
  readonly training: {
    readonly epochs: number;
    readonly seconds: number;
    readonly imagesSeen: number;
    readonly loss?: number;
  };
};

type TrainValue = Pick<TrainedNetwork, "accuracy" | "training">;

/** Train on this: the whole training split, or its first images when the configuration says so. */
function limited(split: Split, images: number | undefined): Split {
  if (images === undefined || images >= split.count) return split;
  return subset(
    split,
    Uint32Array.from({ length: images }, (_, i) => i),
  );
}

function optionsFor(context: FlowContext, images: number): TrainOptions {
  const { flip, images: _limit, ...overrides } = context.config.training;
  const defaults = defaultTransferOptions(images, { flip: flip ?? true });
  const given = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined));
  return { ...defaults, ...given };
}

async function trainOne(
  context: FlowContext,
  backbone: Graph,
  loaded: LoadedDataset,
  freezePoint: NodeName | undefined,
): Promise<TrainedNetwork> {
  const { dataset, key } = loaded;
  const { config, run, onProgress } = context;
  const { seed } = config;
  const split = limited(dataset.train, config.training.images);
  const options = optionsFor(context, split.count);
  const label = freezePoint ?? "unfrozen";
  const name = `train/${dataset.name}/${label}`;
  const file = `models/${fileNameOf(dataset.name, label)}.json`;
  const start = replaceHead(backbone, dataset.classes.length, createRng(seed).fork(`head ${dataset.name}`));
  const dependsOn = {
    backbone: graphToJson(backbone),
    data: key,
    images: split.count,
    freezePoint,
    options,
    seed,
  };
  const outcome = await run.step<TrainValue>(
    name,
    dependsOn,
    async () => {
      const result = await trainInWorker({
        graph: start,
        trainable: trainableAfter(start, freezePoint),
        split,
        options,
        seed,
        checkpointFile: run.path("steps", `${fileNameOf(name)}.checkpoint`),
        onProgress,
        job: name,
      });
      const evaluation = await evaluate(result.graph, dataset.test);
      writeFileAtomic(run.path(file), JSON.stringify(graphToJson(result.graph)));
      const loss = result.history.at(-1)?.loss;
      return {
        accuracy: { value: evaluation.top1, images: evaluation.images },
        training: {
          epochs: options.epochs,
          seconds: result.seconds,
          imagesSeen: options.epochs * Math.floor(split.count / options.batch) * options.batch,
          ...(loss !== undefined && { loss }),
        },
      };
    },
    [file],
  );
  const graph = graphFromJson(JSON.parse(readFileSync(run.path(file), "utf8")));
  return { dataset: dataset.name, freezePoint, graph, ...outcome.value };
}

/**
 * Retrain the backbone for every dataset: once as a whole, for comparison, and once behind each freeze point. As many at a time as
 * there are threads.
 */
export function trainAll(
  context: FlowContext,
  backbone: Graph,
  datasets: readonly LoadedDataset[],
  freezePoints: readonly NodeName[],
): Promise<readonly TrainedNetwork[]> {
  const jobs = datasets.flatMap((loaded) =>
    [undefined, ...freezePoints].map((point) => () => trainOne(context, backbone, loaded, point)),
  );
  return runPool(context.config.threads, jobs);
}
