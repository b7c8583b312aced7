import {
  acceleratorTechnologyAt16Nm,
  defaultDramBytesPerSecond,
  type EngineTier,
  nvdlaAtoms,
  nvdlaPoints,
  type Range,
  readTechnology,
  runFromImage,
  shapeConfig,
} from "../src/cost/index.js";
import { resNet50Layers } from "./resnet50.js";

/** Our engine in the shape of a published NVDLA, on ResNet-50 at 1 GHz, beside what is published. */
export type ValidationRow = {
  readonly node: string;
  /** How the engine's cells are known. */
  readonly tier: EngineTier;
  readonly macs: number;
  readonly areaMm2: Range;
  readonly publishedAreaMm2: number;
  readonly framesPerSecond: number;
  readonly publishedFramesPerSecond: number;
  readonly powerMw: Range;
  readonly publishedPowerMw: number;
};

/** Share of a published buffer that is the ring of weights: they pass through it, while activations stay. */
const WEIGHT_SHARE = 1 / 8;

/** Compare the engine with NVDLA's published points that have a shape of its. */
export function validationRows(technologies: readonly string[]): readonly ValidationRow[] {
  const layers = resNet50Layers();
  const tiers = technologies.flatMap((name) =>
    (["synthesized", "structural"] as const).map((tier) => ({ name, tier })),
  );
  return tiers.flatMap(({ name, tier }) => {
    const technology = acceleratorTechnologyAt16Nm(readTechnology(name), tier);
    return nvdlaPoints
      .filter(({ macs }) => nvdlaAtoms(macs).outputChannels >= 4)
      .map((point): ValidationRow => {
        const { inputChannels, outputChannels } = nvdlaAtoms(point.macs);
        const engine = shapeConfig({
          cPar: inputChannels,
          kPar: outputChannels,
          requantizers: Math.max(1, outputChannels / 4),
          weightBufferBytes: point.bufferKb * WEIGHT_SHARE * 1024,
          activationBufferBytes: point.bufferKb * (1 - WEIGHT_SHARE) * 1024,
        });
        const run = runFromImage(
          layers,
          { engine, clockMhz: 1000, dramBytesPerSecond: defaultDramBytesPerSecond },
          technology,
        );
        const power = (level: keyof Range): number =>
          (run.energyPerFrameUj[level] * run.energyScaling[level] * 1e-3) / run.secondsPerFrame +
          run.leakageMw[level];
        return {
          node: technology.node,
          tier,
          macs: point.macs,
          areaMm2: run.areaMm2,
          publishedAreaMm2: point.areaMm2,
          framesPerSecond: run.framesPerSecond,
          publishedFramesPerSecond: point.resNet50FramesPerSecond,
          powerMw: { low: power("low"), nominal: power("nominal"), high: power("high") },
          publishedPowerMw: point.averagePowerMw,
        };
      });
  });
}
