import * as ort from "onnxruntime-node";
import type { Rng } from "../core/index.js";
import { encodeOnnx, type Graph, type NodeName, onnxSessionOptions } from "../graph/index.js";
import { elementCount } from "../tensor/index.js";
import { blockedLanes } from "./blocked-lanes.js";
import { gatherSlots, scatterSlots, type TrainingPlan, totalLength } from "./program/plan.js";
import { buildTrainingProgram, type OptimizerConstants, PROGRAM } from "./program/program.js";

/** Everything that a step changes. */
export type TrainingState = {
  readonly parameters: Float32Array;
  readonly velocity: Float32Array;
  readonly statistics: Float32Array;
};

/** What one step reads besides the state. Dropout masks are drawn from `rng`. */
export type StepInput = {
  /** By boundary node: bytes for the image, floats for features of a frozen front; channels last. */
  readonly boundary: ReadonlyMap<NodeName, Uint8Array | Float32Array>;
  /** batch · classes target probabilities. */
  readonly targets: Float32Array;
  readonly learningRate: number;
  readonly rng: Rng;
};

/** Result of one step. */
export type StepOutput = { readonly loss: number; readonly logits: Float32Array };

/** A training program in ONNX Runtime with its state. */
export type TrainingSession = {
  readonly batch: number;
  step(input: StepInput): Promise<StepOutput>;
  /** Copy the state out. */
  state(): TrainingState;
  /** Overwrite the state, e.g. from a checkpoint. */
  restore(state: TrainingState): void;
  /** The graph with the current parameters and statistics. */
  graph(): Graph;
  /** Gradient of the last step; only with `exposeGradient`. */
  gradient(): Float32Array | undefined;
  close(): Promise<void>;
};

/**
 * Open a training session: one thread, no spinning. The state lives in two sets of buffers; a step reads one and
 * writes the other, so nothing is allocated or copied between steps.
 */
export async function createTrainingSession(
  graph: Graph,
  plan: TrainingPlan,
  options: {
    readonly batch: number;
    readonly optimizer: OptimizerConstants;
    readonly exposeGradient?: boolean;
    readonly threads?: number;
    /** Default: as many as ONNX Runtime's blocked kernels have on this machine. */
    readonly lanes?: number;
  },
): Promise<TrainingSession> {
  const program = buildTrainingProgram(graph, plan, {
    ...options,
    lanes: options.lanes ?? (await blockedLanes()),
  });
  const session = await ort.InferenceSession.create(
    encodeOnnx(program.model),
    onnxSessionOptions(options.threads ?? 1),
  );
  const { batch } = program;
  const classes = plan.logits.shape.at(-1)!;
  const count = totalLength(plan.parameters);
  const statisticCount = totalLength(plan.statistics);
  const vector = (data: Float32Array): ort.Tensor => new ort.Tensor("float32", data, [data.length]);
  const makeState = (): TrainingState => ({
    parameters: new Float32Array(count),
    velocity: new Float32Array(count),
    statistics: new Float32Array(statisticCount),
  });
  const states = [makeState(), makeState()] as const;
  const tensors = states.map((s) => ({
    parameters: vector(s.parameters),
    velocity: vector(s.velocity),
    statistics: vector(s.statistics),
  }));
  const loss = new Float32Array(1);
  const logits = new Float32Array(batch * classes);
  const gradient = options.exposeGradient ? new Float32Array(count) : undefined;
  const rate = new Float32Array(1);
  const masks = program.dropouts.map((dropout) => ({
    ...dropout,
    data: new Float32Array(elementCount(dropout.shape)),
  }));
  const shared = {
    [PROGRAM.loss]: new ort.Tensor("float32", loss, []),
    [PROGRAM.logits]: new ort.Tensor("float32", logits, [batch, classes]),
    ...(gradient === undefined ? {} : { [PROGRAM.gradient]: vector(gradient) }),
  };
  let current = 0;
  states[0].parameters.set(gatherSlots(graph, plan.parameters));
  states[0].statistics.set(gatherSlots(graph, plan.statistics));

  return {
    batch,
    async step(input) {
      const from = tensors[current]!;
      const to = tensors[1 - current]!;
      rate[0] = input.learningRate;
      const feeds: Record<string, ort.Tensor> = {
        [PROGRAM.parameters]: from.parameters,
        [PROGRAM.velocity]: from.velocity,
        [PROGRAM.learningRate]: new ort.Tensor("float32", rate, []),
        [PROGRAM.targets]: new ort.Tensor("float32", input.targets, [batch, classes]),
      };
      const fetches: Record<string, ort.Tensor> = {
        ...shared,
        [PROGRAM.newParameters]: to.parameters,
        [PROGRAM.newVelocity]: to.velocity,
      };
      if (statisticCount > 0) {
        feeds[PROGRAM.statistics] = from.statistics;
        fetches[PROGRAM.newStatistics] = to.statistics;
      }
      for (const node of plan.boundary) {
        const data = input.boundary.get(node.name)!;
        const shape = [batch, ...node.shape];
        feeds[PROGRAM.boundary(node.name)] =
          data instanceof Uint8Array
            ? new ort.Tensor("uint8", data, shape)
            : new ort.Tensor("float32", data, shape);
      }
      for (const { name, shape, rate: drop, data } of masks) {
        const rng = input.rng.fork(`dropout ${name}`);
        for (let i = 0; i < data.length; i++) data[i] = rng.next() < drop ? 0 : 1 / (1 - drop);
        feeds[PROGRAM.dropout(name)] = new ort.Tensor("float32", data, shape);
      }
      await session.run(feeds, fetches);
      current = 1 - current;
      return { loss: loss[0]!, logits };
    },
    state() {
      const { parameters, velocity, statistics } = states[current]!;
      return {
        parameters: parameters.slice(),
        velocity: velocity.slice(),
        statistics: statistics.slice(),
      };
    },
    restore(state) {
      const { parameters, velocity, statistics } = states[current]!;
      parameters.set(state.parameters);
      velocity.set(state.velocity);
      statistics.set(state.statistics);
    },
    graph() {
      const { parameters, statistics } = states[current]!;
      return scatterSlots(scatterSlots(graph, plan.parameters, parameters), plan.statistics, statistics);
    },
    gradient: () => gradient,
    close: () => session.release(),
  };
}
