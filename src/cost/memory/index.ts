export * from "./fit.js";
export * from "./laws.js";
export * from "./macros.js";
export * from "./memory-cost.js";
