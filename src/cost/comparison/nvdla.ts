import { FixynnError } from "../../core/index.js";
import { type AcceleratorLayer, type AcceleratorRun, dramPjPerByte } from "../accelerator/index.js";
import { exactly, scaleRange } from "../range.js";
import { atomUtilization } from "./nvdla-atoms.js";
import { nvdlaTraffic, totalNvdlaTraffic } from "./nvdla-traffic.js";

/** A published NVDLA configuration at 16 nm, int8, 1 GHz, memories included, ResNet-50 (nvdla.org primer). */
export type NvdlaPoint = {
  readonly macs: number;
  readonly bufferKb: number;
  readonly areaMm2: number;
  readonly resNet50FramesPerSecond: number;
  readonly averagePowerMw: number;
};

/** The published points, largest first. */
export const nvdlaPoints: readonly NvdlaPoint[] = [
  { macs: 2048, bufferKb: 512, areaMm2: 3.3, resNet50FramesPerSecond: 269, averagePowerMw: 291 },
  { macs: 1024, bufferKb: 256, areaMm2: 1.8, resNet50FramesPerSecond: 153, averagePowerMw: 143 },
  { macs: 512, bufferKb: 256, areaMm2: 1.4, resNet50FramesPerSecond: 93, averagePowerMw: 80 },
  { macs: 256, bufferKb: 256, areaMm2: 1.0, resNet50FramesPerSecond: 46, averagePowerMw: 48 },
  { macs: 128, bufferKb: 256, areaMm2: 0.84, resNet50FramesPerSecond: 20, averagePowerMw: 31 },
  { macs: 64, bufferKb: 128, areaMm2: 0.55, resNet50FramesPerSecond: 7.3, averagePowerMw: 21 },
  { macs: 32, bufferKb: 128, areaMm2: 0.51, resNet50FramesPerSecond: 3.6, averagePowerMw: 17 },
];

/** Multiply-accumulates of ResNet-50 at 224×224 (He et al. 2016, table 1: 3.8e9). */
export const resNet50Macs = 3.8e9;
/** Area within which points are interpolated, mm² at 16 nm. */
export const nvdlaAreaMm2 = { smallest: 0.51, largest: 3.3 } as const;

/** Share of its peak that a configuration reaches on ResNet-50: frames/s · 3.8e9 / (MACs · 1 GHz). */
export function resNet50Utilization(point: NvdlaPoint): number {
  return (point.resNet50FramesPerSecond * resNet50Macs) / (point.macs * 1e9);
}

/** TOPS/W of a configuration on ResNet-50, by its published average power: 2 · 3.8e9 operations × frames/s over mW. */
export function resNet50TopsPerWatt(point: NvdlaPoint): number {
  return (2 * resNet50Macs * point.resNet50FramesPerSecond * 1e-12) / (point.averagePowerMw * 1e-3);
}

const CLOCK_HZ = 1e9;

const isRun = (layer: AcceleratorLayer): boolean =>
  (layer.kind === "conv2d" || layer.kind === "depthwiseConv2d" || layer.kind === "dense") && layer.macs > 0;

/** Time of a layer on a published configuration: MACs / (MACs · 1 GHz · share reached on ResNet-50 · share of the atoms filled). */
function secondsOn(point: NvdlaPoint, layer: AcceleratorLayer, isImage: boolean): number {
  const achieved = resNet50Utilization(point) * point.macs * CLOCK_HZ;
  return layer.macs / (achieved * atomUtilization(layer, point.macs, isImage));
}

/** Shares of the published average power: leakage, and what an idle clock-gated NVDLA takes; not published, assumptions of ours. */
export const nvdlaShares = {
  leakage: 0.03,
  idle: { low: 0.01, nominal: 0.03, high: 0.08 },
} as const;

/**
 * Run layers on an NVDLA-like accelerator of a given area at 16 nm. Frame time, power and buffer are interpolated log-log in
 * area between the two published neighbours; power is their published average. Half of the buffer is taken for weights, half for
 * activations. Above 3.3 mm² it is area/3.3 copies of the largest, each on its own frames (same energy a frame). Pooling and
 * additions are not charged.
 *
 * @param hasImage the first layer reads the image, not a front's output
 * @throws FixynnError FX7050 below 0.51 mm²: the points are not extrapolated
 */
export function runOnNvdla(
  layers: readonly AcceleratorLayer[],
  areaMm2: number,
  hasImage: boolean,
): AcceleratorRun {
  if (!(areaMm2 >= nvdlaAreaMm2.smallest)) {
    throw new FixynnError(
      "FX7050",
      `no accelerator of ${areaMm2.toFixed(3)} mm²: the smallest published is 0.51 mm²`,
      {
        hint: "points are not extrapolated; give more total area or freeze fewer layers",
      },
    );
  }
  const within = Math.min(areaMm2, nvdlaAreaMm2.largest);
  const copies = areaMm2 / within;
  const larger = nvdlaPoints.findLast((point) => point.areaMm2 >= within)!;
  const smaller = nvdlaPoints.find((point) => point.areaMm2 <= within)!;
  const share =
    larger === smaller ? 0 : Math.log(within / smaller.areaMm2) / Math.log(larger.areaMm2 / smaller.areaMm2);
  const between = (a: number, b: number): number =>
    a === 0 ? 0 : Math.exp(Math.log(a) * (1 - share) + Math.log(b) * share);
  const image = hasImage ? layers.findIndex(({ kind }) => kind !== "other") : -1;
  const seconds = layers.map((layer, i) =>
    isRun(layer) ? between(secondsOn(smaller, layer, i === image), secondsOn(larger, layer, i === image)) : 0,
  );
  const total = seconds.reduce((a, b) => a + b, 0);
  const secondsPerFrame = total / copies;
  const powerMw = between(smaller.averagePowerMw, larger.averagePowerMw);
  const multipliers = between(smaller.macs, larger.macs) * copies;
  const half = between(smaller.bufferKb, larger.bufferKb) / 2;
  const traffic = nvdlaTraffic(layers, { weightBufferKb: half, activationBufferKb: half });
  const dramBytesPerFrame = totalNvdlaTraffic(traffic);
  const macs = layers.reduce((sum, layer) => sum + layer.macs, 0);
  const workUj = (s: number): number => powerMw * (1 - nvdlaShares.leakage) * s * 1e3;
  return {
    tier: "modelled",
    name: `NVDLA-like, ${areaMm2.toFixed(2)} mm²`,
    areaMm2: exactly(areaMm2),
    cycles: secondsPerFrame * CLOCK_HZ,
    secondsPerFrame,
    framesPerSecond: 1 / secondsPerFrame,
    energyPerFrameUj: exactly(workUj(total)),
    energyScaling: exactly(1),
    dramBytesPerFrame,
    dramEnergyUj: scaleRange(dramPjPerByte, dramBytesPerFrame.total * 1e-6),
    idlePowerMw: scaleRange(nvdlaShares.idle, powerMw * copies),
    leakageMw: exactly(nvdlaShares.leakage * powerMw * copies),
    utilization: total === 0 ? 0 : macs / (secondsPerFrame * multipliers * CLOCK_HZ),
    layers: layers.map((layer, i) => ({
      name: layer.name,
      cycles: (seconds[i]! / copies) * CLOCK_HZ,
      computeCycles: (seconds[i]! / copies) * CLOCK_HZ,
      dramBytes: traffic[i]!.weights + traffic[i]!.activations,
      utilization: seconds[i] === 0 ? 0 : layer.macs / ((seconds[i]! / copies) * multipliers * CLOCK_HZ),
      energyUj: exactly(workUj(seconds[i]!)),
    })),
  };
}

/**
 * Choose the best use of an area by NVDLA-like accelerators, as our engine is chosen: the largest that fits (interpolated), or as many
 * equal ones of a published size as fit, each on its own frames. Most frames/s (within 1 %: least energy, DRAM included), or, at a frame
 * rate, least power among those that reach it. A larger NVDLA is not always the better one: narrow layers leave wider atoms unfilled.
 *
 * @returns undefined when not even the smallest fits, or none reaches the rate
 */
export function bestNvdla(
  layers: readonly AcceleratorLayer[],
  areaMm2: number,
  {
    hasImage,
    framesPerSecond,
  }: { readonly hasImage: boolean; readonly framesPerSecond?: number | undefined },
): AcceleratorRun | undefined {
  if (!(areaMm2 >= nvdlaAreaMm2.smallest)) return undefined;
  const several = nvdlaPoints.flatMap((point) => {
    const most = Math.floor(areaMm2 / point.areaMm2);
    // At a frame rate fewer may do, with less leakage.
    const counts = framesPerSecond === undefined ? [most] : [1, most];
    return counts
      .filter((count) => count > 0)
      .map((count) => timesOver(runOnNvdla(layers, point.areaMm2, hasImage), count));
  });
  const runs = [runOnNvdla(layers, areaMm2, hasImage), ...several];
  const most = Math.max(...runs.map((run) => run.framesPerSecond));
  const enough = framesPerSecond ?? most * 0.99;
  const frameUj = (run: AcceleratorRun): number => {
    const period = 1 / (framesPerSecond ?? run.framesPerSecond);
    const idle = Math.max(0, period - run.secondsPerFrame);
    return (
      run.energyPerFrameUj.nominal +
      run.dramEnergyUj.nominal +
      (run.leakageMw.nominal * period + run.idlePowerMw.nominal * idle) * 1e3
    );
  };
  return runs
    .filter((run) => run.framesPerSecond >= enough)
    .reduce<AcceleratorRun | undefined>(
      (best, run) => (best === undefined || frameUj(run) < frameUj(best) ? run : best),
      undefined,
    );
}

/** The same accelerator several times, each on its own frames. */
function timesOver(run: AcceleratorRun, count: number): AcceleratorRun {
  if (count === 1) return run;
  const { layers, ...one } = run;
  return {
    ...one,
    name: `${count} × ${run.name}`,
    areaMm2: scaleRange(run.areaMm2, count),
    cycles: run.cycles / count,
    secondsPerFrame: run.secondsPerFrame / count,
    framesPerSecond: run.framesPerSecond * count,
    idlePowerMw: scaleRange(run.idlePowerMw, count),
    leakageMw: scaleRange(run.leakageMw, count),
    layers: layers.map((layer) => ({
      ...layer,
      cycles: layer.cycles / count,
      computeCycles: layer.computeCycles / count,
    })),
  };
}
