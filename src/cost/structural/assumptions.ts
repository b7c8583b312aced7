import type { Range } from "../technology.js";

/** Assumptions of the structural tier that no table gives; each a range, all of them ours. */
export const structuralAssumptions = {
  /** Share of the cell outputs that toggle in an active cycle, where no simulated activity is given. */
  logicToggleRate: { low: 0.1, nominal: 0.2, high: 0.35 },
  /** Share of the register bits that toggle in an active cycle, where no simulated activity is given. */
  registerToggleRate: { low: 0.1, nominal: 0.2, high: 0.35 },
  /** Transitions with glitches over transitions without, in adder trees. */
  glitchFactor: { low: 1, nominal: 1.5, high: 2.5 },
  /** Clock energy with its tree over the flip-flops' own; no clock gating. */
  clockTreeFactor: { low: 1.1, nominal: 1.3, high: 1.6 },
} as const satisfies Readonly<Record<string, Range>>;
