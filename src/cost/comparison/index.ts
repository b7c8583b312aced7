export * from "./equal-area.js";
export * from "./front-figures.js";
export * from "./nvdla.js";
export { atomUtilization, nvdlaAtoms } from "./nvdla-atoms.js";
export * from "./paper.js";
export * from "./paper-corrected.js";
export * from "./side.js";
export * from "./types.js";
