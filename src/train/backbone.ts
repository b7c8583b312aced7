import { cpus } from "node:os";
import { createRng, type ProgressListener, sha256, writeFileAtomic } from "../core/index.js";
import { readCifar100 } from "../data/index.js";
import { type Graph, graphToJson } from "../graph/index.js";
import type { EpochRecord } from "./checkpoint.js";
import { evaluate } from "./evaluate.js";
import { mobilenetV1 } from "./mobilenet.js";
import type { TrainOptions } from "./options.js";
import { trainNetwork } from "./trainer.js";

const CLASSES = 100;

/** The recipe of the committed backbone, found by measurement (docs/train.md). */
export const BACKBONE_OPTIONS: Omit<TrainOptions, "epochs"> = {
  batch: 64,
  learningRate: 0.1,
  warmupEpochs: 2,
  momentum: 0.9,
  nesterov: true,
  weightDecay: 5e-4,
  statisticsMomentum: 0.95,
  labelSmoothing: 0.1,
  mixup: 0,
  augmentation: { flip: true, shift: 4, border: "reflect", cutout: 8 },
};

/** Trainings one after the other, each from the weights of the one before: a warm restart of the schedule. */
export const BACKBONE_STAGES: readonly TrainOptions[] = [
  { ...BACKBONE_OPTIONS, epochs: 130 },
  { ...BACKBONE_OPTIONS, epochs: 36, learningRate: 0.05, warmupEpochs: 1, mixup: 0.2 },
];

/** How to train the backbone. */
export type BackboneRequest = {
  /** Folder with train.bin, test.bin and fine_label_names.txt of CIFAR-100's binary version. */
  readonly dataFolder: string;
  /** The model file to write; the record is written beside it. */
  readonly out: string;
  /** Input height and width; default 48. */
  readonly side?: number;
  /** Width multiplier; default 0.25. */
  readonly alpha?: number;
  readonly seed: number;
  /** Default {@link BACKBONE_STAGES}. */
  readonly stages?: readonly TrainOptions[];
  /** Where to keep the state; stage i > 1 appends `.i`. */
  readonly checkpointFile?: string;
  readonly onProgress?: ProgressListener;
  readonly onEpoch?: (record: EpochRecord, stage: number) => void;
};

/** What a backbone training leaves beside the model. */
export type BackboneRecord = {
  readonly model: string;
  readonly architecture: string;
  readonly config: {
    readonly side: number;
    readonly alpha: number;
    readonly stages: readonly TrainOptions[];
  };
  readonly seed: number;
  readonly images: {
    readonly name: string;
    readonly train: number;
    readonly trainSha256: string;
    readonly terms: string;
    readonly citation: string;
  };
  readonly accuracy: { readonly testImages: number; readonly testCorrect: number; readonly top1: number };
  readonly trainingSeconds: number;
  readonly machine: string;
  readonly date: string;
  /** By stage. */
  readonly history: readonly (readonly EpochRecord[])[];
};

/**
 * Train MobileNetV1 on CIFAR-100 from scratch; write the model and its training record (`NAME.record.json`). Interrupted
 * and started again with the same checkpoint file, it goes on where it was.
 *
 * @throws FixynnError FX2xxx when the images cannot be read, FX8001 when the model cannot be written
 */
export async function trainBackbone(
  request: BackboneRequest,
): Promise<{ readonly graph: Graph; readonly record: BackboneRecord }> {
  const { side = 48, alpha = 0.25, stages = BACKBONE_STAGES, seed, out, checkpointFile, onEpoch } = request;
  const { train, test } = await readCifar100(request.dataFolder);
  const rng = createRng(seed).fork("initial weights");
  let graph = mobilenetV1({ alpha, side, classes: CLASSES, rng });
  const history: (readonly EpochRecord[])[] = [];
  for (const [stage, options] of stages.entries()) {
    const result = await trainNetwork({
      graph,
      split: train,
      options,
      seed: seed + stage,
      job: `train backbone, stage ${stage + 1}`,
      ...(request.onProgress === undefined ? {} : { onProgress: request.onProgress }),
      ...(checkpointFile === undefined
        ? {}
        : { checkpointFile: stage === 0 ? checkpointFile : `${checkpointFile}.${stage + 1}` }),
      onEpoch: (epochRecord) => onEpoch?.(epochRecord, stage + 1),
    });
    graph = result.graph;
    history.push(result.history);
  }
  const accuracy = await evaluate(graph, test);
  const record: BackboneRecord = {
    model: graph.name,
    architecture: `MobileNetV1, width ${alpha}, ${side}x${side}, ${CLASSES} classes`,
    config: { side, alpha, stages },
    seed,
    images: {
      name: "CIFAR-100",
      train: train.count,
      trainSha256: sha256(train.pixels),
      terms: "none stated by the authors; research use",
      citation: "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
    },
    accuracy: { testImages: accuracy.images, testCorrect: accuracy.correct, top1: accuracy.top1 },
    trainingSeconds: history.flat().reduce((sum, { seconds }) => sum + seconds, 0),
    machine: `${cpus()[0]?.model.trim() ?? "unknown"}, 1 thread`,
    date: new Date().toISOString().slice(0, 10),
    history,
  };
  writeFileAtomic(out, `${JSON.stringify(graphToJson(graph))}\n`);
  writeFileAtomic(out.replace(/\.json$/, ".record.json"), `${JSON.stringify(record, null, 2)}\n`);
  return { graph, record };
}
