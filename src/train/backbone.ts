import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { createRng, FixynnError, type ProgressListener, sha256, writeFileAtomic } from "../core/index.js";
import type { Split } from "../data/index.js";
import { type Graph, graphToJson } from "../graph/index.js";
import type { EpochRecord } from "./checkpoint.js";
import { evaluate } from "./evaluate.js";
import { mobilenetV1 } from "./mobilenet.js";
import type { TrainOptions } from "./options.js";
import { trainNetwork } from "./trainer.js";

const SIDE = 32;
const PLANE = SIDE * SIDE;
const RECORD = 2 + 3 * PLANE;
const CLASSES = 100;

/** Read CIFAR-100 records: coarse label, fine label, 1024 R, 1024 G, 1024 B. */
function readCifar100(path: string): Split {
  if (!existsSync(path)) {
    throw new FixynnError("FX2001", "no CIFAR-100 file", {
      place: path,
      hint: "give the folder of the binary version, with train.bin and test.bin",
    });
  }
  const bytes = readFileSync(path);
  const count = bytes.length / RECORD;
  if (!Number.isInteger(count) || count === 0) {
    throw new FixynnError("FX2002", `${bytes.length} bytes are no whole number of CIFAR-100 records`, {
      place: path,
    });
  }
  const pixels = new Uint8Array(new SharedArrayBuffer(count * 3 * PLANE));
  const labels = new Uint16Array(new SharedArrayBuffer(2 * count));
  for (let i = 0; i < count; i++) {
    const record = i * RECORD;
    labels[i] = bytes[record + 1]!;
    for (let p = 0; p < PLANE; p++) {
      for (let c = 0; c < 3; c++) pixels[(i * PLANE + p) * 3 + c] = bytes[record + 2 + c * PLANE + p]!;
    }
  }
  return { count, height: SIDE, width: SIDE, channels: 3, pixels, labels };
}

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

/** How to train the backbone. */
export type BackboneRequest = {
  /** Folder with train.bin and test.bin of CIFAR-100's binary version. */
  readonly dataFolder: string;
  /** The model file to write; the record is written beside it. */
  readonly out: string;
  readonly side: number;
  readonly alpha?: number;
  readonly epochs: number;
  readonly seed: number;
  readonly options?: Partial<TrainOptions>;
  readonly checkpointFile?: string;
  /** Write the model file every so many epochs as well, before the end. */
  readonly publishEvery?: number;
  readonly onProgress?: ProgressListener;
  readonly onEpoch?: (record: EpochRecord) => void;
};

/** What a backbone training leaves beside the model. */
export type BackboneRecord = {
  readonly model: string;
  readonly architecture: string;
  readonly finished: boolean;
  readonly config: { readonly side: number; readonly alpha: number; readonly options: TrainOptions };
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

/** Train MobileNetV1 on CIFAR-100 from scratch; write the model and its training record. */
export async function trainBackbone(
  request: BackboneRequest,
): Promise<{ readonly graph: Graph; readonly record: BackboneRecord }> {
  const { side, epochs, seed, out } = request;
  const alpha = request.alpha ?? 0.25;
  const train = readCifar100(join(request.dataFolder, "train.bin"));
  const test = readCifar100(join(request.dataFolder, "test.bin"));
  const options: TrainOptions = { ...BACKBONE_OPTIONS, ...request.options, epochs };
  const rng = createRng(seed).fork("initial weights");
  const start = mobilenetV1({ alpha, side, classes: CLASSES, rng });
  const publish = async (graph: Graph, history: readonly EpochRecord[]): Promise<BackboneRecord> => {
    const accuracy = await evaluate(graph, test);
    const record: BackboneRecord = {
      model: graph.name,
      architecture: `MobileNetV1, width ${alpha}, ${side}x${side}, ${CLASSES} classes`,
      finished: history.length === epochs,
      config: { side, alpha, options },
      seed,
      images: {
        name: "CIFAR-100",
        train: train.count,
        trainSha256: sha256(train.pixels),
        terms: "none stated by the authors; research use",
        citation: "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
      },
      accuracy: { testImages: accuracy.images, testCorrect: accuracy.correct, top1: accuracy.top1 },
      trainingSeconds: history.reduce((sum, { seconds }) => sum + seconds, 0),
      machine: `${cpus()[0]?.model ?? "unknown"}, 1 thread`,
      date: new Date().toISOString().slice(0, 10),
      history,
    };
    writeFileAtomic(out, `${JSON.stringify(graphToJson(graph))}\n`);
    writeFileAtomic(out.replace(/\.json$/, ".record.json"), `${JSON.stringify(record, null, 2)}\n`);
    return record;
  };
  const soFar: EpochRecord[] = [];
  const { graph, history } = await trainNetwork({
    graph: start,
    split: train,
    options,
    seed,
    job: "train backbone",
    ...(request.onProgress === undefined ? {} : { onProgress: request.onProgress }),
    ...(request.checkpointFile === undefined ? {} : { checkpointFile: request.checkpointFile }),
    onEpoch: async (epochRecord, current) => {
      soFar.push(epochRecord);
      request.onEpoch?.(epochRecord);
      const { publishEvery } = request;
      if (
        publishEvery !== undefined &&
        epochRecord.epoch % publishEvery === 0 &&
        epochRecord.epoch < epochs
      ) {
        await publish(current(), soFar);
      }
    },
  });
  return { graph, record: await publish(graph, history) };
}
