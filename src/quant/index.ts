export * from "./execute/execute.js";
export * from "./interval.js";
export * from "./json.js";
export * from "./nodes.js";
export * from "./print.js";
export * from "./requantize.js";
export * from "./types.js";
export * from "./verify.js";
