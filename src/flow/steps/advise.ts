import { createRng } from "../../core/index.js";
import {
  createBatchFiller,
  defaultCacheFolder,
  firstIndices,
  NO_AUGMENTATION,
  type Split,
  splitDigest,
  subset,
} from "../../data/index.js";
import {
  createFloatExecutor,
  freezePoints,
  type Graph,
  type GraphNode,
  graphToJson,
  type NodeName,
  statistics,
} from "../../graph/index.js";
import { quantNetworkToJson } from "../../quant/index.js";
import { elementCount } from "../../tensor/index.js";
import { classifierOf } from "../../train/index.js";
import {
  adviseFreezePoints,
  extractFeatures,
  leep,
  type Matrix,
  type PointAdvice,
  softmaxRows,
  stratifiedIndices,
  tailOf,
} from "../../transfer/index.js";
import type { FlowContext } from "../context.js";
import { firstImages, type LoadedDataset } from "./data.js";
import type { PreparedBackbone } from "./front.js";
import type { Backbone } from "./model.js";
import { overridesOf } from "./tasks.js";

/** What is known of the freeze points for one dataset before any training. */
export type DatasetAdvice = {
  readonly name: string;
  readonly classes: number;
  /** Training images that were looked at; no test image ever is. */
  readonly images: number;
  /** LEEP of the whole pretrained network for this task, nats; absent for a backbone without its classifier. */
  readonly leep?: number;
  /** Nothing frozen, then the freeze points, shallow to deep. */
  readonly points: readonly PointAdvice[];
  readonly seconds: number;
};

/** Images, or features, that ONNX Runtime gets at once. */
const BATCH = 32;

function nodeOf(graph: Graph, name: NodeName): GraphNode {
  return graph.nodes.find((node) => node.name === name)!;
}

/** Step back over layers that change no value of a pooled feature. */
function behindReshapes(graph: Graph, from: NodeName): GraphNode {
  let node = nodeOf(graph, from);
  while (node.kind === "reshape" || node.kind === "dropout") node = nodeOf(graph, node.input);
  return node;
}

/** Whether nothing but pooling and activations is between a layer and the classifier. */
function isLastLayer(graph: Graph, layer: NodeName): boolean {
  let node = behindReshapes(graph, classifierOf(graph).input);
  const passed = new Set(["globalAveragePool2d", "reshape", "dropout", "relu", "batchNorm"]);
  while (node.name !== layer && passed.has(node.kind) && "input" in node) node = nodeOf(graph, node.input);
  return node.name === layer;
}

/** Frozen share of all parameters but the classifier's, which every task trains. */
function frozenShare(graph: Graph, layer: NodeName): number {
  const { layers, params } = statistics(graph);
  const classifier = layers.find(({ name }) => name === classifierOf(graph).name)!;
  const frozen = freezePoints(graph).find((point) => point.layer === layer)!;
  return frozen.params / (params - classifier.params);
}

/** Run a network on the images of a split, or on features as bytes; one wanted layer, averaged over the image where it is one. */
async function runFloat(
  context: FlowContext,
  graph: Graph,
  split: Split,
  request: { readonly output: NodeName; readonly job: string },
): Promise<Matrix> {
  const { output, job } = request;
  const { shape } = nodeOf(graph, output);
  const [height, width] = graph.nodes[0]!.shape as [number, number, number];
  const columns = shape.at(-1)!;
  const pixels = elementCount(shape) / columns;
  const data = new Float32Array(split.count * columns);
  const executor = createFloatExecutor(graph, { outputs: [output], threads: context.config.threads });
  const filler = createBatchFiller(split, { height, width }, NO_AUGMENTATION);
  const indices = firstIndices(split.count);
  const rng = createRng(0);
  try {
    for (let first = 0; first < split.count; first += BATCH) {
      const count = Math.min(BATCH, split.count - first);
      const bytes = new Uint8Array(count * height * width * split.channels);
      filler.fill({ indices, first, count }, bytes, rng);
      const values = (await executor.run(bytes, count)).get(output)!;
      for (let at = 0; at < values.length; at++) {
        const image = first + Math.floor(at / (pixels * columns));
        data[image * columns + (at % columns)]! += values[at]! / pixels;
      }
      context.onProgress({ job, done: first + count, total: split.count, unit: "images" });
    }
  } finally {
    filler.close();
    await executor.close();
  }
  return { rows: split.count, columns, data };
}

/** LEEP of the whole pretrained network: its own classifier says what it sees in the task's images. */
async function wholeLeep(
  context: FlowContext,
  graph: Graph,
  images: Split,
  dataset: { readonly name: string; readonly classes: number },
): Promise<number> {
  const { name: output, kind } = behindReshapes(graph, graph.output);
  const predictions = await runFloat(context, graph, images, { output, job: `classify ${dataset.name}` });
  return leep(kind === "softmax" ? predictions : softmaxRows(predictions), images.labels, dataset.classes);
}

/**
 * Look at some training images of a dataset through the integer front, and score every freeze point by what a linear classifier makes of
 * them. Nothing is trained by gradients.
 *
 * @param images training images to look at, at most
 */
export async function adviseDataset(
  context: FlowContext,
  subject: {
    readonly backbone: Backbone;
    readonly prepared: PreparedBackbone;
    readonly loaded: LoadedDataset;
    readonly points: readonly NodeName[];
    readonly images: number;
  },
): Promise<DatasetAdvice> {
  const { config, run, onProgress } = context;
  const { backbone, prepared, loaded, points } = subject;
  const { name, classes, train } = loaded.dataset;
  const { seed } = config;
  const all = firstImages(train, overridesOf(context, name).images);
  const rng = createRng(seed).fork(`advice ${name}`);
  const chosen = subset(all, stratifiedIndices(all, subject.images, rng));
  const { graph, front } = prepared;
  const dependsOn = {
    ...{ graph: graphToJson(graph), source: graphToJson(backbone.graph) },
    ...{ front: quantNetworkToJson(front), split: splitDigest(chosen), points, seed },
  };
  const outcome = await run.step(`advise/${name}`, dependsOn, async () => {
    const ahead = freezePoints(graph).find(({ shape }) => shape.length === 3)!.layer;
    const layers = ahead === points[0] ? points : [ahead, ...points];
    const features = await extractFeatures({
      ...{ front, layers, split: chosen, augmentation: NO_AUGMENTATION, views: 1, seed, onProgress },
      ...{ cacheFolder: defaultCacheFolder(), threads: config.threads, job: `features ${name} (advice)` },
    });
    const deepest = points.at(-1)!;
    const last = isLastLayer(graph, deepest)
      ? undefined
      : await runFloat(context, tailOf(graph, deepest, front), features.get(deepest)!, {
          output: behindReshapes(graph, classifierOf(graph).input).name,
          job: `pretrained tail ${name}`,
        });
    const scores = adviseFreezePoints({
      ...{ images: chosen, classes: classes.length, last, seed },
      points: points.map((layer) => ({
        ...{ layer, features: features.get(layer)! },
        frozenShare: frozenShare(graph, layer),
      })),
      first: ahead === points[0] ? undefined : features.get(ahead),
    });
    // The classifier of a quantized backbone was left out at import.
    return backbone.integer === undefined
      ? { leep: await wholeLeep(context, backbone.graph, chosen, { name, classes: classes.length }), scores }
      : { scores };
  });
  const { leep: whole, scores } = outcome.value as { leep?: number; scores: readonly PointAdvice[] };
  return {
    ...{ name, classes: classes.length, images: chosen.count },
    ...(whole !== undefined && { leep: whole }),
    points: scores,
    seconds: outcome.seconds,
  };
}
