import { FixynnError, sum } from "../../core/index.js";
import { isSpatial, pixelsOf } from "./paper-shape.js";

/** Coefficients of DeepFreeze (ARM-software/DeepFreeze, `model_ppa.py`; 16 nm, 810 MHz). */
export const deepFreeze = {
  multiplierAreaMm2PerBitSquare: 2.05e-7,
  memoryAreaMm2PerBit: 1.62e-6,
  multiplierPowerWPerBitSquare: 5.79e-8,
  memoryPowerWPerBit: 4e-7,
  clockMhz: 810,
  programmableAreaMm2: 3.3,
  programmablePowerW: 0.891,
  programmableTops: 4,
  dramPjPerByte: 120,
  source: "DeepFreeze model_ppa.py (16 nm, 810 MHz), Whatmough et al. 2019",
} as const;

/** A layer as the paper tier sees it. */
export type PaperLayer = {
  readonly name: string;
  /** `other` (padding, reshape, softmax) costs nothing, as in DeepFreeze. */
  readonly kind: "conv2d" | "depthwiseConv2d" | "dense" | "pool" | "other";
  /** [height, width, channels] or [features]. */
  readonly inputShape: readonly number[];
  readonly outputShape: readonly number[];
  /** [height, width]; [1, 1] for pointwise and dense. */
  readonly kernel: readonly [number, number];
  readonly weights: number;
  readonly nonZeroWeights: number;
  readonly activationBits: number;
  readonly weightBits: number;
};

/** Area and power of one fixed layer. */
export type PaperLayerCost = {
  readonly name: string;
  readonly operations: number;
  readonly cycles: number;
  readonly areaMm2: { readonly multipliers: number; readonly sram: number; readonly registers: number };
  readonly powerW: { readonly multipliers: number; readonly sram: number; readonly registers: number };
};

/** Result of {@link paperTier}; every number has tier `published`: their formulas, their coefficients. */
export type PaperCost = {
  readonly tier: "published";
  readonly technology: "16 nm (DeepFreeze)";
  readonly source: string;
  readonly fixedLayers: number;
  readonly clockMhz: number;
  /** Of the fixed layers alone. */
  readonly fixed: { readonly areaMm2: number; readonly powerW: number; readonly timeUs: number };
  /** Fixed layers and the programmable accelerator, which DeepFreeze always counts. */
  readonly areaMm2: number;
  readonly powerW: number;
  readonly timeUs: number;
  readonly programmableTimeUs: number;
  /** DeepFreeze's count: on input pixels, without the last layer. */
  readonly operations: number;
  readonly framesPerSecond: number;
  readonly tops: number;
  readonly topsPerWatt: number;
  readonly topsPerMm2: number;
  readonly energyPerFrameUj: number;
  /** Weights of the programmable layers, read from DRAM once a frame. Not in DeepFreeze's totals. */
  readonly dramEnergyPerFrameUj: number;
  readonly topsPerWattWithDram: number;
  readonly baseline: {
    readonly areaMm2: number;
    readonly powerW: number;
    readonly tops: number;
    readonly topsPerWatt: number;
    readonly framesPerSecond: number;
  };
  readonly gain: { readonly topsPerWatt: number; readonly framesPerSecond: number };
  readonly layers: readonly PaperLayerCost[];
  readonly notes: readonly string[];
};

/** Count operations as DeepFreeze does: 2 · weights · input pixels (a stride-2 layer counts four times too often). */
export function paperOperations(layer: PaperLayer): number {
  if (layer.kind === "dense") return 2 * layer.weights;
  if (layer.kind === "conv2d" || layer.kind === "depthwiseConv2d")
    return 2 * layer.weights * pixelsOf(layer.inputShape);
  return 0;
}

function fixedLayer(layer: PaperLayer): PaperLayerCost {
  const bitSquares = layer.nonZeroWeights * layer.activationBits * layer.weightBits;
  const [height, width] = layer.kernel;
  const spatial = isSpatial(layer);
  const sramBits = spatial ? (layer.inputShape[0] ?? 1) * height * width * layer.activationBits : 0;
  const registerBits = spatial ? (layer.inputShape[2] ?? 1) * height * width * layer.activationBits : 0;
  return {
    name: layer.name,
    operations: paperOperations(layer),
    cycles: spatial ? pixelsOf(layer.inputShape) : 1,
    areaMm2: {
      multipliers: bitSquares * deepFreeze.multiplierAreaMm2PerBitSquare,
      sram: sramBits * deepFreeze.memoryAreaMm2PerBit,
      registers: registerBits * deepFreeze.memoryAreaMm2PerBit,
    },
    powerW: {
      multipliers: bitSquares * deepFreeze.multiplierPowerWPerBitSquare,
      sram: sramBits * deepFreeze.memoryPowerWPerBit,
      registers: registerBits * deepFreeze.memoryPowerWPerBit,
    },
  };
}

const total = (parts: PaperLayerCost["areaMm2"]): number => parts.multipliers + parts.sram + parts.registers;

/**
 * Apply DeepFreeze's model, quirks included: operations on input pixels, totals without the last layer, line buffers
 * without channels (height · K · K · bits), the accelerator's area even when nothing runs on it.
 *
 * @param layers the whole network in order
 * @param fixedLayers how many of them, from the input, are fixed in silicon
 * @throws FixynnError FX7030 when `fixedLayers` is not within 0 … layers.length, or no operation is left to count
 */
export function paperTier(layers: readonly PaperLayer[], fixedLayers: number): PaperCost {
  const operations = sum(layers.slice(0, -1).map(paperOperations));
  if (!Number.isInteger(fixedLayers) || fixedLayers < 0 || fixedLayers > layers.length || operations === 0) {
    throw new FixynnError("FX7030", `cannot fix ${fixedLayers} of ${layers.length} layers`, {
      hint: "give the whole network, its last layer included, and a count within it",
    });
  }
  const fixed = layers.slice(0, fixedLayers).map(fixedLayer);
  const programmable = layers.slice(fixedLayers);
  const fixedAreaMm2 = sum(fixed.map((layer) => total(layer.areaMm2)));
  const fixedPowerW = sum(fixed.map((layer) => total(layer.powerW)));
  const fixedUs = Math.max(0, ...fixed.map((layer) => layer.cycles)) / deepFreeze.clockMhz;
  const { programmableTops, programmablePowerW, programmableAreaMm2 } = deepFreeze;
  const programmableUs = (sum(programmable.map(paperOperations)) / programmableTops) * 1e-6;
  const timeUs = Math.max(fixedUs, programmableUs);
  const powerW = (fixedPowerW * fixedUs + programmablePowerW * programmableUs) / timeUs;
  const tops = (operations / timeUs) * 1e-6;
  const areaMm2 = fixedAreaMm2 + programmableAreaMm2;
  const energyPerFrameUj = powerW * timeUs;
  const dramBytes = sum(programmable.map((layer) => (layer.weights * layer.weightBits) / 8));
  const dramEnergyPerFrameUj = dramBytes * deepFreeze.dramPjPerByte * 1e-6;
  const baselineUs = (operations / programmableTops) * 1e-6;
  const topsPerWatt = tops / powerW;
  const baselineTopsPerWatt = programmableTops / programmablePowerW;
  return {
    tier: "published",
    technology: "16 nm (DeepFreeze)",
    source: deepFreeze.source,
    fixedLayers,
    clockMhz: deepFreeze.clockMhz,
    fixed: { areaMm2: fixedAreaMm2, powerW: fixedPowerW, timeUs: fixedUs },
    areaMm2,
    powerW,
    timeUs,
    programmableTimeUs: programmableUs,
    operations,
    framesPerSecond: 1e6 / timeUs,
    tops,
    topsPerWatt,
    topsPerMm2: tops / areaMm2,
    energyPerFrameUj,
    dramEnergyPerFrameUj,
    topsPerWattWithDram: (operations * 1e-6) / (energyPerFrameUj + dramEnergyPerFrameUj),
    baseline: {
      areaMm2: programmableAreaMm2,
      powerW: programmablePowerW,
      tops: programmableTops,
      topsPerWatt: baselineTopsPerWatt,
      framesPerSecond: 1e6 / baselineUs,
    },
    gain: {
      topsPerWatt: topsPerWatt / baselineTopsPerWatt,
      framesPerSecond: baselineUs / timeUs,
    },
    layers: fixed,
    notes: [
      "operations are counted on input pixels, so a stride-2 layer counts four times; the last layer is dropped from the total",
      "line buffers without channels; no padding, batch norm, requantization or residual adds",
      "the hybrid's area exceeds the baseline's 3.3 mm²: DeepFreeze does not compare at equal area",
    ],
  };
}
