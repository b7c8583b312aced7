import { readFileSync } from "node:fs";
import { createRng, runPool, writeFileAtomic } from "../../core/index.js";
import { NO_AUGMENTATION, type Split, splitDigest, subset } from "../../data/index.js";
import { type Graph, graphFromJson, graphToJson, type NodeName } from "../../graph/index.js";
import { evaluate, replaceHead, type TrainOptions, trainInWorker } from "../../train/index.js";
import { joinTail, searchLearningRate, type Trial, tailOf } from "../../transfer/index.js";
import type { FlowContext } from "../context.js";
import { fileNameOf } from "../run-directory.js";
import { spreadIndices } from "./data.js";
import type { PreparedBackbone } from "./front.js";
import type { Parts, Task } from "./tasks.js";

/** A network retrained on a dataset, with the front up to `freezePoint` frozen (none: every layer retrained). */
export type TrainedNetwork = {
  readonly dataset: string;
  readonly freezePoint: NodeName | undefined;
  /** The whole network in float, of the first seed; the front's float weights stand for what the silicon computes in integers. */
  readonly graph: Graph;
  /** On the whole test set; the mean over the seeds. */
  readonly accuracy: SeededAccuracy;
  /** Of the first seed. */
  readonly validationAccuracy: number;
  /** The networks of further seeds: they give a spread, and go no further than int8. */
  readonly repeats: readonly Repeat[];
  readonly training: TrainingFigures;
};

/** A network trained like another one, from another seed. */
export type Repeat = { readonly seed: number; readonly graph: Graph; readonly validationAccuracy: number };

/** An accuracy, and what each seed gave when there are several. */
export type SeededAccuracy = {
  readonly value: number;
  readonly images: number;
  readonly seeds?: readonly number[];
};

/** The mean over seeds, of the same images. */
export function meanAccuracy(seeds: readonly Omit<SeededAccuracy, "seeds">[]): SeededAccuracy {
  const values = seeds.map(({ value }) => value);
  return {
    value: values.reduce((a, b) => a + b) / values.length,
    images: seeds[0]!.images,
    ...(values.length > 1 && { seeds: values }),
  };
}

/** How a network was trained. */
export type TrainingFigures = {
  readonly epochs: number;
  /** Of the first seed, without the search. */
  readonly seconds: number;
  readonly imagesSeen: number;
  readonly learningRate: number;
  readonly trials: readonly Trial[];
  readonly loss?: number;
};

/** One training of one seed. */
type SeedValue = {
  readonly accuracy: { readonly value: number; readonly images: number };
  readonly validationAccuracy: number;
  readonly epochs: number;
  readonly seconds: number;
  readonly loss?: number;
};

/** What one place of the sweep trains: the whole network on images, or a tail on cached features. */
export type Subject = {
  readonly context: FlowContext;
  readonly task: Task;
  readonly freezePoint: NodeName | undefined;
  readonly label: string;
  readonly parts: Parts<Split>;
  /** The whole network with the untrained classifier of a seed. */
  whole(seed: number): Graph;
  /** What is trained of it. */
  start(seed: number): Graph;
  /** Layers of that whose parameters may change; absent: all. */
  readonly trainable?: ReadonlySet<NodeName>;
  readonly dependsOn: object;
};

function subjectOf(
  context: FlowContext,
  prepared: PreparedBackbone,
  task: Task,
  freezePoint: NodeName | undefined,
): Subject {
  const { dataset } = task.loaded;
  const label = freezePoint ?? "unfrozen";
  const whole = (seed: number): Graph =>
    replaceHead(prepared.graph, dataset.classes.length, createRng(seed).fork(`head ${dataset.name}`));
  const { features } = task;
  const parts =
    freezePoint === undefined
      ? task.images
      : {
          train: features.train.get(freezePoint)!,
          validation: features.validation.get(freezePoint)!,
          test: features.test.get(freezePoint)!,
        };
  const dependsOn = {
    backbone: graphToJson(prepared.graph),
    parts: [parts.train, parts.validation, parts.test].map(splitDigest),
    freezePoint,
  };
  const start = (seed: number): Graph =>
    freezePoint === undefined ? whole(seed) : tailOf(whole(seed), freezePoint, prepared.front);
  return { context, task, freezePoint, label, parts, whole, start, dependsOn };
}

/** Options of a training: cached features are augmented already. */
function optionsOf({ task, freezePoint }: Subject, changes: Partial<TrainOptions> = {}): TrainOptions {
  const { augmentation } = task.options;
  const isImages = freezePoint === undefined;
  return { ...task.options, ...changes, augmentation: isImages ? augmentation : NO_AUGMENTATION };
}

/** Whole epochs on all images, or one on a part of them. */
function shortTraining(train: Split, epochs: number): { readonly epochs: number; readonly split: Split } {
  if (epochs >= 1) return { epochs: Math.round(epochs), split: train };
  const images = Math.max(2, Math.round(epochs * train.count));
  return { epochs: 1, split: subset(train, spreadIndices(train.count, images)) };
}

/** Train briefly at one rate; accuracy on the validation images, 0 when it diverges. */
async function trial(subject: Subject, learningRate: number): Promise<number> {
  const { context, task, label, parts, dependsOn } = subject;
  const { run, config, onProgress } = context;
  const { epochs, split } = shortTraining(parts.train, task.options.epochs * task.training.search.share);
  const options = optionsOf(subject, { learningRate, epochs });
  const { patience: _patience, ...unstopped } = options;
  const name = `search/${task.loaded.dataset.name}/${label}/${learningRate.toPrecision(3)}`;
  const { seed } = config;
  const outcome = await run.step(
    name,
    { ...dependsOn, images: split.count, options: unstopped, seed },
    async () => {
      try {
        const { history } = await trainInWorker({
          ...{ graph: subject.start(seed), split, validation: parts.validation },
          ...(subject.trainable && { trainable: subject.trainable }),
          ...{ validateEvery: epochs, options: unstopped, seed, onProgress, job: name },
          checkpointFile: run.path("steps", `${fileNameOf(name)}.checkpoint`),
        });
        return history.at(-1)?.validationAccuracy ?? 0;
      } catch (error) {
        if ((error as { code?: string }).code === "FX3006") return 0;
        throw error;
      }
    },
  );
  return outcome.value;
}

/** Train with one seed to the end; the test images are looked at here, once. */
async function trainSeed(
  subject: Subject,
  seed: number,
  options: TrainOptions,
): Promise<SeedValue & { readonly file: string; readonly reused: boolean }> {
  const { context, task, label, parts, dependsOn } = subject;
  const { run, onProgress } = context;
  const { name: dataset } = task.loaded.dataset;
  const name = `train/${dataset}/${label}/seed ${seed}`;
  const file = `models/${fileNameOf(dataset, label, `seed${seed}`)}.json`;
  const outcome = await run.step<SeedValue>(
    name,
    { ...dependsOn, options, seed },
    async () => {
      const { graph, history, seconds, epoch } = await trainInWorker({
        ...{ graph: subject.start(seed), split: parts.train, validation: parts.validation, keepBest: true },
        ...(subject.trainable && { trainable: subject.trainable }),
        ...{ options, seed, onProgress, job: name },
        checkpointFile: run.path("steps", `${fileNameOf(name)}.checkpoint`),
      });
      const evaluation = await evaluate(graph, parts.test);
      writeFileAtomic(run.path(file), JSON.stringify(graphToJson(graph)));
      const kept = history.find((record) => record.epoch === epoch);
      return {
        accuracy: { value: evaluation.top1, images: evaluation.images },
        validationAccuracy: kept?.validationAccuracy ?? 0,
        ...{ epochs: history.length, seconds },
        ...(kept !== undefined && { loss: kept.loss }),
      };
    },
    [file],
  );
  return { ...outcome.value, file, reused: outcome.reused };
}

/**
 * Search a learning rate, then train with every seed.
 *
 * @returns the trained network of the first seed, whole or tail as it was started
 */
export async function trainSubject(subject: Subject): Promise<TrainedNetwork> {
  const { context, task, freezePoint, parts } = subject;
  const { config, run } = context;
  const { search, seeds: seedCount = 1, learningRate: given } = task.training;
  const found =
    given === undefined
      ? await searchLearningRate({
          ...{ start: task.options.learningRate, factor: search.factor, mostTrials: search.trials },
          measure: (rate) => trial(subject, rate),
        })
      : { learningRate: given, trials: [] };
  const options = optionsOf(subject, { learningRate: found.learningRate });
  const seeds: Awaited<ReturnType<typeof trainSeed>>[] = [];
  for (let i = 0; i < seedCount; i++) seeds.push(await trainSeed(subject, config.seed + i, options));
  const [first, ...further] = seeds as [(typeof seeds)[number], ...typeof seeds];
  const load = (file: string): Graph => graphFromJson(JSON.parse(readFileSync(run.path(file), "utf8")), file);
  const { batch } = options;
  const stepsPerEpoch = Math.max(1, Math.floor(parts.train.count / batch));
  return {
    dataset: task.loaded.dataset.name,
    freezePoint,
    graph: load(first.file),
    accuracy: meanAccuracy(seeds.map(({ accuracy }) => accuracy)),
    validationAccuracy: first.validationAccuracy,
    repeats: further.map(({ file, validationAccuracy }, i) => ({
      seed: config.seed + 1 + i,
      graph: load(file),
      validationAccuracy,
    })),
    training: {
      ...{ epochs: first.epochs, seconds: first.seconds },
      imagesSeen: first.epochs * stepsPerEpoch * Math.min(batch, parts.train.count),
      ...found,
      ...(first.loss !== undefined && { loss: first.loss }),
    },
  };
}

/** Train, and put a tail back into its network. */
async function trainOne(subject: Subject): Promise<TrainedNetwork> {
  const trained = await trainSubject(subject);
  if (subject.freezePoint === undefined) return trained;
  const join = (seed: number, tail: Graph): Graph => joinTail(subject.whole(seed), tail);
  return {
    ...trained,
    graph: join(subject.context.config.seed, trained.graph),
    repeats: trained.repeats.map((one) => ({ ...one, graph: join(one.seed, one.graph) })),
  };
}

/**
 * Retrain the backbone for every task at some places: behind a freeze point, or (undefined) as a whole. Each has its own search of the
 * learning rate and the same number of images. As many at a time as there are threads, in the order of `places`.
 */
export async function trainPlaces(
  context: FlowContext,
  prepared: PreparedBackbone,
  tasks: readonly Task[],
  places: readonly (NodeName | undefined)[],
): Promise<readonly TrainedNetwork[]> {
  const subjects = places.flatMap((point) =>
    tasks
      .toSorted((a, b) => b.images.train.count - a.images.train.count)
      .map((task) => subjectOf(context, prepared, task, point)),
  );
  const trained = await runPool(
    context.config.threads,
    subjects.map((subject) => () => trainOne(subject)),
  );
  const order = tasks.map(({ loaded }) => loaded.dataset.name);
  return trained.toSorted((a, b) => order.indexOf(a.dataset) - order.indexOf(b.dataset));
}

/** Retrain the backbone for every task: once as a whole, for comparison, and once behind each freeze point; the longest first. */
export function trainAll(
  context: FlowContext,
  prepared: PreparedBackbone,
  tasks: readonly Task[],
  freezePoints: readonly NodeName[],
): Promise<readonly TrainedNetwork[]> {
  return trainPlaces(context, prepared, tasks, [undefined, ...freezePoints]);
}
