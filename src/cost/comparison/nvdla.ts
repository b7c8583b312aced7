import { FixynnError } from "../../core/index.js";
import type { AcceleratorLayer } from "../accelerator/index.js";
import { scalingTo16Nm } from "../scaling.js";
import type { FrontEndCost } from "../structural/index.js";
import type { Range } from "../technology.js";
import { deepFreeze } from "./paper.js";

/** A published NVDLA configuration at 16 nm, int8, 1 GHz, memories included, ResNet-50 (nvdla.org primer). */
export type NvdlaPoint = {
  readonly macs: number;
  readonly bufferKb: number;
  readonly areaMm2: number;
  readonly resNet50FramesPerSecond: number;
  readonly averagePowerMw: number;
};

/** The published points, largest first. */
export const nvdlaPoints: readonly NvdlaPoint[] = [
  { macs: 2048, bufferKb: 512, areaMm2: 3.3, resNet50FramesPerSecond: 269, averagePowerMw: 291 },
  { macs: 1024, bufferKb: 256, areaMm2: 1.8, resNet50FramesPerSecond: 153, averagePowerMw: 143 },
  { macs: 512, bufferKb: 256, areaMm2: 1.4, resNet50FramesPerSecond: 93, averagePowerMw: 80 },
  { macs: 256, bufferKb: 256, areaMm2: 1.0, resNet50FramesPerSecond: 46, averagePowerMw: 48 },
  { macs: 128, bufferKb: 256, areaMm2: 0.84, resNet50FramesPerSecond: 20, averagePowerMw: 31 },
  { macs: 64, bufferKb: 128, areaMm2: 0.55, resNet50FramesPerSecond: 7.3, averagePowerMw: 21 },
  { macs: 32, bufferKb: 128, areaMm2: 0.51, resNet50FramesPerSecond: 3.6, averagePowerMw: 17 },
];

/** Multiply-accumulates of ResNet-50 at 224×224 (He et al. 2016, table 1: 3.8e9). */
export const resNet50Macs = 3.8e9;
/** Area within which points are interpolated, mm² at 16 nm. */
export const nvdlaAreaMm2 = { smallest: 0.51, largest: 3.3 } as const;

/** Time and energy of some layers on one accelerator. */
export type NvdlaRun = {
  readonly tier: "modelled";
  readonly areaMm2: number;
  readonly framesPerSecond: number;
  readonly energyPerFrameUj: number;
  /** Weights read once a frame. */
  readonly dramEnergyPerFrameUj: number;
  /** MACs done over MACs possible. */
  readonly utilization: number;
};

/**
 * Guess a configuration's atom: input channels × output channels of one cycle. 64 × 32 for 2048 MACs and 8 × 8 for 64 are
 * NVIDIA's (nv_full, nv_small); the others follow their rule, powers of two with input channels ≥ output channels.
 */
export function nvdlaAtoms(macs: number): {
  readonly inputChannels: number;
  readonly outputChannels: number;
} {
  const inputChannels = 2 ** Math.ceil(Math.log2(macs) / 2);
  return { inputChannels, outputChannels: macs / inputChannels };
}

const fill = (channels: number, atom: number): number => channels / (Math.ceil(channels / atom) * atom);

/** Share of the MACs that a layer's channels can use; a depthwise layer uses one input channel of each atom. */
export function atomUtilization(layer: AcceleratorLayer, macs: number): number {
  const atoms = nvdlaAtoms(macs);
  const outputFill = fill(layer.outputShape.at(-1) ?? 1, atoms.outputChannels);
  if (layer.kind === "depthwiseConv2d") return outputFill / atoms.inputChannels;
  return outputFill * fill(layer.inputShape.at(-1) ?? 1, atoms.inputChannels);
}

/** Share of its peak that a configuration reaches on ResNet-50: frames/s · 3.8e9 / (MACs · 1 GHz). */
export function resNet50Utilization(point: NvdlaPoint): number {
  return (point.resNet50FramesPerSecond * resNet50Macs) / (point.macs * 1e9);
}

function secondsOn(point: NvdlaPoint, layers: readonly AcceleratorLayer[]): number {
  const achieved = resNet50Utilization(point) * point.macs * 1e9;
  return layers.reduce(
    (sum, layer) =>
      sum + (layer.macs === 0 ? 0 : layer.macs / (achieved * atomUtilization(layer, point.macs))),
    0,
  );
}

/**
 * Run layers on an NVDLA-like accelerator of a given area at 16 nm. Frame time and power are interpolated log-log in
 * area between the two published neighbours; power is their published average. Above 3.3 mm² it is area/3.3 copies of the
 * largest, each on its own frames (same energy a frame).
 *
 * @throws FixynnError FX7050 below 0.51 mm²: the points are not extrapolated
 */
export function runOnNvdla(layers: readonly AcceleratorLayer[], areaMm2: number): NvdlaRun {
  if (!(areaMm2 >= nvdlaAreaMm2.smallest)) {
    throw new FixynnError(
      "FX7050",
      `no accelerator of ${areaMm2.toFixed(3)} mm²: the smallest published is 0.51 mm²`,
      {
        hint: "points are not extrapolated; give more total area or freeze fewer layers",
      },
    );
  }
  const working = layers.filter((layer) => layer.kind !== "other");
  const within = Math.min(areaMm2, nvdlaAreaMm2.largest);
  const copies = areaMm2 / within;
  const larger = nvdlaPoints.findLast((point) => point.areaMm2 >= within)!;
  const smaller = nvdlaPoints.find((point) => point.areaMm2 <= within)!;
  const share =
    larger === smaller ? 0 : Math.log(within / smaller.areaMm2) / Math.log(larger.areaMm2 / smaller.areaMm2);
  const between = (a: number, b: number): number =>
    a === 0 ? 0 : Math.exp(Math.log(a) * (1 - share) + Math.log(b) * share);
  const seconds = between(secondsOn(smaller, working), secondsOn(larger, working));
  const powerMw = between(smaller.averagePowerMw, larger.averagePowerMw);
  const macs = working.reduce((sum, layer) => sum + layer.macs, 0);
  const bytes = working.reduce((sum, layer) => sum + layer.weightBytes, 0);
  return {
    tier: "modelled",
    areaMm2,
    framesPerSecond: copies / seconds,
    energyPerFrameUj: powerMw * seconds * 1e3,
    dramEnergyPerFrameUj: bytes * deepFreeze.dramPjPerByte * 1e-6,
    utilization: seconds === 0 ? 0 : macs / (seconds * between(smaller.macs, larger.macs) * 1e9),
  };
}

/** A front at 16 nm, as the comparison needs it. */
export type FrontAt16Nm = {
  readonly tier: "modelled" | "simulated" | "published";
  readonly areaMm2: Range;
  readonly energyPerFrameUj: Range;
  readonly framesPerSecond: Range;
  readonly source: string;
};

/** Share of the placed area that cells fill: an assumption. */
export const placementDensity: Range = { low: 0.6, nominal: 0.7, high: 0.85 };

/**
 * Take a structural cost to 16 nm at 0.8 V (Stillmaker and Baas 2017) as ranges; leakage is left out, since it does not
 * scale by these factors. Placed area = cell area / density. The clock is the achievable one scaled by delay, at most
 * 1 GHz (the baseline's), or the configured clock where that is lower than achievable in the same proportion.
 */
export function scaleFrontTo16Nm(front: FrontEndCost): FrontAt16Nm {
  const scaling = scalingTo16Nm(front.nodeNm, front.supplyV);
  const areaAt = (density: number): number => (front.areaMm2.total * scaling.area) / density;
  const leakage = front.energyPerFrameUj.leakage;
  const rate = (delay: number): number =>
    Math.min(front.clockMhz / delay, 1000) * (1e6 / front.cyclesPerFrame);
  const { energy, delay } = scaling;
  return {
    tier: front.tier,
    areaMm2: {
      low: areaAt(placementDensity.high),
      nominal: areaAt(placementDensity.nominal),
      high: areaAt(placementDensity.low),
    },
    energyPerFrameUj: {
      low: (front.energyPerFrameRangeUj.low - leakage) * energy.low,
      nominal: (front.energyPerFrameRangeUj.nominal - leakage) * energy.nominal,
      high: (front.energyPerFrameRangeUj.high - leakage) * energy.high,
    },
    framesPerSecond: { low: rate(delay.high), nominal: rate(delay.nominal), high: rate(delay.low) },
    source: `${front.technology} scaled to 16 nm (${scaling.source})`,
  };
}

/** Input of {@link compareWithNvdla}. */
export type ComparisonInput = {
  readonly front: FrontAt16Nm;
  /** The whole network in order. */
  readonly layers: readonly AcceleratorLayer[];
  /** How many of them are in the front. */
  readonly frozenLayers: number;
  /** Of both sides, mm² at 16 nm; default 3.3 (the largest published point). */
  readonly totalAreaMm2?: number;
  /** Charge the weights of programmable layers at 120 pJ a byte once a frame. Default false. */
  readonly dram?: boolean;
};

/** One side of the comparison. */
export type ComparisonSide = {
  readonly name: string;
  readonly tier: "modelled";
  readonly source: string;
  readonly areaMm2: number;
  readonly framesPerSecond: Range;
  readonly energyPerFrameUj: Range;
  readonly tops: Range;
  readonly topsPerWatt: Range;
};

/** Result of {@link compareWithNvdla}: hybrid and all-programmable chip of the same total area, same network. */
export type Comparison =
  | {
      readonly feasible: true;
      readonly node: "16 nm";
      readonly totalAreaMm2: number;
      readonly frontAreaMm2: Range;
      readonly tail: NvdlaRun | undefined;
      readonly hybrid: ComparisonSide;
      readonly baseline: ComparisonSide;
      readonly gain: {
        readonly tier: "modelled";
        readonly topsPerWatt: Range;
        readonly framesPerSecond: Range;
      };
      readonly notes: readonly string[];
    }
  | {
      readonly feasible: false;
      readonly node: "16 nm";
      readonly totalAreaMm2: number;
      readonly reason: string;
    };

const map = (range: Range, f: (value: number) => number): Range => ({
  low: f(range.low),
  nominal: f(range.nominal),
  high: f(range.high),
});
const reversed = (range: Range): Range => ({ low: range.high, nominal: range.nominal, high: range.low });
const single = (value: number): Range => ({ low: value, nominal: value, high: value });

/**
 * Compare, at one total area, a frozen front with the NVDLA-like accelerator that fits in what is left, against an
 * NVDLA-like accelerator of the whole area. Front and tail overlap in a pipeline: the slower one sets the rate. The tail's
 * area is what the nominal front leaves. TOPS count 2 · dense MACs of the whole network on both sides.
 *
 * @returns `feasible: false` when the front leaves less than 0.51 mm² (no extrapolation) for a tail that has work
 * @throws FixynnError FX7050 when the total area itself is below 0.51 mm²
 */
export function compareWithNvdla(input: ComparisonInput): Comparison {
  const totalAreaMm2 = input.totalAreaMm2 ?? nvdlaAreaMm2.largest;
  const whole = runOnNvdla(input.layers, totalAreaMm2);
  const tailLayers = input.layers.slice(input.frozenLayers);
  const hasTail = tailLayers.some((layer) => layer.kind !== "other" && layer.macs > 0);
  const left = totalAreaMm2 - input.front.areaMm2.nominal;
  if (left < (hasTail ? nvdlaAreaMm2.smallest : 0)) {
    const reason = `the front takes ${input.front.areaMm2.nominal.toFixed(2)} of ${totalAreaMm2.toFixed(2)} mm² and leaves less than the smallest published accelerator, ${nvdlaAreaMm2.smallest} mm²`;
    return { feasible: false, node: "16 nm", totalAreaMm2, reason };
  }
  const tail = hasTail ? runOnNvdla(tailLayers, left) : undefined;
  const operations = 2 * input.layers.reduce((sum, layer) => sum + layer.macs, 0);
  const dram = (run: NvdlaRun | undefined): number =>
    input.dram === true ? (run?.dramEnergyPerFrameUj ?? 0) : 0;
  const side = (name: string, source: string, rate: Range, energy: Range): ComparisonSide => ({
    name,
    tier: "modelled",
    source,
    areaMm2: totalAreaMm2,
    framesPerSecond: rate,
    energyPerFrameUj: energy,
    tops: map(rate, (fps) => operations * fps * 1e-12),
    topsPerWatt: map(reversed(energy), (uj) => (operations * 1e-6) / uj),
  });
  const hybrid = side(
    "frozen front + NVDLA-like tail",
    `${input.front.source}; tail: NVDLA published points`,
    map(input.front.framesPerSecond, (fps) => Math.min(fps, tail?.framesPerSecond ?? fps)),
    map(input.front.energyPerFrameUj, (uj) => uj + (tail?.energyPerFrameUj ?? 0) + dram(tail)),
  );
  const baseline = side(
    "NVDLA-like, all programmable",
    "nvdla.org primer: area, power and ResNet-50 rate at 16 nm, interpolated",
    single(whole.framesPerSecond),
    single(whole.energyPerFrameUj + dram(whole)),
  );
  return {
    feasible: true,
    node: "16 nm",
    totalAreaMm2,
    frontAreaMm2: input.front.areaMm2,
    tail,
    hybrid,
    baseline,
    gain: {
      tier: "modelled",
      topsPerWatt: map(hybrid.topsPerWatt, (value) => value / baseline.topsPerWatt.nominal),
      framesPerSecond: map(hybrid.framesPerSecond, (value) => value / baseline.framesPerSecond.nominal),
    },
    notes: [
      "the accelerator runs at the share of its peak that it reaches on ResNet-50 (published frames/s), times the share of its atoms that a layer's channels fill; a depthwise layer uses one input channel of each atom",
      "its power is the published ResNet-50 average, also while depthwise layers leave most MACs idle",
      input.dram === true
        ? "weights of programmable layers are read from DRAM once a frame at 120 pJ a byte"
        : "DRAM is not counted",
      "the front's area, energy and delay at 16 nm are scaled, not designed; the range spans the scaling fits, the activity and the memory figures, not the model's own error",
    ],
  };
}
