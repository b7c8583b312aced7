import type { Graph } from "../graph/index.js";
import { blockedLanes } from "./blocked-lanes.js";
import type { TrainingPlan } from "./program/plan.js";
import { createReplicatedSession } from "./replicas.js";
import type { SessionOptions, TrainingSession } from "./session-types.js";
import { createSingleSession } from "./single-session.js";

/**
 * Choose how many replicas work on a batch: as many as there are threads, if they divide the batch and, where some
 * number does, into parts that fill the lanes of the blocked kernels.
 */
export async function replicasFor(batch: number, threads: number): Promise<number> {
  const lanes = await blockedLanes();
  const counts = Array.from({ length: Math.max(threads, 1) }, (_, i) => i + 1).toReversed();
  const isWhole = (count: number): boolean => batch % (count * lanes) === 0;
  return counts.find(isWhole) ?? counts.find((count) => batch % count === 0) ?? 1;
}

/**
 * Open a training session. A replica uses one thread, without spinning. The same options and inputs give the same bytes;
 * another number of replicas gives others.
 *
 * @throws FixynnError FX3010 when the replicas do not divide the batch
 */
export async function createTrainingSession(
  graph: Graph,
  plan: TrainingPlan,
  options: SessionOptions,
): Promise<TrainingSession> {
  const lanes = options.lanes ?? (await blockedLanes());
  if (options.replicas !== undefined && options.replicas > 1) {
    return createReplicatedSession(graph, plan, { ...options, replicas: options.replicas, lanes });
  }
  return createSingleSession(graph, plan, { ...options, lanes });
}
