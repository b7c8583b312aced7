import { readFileSync } from "node:fs";
import { canonicalJson, FixynnError, sha256, writeFileAtomic } from "../core/index.js";
import { countFrontAdders, type FrontAdders } from "../cost/index.js";
import { graphToJson, type NodeName } from "../graph/index.js";
import {
  compensateWeights,
  constantDigits,
  type QuantNetwork,
  quantNetworkFromJson,
  quantNetworkToJson,
  truncateQuantNetwork,
} from "../quant/index.js";
import {
  type ConstantsPoint,
  type ConstantsResults,
  constantsMarkdown,
  constantsSchemaId,
  constantsSvg,
  parseConstantsResults,
} from "../report/index.js";
import { removeFeatures } from "../transfer/index.js";
import type { Config } from "./config.js";
import type { FlowContext } from "./context.js";
import { describeTool } from "./machine.js";
import { accuracyResult } from "./results.js";
import type { FlowRequest } from "./run.js";
import { RunDirectory } from "./run-directory.js";
import { type LoadedDataset, loadDatasets } from "./steps/data.js";
import { calibrationBytes, type PreparedBackbone, prepareBackbone } from "./steps/front.js";
import { loadBackbone, orderedFreezePoints } from "./steps/model.js";
import { quantizeAll } from "./steps/quantize.js";
import { prepareTasks } from "./steps/tasks.js";
import { trainPlaces } from "./steps/train.js";

/** Where the curve was left. */
export type ConstantsOutcome = {
  readonly results: ConstantsResults;
  readonly summary: string;
  readonly resultsPath: string;
  readonly summaryPath: string;
};

/** One front and its dataset, for all budgets. */
type Curve = {
  readonly context: FlowContext;
  readonly prepared: PreparedBackbone;
  readonly loaded: LoadedDataset;
  readonly freezePoint: NodeName;
  readonly datasets: readonly LoadedDataset[];
};

const nameOf = (share: number): string => `digits ${Number((100 * share).toFixed(3))} %`;

/** Choose the dataset of the curve. */
function datasetOf(datasets: readonly LoadedDataset[], wanted: string | undefined): LoadedDataset {
  const found = wanted === undefined ? datasets[0] : datasets.find(({ dataset }) => dataset.name === wanted);
  if (found !== undefined) return found;
  throw new FixynnError("FX8011", `no dataset "${wanted}"`, {
    place: "constants.dataset",
    hint: `the configuration has ${datasets.map(({ dataset }) => dataset.name).join(", ")}`,
  });
}

/** Give the front cheaper constants, on the images that it was calibrated on. */
async function cheaperFront(
  { context, prepared, datasets, freezePoint }: Curve,
  share: number,
): Promise<QuantNetwork> {
  const front = truncateQuantNetwork(prepared.front, freezePoint);
  if (share >= 1) return front;
  const { run, config, onProgress } = context;
  const { calibrationImages } = config.quantization;
  const file = `integer/front-${sha256(canonicalJson([freezePoint, share])).slice(0, 12)}.json`;
  const dependsOn = {
    front: quantNetworkToJson(front),
    data: datasets.map(({ key }) => key),
    ...{ share, calibrationImages },
  };
  await run.step(
    `constants/${freezePoint}/${nameOf(share)}`,
    dependsOn,
    () => {
      const calibration = calibrationBytes(datasets, front.nodes[0]!.output.shape[0]!, calibrationImages);
      const cheaper = compensateWeights(front, { share, calibration, onProgress });
      writeFileAtomic(run.path(file), JSON.stringify(quantNetworkToJson(cheaper)));
      return {};
    },
    [file],
  );
  return quantNetworkFromJson(JSON.parse(readFileSync(run.path(file), "utf8")), file);
}

/** Count adders by compiling the front. */
async function addersOf(
  { context, freezePoint }: Curve,
  front: QuantNetwork,
  share: number,
): Promise<FrontAdders> {
  const { run, onProgress } = context;
  const name = `adders/${freezePoint}/${nameOf(share)}`;
  const step = await run.step(name, { front: quantNetworkToJson(front) }, () => {
    onProgress({
      job: `compile front ${freezePoint}`,
      done: 0,
      total: 1,
      unit: "fronts",
      note: nameOf(share),
    });
    const adders = countFrontAdders(front);
    onProgress({
      job: `compile front ${freezePoint}`,
      done: 1,
      total: 1,
      unit: "fronts",
      note: nameOf(share),
    });
    return adders;
  });
  return step.value;
}

/** What the retrained tail behind a front is worth. */
type TailFigures = Pick<ConstantsPoint, "accuracy"> & { readonly learningRate: number };

/** Train and quantize the tail behind a front; its steps lie in a run directory of their own, but for the unchanged front's. */
async function tailBehind(
  curve: Curve,
  front: QuantNetwork,
  share: number,
  learningRate: number | undefined,
): Promise<TailFigures> {
  const { prepared, loaded, freezePoint } = curve;
  const { name } = loaded.dataset;
  const isUnchanged = share >= 1;
  const run = isUnchanged
    ? curve.context.run
    : new RunDirectory(curve.context.run.path("constants", `${freezePoint}-${share}`));
  const { perDataset } = curve.context.config;
  const config: Config =
    learningRate === undefined
      ? curve.context.config
      : {
          ...curve.context.config,
          perDataset: { ...perDataset, [name]: { ...perDataset[name], learningRate } },
        };
  const { training, quantization, evaluation, seed } = config;
  const dependsOn = {
    graph: graphToJson(prepared.graph),
    front: quantNetworkToJson(front),
    data: loaded.key,
    own: config.perDataset[name] ?? {},
    ...{ training, quantization, int8Images: evaluation.int8Images, seed },
  };
  const step = await curve.context.run.step<TailFigures>(
    `tail/${name}/${freezePoint}/${nameOf(share)}`,
    dependsOn,
    async () => {
      const context: FlowContext = { ...curve.context, config, run };
      const behind = { graph: prepared.graph, front };
      const tasks = await prepareTasks(context, behind, [loaded], [freezePoint]);
      const trained = await trainPlaces(context, behind, tasks, [freezePoint]);
      const integer = await quantizeAll(context, behind, trained, tasks);
      // No other run asks for the features of this front.
      if (!isUnchanged) for (const features of Object.values(tasks[0]!.features)) removeFeatures(features);
      const { training, validationAccuracy: validation } = trained[0]!;
      const [float, int8] = [accuracyResult(trained[0]!), accuracyResult(integer[0]!)];
      return { learningRate: training.learningRate, accuracy: { validation, float, int8 } };
    },
  );
  return step.value;
}

/**
 * Find out what cheaper constants of the frozen front save and cost: for each budget of signed digits change the front, count its adders,
 * retrain and quantize the tail behind it. The learning rate is searched behind the unchanged front and kept. Writes `constants.json`,
 * `constants.md`, `constants.svg`; every step is reused as in a run, and a sweep in the same directory shares what is the same.
 *
 * @throws FixynnError FX8011 for an unknown dataset; as `runFlow` before any long work
 */
export async function constantsCurve(request: Omit<FlowRequest, "hardware">): Promise<ConstantsOutcome> {
  const { baseFolder, folder, onProgress } = request;
  const wanted = request.config.constants;
  const freezePoints = [
    ...request.config.freezePoints,
    ...(wanted.freezePoint === undefined ? [] : [wanted.freezePoint]),
  ];
  const config: Config = { ...request.config, freezePoints };
  const run = new RunDirectory(folder);
  const context: FlowContext = { config, baseFolder, run, onProgress };
  const backbone = await loadBackbone(context);
  const points = orderedFreezePoints(backbone.graph, freezePoints);
  const freezePoint = points.find((point) => point === wanted.freezePoint) ?? points.at(-1)!;
  const datasets = await loadDatasets(context, backbone.graph.nodes[0]!.shape[0]!);
  const loaded = datasetOf(datasets, wanted.dataset);
  const prepared = await prepareBackbone(context, backbone, datasets, points);
  const curve: Curve = { context, prepared, loaded, freezePoint, datasets };

  const budgets = [...new Set([1, ...wanted.budgets])].sort((a, b) => b - a);
  const measured: ConstantsPoint[] = [];
  for (const share of budgets) {
    const front = await cheaperFront(curve, share);
    const { fullAdders, additions, digits } = await addersOf(curve, front, share);
    const tail = await tailBehind(curve, front, share, measured[0]?.learningRate);
    const layers = constantDigits(front);
    const sum = (of: "weights" | "zeroWeights"): number =>
      layers.reduce((total, layer) => total + layer[of], 0);
    measured.push({
      ...{ share, weights: sum("weights"), zeroWeights: sum("zeroWeights") },
      ...{ digits, fullAdders, additions },
      ...tail,
    });
  }
  const results = parseConstantsResults({
    schema: constantsSchemaId,
    tool: describeTool(),
    dataset: loaded.dataset.name,
    ...{ freezePoint, boundPoints: wanted.boundPoints, seed: config.seed, points: measured },
  });
  const summary = constantsMarkdown(results, "constants.svg");
  const resultsPath = run.path("constants.json");
  const summaryPath = run.path("constants.md");
  writeFileAtomic(run.path("constants.svg"), constantsSvg(results));
  writeFileAtomic(summaryPath, summary);
  writeFileAtomic(resultsPath, `${JSON.stringify(results, null, 2)}\n`);
  return { results, summary, resultsPath, summaryPath };
}
