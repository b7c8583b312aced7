import { FixynnError } from "../../core/index.js";
import { type AcceleratorLayer, type AcceleratorRun, createArrayCatalogue } from "../accelerator/index.js";
import { divideRanges } from "../range.js";
import type { Range } from "../technology.js";
import { bestNvdla, nvdlaAreaMm2 } from "./nvdla.js";
import { type Chip, corners, describeSide, frameEnergyUj, framesPerSecondAt } from "./side.js";
import type { EqualAreaComparison, EqualAreaInput } from "./types.js";

/** Whether any layer has work for an accelerator. */
const hasWork = (layers: readonly AcceleratorLayer[]): boolean =>
  layers.some((layer) => layer.kind !== "other");

/** The accelerators of a comparison: the best within an area for the layers from an index on. */
type Accelerators = {
  readonly node: string;
  readonly name: string;
  readonly source: string;
  best(areaMm2: number, fromLayer: number): AcceleratorRun | undefined;
  /** Why there is none. */
  reason(areaMm2: number): string;
  readonly notes: readonly string[];
};

function acceleratorsOf(input: EqualAreaInput): Accelerators {
  const { operatingPoint, layers } = input;
  const framesPerSecond = operatingPoint.kind === "fixedRate" ? operatingPoint.framesPerSecond : undefined;
  const rate = framesPerSecond === undefined ? "" : ` that reaches ${framesPerSecond} frames/s`;
  if (input.accelerator === "nvdla") {
    return {
      node: "16 nm",
      name: "NVDLA-like",
      source: "nvdla.org primer: area, power and ResNet-50 rate at 16 nm, interpolated",
      best: (areaMm2, fromLayer) =>
        bestNvdla(layers.slice(fromLayer), areaMm2, { hasImage: fromLayer === 0, framesPerSecond }),
      reason: (areaMm2) =>
        areaMm2 < nvdlaAreaMm2.smallest
          ? `the smallest published NVDLA takes ${nvdlaAreaMm2.smallest} mm², and points are not extrapolated`
          : `no NVDLA of at most ${areaMm2.toFixed(2)} mm² exists${rate}`,
      notes: [
        "NVDLA: the largest that fits, or several of a published size, whichever is faster (at a frame rate: takes less power); it runs at the share of its peak that it reaches on ResNet-50 (published frames/s), times the share of its atoms that a layer's channels fill; a depthwise layer uses one input channel of each atom, a first layer of up to four channels runs in image mode",
        "its power is the published ResNet-50 average, also while depthwise layers leave most of its MACs idle",
      ],
    };
  }
  const { technology, clockMhz, dramBytesPerSecond } = input;
  const catalogue =
    input.catalogue ?? createArrayCatalogue({ layers, technology, clockMhz, dramBytesPerSecond });
  return {
    node: technology.node,
    name: "generated engine",
    source: technology.source,
    best: (areaMm2, fromLayer) => catalogue.largest({ areaMm2, fromLayer, framesPerSecond }),
    reason: (areaMm2) => `no engine of at most ${areaMm2.toFixed(2)} mm² exists${rate}`,
    notes: [
      "the engine is the one that `fixynn program` generates: cells of its netlist, energies of its units on real layers, cycles by its compiler's loops; both sides choose their best configuration within their area, one engine each; with nothing frozen the image comes packed as suits the engine, which costs nothing",
    ],
  };
}

/** Hybrid over baseline at each corner; what is common to both sides is at the same corner. */
function gainOver(
  hybrid: Chip,
  baseline: Chip,
  rates: { readonly hybrid: number; readonly baseline: number },
  withDram: boolean,
): Range {
  const at = (corner: (typeof corners)[number]): number => {
    const ours = frameEnergyUj(hybrid, rates.hybrid, corner);
    const theirs = frameEnergyUj(baseline, rates.baseline, corner);
    return withDram ? (theirs.chip + theirs.dram) / (ours.chip + ours.dram) : theirs.chip / ours.chip;
  };
  const all = corners.map(at);
  const nominal = at({ front: "nominal", accelerator: "nominal", scaling: "nominal", dram: "nominal" });
  return { low: Math.min(...all), nominal, high: Math.max(...all) };
}

function check({ layers, frozenLayers, front, totalAreaMm2, operatingPoint }: EqualAreaInput): void {
  const rate = operatingPoint.kind === "fixedRate" ? operatingPoint.framesPerSecond : 1;
  const sane =
    Number.isInteger(frozenLayers) &&
    frozenLayers >= 0 &&
    frozenLayers <= layers.length &&
    frozenLayers > 0 === (front !== undefined) &&
    totalAreaMm2 > 0 &&
    rate > 0 &&
    hasWork(layers);
  if (sane) return;
  throw new FixynnError("FX7072", "no comparison can be made of this input", {
    place: `${frozenLayers} of ${layers.length} layers frozen, ${totalAreaMm2} mm²`,
    hint: "give a front exactly when layers are frozen, a positive area and rate, and a network with work",
  });
}

/**
 * Compare, at one total area and on one network, a frozen front with the best accelerator that fits in what it leaves, against the best
 * accelerator of the whole area. Front and tail work on successive frames; the slower one sets the rate. Both sides charge their own
 * leakage and, at a fixed frame rate, their clock-gated idle power. Operations are 2 · dense MACs of the whole network on both sides.
 * The area left is what the nominal front leaves.
 *
 * @returns `feasible: false` with the reason when a side does not exist: the front leaves too little, or a rate is not reached
 * @throws FixynnError FX7072 for an input that makes no sense
 */
export function compareAtEqualArea(input: EqualAreaInput): EqualAreaComparison {
  check(input);
  const { layers, frozenLayers, front, totalAreaMm2, operatingPoint } = input;
  const accelerators = acceleratorsOf(input);
  const about = { node: accelerators.node, accelerator: input.accelerator, operatingPoint, totalAreaMm2 };
  const infeasible = (reason: string): EqualAreaComparison => ({ ...about, feasible: false, reason });
  const whole = accelerators.best(totalAreaMm2, 0);
  if (whole === undefined) return infeasible(`all programmable: ${accelerators.reason(totalAreaMm2)}`);
  const left = totalAreaMm2 - (front?.areaMm2.nominal ?? 0);
  const needsTail = hasWork(layers.slice(frozenLayers));
  const takes = `the front takes ${(front?.areaMm2.nominal ?? 0).toFixed(2)} of ${totalAreaMm2.toFixed(2)} mm²`;
  if (left < 0) return infeasible(takes);
  const tail = needsTail ? accelerators.best(left, frozenLayers) : undefined;
  if (needsTail && tail === undefined)
    return infeasible(`${takes}; of the ${left.toFixed(2)} mm² left: ${accelerators.reason(left)}`);
  const hybridChip = { front, run: tail };
  const baselineChip = { run: whole };
  const hybridRate = framesPerSecondAt(hybridChip, operatingPoint);
  const baselineRate = framesPerSecondAt(baselineChip, operatingPoint);
  if (baselineRate === undefined)
    return infeasible("the all-programmable chip does not reach the frame rate");
  if (hybridRate === undefined) return infeasible("the hybrid chip does not reach the frame rate");
  const macs = layers.reduce((sum, layer) => sum + layer.macs, 0);
  const common = { areaMm2: totalAreaMm2, macs };
  const hybrid = describeSide(hybridChip, hybridRate, {
    ...common,
    name:
      front === undefined
        ? `${accelerators.name}, nothing frozen`
        : tail === undefined
          ? "frozen front alone"
          : `frozen front + ${accelerators.name} tail`,
    source: [front?.source, tail && accelerators.source].filter((text) => text !== undefined).join("; "),
  });
  const baseline = describeSide(baselineChip, baselineRate, {
    ...common,
    name: `${accelerators.name}, all programmable`,
    source: accelerators.source,
  });
  const rates = { hybrid: hybridRate.nominal, baseline: baselineRate.nominal };
  return {
    ...about,
    feasible: true,
    frontAreaMm2: front?.areaMm2 ?? { low: 0, nominal: 0, high: 0 },
    ...(tail === undefined ? {} : { tail }),
    whole,
    hybrid,
    baseline,
    gain: {
      tier: "modelled",
      topsPerWatt: gainOver(hybridChip, baselineChip, rates, false),
      topsPerWattWithDram: gainOver(hybridChip, baselineChip, rates, true),
      framesPerSecond: divideRanges(hybridRate, baselineRate),
    },
    notes: [
      ...accelerators.notes,
      "the image reaches both chips as a stream from the camera (an engine whose activation memory does not hold two images finds them in DRAM); energies include leakage, and idle power with gated clocks where the rate is fixed",
      ...(front !== undefined && front.areaMm2.high > totalAreaMm2
        ? ["at the upper end of its area the front alone does not fit"]
        : []),
    ],
  };
}
