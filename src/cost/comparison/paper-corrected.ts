import { FixynnError, sum } from "../../core/index.js";
import { runOnNvdla } from "./nvdla.js";
import { deepFreeze, type PaperLayer, paperOperations } from "./paper.js";
import { isSpatial, pixelsOf } from "./paper-shape.js";

/** What is put right in DeepFreeze's model, in the order in which the effects are shown. */
export const paperCorrections = [
  {
    id: "outputPixels",
    title: "Operations on output pixels",
    explanation:
      "DeepFreeze multiplies the weights by the input's pixels, so a stride-2 layer counts four times. Dense multiply-accumulates on output pixels, padding excluded, count instead.",
  },
  {
    id: "lastLayer",
    title: "The last layer counts",
    explanation:
      "DeepFreeze's totals drop the network's last layer; here it is run and counted like the others.",
  },
  {
    id: "lineBuffers",
    title: "Line buffers with channels",
    explanation:
      "DeepFreeze takes height · K · K · bits of line buffer, without the channels. A K×K window over a raster stream holds K − 1 rows of all channels: (K − 1) · width · channels · bits; a 1×1 layer holds none.",
  },
  {
    id: "requantization",
    title: "Requantization",
    explanation:
      "DeepFreeze ends at the accumulator. Each output channel is scaled by a constant: one more fixed multiplier a channel, 16 bits of multiplier × accumulator bits (16 + log2 of the products summed), at DeepFreeze's own coefficient.",
  },
  {
    id: "utilization",
    title: "Power by utilization",
    explanation:
      "DeepFreeze charges each fixed layer its full power in every cycle. A layer has a new window only once for each of its output pixels, so its multipliers, window registers and line buffer work in output pixels / cycles of the slowest layer; in the others their clock is taken as gated.",
  },
  {
    id: "programmableUtilization",
    title: "The programmable accelerator does not reach its peak",
    explanation:
      "DeepFreeze lets it run at 4 TOPS on every layer. Here each layer takes the time of the NVDLA-like model (docs/cost.md) at 3.3 mm², at DeepFreeze's power; the baseline too.",
  },
  {
    id: "unusedAccelerator",
    title: "No accelerator where nothing is left to run",
    explanation: "DeepFreeze adds 3.3 mm² of accelerator even when all layers are fixed.",
  },
] as const;

/** Name of a correction. */
export type PaperCorrection = (typeof paperCorrections)[number]["id"];

/** A layer with what the corrections need beyond DeepFreeze's view. */
export type CorrectedPaperLayer = PaperLayer & {
  /** Dense multiply-accumulates a frame, padding excluded. */
  readonly macs: number;
};

/** Result of {@link correctedPaperTier}. */
export type CorrectedPaperCost = {
  readonly tier: "modelled";
  readonly fixedLayers: number;
  readonly corrections: readonly PaperCorrection[];
  readonly fixed: { readonly areaMm2: number; readonly powerW: number; readonly timeUs: number };
  readonly areaMm2: number;
  readonly powerW: number;
  readonly timeUs: number;
  readonly programmableTimeUs: number;
  readonly operations: number;
  readonly framesPerSecond: number;
  readonly tops: number;
  readonly topsPerWatt: number;
  readonly energyPerFrameUj: number;
  readonly baseline: { readonly topsPerWatt: number; readonly framesPerSecond: number };
  readonly gain: { readonly topsPerWatt: number; readonly framesPerSecond: number };
};

const MULTIPLIER_BITS = 16;

type FixedLayer = {
  readonly areaMm2: number;
  readonly powerW: number;
  readonly cycles: number;
  readonly active: number;
};

function fixedLayer(layer: CorrectedPaperLayer, has: (correction: PaperCorrection) => boolean): FixedLayer {
  const spatial = isSpatial(layer);
  const [kernelHeight, kernelWidth] = layer.kernel;
  const [height = 1, width = 1, channels = 1] = layer.inputShape;
  const bits = layer.activationBits;
  const lineBits = has("lineBuffers")
    ? (kernelHeight - 1) * width * channels * bits
    : height * kernelHeight * kernelWidth * bits;
  const memoryBits = spatial ? lineBits + channels * kernelHeight * kernelWidth * bits : 0;
  const outputs = layer.outputShape.at(-1) ?? 1;
  const products = layer.weights / (layer.kind === "depthwiseConv2d" ? channels : outputs);
  const accumulatorBits = 16 + Math.ceil(Math.log2(Math.max(1, products)));
  const scaled = has("requantization") && layer.weights > 0 ? outputs * accumulatorBits * MULTIPLIER_BITS : 0;
  const bitSquares = layer.nonZeroWeights * bits * layer.weightBits + scaled;
  return {
    areaMm2:
      bitSquares * deepFreeze.multiplierAreaMm2PerBitSquare + memoryBits * deepFreeze.memoryAreaMm2PerBit,
    powerW: bitSquares * deepFreeze.multiplierPowerWPerBitSquare + memoryBits * deepFreeze.memoryPowerWPerBit,
    cycles: spatial ? pixelsOf(layer.inputShape) : 1,
    active: spatial ? pixelsOf(layer.outputShape) : 1,
  };
}

/**
 * Apply DeepFreeze's model with some corrections ({@link paperCorrections}); with none it equals `paperTier`. Coefficients stay DeepFreeze's.
 *
 * @throws FixynnError FX7030 when `fixedLayers` is not within 0 … layers.length
 */
export function correctedPaperTier(
  layers: readonly CorrectedPaperLayer[],
  fixedLayers: number,
  corrections: readonly PaperCorrection[],
): CorrectedPaperCost {
  if (!Number.isInteger(fixedLayers) || fixedLayers < 0 || fixedLayers > layers.length)
    throw new FixynnError("FX7030", `cannot fix ${fixedLayers} of ${layers.length} layers`);
  const has = (correction: PaperCorrection): boolean => corrections.includes(correction);
  const operationsOf = (layer: CorrectedPaperLayer): number =>
    has("outputPixels") ? 2 * layer.macs : paperOperations(layer);
  const { programmableTops, programmablePowerW, programmableAreaMm2 } = deepFreeze;
  const run = runOnNvdla(
    layers.map(({ kind, ...layer }) => ({
      ...layer,
      kind,
      weightBytes: layer.weights,
    })),
    programmableAreaMm2,
    true,
  );
  const programmableUsOf = (layer: CorrectedPaperLayer, i: number): number =>
    has("programmableUtilization")
      ? run.layers[i]!.cycles * 1e-3
      : (operationsOf(layer) / programmableTops) * 1e-6;
  const counted = layers.length - (has("lastLayer") ? 0 : 1);
  const operations = sum(layers.slice(0, counted).map(operationsOf));
  const fixed = layers.slice(0, fixedLayers).map((layer) => fixedLayer(layer, has));
  const cycles = Math.max(0, ...fixed.map((layer) => layer.cycles));
  const fixedUs = cycles / deepFreeze.clockMhz;
  const share = (layer: FixedLayer): number => (has("utilization") ? layer.active / cycles : 1);
  const fixedPowerW = sum(fixed.map((layer) => layer.powerW * share(layer)));
  const fixedAreaMm2 = sum(fixed.map((layer) => layer.areaMm2));
  const allUs = layers.map(programmableUsOf);
  const programmableUs = sum(allUs.slice(fixedLayers));
  const timeUs = Math.max(fixedUs, programmableUs);
  const powerW = (fixedPowerW * fixedUs + programmablePowerW * programmableUs) / timeUs;
  const tops = (operations / timeUs) * 1e-6;
  const topsPerWatt = tops / powerW;
  // DeepFreeze's baseline is the accelerator at its peak, on the operations that it counts.
  const baselineUs = has("programmableUtilization") ? sum(allUs) : (operations / programmableTops) * 1e-6;
  const baselineTopsPerWatt = ((operations / baselineUs) * 1e-6) / programmablePowerW;
  const needed = !has("unusedAccelerator") || programmableUs > 0;
  return {
    tier: "modelled",
    fixedLayers,
    corrections,
    fixed: { areaMm2: fixedAreaMm2, powerW: fixedPowerW, timeUs: fixedUs },
    areaMm2: fixedAreaMm2 + (needed ? programmableAreaMm2 : 0),
    powerW,
    timeUs,
    programmableTimeUs: programmableUs,
    operations,
    framesPerSecond: 1e6 / timeUs,
    tops,
    topsPerWatt,
    energyPerFrameUj: powerW * timeUs,
    baseline: { topsPerWatt: baselineTopsPerWatt, framesPerSecond: 1e6 / baselineUs },
    gain: { topsPerWatt: topsPerWatt / baselineTopsPerWatt, framesPerSecond: baselineUs / timeUs },
  };
}

/** Effect of each correction alone and of all up to it, at one number of fixed layers. */
export type CorrectionStep = {
  readonly id: PaperCorrection | "none";
  readonly title: string;
  readonly alone: CorrectedPaperCost;
  readonly upToHere: CorrectedPaperCost;
};

/** Apply the corrections one by one. */
export function correctionSteps(
  layers: readonly CorrectedPaperLayer[],
  fixedLayers: number,
): readonly CorrectionStep[] {
  const plain = correctedPaperTier(layers, fixedLayers, []);
  return [
    { id: "none", title: "DeepFreeze as it is", alone: plain, upToHere: plain },
    ...paperCorrections.map(({ id, title }, i) => ({
      id,
      title,
      alone: correctedPaperTier(layers, fixedLayers, [id]),
      upToHere: correctedPaperTier(
        layers,
        fixedLayers,
        paperCorrections.slice(0, i + 1).map((correction) => correction.id),
      ),
    })),
  ];
}
