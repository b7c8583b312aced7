export { foldedCyclesPerFrame } from "./cycles.js";
export {
  type FoldedSteps,
  type Folding,
  type FrontFolding,
  foldedSteps,
  type LayerParallelism,
} from "./parallelism.js";
