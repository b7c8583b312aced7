export * from "./nvdla.js";
export * from "./paper.js";
export * from "./types.js";
