import { type Candidate, createCandidates } from "./candidates.js";
import { defaultDramBytesPerSecond } from "./dram.js";
import { runOnEngine } from "./run.js";
import type {
  AcceleratorConfig,
  AcceleratorLayer,
  AcceleratorRun,
  AcceleratorTechnology,
  LargestArrayInput,
} from "./types.js";

/** Engines with their areas, and their runs of a network's tails, each computed once. */
export type ArrayCatalogue = {
  readonly technology: AcceleratorTechnology;
  readonly layers: readonly AcceleratorLayer[];
  /**
   * Find the best engine of at most an area for the layers from an index on: most frames/s (within 1 %: least energy, DRAM included),
   * or, at a frame rate, least power, DRAM included, among those that reach it.
   */
  largest(request: {
    readonly areaMm2: number;
    readonly fromLayer?: number;
    readonly framesPerSecond?: number | undefined;
  }): AcceleratorRun | undefined;
};

/** Frames/s within which two engines count as equally fast. */
const SAME_RATE = 0.01;

/** Energy of a frame of some length, µJ: work, DRAM, leakage and idle power. */
function frameEnergyUj(run: Candidate, periodSeconds: number): number {
  const idleSeconds = Math.max(0, periodSeconds - run.secondsPerFrame);
  return run.workUj + (run.leakageMw * periodSeconds + run.idleMw * idleSeconds) * 1e3;
}

/**
 * Make a catalogue for a network. Areas are computed at once, runs of a tail when it is first asked for; every later choice
 * takes a fraction of a millisecond. One engine is chosen, however much area there is.
 */
export function createArrayCatalogue(input: {
  readonly layers: readonly AcceleratorLayer[];
  readonly technology: AcceleratorTechnology;
  readonly clockMhz?: number | undefined;
  readonly dramBytesPerSecond?: number | undefined;
}): ArrayCatalogue {
  const { layers, technology } = input;
  const clockMhz = input.clockMhz ?? technology.clockMhz;
  const dramBytesPerSecond = input.dramBytesPerSecond ?? defaultDramBytesPerSecond;
  const surroundings = { clockMhz, dramBytesPerSecond };
  const all = createCandidates(technology, surroundings);
  const candidates = new Map<number, readonly Candidate[]>();
  const runs = new Map<Candidate, AcceleratorRun>();
  const candidatesFrom = (fromLayer: number): readonly Candidate[] => {
    const made = candidates.get(fromLayer) ?? all.run(layers.slice(fromLayer), fromLayer === 0);
    candidates.set(fromLayer, made);
    return made;
  };
  const runOf = (candidate: Candidate): AcceleratorRun => {
    const config: AcceleratorConfig = { engine: candidate.config, ...surroundings };
    const run = runs.get(candidate) ?? runOnEngine(candidate.layers, config, technology);
    runs.set(candidate, run);
    return run;
  };
  return {
    technology,
    layers,
    largest: ({ areaMm2: available, fromLayer = 0, framesPerSecond }) => {
      if (!(all.smallestMm2 <= available)) return undefined;
      const fitting = candidatesFrom(fromLayer).filter((one) => one.areaMm2 <= available);
      const fastest = fitting.reduce((best, one) => Math.min(best, one.secondsPerFrame), Infinity);
      const enough = framesPerSecond === undefined ? fastest * (1 + SAME_RATE) : 1 / framesPerSecond;
      let best: Candidate | undefined;
      let leastUj = Number.POSITIVE_INFINITY;
      for (const one of fitting) {
        if (one.secondsPerFrame > enough) continue;
        const uj = frameEnergyUj(one, framesPerSecond === undefined ? one.secondsPerFrame : enough);
        if (uj < leastUj) [best, leastUj] = [one, uj];
      }
      return best === undefined ? undefined : runOf(best);
    },
  };
}

/**
 * Find the best engine that fits in an area (see {@link ArrayCatalogue}); undefined when none does, or none reaches the rate.
 */
export function largestArray(input: LargestArrayInput): AcceleratorRun | undefined {
  const { areaMm2, framesPerSecond, ...rest } = input;
  return createArrayCatalogue(rest).largest({ areaMm2, framesPerSecond });
}
