import type { Range } from "../technology.js";

/** Assumptions of the array model that no synthesis gives; each a range, all of them ours. */
export const arrayAssumptions = {
  /**
   * Sequencers, address generators, DMA and configuration registers, over the area and dynamic energy of the parts that they control.
   */
  controlShare: { low: 0.05, nominal: 0.1, high: 0.2 },
  /** Dynamic power of an idle, clock-gated array over that of its busy cycles: the root of the clock tree and the wake-up logic. */
  idleShare: { low: 0.01, nominal: 0.03, high: 0.08 },
  /** Share of the placed logic area that cells fill; memory macros are placed as they are. */
  placementDensity: { low: 0.6, nominal: 0.7, high: 0.85 },
} as const satisfies Readonly<Record<string, Range>>;
