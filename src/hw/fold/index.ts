export { type AreaUnits, defaultAreaUnits } from "./area.js";
export { type ChainLayer, type ChoiceOptions, chooseFolding } from "./choose.js";
export { foldedCyclesPerFrame } from "./cycles.js";
export {
  type FoldedSteps,
  type Folding,
  type FrontFolding,
  foldedSteps,
  type LayerParallelism,
} from "./parallelism.js";
export { type LayerTiming, type Schedule, simulateSchedule } from "./schedule.js";
