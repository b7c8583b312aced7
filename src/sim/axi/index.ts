export type { Pauses } from "./lanes.js";
export type { MemoryFault, MemoryTiming } from "./memory.js";
export {
  type AxiSystemJob,
  type AxiSystemResult,
  type AxiSystemRun,
  type AxiSystemRunResult,
  type RegisterWrite,
  simulateAxiSystem,
} from "./system.js";
