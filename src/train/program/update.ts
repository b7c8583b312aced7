import { int, ints, OnnxBuilder, type OnnxModel } from "../../graph/index.js";
import { tensor } from "../../tensor/index.js";
import type { ParameterRole } from "./emit.js";
import { PROGRAM } from "./names.js";
import { type Slot, type TrainingPlan, totalLength } from "./plan.js";

/** Constants of the optimizer. The learning rate is an input of every step. */
export type OptimizerConstants = {
  readonly momentum: number;
  readonly nesterov: boolean;
  /** Decay of weights (not of biases, nor of batch norm's gamma and beta), as L2 gradient. */
  readonly weightDecay: number;
  /** Share of the old moving average that a step keeps. */
  readonly statisticsMomentum: number;
};

/** SGD with momentum: v ← μ·v + g + λ·w; w ← w − η·v, or w − η·(g + λ·w + μ·v) with Nesterov. */
export function emitUpdate(
  onnx: OnnxBuilder,
  gradient: string,
  slots: readonly Slot<ParameterRole>[],
  optimizer: OptimizerConstants,
): void {
  const length = totalLength(slots);
  const decay = new Float32Array(length);
  for (const { role, offset, length: n } of slots) {
    if (role === "weights") decay.fill(optimizer.weightDecay, offset, offset + n);
  }
  const decays = onnx.constant("decay", tensor("float32", [length], decay));
  const total = onnx.op("Add", [gradient, onnx.op("Mul", [decays, PROGRAM.parameters])]);
  const momentum = onnx.scalar(optimizer.momentum);
  const velocity = onnx.op("Add", [onnx.op("Mul", [PROGRAM.velocity, momentum]), total]);
  const direction = optimizer.nesterov
    ? onnx.op("Add", [total, onnx.op("Mul", [velocity, momentum])])
    : velocity;
  const step = onnx.op("Mul", [direction, PROGRAM.learningRate]);
  onnx.alias(velocity, PROGRAM.newVelocity);
  onnx.alias(onnx.op("Sub", [PROGRAM.parameters, step]), PROGRAM.newParameters);
}

/** Moving averages of batch norm's statistics: s ← share·s + (1 − share)·measured. */
function emitStatistics(onnx: OnnxBuilder, measured: string, optimizer: OptimizerConstants): void {
  const kept = onnx.op("Mul", [PROGRAM.statistics, onnx.scalar(optimizer.statisticsMomentum)]);
  const fresh = onnx.op("Mul", [measured, onnx.scalar(1 - optimizer.statisticsMomentum)]);
  onnx.alias(onnx.op("Add", [kept, fresh]), PROGRAM.newStatistics);
}

/**
 * Emit the inputs, operators and outputs that take the state a step further.
 *
 * @param measured.gradient flat gradient of the parameters
 * @param measured.statistics flat statistics of the batch; undefined when the plan has none
 */
export function emitStateUpdate(
  onnx: OnnxBuilder,
  plan: TrainingPlan,
  options: {
    readonly optimizer: OptimizerConstants;
    readonly gradient: string;
    readonly statistics: string | undefined;
  },
): void {
  const { optimizer, gradient, statistics } = options;
  const parameters = [totalLength(plan.parameters)];
  onnx.input(PROGRAM.velocity, "float32", parameters);
  onnx.input(PROGRAM.learningRate, "float32", []);
  emitUpdate(onnx, gradient, plan.parameters, optimizer);
  onnx.output(PROGRAM.newParameters, "float32", parameters);
  onnx.output(PROGRAM.newVelocity, "float32", parameters);
  if (statistics === undefined) return;
  const extents = [totalLength(plan.statistics)];
  onnx.input(PROGRAM.statistics, "float32", extents);
  emitStatistics(onnx, statistics, optimizer);
  onnx.output(PROGRAM.newStatistics, "float32", extents);
}

/**
 * Build the program that updates the state from what several replicas measured: it averages their rows of `gradients`
 * and of `batchStatistics`. Its other inputs and its outputs are those of a training program's state; it gives the
 * average `gradient` as well.
 */
export function buildUpdateProgram(
  plan: TrainingPlan,
  options: { readonly optimizer: OptimizerConstants; readonly replicas: number },
): OnnxModel {
  const { optimizer, replicas } = options;
  const onnx = new OnnxBuilder();
  const count = totalLength(plan.parameters);
  const statisticCount = totalLength(plan.statistics);
  const average = (name: string, length: number): string =>
    onnx.op("ReduceMean", [onnx.input(name, "float32", [replicas, length])], {
      axes: ints(0),
      keepdims: int(0),
    });
  onnx.input(PROGRAM.parameters, "float32", [count]);
  const gradient = onnx.alias(average(PROGRAM.gradients, count), PROGRAM.gradient);
  onnx.output(gradient, "float32", [count]);
  const statistics = statisticCount > 0 ? average(PROGRAM.batchStatistics, statisticCount) : undefined;
  emitStateUpdate(onnx, plan, { optimizer, gradient, statistics });
  return onnx.build("update");
}
