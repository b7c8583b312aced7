import * as ort from "onnxruntime-node";
import type { Graph } from "../graph/index.js";
import { PROGRAM } from "./program/names.js";
import { gatherSlots, scatterSlots, type TrainingPlan, totalLength } from "./program/plan.js";

/** Everything that a step changes. */
export type TrainingState = {
  readonly parameters: Float32Array;
  readonly velocity: Float32Array;
  readonly statistics: Float32Array;
};

/**
 * The state in two sets of buffers: a step reads one and writes the other, so nothing is allocated or copied between
 * steps.
 */
export type StateBuffers = {
  /** What the next step reads. */
  current(): TrainingState;
  feeds(): Record<string, ort.Tensor>;
  fetches(): Record<string, ort.Tensor>;
  /** Make the written set the current one. */
  swap(): void;
  /** Copy the state out. */
  copy(): TrainingState;
  restore(state: TrainingState): void;
  /** The graph with the current parameters and statistics. */
  graph(): Graph;
};

/** Make the buffers of a plan's state and fill them from the graph. */
export function createStateBuffers(graph: Graph, plan: TrainingPlan): StateBuffers {
  const count = totalLength(plan.parameters);
  const statisticCount = totalLength(plan.statistics);
  const vector = (data: Float32Array): ort.Tensor => new ort.Tensor("float32", data, [data.length]);
  const makeSet = () => {
    const state: TrainingState = {
      parameters: new Float32Array(count),
      velocity: new Float32Array(count),
      statistics: new Float32Array(statisticCount),
    };
    const [parameters, velocity, statistics] = [state.parameters, state.velocity, state.statistics].map(
      vector,
    );
    const old = { [PROGRAM.parameters]: parameters!, [PROGRAM.velocity]: velocity! };
    const fresh = { [PROGRAM.newParameters]: parameters!, [PROGRAM.newVelocity]: velocity! };
    if (statisticCount === 0) return { state, feeds: old, fetches: fresh };
    return {
      state,
      feeds: { ...old, [PROGRAM.statistics]: statistics! },
      fetches: { ...fresh, [PROGRAM.newStatistics]: statistics! },
    };
  };
  let from = makeSet();
  let to = makeSet();
  from.state.parameters.set(gatherSlots(graph, plan.parameters));
  from.state.statistics.set(gatherSlots(graph, plan.statistics));
  return {
    current: () => from.state,
    feeds: () => from.feeds,
    fetches: () => to.fetches,
    swap() {
      [from, to] = [to, from];
    },
    copy() {
      const { parameters, velocity, statistics } = from.state;
      return {
        parameters: parameters.slice(),
        velocity: velocity.slice(),
        statistics: statistics.slice(),
      };
    },
    restore(state) {
      from.state.parameters.set(state.parameters);
      from.state.velocity.set(state.velocity);
      from.state.statistics.set(state.statistics);
    },
    graph() {
      const { parameters, statistics } = from.state;
      return scatterSlots(scatterSlots(graph, plan.parameters, parameters), plan.statistics, statistics);
    },
  };
}
