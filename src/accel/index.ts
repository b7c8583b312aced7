export * from "./compile/index.js";
export * from "./config.js";
export * from "./fingerprint.js";
export * from "./host.js";
export * from "./isa/index.js";
export * from "./registers.js";
export { buildEngine, ENGINE_MODULE, type Engine } from "./rtl/engine.js";
export { buildSystem, SYSTEM_MODULE, streamGeometry } from "./system.js";
export * from "./testbench/index.js";
