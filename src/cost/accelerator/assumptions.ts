import type { Range } from "../technology.js";

/** Assumptions of a comparison that no netlist gives; each a range, all of them ours. */
export const chipAssumptions = {
  /** Dynamic power of an idle front or engine whose clock is stopped at its root over that of its busy cycles: the root of the clock tree and the wake-up logic. */
  idleShare: { low: 0.01, nominal: 0.03, high: 0.08 },
  /** Share of the placed logic area that cells fill; memory macros are placed as they are. */
  placementDensity: { low: 0.6, nominal: 0.7, high: 0.85 },
} as const satisfies Readonly<Record<string, Range>>;
