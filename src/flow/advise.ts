import { FixynnError, type ProgressListener } from "../core/index.js";
import { freezePoints } from "../graph/index.js";
import type { Config } from "./config.js";
import type { FlowContext } from "./context.js";
import { RunDirectory } from "./run-directory.js";
import { adviseDataset, type DatasetAdvice } from "./steps/advise.js";
import { loadDatasets } from "./steps/data.js";
import { prepareBackbone } from "./steps/front.js";
import { loadBackbone, orderedFreezePoints } from "./steps/model.js";

/** What to look at before a sweep. */
export type AdviceRequest = {
  /** The configuration of the sweep. */
  readonly config: Config;
  /** Folder that relative paths of the configuration start from. */
  readonly baseFolder: string;
  /** Run directory; advice that is known there is not made again. */
  readonly folder: string;
  /** Training images of each dataset to look at, at most. */
  readonly images: number;
  readonly onProgress: ProgressListener;
};

/** Scores of all freeze points for all datasets, made without training. */
export type Advice = {
  readonly backbone: { readonly name: string; readonly inputShape: readonly number[] };
  /** Freeze points, shallow to deep, and the share of the network's multiply-accumulates that each freezes. */
  readonly freezePoints: readonly { readonly layer: string; readonly macsShare: number }[];
  readonly datasets: readonly DatasetAdvice[];
};

/** Fewer images say nothing of a dataset. */
const FEWEST_IMAGES = 10;

/** The largest predicted loss that counts as none worth speaking of; the paper's bound (Whatmough et al. 2019). */
export const LOSS_BOUND = 0.01;

/** The deepest freeze point whose predicted loss is under one point; undefined when there is none. */
export function advisedPoint({ points }: Pick<DatasetAdvice, "points">): string | undefined {
  return points.findLast(
    ({ freezePoint, predictedLoss }) => freezePoint !== undefined && predictedLoss < LOSS_BOUND,
  )?.freezePoint;
}

/**
 * Score the freeze points of a configuration for each of its datasets in seconds: what a sweep will find, guessed from features of some
 * training images.
 *
 * @throws FixynnError FX8011 for too few images; as `runFlow` for bad input
 */
export async function adviseFlow(request: AdviceRequest): Promise<Advice> {
  const { config, baseFolder, folder, images, onProgress } = request;
  if (!Number.isInteger(images) || images < FEWEST_IMAGES) {
    throw new FixynnError("FX8011", `${images} is not a number of images`, {
      place: "--images",
      hint: `a whole number of at least ${FEWEST_IMAGES}`,
    });
  }
  const context: FlowContext = { config, baseFolder, run: new RunDirectory(folder), onProgress };
  const backbone = await loadBackbone(context);
  const points = orderedFreezePoints(backbone.graph, config.freezePoints);
  const loaded = await loadDatasets(context, backbone.graph.nodes[0]!.shape[0]!);
  const prepared = await prepareBackbone(context, backbone, loaded, points);
  const datasets: DatasetAdvice[] = [];
  for (const one of loaded)
    datasets.push(await adviseDataset(context, { backbone, prepared, loaded: one, points, images }));
  const { name, nodes } = prepared.graph;
  return {
    backbone: { name, inputShape: nodes[0]!.shape },
    freezePoints: freezePoints(prepared.graph).flatMap(({ layer, macsShare }) =>
      points.includes(layer) ? [{ layer, macsShare }] : [],
    ),
    datasets,
  };
}
