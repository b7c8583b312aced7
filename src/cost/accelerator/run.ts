import { checkEngineConfig, type EngineConfig } from "../../accel/index.js";
import { FixynnError, sum } from "../../core/index.js";
import { addRanges, exactly, multiplyRanges, scaleRange } from "../range.js";
import { engineArea } from "./area.js";
import { chipAssumptions } from "./assumptions.js";
import { chargedEnergyPj, engineActivity, enginePricesPj } from "./energy.js";
import { packedImages } from "./packing.js";
import { layerCycles } from "./timeline.js";
import { networkTraffic, totalTraffic } from "./traffic.js";
import type {
  AcceleratorConfig,
  AcceleratorLayer,
  AcceleratorLayerRun,
  AcceleratorRun,
  AcceleratorTechnology,
} from "./types.js";
import { layerWork } from "./work.js";

const KB = 1024;

/** Name an engine. */
export const engineName = ({ cPar, kPar, weightBufferBytes, activationBufferBytes }: EngineConfig): string =>
  `engine ${cPar}×${kPar}, ${weightBufferBytes / KB} + ${activationBufferBytes / KB} KB`;

/** Name an engine and, where it has one, the packed image of what it runs. */
function runName(engine: EngineConfig, layers: readonly AcceleratorLayer[]): string {
  const packed = layers.find((layer) => layer.packed !== undefined)?.packed;
  return `${engineName(engine)}${packed === undefined ? "" : `, image in ${packed.rows}×${packed.columns}`}`;
}

function check({ engine, clockMhz, dramBytesPerSecond }: AcceleratorConfig): void {
  checkEngineConfig(engine);
  if (
    clockMhz > 0 &&
    Number.isFinite(clockMhz) &&
    dramBytesPerSecond > 0 &&
    Number.isFinite(dramBytesPerSecond)
  )
    return;
  throw new FixynnError("FX7070", `no engine runs at ${clockMhz} MHz with ${dramBytesPerSecond} bytes/s`, {
    hint: "give a positive clock and memory bandwidth",
  });
}

const noRoom = ({ engine }: AcceleratorConfig): FixynnError =>
  new FixynnError("FX5111", "a layer has no room for a row of its output", {
    place: engineName(engine),
    hint: "enlarge activationBufferBytes",
  });

/** Run layers as {@link runOnEngine}; undefined when a layer has no room for a row of its output. */
function runWithRoom(
  layers: readonly AcceleratorLayer[],
  config: AcceleratorConfig,
  technology: AcceleratorTechnology,
): AcceleratorRun | undefined {
  check(config);
  const { engine, clockMhz } = config;
  const works = layers.map((layer) => layerWork(layer, engine));
  const traffic = networkTraffic(layers, works, engine);
  if (traffic === undefined) return undefined;
  const area = engineArea(engine, technology);
  const prices = enginePricesPj(engine, technology);
  const multipliers = engine.cPar * engine.kPar;
  const first = layers.findIndex((layer) => layer.kind !== "other");
  const layerTimes = layerCycles(works, traffic, config);
  const runs = layers.map((layer, i): AcceleratorLayerRun => {
    const moved = traffic.layers[i]!;
    const cycles = layerTimes[i]!;
    const streamed = i === first && traffic.input === "stream" ? layer : undefined;
    const activity = engineActivity(works[i]!, moved, engine, { cycles, streamed });
    return {
      name: layer.name,
      cycles,
      computeCycles: works[i]!.cycles,
      dramBytes: moved.weightBytes + moved.loadBytes + moved.storeBytes,
      utilization: cycles === 0 ? 0 : layer.macs / (cycles * multipliers),
      energyUj: scaleRange(chargedEnergyPj(prices, activity).total, 1e-6),
    };
  });
  const cycles = sum(layerTimes);
  const macs = sum(layers.map((layer) => layer.macs));
  const secondsPerFrame = cycles / (clockMhz * 1e6);
  const energyPerFrameUj = addRanges(exactly(0), ...runs.map((run) => run.energyUj));
  const dramBytesPerFrame = totalTraffic(traffic);
  const busyPowerMw = secondsPerFrame > 0 ? scaleRange(energyPerFrameUj, 1e-3 / secondsPerFrame) : exactly(0);
  return {
    tier: "modelled",
    name: runName(engine, layers),
    areaMm2: area.totalMm2,
    config,
    cycles,
    secondsPerFrame,
    framesPerSecond: secondsPerFrame > 0 ? 1 / secondsPerFrame : Number.POSITIVE_INFINITY,
    energyPerFrameUj,
    energyScaling: technology.energyScaling,
    dramBytesPerFrame,
    dramEnergyUj: scaleRange(technology.dramPjPerByte, dramBytesPerFrame.total * 1e-6),
    idlePowerMw: multiplyRanges(busyPowerMw, chipAssumptions.idleShare),
    leakageMw: area.leakageMw,
    utilization: cycles === 0 ? 0 : macs / (cycles * multipliers),
    layers: runs,
  };
}

/**
 * Run layers on an engine, one after the other. Energy covers the busy cycles; leakage and idle power are figures of their own, so that the frame
 * rate decides how much of them a frame pays.
 *
 * @throws FixynnError FX5100 or FX7070 for an engine that cannot be, FX5111 when a layer has no room for a row of its output
 */
export function runOnEngine(
  layers: readonly AcceleratorLayer[],
  config: AcceleratorConfig,
  technology: AcceleratorTechnology,
): AcceleratorRun {
  const run = runWithRoom(layers, config, technology);
  if (run === undefined) throw noRoom(config);
  return run;
}

/**
 * Run a network from its image on, packed as is fastest on the engine ({@link packedImages}).
 *
 * @throws FixynnError as {@link runOnEngine}
 */
export function runFromImage(
  layers: readonly AcceleratorLayer[],
  config: AcceleratorConfig,
  technology: AcceleratorTechnology,
): AcceleratorRun {
  const runs = packedImages(layers).flatMap((packed) => runWithRoom(packed, config, technology) ?? []);
  const [first, ...others] = runs;
  if (first === undefined) throw noRoom(config);
  return others.reduce((best, run) => (run.cycles < best.cycles ? run : best), first);
}
