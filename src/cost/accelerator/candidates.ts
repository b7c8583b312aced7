import { checkEngineConfig, type EngineConfig, engineShape } from "../../accel/index.js";
import { FixynnError, sum } from "../../core/index.js";
import { type EngineArea, engineArea } from "./area.js";
import { chipAssumptions } from "./assumptions.js";
import { engineActivity, enginePricesPj, nominalEnergyPj } from "./energy.js";
import { geometryOfShape, hasOperation, operationOf } from "./operation.js";
import { packedImages } from "./packing.js";
import { planTensors } from "./placement.js";
import { engineShapes, streamedShape } from "./shapes.js";
import { layerCycles } from "./timeline.js";
import { type LayerTraffic, type NetworkTraffic, networkTraffic, totalTraffic } from "./traffic.js";
import type { AcceleratorConfig, AcceleratorLayer, AcceleratorTechnology } from "./types.js";
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
 * Engines that `createArrayCatalogue` chooses from: 4×4 to 64×32 multipliers, a requantizer a lane or one for four, 20 KB to 2 MB of buffers; those that
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

/** What the choice among engines needs of a run, nominal. */
export type Candidate = {
  readonly config: EngineConfig;
  /** What it runs: the tail, its image packed as this candidate has it. */
  readonly layers: readonly AcceleratorLayer[];
  readonly areaMm2: number;
  readonly secondsPerFrame: number;
  readonly workUj: number;
  readonly idleMw: number;
  readonly leakageMw: number;
};

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

/** Engines with areas and prices, and what each makes of some layers. */
export type Candidates = {
  /** Area of the smallest engine, mm². */
  readonly smallestMm2: number;
  /** Run layers on every engine that has room for them, nominal; a network's image, if it is with them, in every packing. */
  run(layers: readonly AcceleratorLayer[], hasImage: boolean): readonly Candidate[];
};

/** Price all engines of {@link arrayCandidates} once. */
export function createCandidates(
  technology: AcceleratorTechnology,
  surroundings: Omit<AcceleratorConfig, "engine">,
): Candidates {
  const configs = arrayCandidates();
  // The stream input's unit is small; it is in every area, so that an area does not depend on the network.
  const areas = configs.map((config): EngineArea => engineArea(streamedShape(config), technology));
  const prices = configs.map((config) => enginePricesPj(streamedShape(config), technology));
  const areaMm2 = areas.map(({ totalMm2 }) => totalMm2.nominal);
  /** Work of a layer depends on the array alone; tails share their layers. */
  const works = new Map<AcceleratorLayer, (key: string, config: EngineConfig) => LayerWork>();
  const workOf = (layer: AcceleratorLayer, config: EngineConfig): LayerWork => {
    const own = works.get(layer) ?? cached((engine) => layerWork(layer, engine));
    works.set(layer, own);
    return own(loopsKey(config), config);
  };
  const runTail = (tail: readonly AcceleratorLayer[]): readonly Candidate[] => {
    const first = tail.find((layer) => layer.kind !== "other");
    // Work depends on the array, places of tensors on the width and number of words: few of each.
    const ownWorks = cached((config) => tail.map((layer) => workOf(layer, config)));
    const totals = cached((config) => totalWork(ownWorks(loopsKey(config), config)));
    const operations = tail.map((layer) => (hasOperation(layer) ? operationOf(layer) : undefined));
    const plans = cached((config) => planTensors(tail, operations, engineShape(config)));
    return configs.flatMap((engine, i): Candidate[] => {
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
      const secondsPerFrame = cycles / (surroundings.clockMhz * 1e6);
      const busyMw = cycles > 0 ? (workPj * 1e-9) / secondsPerFrame : 0;
      const dramPj = totalTraffic(traffic).total * technology.dramPjPerByte.nominal;
      return [
        {
          config: withInput(engine, tail, traffic),
          layers: tail,
          areaMm2: areaMm2[i]!,
          secondsPerFrame,
          workUj: (workPj + dramPj) * 1e-6,
          idleMw: busyMw * chipAssumptions.idleShare.nominal,
          leakageMw: areas[i]!.leakageMw.nominal,
        },
      ];
    });
  };
  return {
    smallestMm2: Math.min(...areaMm2),
    run: (layers, hasImage) => (hasImage ? packedImages(layers) : [layers]).flatMap(runTail),
  };
}
