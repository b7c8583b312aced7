export { type ExplorationRequest, type ExplorationResult, runExploration } from "./run.js";
export { DEFAULT_RUN, type ExploreSource, exploreSource } from "./source.js";
