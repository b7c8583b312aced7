export * from "./adder-graph.js";
export * from "./compressor-tree.js";
export * from "./constant-matrix.js";
export * from "./csd.js";
export * from "./interval.js";
export * from "./json.js";
export * from "./tree-check.js";
