export { ActivationMemory, type TensorPlace } from "./activations.js";
export { type ExternalBytes, type LayerCounters, type LayerRecord, sumCounters } from "./counters.js";
export {
  type DecodedProgram,
  type Descriptor,
  decodeProgram,
  type LayerValues,
  type TransferValues,
  type WeightEntry,
} from "./decode.js";
export type { ExternalMemory, FrameMemory } from "./external.js";
export { FAILURES, type Place } from "./failures.js";
export { type InterpretedRun, type InterpretOptions, interpretProgram } from "./interpreter.js";
export { type Requantization, requantize } from "./requantize.js";
export { trafficOf } from "./traffic.js";
