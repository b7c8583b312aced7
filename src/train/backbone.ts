import { cpus } from "node:os";
import { createRng, type ProgressListener, sha256, writeFileAtomic } from "../core/index.js";
import { gatherImages, readCifar100 } from "../data/index.js";
import { type Graph, graphToJson } from "../graph/index.js";
import type { EpochRecord } from "./checkpoint.js";
import { evaluate } from "./evaluate.js";
import { mobilenetV1 } from "./mobilenet.js";
import type { TrainOptions } from "./options.js";
import { trainNetwork } from "./trainer.js";

const CLASSES = 100;

/** The recipe of the committed backbone, found by measurement (docs/train.md). */
export const BACKBONE_OPTIONS: TrainOptions = {
  epochs: 130,
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
  /** Default {@link BACKBONE_OPTIONS}. */
  readonly options?: TrainOptions;
  /** Where to keep the state after each epoch. */
  readonly checkpointFile?: string;
  readonly onProgress?: ProgressListener;
  readonly onEpoch?: (record: EpochRecord) => void;
};

/** What a backbone training leaves beside the model. */
export type BackboneRecord = {
  readonly model: string;
  readonly architecture: string;
  readonly config: {
    readonly side: number;
    readonly alpha: number;
    readonly options: TrainOptions;
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
  readonly history: readonly EpochRecord[];
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
  const { side = 48, alpha = 0.25, options = BACKBONE_OPTIONS, seed, out, checkpointFile, onEpoch } = request;
  const { train, test } = await readCifar100(request.dataFolder);
  const rng = createRng(seed).fork("initial weights");
  const { graph, history } = await trainNetwork({
    graph: mobilenetV1({ alpha, side, classes: CLASSES, rng }),
    split: train,
    options,
    seed,
    job: "train backbone",
    ...(request.onProgress === undefined ? {} : { onProgress: request.onProgress }),
    ...(checkpointFile === undefined ? {} : { checkpointFile }),
    ...(onEpoch === undefined ? {} : { onEpoch: (epochRecord) => onEpoch(epochRecord) }),
  });
  const accuracy = await evaluate(graph, test);
  const record: BackboneRecord = {
    model: graph.name,
    architecture: `MobileNetV1, width ${alpha}, ${side}x${side}, ${CLASSES} classes`,
    config: { side, alpha, options },
    seed,
    images: {
      name: "CIFAR-100",
      train: train.count,
      trainSha256: sha256(gatherImages(train)),
      terms: "none stated by the authors; research use",
      citation: "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
    },
    accuracy: { testImages: accuracy.images, testCorrect: accuracy.correct, top1: accuracy.top1 },
    trainingSeconds: history.reduce((sum, { seconds }) => sum + seconds, 0),
    machine: `${cpus()[0]?.model.trim() ?? "unknown"}, 1 thread`,
    date: new Date().toISOString().slice(0, 10),
    history,
  };
  writeFileAtomic(out, `${JSON.stringify(graphToJson(graph))}\n`);
  writeFileAtomic(out.replace(/\.json$/, ".record.json"), `${JSON.stringify(record, null, 2)}\n`);
  return { graph, record };
}
