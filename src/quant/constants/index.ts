export { type CompensateOptions, compensateWeights } from "./compensate.js";
export {
  constantDigits,
  type LayerDigits,
  type PruneOptions,
  pruneWeights,
  type RoundOptions,
  roundWeights,
} from "./passes.js";
