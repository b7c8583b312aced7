import type { NodeName } from "../graph/index.js";
import type { FlowContext } from "./context.js";
import { type LoadedDataset, loadDatasets } from "./steps/data.js";
import { type PreparedBackbone, prepareBackbone } from "./steps/front.js";
import { loadBackbone, orderedFreezePoints } from "./steps/model.js";
import { type IntegerNetwork, quantizeAll } from "./steps/quantize.js";
import { prepareTasks } from "./steps/tasks.js";
import { type TrainedNetwork, trainAll } from "./steps/train.js";

/** Networks of all datasets and freeze points, and what they were made from. */
export type Sweep = {
  readonly points: readonly NodeName[];
  readonly datasets: readonly LoadedDataset[];
  readonly prepared: PreparedBackbone;
  readonly trained: readonly TrainedNetwork[];
  readonly integer: readonly IntegerNetwork[];
};

/** The part of a run that finds out what freezing costs in accuracy: everything before the hardware. */
export async function sweepFreezePoints(context: FlowContext): Promise<Sweep> {
  const backbone = await loadBackbone(context);
  const points = orderedFreezePoints(backbone.graph, context.config.freezePoints);
  const datasets = await loadDatasets(context, backbone.graph.nodes[0]!.shape[0]!);
  const prepared = await prepareBackbone(context, backbone, datasets, points);
  const tasks = await prepareTasks(context, prepared, datasets, points);
  const trained = await trainAll(context, prepared, tasks, points);
  const integer = await quantizeAll(context, prepared, trained, tasks);
  return { points, datasets, prepared, trained, integer };
}
