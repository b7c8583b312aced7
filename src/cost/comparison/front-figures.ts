import { chipAssumptions } from "../accelerator/index.js";
import { mapRange, multiplyRanges, scaleRange } from "../range.js";
import { scalingTo16Nm } from "../scaling.js";
import type { FrontEndCost } from "../structural/index.js";
import type { Range } from "../technology.js";
import type { FrontFigures } from "./types.js";

/** Cell area over placement density; memory macros are placed as they are. */
function placedAreaMm2({ areaMm2, macroAreaMm2: macros }: FrontEndCost): Range {
  const cells = areaMm2.total - macros;
  const { low, nominal, high } = chipAssumptions.placementDensity;
  return { low: macros + cells / high, nominal: macros + cells / nominal, high: macros + cells / low };
}

/** Take what the comparison needs from a structural cost, at its own node. */
export function frontFigures(cost: FrontEndCost): FrontFigures {
  const leakageUj = cost.energyPerFrameUj.leakage;
  const energyPerFrameUj = mapRange(cost.energyPerFrameRangeUj, (uj) => uj - leakageUj);
  const busyPowerMw = scaleRange(energyPerFrameUj, cost.framesPerSecond * 1e-3);
  const rate = cost.framesPerSecond;
  return {
    tier: cost.tier,
    source: `${cost.technology}: ${cost.source}`,
    areaMm2: placedAreaMm2(cost),
    energyPerFrameUj,
    energyScaling: { low: 1, nominal: 1, high: 1 },
    framesPerSecond: { low: rate, nominal: rate, high: rate },
    idlePowerMw: multiplyRanges(busyPowerMw, chipAssumptions.idleShare),
    leakageMw: { low: cost.leakageMw, nominal: cost.leakageMw, high: cost.leakageMw },
  };
}

/** NVDLA's clock, and the most that a scaled design is taken to reach. */
const MOST_MHZ_AT_16NM = 1000;

/**
 * Take a structural cost to 16 nm at 0.8 V (Stillmaker and Baas 2017). The clock scales with the delay, at most to 1 GHz; leakage is an order of
 * magnitude only ({@link leakageFactorTo16Nm}).
 */
export function frontFiguresAt16Nm(cost: FrontEndCost): FrontFigures {
  const own = frontFigures(cost);
  const {
    areaFactor: area,
    energyFactor: energy,
    delayFactor: delay,
    leakageFactor: leakage,
    source,
  } = scalingTo16Nm(cost.nodeNm, cost.supplyV);
  const rate = (factor: number): number =>
    Math.min(cost.clockMhz / factor, MOST_MHZ_AT_16NM) * (1e6 / cost.cyclesPerFrame);
  const framesPerSecond = { low: rate(delay.high), nominal: rate(delay.nominal), high: rate(delay.low) };
  const energyPerFrameUj = scaleRange(own.energyPerFrameUj, energy.nominal);
  const busyPowerMw = scaleRange(energyPerFrameUj, framesPerSecond.nominal * 1e-3);
  return {
    ...own,
    source: `${own.source}; to 16 nm: ${source}`,
    areaMm2: scaleRange(own.areaMm2, area),
    energyPerFrameUj,
    energyScaling: scaleRange(energy, 1 / energy.nominal),
    framesPerSecond,
    idlePowerMw: multiplyRanges(busyPowerMw, chipAssumptions.idleShare),
    leakageMw: scaleRange(own.leakageMw, leakage),
  };
}
