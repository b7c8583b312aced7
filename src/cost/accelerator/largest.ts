import { arrayStructure } from "./area.js";
import { layerCycles, runOnArray } from "./array.js";
import { arrayAssumptions } from "./assumptions.js";
import { defaultDramBytesPerSecond } from "./dram.js";
import { countsToPrice, energyPricesPj, nominalEnergyPj } from "./energy.js";
import { dramTraffic } from "./traffic.js";
import type {
  AcceleratorConfig,
  AcceleratorLayer,
  AcceleratorRun,
  AcceleratorTechnology,
  ArrayMapping,
  LargestArrayInput,
} from "./types.js";
import { layerWork } from "./work.js";

const cPars = [8, 16, 32, 64] as const;
const kPars = [4, 8, 16, 32, 64, 128] as const;
const weightBuffersKb = [8, 32, 128, 512, 1024] as const;
const activationBuffersKb = [16, 64, 128, 256, 512] as const;

/** Configurations that {@link createArrayCatalogue} chooses from: 8×4 to 64×128 multipliers, 24 to 1,536 KB of buffers. */
export function arrayCandidates(options: {
  readonly clockMhz: number;
  readonly dramBytesPerSecond: number;
  readonly mapping: ArrayMapping;
}): readonly AcceleratorConfig[] {
  return cPars.flatMap((cPar) =>
    kPars.flatMap((kPar) =>
      [kPar / 4, kPar].flatMap((requantizers) =>
        weightBuffersKb.flatMap((weightBufferKb) =>
          activationBuffersKb.map((activationBufferKb) => ({
            cPar,
            kPar,
            requantizers,
            weightBufferKb,
            activationBufferKb,
            ...options,
          })),
        ),
      ),
    ),
  );
}

/** Configurations with their areas, and their runs of a network's tails, each computed once. */
export type ArrayCatalogue = {
  readonly technology: AcceleratorTechnology;
  readonly layers: readonly AcceleratorLayer[];
  /**
   * Find the best configuration of at most an area for the layers from an index on: most frames/s (within 1 %: least energy, DRAM included),
   * or, at a frame rate, least power, DRAM included, among those that reach it.
   */
  largest(request: {
    readonly areaMm2: number;
    readonly fromLayer?: number;
    readonly framesPerSecond?: number | undefined;
  }): AcceleratorRun | undefined;
};

/** Frames/s within which two configurations count as equally fast. */
const SAME_RATE = 0.01;

/** Keep what a function gave for a key. */
function cached<T>(make: (config: AcceleratorConfig) => T): (key: string, config: AcceleratorConfig) => T {
  const kept = new Map<string, T>();
  return (key, config) => {
    const known = kept.get(key);
    if (known !== undefined) return known;
    const value = make(config);
    kept.set(key, value);
    return value;
  };
}

/** What the choice needs of a run, nominal. */
type Candidate = {
  readonly config: AcceleratorConfig;
  readonly areaMm2: number;
  readonly secondsPerFrame: number;
  readonly workUj: number;
  readonly idleMw: number;
  readonly leakageMw: number;
};

/** Energy of a frame of some length, µJ: work, DRAM, leakage and idle power. */
function frameEnergyUj(run: Candidate, periodSeconds: number): number {
  const idleSeconds = Math.max(0, periodSeconds - run.secondsPerFrame);
  return run.workUj + (run.leakageMw * periodSeconds + run.idleMw * idleSeconds) * 1e3;
}

/**
 * Make a catalogue for a network. Areas are computed at once, runs of a tail when it is first asked for; every later choice
 * takes microseconds.
 */
export function createArrayCatalogue(input: {
  readonly layers: readonly AcceleratorLayer[];
  readonly technology: AcceleratorTechnology;
  readonly clockMhz?: number | undefined;
  readonly dramBytesPerSecond?: number | undefined;
  readonly mapping?: ArrayMapping | undefined;
}): ArrayCatalogue {
  const { layers, technology, mapping = "window" } = input;
  const clockMhz = input.clockMhz ?? technology.clockMhz;
  const dramBytesPerSecond = input.dramBytesPerSecond ?? defaultDramBytesPerSecond;
  const configs = arrayCandidates({ clockMhz, dramBytesPerSecond, mapping });
  const structures = configs.map((config) => arrayStructure(config, technology));
  const areaMm2 = structures.map((structure) => structure.areaMm2.total.nominal);
  const prices = configs.map((config) => energyPricesPj(config, technology));
  const smallest = Math.min(...areaMm2);
  const candidates = new Map<number, readonly Candidate[]>();
  const runs = new Map<string, AcceleratorRun>();
  const candidatesFrom = (fromLayer: number): readonly Candidate[] => {
    const known = candidates.get(fromLayer);
    if (known !== undefined) return known;
    const tail = layers.slice(fromLayer);
    const works = cached((config) => tail.map((layer) => layerWork(layer, config)));
    const traffics = cached((config) => dramTraffic(tail, config));
    const made = configs.map((config, i): Candidate => {
      const { cPar, kPar, requantizers, weightBufferKb, activationBufferKb } = config;
      const work = works(`${cPar} ${kPar} ${requantizers}`, config);
      const traffic = traffics(`${weightBufferKb} ${activationBufferKb}`, config);
      let cycles = 0;
      let workPj = 0;
      let dramBytes = 0;
      for (const [k, own] of work.entries()) {
        const moved = traffic[k]!;
        cycles += layerCycles(own, moved, config);
        workPj += nominalEnergyPj(prices[i]!, countsToPrice(own, moved));
        dramBytes += moved.weights + moved.activations;
      }
      const secondsPerFrame = cycles / (clockMhz * 1e6);
      const busyMw = cycles > 0 ? (workPj * 1e-9) / secondsPerFrame : 0;
      return {
        config,
        areaMm2: areaMm2[i]!,
        secondsPerFrame,
        workUj: (workPj + dramBytes * technology.dramPjPerByte.nominal) * 1e-6,
        idleMw: busyMw * arrayAssumptions.idleShare.nominal,
        leakageMw: structures[i]!.leakageMw.nominal,
      };
    });
    candidates.set(fromLayer, made);
    return made;
  };
  const runOf = (config: AcceleratorConfig, fromLayer: number): AcceleratorRun => {
    const key = `${fromLayer} ${JSON.stringify(config)}`;
    const run = runs.get(key) ?? runOnArray(layers.slice(fromLayer), config, technology);
    runs.set(key, run);
    return run;
  };
  return {
    technology,
    layers,
    largest: ({ areaMm2: available, fromLayer = 0, framesPerSecond }) => {
      if (!(smallest <= available)) return undefined;
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
      return best === undefined ? undefined : runOf(best.config, fromLayer);
    },
  };
}

/**
 * Find the best configuration that fits in an area (see {@link ArrayCatalogue}); undefined when none does, or none reaches the rate.
 */
export function largestArray(input: LargestArrayInput): AcceleratorRun | undefined {
  const { areaMm2, framesPerSecond, ...rest } = input;
  return createArrayCatalogue(rest).largest({ areaMm2, framesPerSecond });
}
