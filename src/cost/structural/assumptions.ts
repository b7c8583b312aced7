import type { Range } from "../technology.js";

/** Assumptions of the structural tier that no table gives; each a range, all of them ours. */
export const structuralAssumptions = {
  /** Share of the cell outputs that toggle in an active cycle, where no simulated activity is given. */
  logicToggleRate: { low: 0.1, nominal: 0.2, high: 0.35 },
  /** Share of the register bits that toggle in an active cycle, where no simulated activity is given. */
  registerToggleRate: { low: 0.1, nominal: 0.2, high: 0.35 },
  /**
   * Transitions with glitches over transitions without, in trees and requantization, where a layer was not simulated with delays. Range:
   * 1.1 to 1.5 in synthesized netlists of single layers of ResNet-8 and MobileNet (docs/cost.md), up to 2.9 where choices glitch into multipliers; an assumption.
   */
  glitchFactor: { low: 1, nominal: 1.6, high: 3 },
  /** Clock energy with its tree over that of clock pins, flip-flops and clock gates. */
  clockTreeFactor: { low: 1.1, nominal: 1.3, high: 1.6 },
} as const satisfies Readonly<Record<string, Range>>;
