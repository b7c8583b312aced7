import { checkEngineConfig, type EngineConfig, engineShape } from "../../accel/index.js";
import { FixynnError, sum } from "../../core/index.js";
import { type EngineArea, engineArea } from "./area.js";
import { chipAssumptions } from "./assumptions.js";
import { defaultDramBytesPerSecond } from "./dram.js";
import { engineActivity, enginePricesPj, nominalEnergyPj } from "./energy.js";
import { geometryOfShape, hasOperation, operationOf } from "./operation.js";
import { planTensors } from "./placement.js";
import { runOnEngine } from "./run.js";
import { engineShapes, streamedShape } from "./shapes.js";
import { layerCycles } from "./timeline.js";
import { type LayerTraffic, type NetworkTraffic, networkTraffic, totalTraffic } from "./traffic.js";
import type {
  AcceleratorConfig,
  AcceleratorLayer,
  AcceleratorRun,
  AcceleratorTechnology,
  LargestArrayInput,
} from "./types.js";
import { type LayerWork, layerWork, totalWork } from "./work.js";

const KB = 1024;
const weightBuffersKb = [4, 16, 64] as const;
const activationBuffersKb = [16, 32, 64, 128, 256, 512, 1024, 2048] as const;

const canBeBuilt = (config: EngineConfig): boolean => {
  try {
    checkEngineConfig(config);
    return true;
  } catch (error) {
    if (error instanceof FixynnError && error.code === "FX5100") return false;
    throw error;
  }
};

/**
 * Engines that {@link createArrayCatalogue} chooses from: 4×4 to 64×32 multipliers, a requantizer a lane or one for four, 20 KB to 2 MB of buffers; those that
 * `checkEngineConfig` allows.
 */
export function arrayCandidates(): readonly EngineConfig[] {
  return engineShapes.flatMap((shape) =>
    weightBuffersKb.flatMap((weightKb) =>
      activationBuffersKb.flatMap((activationKb) => {
        const config = {
          ...shape,
          weightBufferBytes: weightKb * KB,
          activationBufferBytes: activationKb * KB,
        };
        return canBeBuilt(config) ? [config] : [];
      }),
    ),
  );
}

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

/** Keep what a function gave for a key. */
function cached<T>(make: (config: EngineConfig) => T): (key: string, config: EngineConfig) => T {
  const kept = new Map<string, T>();
  return (key, config) => {
    if (kept.has(key)) return kept.get(key)!;
    const value = make(config);
    kept.set(key, value);
    return value;
  };
}

/** What the choice needs of a run, nominal. */
type Candidate = {
  readonly config: EngineConfig;
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

/** Give an engine the stream input that a network's first layer wants, or none where its frames come by memory. */
function withInput(
  config: EngineConfig,
  layers: readonly AcceleratorLayer[],
  traffic: NetworkTraffic,
): EngineConfig {
  const first = layers.find((layer) => layer.kind !== "other");
  return traffic.input === "stream" && first !== undefined
    ? { ...config, input: geometryOfShape(first.inputShape) }
    : config;
}

/** Bytes of all layers together. */
function movedBytes({
  layers,
}: NetworkTraffic): Pick<LayerTraffic, "weightBytes" | "loadBytes" | "storeBytes"> {
  let [weightBytes, loadBytes, storeBytes] = [0, 0, 0];
  for (const layer of layers) {
    weightBytes += layer.weightBytes;
    loadBytes += layer.loadBytes;
    storeBytes += layer.storeBytes;
  }
  return { weightBytes, loadBytes, storeBytes };
}

/** Whether layers' loops are the same on two engines: the array, not the buffers. */
const loopsKey = ({ cPar, kPar, requantizers }: EngineConfig): string => `${cPar} ${kPar} ${requantizers}`;

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
  const configs = arrayCandidates();
  // The stream input's unit is small; it is in every area, so that an area does not depend on the network.
  const areas = configs.map((config): EngineArea => engineArea(streamedShape(config), technology));
  const prices = configs.map((config) => enginePricesPj(streamedShape(config), technology));
  const areaMm2 = areas.map(({ totalMm2 }) => totalMm2.nominal);
  const smallest = Math.min(...areaMm2);
  const works = cached((config) => layers.map((layer): LayerWork => layerWork(layer, config)));
  const candidates = new Map<number, readonly Candidate[]>();
  const runs = new Map<string, AcceleratorRun>();
  const candidatesFrom = (fromLayer: number): readonly Candidate[] => {
    const known = candidates.get(fromLayer);
    if (known !== undefined) return known;
    const tail = layers.slice(fromLayer);
    const first = tail.find((layer) => layer.kind !== "other");
    // Work depends on the array, places of tensors on the width and number of words: few of each.
    const ownWorks = cached((config) => works(loopsKey(config), config).slice(fromLayer));
    const totals = cached((config) => totalWork(ownWorks(loopsKey(config), config)));
    const operations = tail.map((layer) => (hasOperation(layer) ? operationOf(layer) : undefined));
    const plans = cached((config) => planTensors(tail, operations, engineShape(config)));
    const made = configs.flatMap((engine, i): Candidate[] => {
      const own = ownWorks(loopsKey(engine), engine);
      const { wordBytes, bankWords } = engineShape(engine);
      const plan = plans(`${wordBytes} ${bankWords}`, engine);
      const traffic = plan && networkTraffic(tail, own, engine, plan);
      if (traffic === undefined) return [];
      const cycles = sum(layerCycles(own, traffic, { engine, ...surroundings }));
      const moved = movedBytes(traffic);
      const streamed = traffic.input === "stream" ? first : undefined;
      const work = totals(loopsKey(engine), engine);
      const workPj = nominalEnergyPj(prices[i]!, engineActivity(work, moved, engine, { cycles, streamed }));
      const secondsPerFrame = cycles / (clockMhz * 1e6);
      const busyMw = cycles > 0 ? (workPj * 1e-9) / secondsPerFrame : 0;
      const dramPj = totalTraffic(traffic).total * technology.dramPjPerByte.nominal;
      return [
        {
          config: withInput(engine, tail, traffic),
          areaMm2: areaMm2[i]!,
          secondsPerFrame,
          workUj: (workPj + dramPj) * 1e-6,
          idleMw: busyMw * chipAssumptions.idleShare.nominal,
          leakageMw: areas[i]!.leakageMw.nominal,
        },
      ];
    });
    candidates.set(fromLayer, made);
    return made;
  };
  const runOf = ({ config: engine }: Candidate, fromLayer: number): AcceleratorRun => {
    const key = `${fromLayer} ${JSON.stringify(engine)}`;
    const config: AcceleratorConfig = { engine, ...surroundings };
    const run = runs.get(key) ?? runOnEngine(layers.slice(fromLayer), config, technology);
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
      return best === undefined ? undefined : runOf(best, fromLayer);
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
