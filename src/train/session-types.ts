import type { Rng } from "../core/index.js";
import type { FakeQuantization, Graph, NodeName } from "../graph/index.js";
import type { OptimizerConstants } from "./program/update.js";
import type { TrainingState } from "./state.js";

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

/** How a training session runs. */
export type SessionOptions = {
  readonly batch: number;
  readonly optimizer: OptimizerConstants;
  readonly exposeGradient?: boolean;
  /** Train for an integer network: see `TrainRequest`. */
  readonly fakeQuantization?: FakeQuantization;
  /** Threads of ONNX Runtime within an operator; default 1. */
  readonly threads?: number;
  /**
   * Parts of a batch that are worked on side by side, each in a worker thread; must divide the batch. Default 1: on
   * the calling thread. Batch norm takes the statistics of each part alone, as PyTorch's DistributedDataParallel does.
   */
  readonly replicas?: number;
  /** Default: as many as ONNX Runtime's blocked kernels have on this machine. */
  readonly lanes?: number;
};

/** Fill a dropout mask: 0 for what is dropped, else 1 / (1 − rate). */
export function drawMask(mask: Float32Array, rate: number, rng: Rng): void {
  for (let i = 0; i < mask.length; i++) mask[i] = rng.next() < rate ? 0 : 1 / (1 - rate);
}
