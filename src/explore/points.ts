import {
  type AcceleratorLayer,
  type AcceleratorRun,
  alike,
  type Chip,
  describeSide,
  type FrontFigures,
  frameEnergyUj,
  frontFiguresAt16Nm,
  mostFramesPerSecond,
  type Technology,
} from "../cost/index.js";
import { cameraFigures, gainOver } from "./camera.js";
import { type CostedFront, costFront } from "./costed.js";
import { rounded } from "./rounded.js";
import type { ProgrammableModel } from "./tail.js";
import type { DesignPoint, ExploredAccelerator } from "./types.js";

/** What all points of an exploration share. */
export type PointContext = {
  readonly technology: Technology;
  /** The whole network in order. */
  readonly layers: readonly AcceleratorLayer[];
  readonly programmable: ProgrammableModel;
  readonly clockShares: readonly number[];
  readonly acceleratorsMm2: readonly number[];
  readonly cameraFramesPerSecond: readonly number[];
  readonly accelerators: AcceleratorTable;
};

/** Records accelerators once each. */
export class AcceleratorTable {
  readonly accelerators: ExploredAccelerator[] = [];
  readonly #places = new Map<string, number>();

  place({ name, areaMm2 }: AcceleratorRun): number {
    const own = rounded(areaMm2.nominal);
    const key = `${name} ${own}`;
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    this.#places.set(key, this.accelerators.length);
    this.accelerators.push({ name, areaMm2: own });
    return this.accelerators.length - 1;
  }
}

/** The first layer that is not in a front, counted in the whole network; and whether any of the rest has work. */
export function tailOf(
  layers: readonly AcceleratorLayer[],
  frozen: ReadonlySet<string>,
): { readonly fromLayer: number; readonly hasTail: boolean } {
  const fromLayer = 1 + layers.findLastIndex(({ name }) => frozen.has(name));
  return { fromLayer, hasTail: layers.slice(fromLayer).some(({ kind }) => kind !== "other") };
}

/**
 * Evaluate one design: a front at a clock beside an accelerator, both at 16 nm. Areas and energies add up, the slower of the two sets the rate,
 * a frame passes through both; whoever waits pays idle power and leakage.
 */
export function designPoint(
  {
    front,
    figures,
    place,
  }: { readonly front: CostedFront; readonly figures: FrontFigures; readonly place: number },
  { clockShare, run }: { readonly clockShare: number; readonly run: AcceleratorRun | undefined },
  context: Pick<PointContext, "layers" | "programmable" | "accelerators" | "cameraFramesPerSecond">,
): DesignPoint {
  const { layers, programmable, accelerators, cameraFramesPerSecond } = context;
  const macs = layers.reduce((sum, layer) => sum + layer.macs, 0);
  const chip: Chip = { front: figures, run };
  const rate = mostFramesPerSecond(chip);
  const area = figures.areaMm2;
  const own = run?.areaMm2 ?? { low: 0, nominal: 0, high: 0 };
  const areaMm2 = area.nominal + own.nominal;
  const side = describeSide(chip, rate, { name: "", source: "", areaMm2, macs });
  const nominal = alike("nominal");
  const frontUj = frameEnergyUj({ front: figures }, rate.nominal, nominal).chip;
  const { chip: acceleratorUj, dram } = frameEnergyUj({ run }, rate.nominal, nominal);
  // The all-programmable accelerator of the same area, to half a percent.
  const wholeMm2 = Number(areaMm2.toPrecision(3));
  const wholeAt = (framesPerSecond?: number) => programmable.best(wholeMm2, 0, framesPerSecond);
  const { cyclesPerFrame, latencyCycles } = front.front;
  const clockHz = figures.framesPerSecond.nominal * cyclesPerFrame;
  const seconds = (cyclesPerFrame + latencyCycles) / clockHz + (run?.secondsPerFrame ?? 0);
  return {
    front: place,
    clockShare,
    clockMhz: rounded(clockHz * 1e-6),
    ...(run === undefined ? {} : { accelerator: accelerators.place(run) }),
    areaMm2: rounded(areaMm2),
    areaRangeMm2: { low: rounded(area.low + own.low), high: rounded(area.high + own.high) },
    frontEnergyUj: rounded(frontUj),
    acceleratorEnergyUj: rounded(acceleratorUj),
    dramEnergyUj: rounded(dram),
    energyPerFrameUj: rounded(side.energyPerFrameUj.nominal),
    framesPerSecond: rounded(rate.nominal),
    latencyMs: rounded(seconds * 1e3),
    topsPerWatt: rounded(side.topsPerWatt.nominal),
    topsPerWattRange: { low: rounded(side.topsPerWatt.low), high: rounded(side.topsPerWatt.high) },
    topsPerWattWithDram: rounded(side.topsPerWattWithDram.nominal),
    ...gainsOver(wholeAt(), chip),
    atCamera: cameraFigures(chip, { macs, cameraFramesPerSecond }, wholeAt),
  };
}

/** TOPS/W over those of an all-programmable accelerator, both as fast as they can. */
function gainsOver(run: AcceleratorRun | undefined, chip: Chip): Pick<DesignPoint, "gain" | "gainWithDram"> {
  if (run === undefined) return {};
  const most = (one: Chip): number => mostFramesPerSecond(one).nominal;
  return gainOver({ run }, chip, { other: most({ run }), chip: most(chip) });
}

/** Evaluate a front at all clocks beside all accelerators. */
export function pointsOf(
  front: CostedFront,
  place: number,
  frozen: ReadonlySet<string>,
  context: PointContext,
): readonly DesignPoint[] {
  const { technology, layers, clockShares, acceleratorsMm2, cameraFramesPerSecond, programmable } = context;
  const { fromLayer, hasTail } = tailOf(layers, frozen);
  const runs = hasTail
    ? [undefined, ...cameraFramesPerSecond].flatMap((framesPerSecond) =>
        acceleratorsMm2.flatMap((areaMm2) => programmable.best(areaMm2, fromLayer, framesPerSecond) ?? []),
      )
    : [undefined];
  // Several areas may have the same best accelerator.
  const distinct = [...new Map(runs.map((run) => [`${run?.name} ${run?.areaMm2.nominal}`, run])).values()];
  return clockShares.flatMap((clockShare) => {
    const clockMhz = front.cost.achievableClockMhz * clockShare;
    const cost = clockShare === 1 ? front.cost : costFront(front.counts, technology, clockMhz);
    const figures = frontFiguresAt16Nm(cost);
    return distinct.map((run) => designPoint({ front, figures, place }, { clockShare, run }, context));
  });
}
