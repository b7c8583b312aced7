import { createRng } from "../../core/index.js";
import { defaultCacheFolder, holdOut, NO_AUGMENTATION, type Split, subset } from "../../data/index.js";
import type { NodeName } from "../../graph/index.js";
import { defaultTransferOptions, type TrainOptions } from "../../train/index.js";
import { extractFeatures, type Features } from "../../transfer/index.js";
import type { Config } from "../config.js";
import type { FlowContext } from "../context.js";
import { firstImages, type LoadedDataset } from "./data.js";
import type { PreparedBackbone } from "./front.js";

/** Images, or features of them, for the three purposes. */
export type Parts<T> = {
  /** What is learned from. */
  readonly train: T;
  /** What choices are made by: learning rates, when to stop, whether to fine-tune. */
  readonly validation: T;
  /** Looked at once, in the end. */
  readonly test: T;
};

/** A dataset, divided, with its features at all freeze points. */
export type Task = {
  readonly loaded: LoadedDataset;
  readonly images: Parts<Split>;
  readonly features: Parts<Features>;
  readonly options: TrainOptions;
  /** What the configuration says of this dataset. */
  readonly training: Config["training"];
};

/** Share of the training images that is held back for validation, and the most of them. */
const VALIDATION_SHARE = 0.1;
const MOST_VALIDATION_IMAGES = 2500;
/** Augmented views of an image in the cache: enough that a small set has this many, within these bounds. */
const VIEWS = { images: 40_000, least: 4, most: 16 } as const;

/** What the configuration says of training on a dataset: of all datasets, and of this one. */
export function overridesOf({ config }: FlowContext, dataset: string): Config["training"] {
  const own = config.perDataset[dataset] ?? {};
  return { ...config.training, ...own };
}

/** The fields that are there. */
function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** Choose how to train on some images: the defaults for their number and size under what the configuration says. */
function optionsFor(overrides: Config["training"], { count, height }: Split): TrainOptions {
  const {
    flip,
    augmentation,
    images: _images,
    views: _views,
    seeds: _seeds,
    search: _search,
    ...training
  } = overrides;
  const defaults = defaultTransferOptions(count, { flip: flip ?? true, side: height });
  return {
    ...defaults,
    ...given(training),
    augmentation: { ...defaults.augmentation, ...given(augmentation ?? {}) },
  };
}

/** Divide a dataset's training images in those to learn from and those to validate on, never through a group. */
function divide(context: FlowContext, { dataset }: LoadedDataset, limit: number | undefined): Parts<Split> {
  const all = firstImages(dataset.train, limit);
  const fraction = Math.min(VALIDATION_SHARE, MOST_VALIDATION_IMAGES / all.count);
  const rng = createRng(context.config.seed).fork(`validation ${dataset.name}`);
  const { kept, held } = holdOut(all, { fraction, rng });
  return { train: subset(all, kept), validation: subset(all, held), test: dataset.test };
}

/**
 * Divide every dataset and run its images through the integer front, once for all freeze points: several augmented views of the training
 * images, the others as they are.
 */
export async function prepareTasks(
  context: FlowContext,
  prepared: PreparedBackbone,
  datasets: readonly LoadedDataset[],
  layers: readonly NodeName[],
): Promise<readonly Task[]> {
  const { config, onProgress } = context;
  const tasks: Task[] = [];
  for (const loaded of datasets) {
    const { name } = loaded.dataset;
    const training = overridesOf(context, name);
    const images = divide(context, loaded, training.images);
    const options = optionsFor(training, images.train);
    const wanted = Math.ceil(VIEWS.images / images.train.count);
    const views = training.views ?? Math.min(Math.max(wanted, VIEWS.least), VIEWS.most);
    const extract = (part: keyof Parts<Split>): Promise<Features> =>
      extractFeatures({
        ...{ front: prepared.front, layers, split: images[part], seed: config.seed, onProgress },
        augmentation: part === "train" ? options.augmentation : NO_AUGMENTATION,
        views: part === "train" ? views : 1,
        cacheFolder: defaultCacheFolder(),
        threads: config.threads,
        job: `features ${name} (${part})`,
      });
    const features = {
      train: await extract("train"),
      validation: await extract("validation"),
      test: await extract("test"),
    };
    tasks.push({ loaded, images, features, options, training });
  }
  return tasks;
}
