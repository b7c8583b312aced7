export { TimedBuilder } from "./build.js";
export { idleEnables } from "./idle.js";
export * from "./ir.js";
export { timedNetlistFromJson, timedNetlistToJson } from "./json.js";
export { printTimedNetlist } from "./print.js";
export {
  createTimedSimulator,
  type MemoryWords,
  type TimedSimulator,
  type TransitionCounts,
} from "./simulator.js";
export { layerStimuli, type StimulatedLayer, type StimulusImages } from "./stimulus.js";
export { simModuleOf } from "./to-sim-module.js";
export { verifyTimedNetlist } from "./verify.js";
export {
  type LayerStimulus,
  type SampledWindow,
  type SampleOptions,
  type SampleResult,
  sampleWindows,
} from "./windows.js";
