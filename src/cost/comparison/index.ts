export * from "./equal-area.js";
export * from "./front-figures.js";
export * from "./nvdla.js";
export * from "./paper.js";
export * from "./paper-corrected.js";
export * from "./types.js";
