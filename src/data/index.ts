export * from "./dataset.js";
export * from "./augment.js";
export * from "./resize.js";
