import { addRanges, exactly, multiplyRanges, scaleRange } from "../range.js";
import { arrayStructure } from "./area.js";
import { arrayAssumptions } from "./assumptions.js";
import { chargedEnergyPj, countsToPrice, energyPricesPj } from "./energy.js";
import { dramTraffic, type LayerTraffic, totalTraffic } from "./traffic.js";
import type {
  AcceleratorConfig,
  AcceleratorLayer,
  AcceleratorLayerRun,
  AcceleratorRun,
  AcceleratorTechnology,
} from "./types.js";
import { checkConfig, type LayerWork, layerWork } from "./work.js";

/** Name a configuration. */
export const arrayName = (config: AcceleratorConfig): string =>
  `array ${config.cPar}×${config.kPar}, ${config.weightBufferKb} + ${config.activationBufferKb} KB`;

/** Busy cycles of a layer: the longer of its beats and its DRAM transfers, since the next tile's weights load while one works. */
export function layerCycles(work: LayerWork, traffic: LayerTraffic, config: AcceleratorConfig): number {
  const bytesPerCycle = config.dramBytesPerSecond / (config.clockMhz * 1e6);
  return Math.max(work.cycles, Math.ceil((traffic.weights + traffic.activations) / bytesPerCycle));
}

/**
 * Run layers on the MAC array, one after the other. Energy covers the busy cycles; leakage and idle power are figures of their own, so that the frame
 * rate decides how much of them a frame pays.
 *
 * @throws FixynnError FX7070 for a configuration that cannot be
 */
export function runOnArray(
  layers: readonly AcceleratorLayer[],
  config: AcceleratorConfig,
  technology: AcceleratorTechnology,
): AcceleratorRun {
  checkConfig(config);
  const structure = arrayStructure(config, technology);
  const prices = energyPricesPj(config, technology);
  const traffic = dramTraffic(layers, config);
  const multipliers = config.cPar * config.kPar;
  const runs = layers.map((layer, i): AcceleratorLayerRun => {
    const work = layerWork(layer, config);
    const moved = traffic[i]!;
    const dramBytes = moved.weights + moved.activations;
    const cycles = layerCycles(work, moved, config);
    return {
      name: layer.name,
      cycles,
      computeCycles: work.cycles,
      dramBytes,
      utilization: cycles === 0 ? 0 : layer.macs / (cycles * multipliers),
      energyUj: scaleRange(chargedEnergyPj(prices, countsToPrice(work, moved)).total, 1e-6),
    };
  });
  const cycles = runs.reduce((sum, run) => sum + run.cycles, 0);
  const macs = layers.reduce((sum, layer) => sum + layer.macs, 0);
  const secondsPerFrame = cycles / (config.clockMhz * 1e6);
  const energyPerFrameUj = addRanges(exactly(0), ...runs.map((run) => run.energyUj));
  const dramBytesPerFrame = totalTraffic(traffic);
  const busyPowerMw = secondsPerFrame > 0 ? scaleRange(energyPerFrameUj, 1e-3 / secondsPerFrame) : exactly(0);
  return {
    tier: "modelled",
    name: arrayName(config),
    areaMm2: structure.areaMm2.total,
    config,
    cycles,
    secondsPerFrame,
    framesPerSecond: secondsPerFrame > 0 ? 1 / secondsPerFrame : Number.POSITIVE_INFINITY,
    energyPerFrameUj,
    energyScaling: technology.energyScaling,
    dramBytesPerFrame,
    dramEnergyUj: scaleRange(technology.dramPjPerByte, dramBytesPerFrame.total * 1e-6),
    idlePowerMw: multiplyRanges(busyPowerMw, arrayAssumptions.idleShare),
    leakageMw: structure.leakageMw,
    utilization: cycles === 0 ? 0 : macs / (cycles * multipliers),
    layers: runs,
  };
}
