export * from "./advice-text.js";
export * from "./advise.js";
export * from "./compare-advice.js";
export * from "./config.js";
export { freezeModel, verifyDeliverable, writeDeliverable } from "./deliverable.js";
export { readResults } from "./read-results.js";
export { type FlowRequest, type FlowResult, runFlow } from "./run.js";
export { RunDirectory, type StepOutcome } from "./run-directory.js";
export type { DatasetAdvice } from "./steps/advise.js";
