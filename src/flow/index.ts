export * from "./config.js";
export { type ConstantsOutcome, constantsCurve } from "./constants.js";
export { freezeModel, verifyDeliverable, writeDeliverable } from "./deliverable.js";
export { type FlowRequest, type FlowResult, runFlow } from "./run.js";
export { RunDirectory, type StepOutcome } from "./run-directory.js";
