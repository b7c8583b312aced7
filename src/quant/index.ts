export * from "./execute/execute.js";
export * from "./nodes.js";
export * from "./requantize.js";
export * from "./types.js";
