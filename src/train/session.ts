import type { Graph } from "../graph/index.js";
import { blockedLanes } from "./blocked-lanes.js";
import type { TrainingPlan } from "./program/plan.js";
import { createReplicatedSession } from "./replicas.js";
import type { SessionOptions, TrainingSession } from "./session-types.js";
import { createSingleSession } from "./single-session.js";

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
