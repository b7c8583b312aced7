export * from "./compile/index.js";
export * from "./config.js";
export * from "./fingerprint.js";
export * from "./isa/index.js";
