export * from "./backbone.js";
export * from "./checkpoint.js";
export * from "./evaluate.js";
export * from "./mobilenet.js";
export * from "./options.js";
export type { OptimizerConstants } from "./program/program.js";
export * from "./split.js";
export * from "./trainer.js";
