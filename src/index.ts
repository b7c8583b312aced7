/** fixynn: freeze the front of a CNN into silicon. The public API; nothing else is. @module */
export * from "./core/index.js";
export * as cost from "./cost/index.js";
export * as data from "./data/index.js";
export * as exploration from "./explore/index.js";
export {
  type Config,
  type ConstantsOutcome,
  constantsCurve,
  type ExplorationRequest,
  type ExplorationResult,
  type FlowRequest,
  type FlowResult,
  loadConfig,
  parseConfig,
  runExploration,
  runFlow,
} from "./flow/index.js";
export * as graph from "./graph/index.js";
export * as hw from "./hw/index.js";
export * as importers from "./importers/index.js";
export * as quant from "./quant/index.js";
export * as report from "./report/index.js";
export * as sim from "./sim/index.js";
export * as tensor from "./tensor/index.js";
export * as train from "./train/index.js";
