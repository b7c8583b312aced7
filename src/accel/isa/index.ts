export * from "./codec.js";
export * from "./fields.js";
export * from "./print.js";
export * from "./program.js";
