export * from "./tensor.js";
export * from "./window.js";
