import type { NodeName } from "../../graph/index.js";

/** Names of the inputs and outputs of a training program and of an update program. */
export const PROGRAM = {
  parameters: "parameters",
  velocity: "velocity",
  statistics: "statistics",
  learningRate: "learningRate",
  targets: "targets",
  boundary: (name: NodeName): string => `boundary:${name}`,
  dropout: (name: NodeName): string => `dropout:${name}`,
  newParameters: "newParameters",
  newVelocity: "newVelocity",
  newStatistics: "newStatistics",
  loss: "loss",
  logits: "logits",
  gradient: "gradient",
  batchStatistics: "batchStatistics",
  gradients: "gradients",
} as const;
