import type { AcceleratorRun } from "../accelerator/index.js";
import { exactly, mapRange } from "../range.js";
import type { Range } from "../technology.js";
import type { EqualAreaSide, FrontFigures, OperatingPoint } from "./types.js";

/** Which end of each independent error: of the front, of the accelerator, of scaling, of DRAM. */
export type Corner = {
  readonly front: keyof Range;
  readonly accelerator: keyof Range;
  readonly scaling: keyof Range;
  readonly dram: keyof Range;
};

const levels = ["low", "nominal", "high"] as const;

/** Corners whose errors all point one way, to state absolute figures. */
export const alike = (level: keyof Range): Corner => ({
  front: level,
  accelerator: level,
  scaling: level,
  dram: level,
});

/** All corners of the four errors. */
export const corners: readonly Corner[] = levels.flatMap((front) =>
  levels.flatMap((accelerator) =>
    levels.flatMap((scaling) => levels.map((dram) => ({ front, accelerator, scaling, dram }))),
  ),
);

/** A chip: a front, an accelerator, or both in a pipeline. */
export type Chip = { readonly front?: FrontFigures | undefined; readonly run?: AcceleratorRun | undefined };

/** Frames/s of a chip at its best: the slower part's. */
export function mostFramesPerSecond({ front, run }: Chip): Range {
  const of = (level: keyof Range): number =>
    Math.min(front?.framesPerSecond[level] ?? Infinity, run?.framesPerSecond ?? Infinity);
  return { low: of("low"), nominal: of("nominal"), high: of("high") };
}

/**
 * Energy of a frame at a rate and a corner, µJ: work of both parts, leakage over the whole period, idle power over what is left of it after
 * each part's own work.
 */
export function frameEnergyUj(
  chip: Chip,
  framesPerSecond: number,
  corner: Corner,
): { readonly chip: number; readonly dram: number } {
  const period = 1 / framesPerSecond;
  const { front, run } = chip;
  let uj = 0;
  if (front !== undefined) {
    const idle = Math.max(0, period - 1 / front.framesPerSecond.nominal);
    const at = corner.front;
    const dynamic = front.energyPerFrameUj[at] + front.idlePowerMw[at] * idle * 1e3;
    uj += dynamic * front.energyScaling[corner.scaling] + front.leakageMw[at] * period * 1e3;
  }
  if (run !== undefined) {
    const idle = Math.max(0, period - run.secondsPerFrame);
    const at = corner.accelerator;
    const dynamic = run.energyPerFrameUj[at] + run.idlePowerMw[at] * idle * 1e3;
    uj += dynamic * run.energyScaling[corner.scaling] + run.leakageMw[at] * period * 1e3;
  }
  return { chip: uj, dram: run?.dramEnergyUj[corner.dram] ?? 0 };
}

/** Rate of a chip at an operating point; undefined when it does not reach the fixed rate. */
export function framesPerSecondAt(chip: Chip, point: OperatingPoint): Range | undefined {
  const most = mostFramesPerSecond(chip);
  if (point.kind === "throughput") return most;
  return most.nominal >= point.framesPerSecond ? exactly(point.framesPerSecond) : undefined;
}

/** State a chip's figures at its rate. */
export function describeSide(
  chip: Chip,
  framesPerSecond: Range,
  about: { readonly name: string; readonly source: string; readonly areaMm2: number; readonly macs: number },
): EqualAreaSide {
  const operations = 2 * about.macs;
  const at = (level: keyof Range): { readonly chip: number; readonly dram: number } =>
    frameEnergyUj(chip, framesPerSecond.nominal, alike(level));
  const [low, nominal, high] = [at("low"), at("nominal"), at("high")];
  const energyPerFrameUj = { low: low.chip, nominal: nominal.chip, high: high.chip };
  const energyPerFrameWithDramUj = {
    low: low.chip + low.dram,
    nominal: nominal.chip + nominal.dram,
    high: high.chip + high.dram,
  };
  const perWatt = (energy: Range): Range => mapRange(energy, (uj) => (operations * 1e-6) / uj);
  return {
    name: about.name,
    tier: "modelled",
    source: about.source,
    areaMm2: about.areaMm2,
    framesPerSecond,
    energyPerFrameUj,
    energyPerFrameWithDramUj,
    dramBytesPerFrame: chip.run?.dramBytesPerFrame.total ?? 0,
    powerMw: mapRange(energyPerFrameUj, (uj) => uj * framesPerSecond.nominal * 1e-3),
    tops: mapRange(framesPerSecond, (fps) => operations * fps * 1e-12),
    topsPerWatt: perWatt(energyPerFrameUj),
    topsPerWattWithDram: perWatt(energyPerFrameWithDramUj),
  };
}
