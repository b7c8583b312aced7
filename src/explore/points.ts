import {
  type AcceleratorLayer,
  type FrontEndCost,
  scaleFrontTo16Nm,
  type Technology,
} from "../cost/index.js";
import { type CostedFront, costFront, rounded } from "./costed.js";
import type { ProgrammableModel, ProgrammableRun } from "./tail.js";
import type { DesignPoint } from "./types.js";

/** What all points of an exploration share. */
export type PointContext = {
  readonly technology: Technology;
  /** The whole network in order. */
  readonly layers: readonly AcceleratorLayer[];
  readonly programmable: ProgrammableModel;
  readonly clockShares: readonly number[];
  readonly acceleratorsMm2: readonly number[];
};

/** A frozen part of the network and what is left of it. */
export type Split = { readonly tail: readonly AcceleratorLayer[]; readonly hasTail: boolean };

/** The layers that are not in the front. */
export function splitOf(layers: readonly AcceleratorLayer[], frozen: ReadonlySet<string>): Split {
  const tail = layers.filter(({ name }) => !frozen.has(name));
  return { tail, hasTail: tail.some(({ macs }) => macs > 0) };
}

const NOTHING: ProgrammableRun = {
  framesPerSecond: Number.POSITIVE_INFINITY,
  energyPerFrameUj: 0,
  dramEnergyUj: 0,
};

/** Runs of the accelerators, each made once. */
export class RunTable {
  readonly #runs = new Map<string, ProgrammableRun>();
  readonly #model: ProgrammableModel;

  constructor(model: ProgrammableModel) {
    this.#model = model;
  }

  /** @param key names the layers */
  run(key: string, layers: readonly AcceleratorLayer[], areaMm2: number): ProgrammableRun {
    const place = `${key} ${areaMm2}`;
    let run = this.#runs.get(place);
    if (run === undefined) {
      run = this.#model.run(layers, areaMm2);
      this.#runs.set(place, run);
    }
    return run;
  }
}

/**
 * Evaluate one design: a front at a clock beside an accelerator. Area and energy add up, the slower of the two sets the rate, a frame passes
 * through both.
 */
export function designPoint(
  {
    front,
    cost,
    place,
  }: { readonly front: CostedFront; readonly cost: FrontEndCost; readonly place: number },
  {
    clockShare,
    acceleratorMm2,
    run,
  }: {
    readonly clockShare: number;
    readonly acceleratorMm2: number;
    readonly run: ProgrammableRun;
  },
  { layers, programmable, macs }: Pick<PointContext, "layers" | "programmable"> & { readonly macs: number },
): DesignPoint {
  const scaled = scaleFrontTo16Nm(cost);
  const { cyclesPerFrame, latencyCycles } = front.front;
  const rate = scaled.framesPerSecond.nominal;
  const clockHz = rate * cyclesPerFrame;
  const seconds = (cyclesPerFrame + latencyCycles) / clockHz + 1 / run.framesPerSecond;
  const area = scaled.areaMm2;
  const energy = scaled.energyPerFrameUj;
  const energyUj = energy.nominal + run.energyPerFrameUj;
  const perWatt = (uj: number): number => (2 * macs * 1e-6) / uj;
  const areaMm2 = area.nominal + acceleratorMm2;
  const topsPerWatt = perWatt(energyUj);
  const whole =
    areaMm2 >= programmable.smallestMm2 ? programmable.run(layers, areaMm2).energyPerFrameUj : undefined;
  return {
    front: place,
    clockShare,
    clockMhz: rounded(clockHz * 1e-6),
    acceleratorMm2,
    areaMm2: rounded(areaMm2),
    areaRangeMm2: { low: rounded(area.low + acceleratorMm2), high: rounded(area.high + acceleratorMm2) },
    frontEnergyUj: rounded(energy.nominal),
    acceleratorEnergyUj: rounded(run.energyPerFrameUj),
    dramEnergyUj: rounded(run.dramEnergyUj),
    energyPerFrameUj: rounded(energyUj),
    framesPerSecond: rounded(Math.min(rate, run.framesPerSecond)),
    latencyMs: rounded(seconds * 1e3),
    topsPerWatt: rounded(topsPerWatt),
    topsPerWattRange: {
      low: rounded(perWatt(energy.high + run.energyPerFrameUj)),
      high: rounded(perWatt(energy.low + run.energyPerFrameUj)),
    },
    topsPerWattWithDram: rounded(perWatt(energyUj + run.dramEnergyUj)),
    ...(whole === undefined ? {} : { gain: rounded(topsPerWatt / perWatt(whole)) }),
  };
}

/** Evaluate a front at all clocks beside all accelerators. */
export function pointsOf(
  front: CostedFront,
  place: number,
  split: Split,
  context: PointContext & { readonly runs: RunTable },
): readonly DesignPoint[] {
  const { technology, layers, runs, clockShares, acceleratorsMm2, programmable } = context;
  const macs = layers.reduce((sum, layer) => sum + layer.macs, 0);
  const areas = split.hasTail ? acceleratorsMm2.filter((area) => area >= programmable.smallestMm2) : [0];
  return clockShares.flatMap((clockShare) => {
    const clockMhz = front.cost.achievableClockMhz * clockShare;
    const cost = clockShare === 1 ? front.cost : costFront(front.counts, technology, clockMhz);
    return areas.map((acceleratorMm2) => {
      const run = split.hasTail ? runs.run(front.front.cut.layer, split.tail, acceleratorMm2) : NOTHING;
      return designPoint(
        { front, cost, place },
        { clockShare, acceleratorMm2, run },
        { layers, programmable, macs },
      );
    });
  });
}
