export * from "./assumptions.js";
export * from "./clock.js";
export * from "./cost-types.js";
export * from "./counts.js";
export * from "./front.js";
export * from "./layer-counts.js";
export * from "./parts.js";
