export { defaultFullAdderAreas, type FullAdderAreas } from "./area.js";
export { type ChoiceOptions, chooseFolding } from "./choose.js";
export { foldedCyclesPerFrame } from "./cycles.js";
export { type JoinDepths, sizeJoins } from "./joins.js";
export type { LayerTiming } from "./layer-model.js";
export {
  type FoldedSteps,
  type Folding,
  type FrontFolding,
  foldedSteps,
  type LayerParallelism,
} from "./parallelism.js";
export {
  chainOf,
  type Schedule,
  type ScheduleStage,
  type SteadySchedule,
  simulateSchedule,
  steadySchedule,
} from "./schedule.js";
