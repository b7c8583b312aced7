import { FixynnError } from "../../core/index.js";
import {
  acceleratorTechnologyAt16Nm,
  compareAtEqualArea,
  costFrontEnd,
  countsOf,
  createArrayCatalogue,
  type EqualAreaComparison,
  type FrontEndCost,
  type FrontFigures,
  frontFiguresAt16Nm,
  type LayerActivity,
  type LayerCost,
  type OperatingPoint,
  type PaperCost,
  paperTier,
  readTechnology,
  scaleRange,
  type Technology,
} from "../../cost/index.js";
import { simplify, statistics } from "../../graph/index.js";
import type { LayerStats } from "../../hw/index.js";
import type {
  BaselineResult,
  CostResult,
  EqualAreaResult,
  GainResult,
  PaperResult,
} from "../../report/index.js";
import type { FlowContext } from "../context.js";
import type { FrontCost, FrozenFront, VerifiedFront } from "../fronts.js";
import { acceleratorLayer, paperLayer, shapedLayers } from "./cost-layers.js";
import type { IntegerNetwork } from "./quantize.js";
import type { TrainedNetwork } from "./train.js";

const PJ_PER_UJ = 1e6;
const UM2_PER_MM2 = 1e6;

/** Read the configured technology, before any long work. */
export function loadTechnology(context: FlowContext): Technology {
  return readTechnology(context.config.cost.technology);
}

/**
 * Toggles a frame without delays, for layers that are too large for the simulation with delays. The simulator does not tell requantization adders from the
 * others: they are charged as datapath, in the ratio of their numbers.
 */
function activityOf(stats: LayerStats, verdict: VerifiedFront["layers"][number]): LayerActivity {
  const { toggles, countedFrames } = verdict;
  const adders = toggles.fullAdders + toggles.halfAdders + toggles.carryBits;
  const count = (counts: LayerStats["datapath"]): number =>
    counts.fullAdders + counts.halfAdders + counts.finalAdderBits;
  const datapath = count(stats.datapath);
  const requantization = count(stats.requantization);
  const share = requantization / Math.max(datapath + requantization, 1);
  const perFrame = 1 / Math.max(countedFrames, 1);
  return {
    images: countedFrames,
    datapathToggles: adders * (1 - share) * perFrame,
    requantizationToggles: adders * share * perFrame,
    registerToggles: toggles.registers * perFrame,
    controlToggles: (toggles.control + toggles.logic) * perFrame,
  };
}

function layerFigures(layer: LayerCost): FrontCost["layers"][number]["figures"] {
  const { areaUm2: area, energyPj: energy } = layer;
  return {
    areaMm2: area.total / UM2_PER_MM2,
    areaPartsMm2: {
      datapath: (area.datapath + area.requantization + area.control) / UM2_PER_MM2,
      registers: area.registers / UM2_PER_MM2,
      sram: area.sram / UM2_PER_MM2,
      rom: area.rom / UM2_PER_MM2,
    },
    requantizationMm2: area.requantization / UM2_PER_MM2,
    energyUj: energy.total / PJ_PER_UJ,
    energyRangeUj: scaleRange(layer.energyTotalPj, 1 / PJ_PER_UJ),
    ...(layer.glitchFactor !== undefined && { glitchFactor: layer.glitchFactor }),
    energyPartsUj: {
      datapath: (energy.datapath + energy.requantization + energy.control + energy.leakage) / PJ_PER_UJ,
      registers: (energy.registers + energy.clock) / PJ_PER_UJ,
      sram: energy.sram / PJ_PER_UJ,
      rom: energy.rom / PJ_PER_UJ,
    },
    utilization: layer.utilization,
  };
}

/** The front alone, in its own technology. */
function frontResult(cost: FrontEndCost): CostResult {
  const { areaMm2: area, framesPerSecond, tops, topsPerWatt, topsPerWattRange, topsPerMm2 } = cost;
  return {
    technology: cost.technology,
    tier: cost.areaTier,
    source: cost.source,
    clockMhz: cost.clockMhz,
    areaMm2: {
      datapath: area.datapath + area.requantization + area.control,
      registers: area.registers,
      sram: area.sram,
      rom: area.rom,
      total: area.total,
    },
    energyPerFrameUj: cost.energyPerFrameUj.total,
    energyPerFrameRangeUj: cost.energyPerFrameRangeUj,
    framesPerSecond,
    tops,
    topsPerWatt,
    topsPerWattRange,
    topsPerMm2,
    notes: [...cost.notes],
  };
}

/** Front and tail at the baseline's node, the front's own figures beside it; without a feasible tail the front alone. */
function costResult(cost: FrontEndCost, at16Nm: FrontFigures, comparison: EqualAreaComparison): CostResult {
  const front = frontResult(cost);
  if (!comparison.feasible) {
    const reason = `No comparison at equal area: ${comparison.reason}.`;
    return { ...front, notes: [...(front.notes ?? []), reason] };
  }
  const { hybrid, frontAreaMm2, totalAreaMm2 } = comparison;
  const scaled = frontAreaMm2.nominal / cost.areaMm2.total;
  return {
    technology: `${comparison.node}, front scaled from ${cost.technology}`,
    tier: hybrid.tier,
    source: `${hybrid.source}; front: ${cost.source}`,
    clockMhz: (at16Nm.framesPerSecond.nominal * cost.cyclesPerFrame) / 1e6,
    areaMm2: {
      datapath: (front.areaMm2.datapath ?? 0) * scaled,
      registers: (front.areaMm2.registers ?? 0) * scaled,
      sram: (front.areaMm2.sram ?? 0) * scaled,
      rom: (front.areaMm2.rom ?? 0) * scaled,
      accelerator: totalAreaMm2 - frontAreaMm2.nominal,
      total: totalAreaMm2,
    },
    energyPerFrameUj: hybrid.energyPerFrameUj.nominal,
    energyPerFrameRangeUj: hybrid.energyPerFrameUj,
    framesPerSecond: hybrid.framesPerSecond.nominal,
    tops: hybrid.tops.nominal,
    topsPerWatt: hybrid.topsPerWatt.nominal,
    topsPerWattRange: hybrid.topsPerWatt,
    topsPerMm2: hybrid.tops.nominal / totalAreaMm2,
    front: {
      technology: cost.technology,
      clockMhz: cost.clockMhz,
      tier: cost.tier,
      areaMm2: front.areaMm2.total,
      energyPerFrameUj: front.energyPerFrameUj,
      energyPerFrameRangeUj: cost.energyPerFrameRangeUj,
      framesPerSecond: front.framesPerSecond,
      tops: front.tops,
      topsPerWatt: front.topsPerWatt,
      topsPerWattRange: cost.topsPerWattRange,
    },
    notes: [...comparison.notes, ...(front.notes ?? [])],
  };
}

function baselineResult(comparison: EqualAreaComparison): { baseline?: BaselineResult; gain?: GainResult } {
  if (!comparison.feasible) return {};
  const { baseline, gain } = comparison;
  return {
    baseline: {
      name: baseline.name,
      tier: baseline.tier,
      source: baseline.source,
      areaMm2: baseline.areaMm2,
      framesPerSecond: baseline.framesPerSecond.nominal,
      tops: baseline.tops.nominal,
      topsPerWatt: baseline.topsPerWatt.nominal,
      energyPerFrameUj: baseline.energyPerFrameUj.nominal,
    },
    gain: {
      tier: gain.tier,
      topsPerWatt: gain.topsPerWatt.nominal,
      topsPerWattRange: gain.topsPerWatt,
      framesPerSecond: gain.framesPerSecond.nominal,
    },
  };
}

/** One comparison for results.json. */
function equalAreaResult(comparison: EqualAreaComparison): EqualAreaResult {
  const { accelerator, node, operatingPoint: point, totalAreaMm2 } = comparison;
  const about = {
    accelerator,
    node,
    tier: "modelled" as const,
    totalAreaMm2,
    ...(point.kind === "fixedRate" ? { cameraFramesPerSecond: point.framesPerSecond } : {}),
  };
  if (!comparison.feasible) return { ...about, feasible: false, reason: comparison.reason };
  const { frontAreaMm2, tail, whole, gain, notes } = comparison;
  const side = (one: (typeof comparison)["hybrid"]): NonNullable<EqualAreaResult["hybrid"]> => ({
    name: one.name,
    source: one.source,
    framesPerSecond: one.framesPerSecond.nominal,
    energyPerFrameUj: one.energyPerFrameUj,
    dramBytesPerFrame: one.dramBytesPerFrame,
    powerMw: one.powerMw,
    topsPerWatt: one.topsPerWatt,
    topsPerWattWithDram: one.topsPerWattWithDram,
  });
  return {
    ...about,
    feasible: true,
    frontAreaMm2,
    ...(tail === undefined ? {} : { tail: tail.name }),
    whole: whole.name,
    hybrid: side(comparison.hybrid),
    baseline: side(comparison.baseline),
    gain: {
      topsPerWatt: gain.topsPerWatt,
      topsPerWattWithDram: gain.topsPerWattWithDram,
      framesPerSecond: gain.framesPerSecond,
    },
    notes: [...notes],
  };
}

function paperResult(paper: PaperCost): PaperResult {
  return {
    tier: paper.tier,
    technology: paper.technology,
    clockMhz: paper.clockMhz,
    areaMm2: paper.areaMm2,
    powerW: paper.powerW,
    framesPerSecond: paper.framesPerSecond,
    tops: paper.tops,
    topsPerWatt: paper.topsPerWatt,
    baselineTopsPerWatt: paper.baseline.topsPerWatt,
    gain: paper.gain.topsPerWatt,
    source: paper.source,
    notes: [...paper.notes],
  };
}

/** What the cost of a design depends on. */
export type CostInputs = {
  readonly technology: Technology;
  readonly fronts: readonly FrozenFront[];
  readonly verified: readonly VerifiedFront[];
  readonly integer: readonly IntegerNetwork[];
  readonly trained: readonly TrainedNetwork[];
};

function costOne(context: FlowContext, inputs: CostInputs, front: FrozenFront): FrontCost {
  const { freezePoint } = front;
  const ofPoint = <T extends { readonly freezePoint: unknown }>(all: readonly T[]): T =>
    all.find((one) => one.freezePoint === freezePoint)!;
  const { network } = ofPoint(inputs.integer);
  const graph = simplify(ofPoint(inputs.trained).graph);
  const macs = new Map<string, number>(statistics(graph).layers.map((layer) => [layer.name, layer.macs]));
  const verdict = ofPoint(inputs.verified);
  const activity = new Map(
    front.layers.flatMap(({ name, stats }) => {
      const simulated = verdict.layers.find((layer) => layer.name === name);
      return simulated === undefined ? [] : [[name as string, activityOf(stats, simulated)] as const];
    }),
  );
  const cost = costFrontEnd({
    layers: front.layers.map(({ name, stats }) => countsOf(name, stats)),
    technology: inputs.technology,
    clockMhz: context.config.cost.clockMhz,
    activity,
    measured: front.measured,
  });
  if (!cost.clockMet) {
    throw new FixynnError(
      "FX8007",
      `${cost.clockMhz} MHz is above the ${cost.achievableClockMhz.toFixed(0)} MHz possible`,
      {
        place: "cost.clockMhz",
        hint: `${cost.clockLimit} limits the clock; leave clockMhz out to use what is possible`,
      },
    );
  }
  const shaped = shapedLayers(network, macs);
  const layers = shaped.map(acceleratorLayer);
  const at16Nm = frontFiguresAt16Nm(cost);
  const { totalAreaMm2, cameraFramesPerSecond } = context.config.cost;
  const technology = acceleratorTechnologyAt16Nm(inputs.technology);
  const catalogue = createArrayCatalogue({ layers, technology });
  const points: readonly OperatingPoint[] = [
    { kind: "throughput" },
    ...cameraFramesPerSecond.map((framesPerSecond) => ({ kind: "fixedRate", framesPerSecond }) as const),
  ];
  const common = { front: at16Nm, layers, frozenLayers: front.layers.length, totalAreaMm2 };
  const comparisons = points.flatMap((operatingPoint) => [
    compareAtEqualArea({ ...common, operatingPoint, accelerator: "nvdla" }),
    compareAtEqualArea({ ...common, operatingPoint, accelerator: "array", technology, catalogue }),
  ]);
  const headline = comparisons[0]!;
  return {
    freezePoint,
    layers: cost.layers.map((layer) => ({ name: layer.name, figures: layerFigures(layer) })),
    results: {
      cost: costResult(cost, at16Nm, headline),
      ...baselineResult(headline),
      comparison: comparisons.map(equalAreaResult),
      paper: paperResult(paperTier(shaped.map(paperLayer), front.layers.length)),
    },
  };
}

/** Cost every front: structural tier with energies measured with delays, the paper's model, and NVDLA and the generated engine at equal area. */
export function costAll(context: FlowContext, inputs: CostInputs): readonly FrontCost[] {
  return inputs.fronts.map((front) => costOne(context, inputs, front));
}
