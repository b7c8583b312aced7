export type { InputTiming } from "./frame-input.js";
export { type EngineLatencies, engineLatencies, type PipelineDepths, usualDepths } from "./latencies.js";
export type { MemoryTiming } from "./memory-port.js";
export {
  type FrameCycles,
  type LayerCycles,
  type PredictOptions,
  predictCycles,
  type Stalls,
} from "./predict.js";
