import type { Range } from "../technology.js";

/**
 * Energy of a byte from or to DRAM. Nominal: DeepFreeze's 120 pJ (Whatmough et al. 2019). High: Horowitz (ISSCC 2014), 1.3 to 2.6 nJ for 64
 * bits, at the upper end. Low: half of the nominal figure, for what low-power memories have gained since; an assumption of ours.
 */
export const dramPjPerByte: Range = { low: 60, nominal: 120, high: 325 };

/** One 32-bit channel of LPDDR4-3200, bytes/s (JESD209-4: 3200 Mb/s a pin). */
export const defaultDramBytesPerSecond = 12.8e9;
