import {
  type ArrayCatalogue,
  acceleratorTechnology,
  acceleratorTechnologyAt16Nm,
  type CorrectedPaperCost,
  compareAtEqualArea,
  correctedPaperTier,
  correctionSteps,
  createArrayCatalogue,
  type EqualAreaComparison,
  type FrontEndCost,
  type FrontFigures,
  frontFigures,
  frontFiguresAt16Nm,
  type OperatingPoint,
  paperCorrections,
  paperTier,
  type Range,
  readTechnology,
  scalingTo16Nm,
} from "../src/cost/index.js";
import { type AccuracyResult, accuracyResult } from "./paper-accuracy.js";
import { costOf, type FrontLayers, frontLayers } from "./paper-front-cost.js";
import type { CompiledFront } from "./paper-fronts.js";
import type { PaperNetwork } from "./paper-network.js";
import { type RooflineResult, rooflineResult } from "./paper-roofline.js";
import { type ValidationRow, validationRows } from "./paper-validation.js";
import type { SweepRow } from "./transfer-table.js";

/** One row of the paper tier: DeepFreeze's figures and the corrected ones. */
export type PaperRow = {
  readonly fixedLayers: number;
  readonly layer: string;
  readonly frontAreaMm2: number;
  readonly powerW: number;
  readonly tops: number;
  readonly topsPerWatt: number;
  readonly gain: number;
  readonly corrected: CorrectedRow;
};
type CorrectedRow = {
  readonly frontAreaMm2: number;
  readonly powerW: number;
  readonly tops: number;
  readonly topsPerWatt: number;
  readonly gain: number;
};

/** One correction's effect at one number of fixed layers. */
export type CorrectionRow = {
  readonly title: string;
  readonly alone: CorrectedRow;
  readonly upToHere: CorrectedRow;
};

/** A front's cost by the structural tier at one node. */
export type StructuralRow = {
  readonly node: string;
  readonly form: string;
  readonly frozenLayers: number;
  readonly tier: string;
  readonly clockMhz: number;
  readonly areaMm2: Range;
  readonly partsMm2: {
    readonly datapath: number;
    readonly requantization: number;
    readonly registers: number;
    readonly sram: number;
    readonly rom: number;
    readonly control: number;
  };
  readonly energyPerFrameUj: Range;
  /** By component, nominal, at this node; leakage at full speed. */
  readonly energyPartsUj: Omit<FrontEndCost["energyPerFrameUj"], "total">;
  readonly framesPerSecond: Range;
  readonly topsPerWatt: Range;
};

/** One comparison at equal area, as much of it as the page shows. */
export type ComparisonRow = {
  readonly what: string;
  readonly form: string;
  readonly frozenLayers: number;
  readonly accelerator: string;
  readonly node: string;
  readonly totalAreaMm2: number;
  readonly frameRate: number | null;
  readonly reason: string | null;
  readonly frontAreaMm2: Range | null;
  readonly tail: string | null;
  readonly whole: string | null;
  readonly hybrid: SideRow | null;
  readonly baseline: SideRow | null;
  readonly gain: {
    readonly topsPerWatt: Range;
    readonly topsPerWattWithDram: Range;
    readonly framesPerSecond: Range;
  } | null;
};
type SideRow = {
  readonly framesPerSecond: number;
  readonly topsPerWatt: Range;
  readonly topsPerWattWithDram: Range;
  readonly powerMw: Range;
};

/** Version of the JSON that the page and its figures are written from. */
export const paperSchema = "fixynn.paper.v3";

/** Everything that the page shows: `docs/results/paper.json`. */
export type PaperResults = {
  readonly schema: typeof paperSchema;
  readonly network: string;
  readonly macs: number;
  readonly quick: boolean;
  readonly freezePoint: { readonly layer: string; readonly layers: number; readonly rule: string };
  readonly paper: readonly PaperRow[];
  readonly corrections: readonly { readonly fixedLayers: number; readonly rows: readonly CorrectionRow[] }[];
  readonly structural: readonly StructuralRow[];
  readonly comparisons: readonly ComparisonRow[];
  readonly validation: readonly ValidationRow[];
  /** Layer by layer, in the first technology. */
  readonly frontLayers: readonly FrontLayers[];
  readonly roofline: RooflineResult | null;
  readonly accuracy: AccuracyResult;
  /** What the timed simulation covered, front by front. */
  readonly simulated: readonly string[];
  readonly notes: readonly string[];
};

/** Areas at which the ratios are asked for, mm² at 16 nm. */
const areasMm2 = [1, 2, 3, 4] as const;
const frameRates = [30, 60, 240] as const;
/** Area of the operating points at camera rates. */
const rateAreaMm2 = 4;

const corrected = (cost: CorrectedPaperCost): CorrectedRow => ({
  frontAreaMm2: cost.fixed.areaMm2,
  powerW: cost.powerW,
  tops: cost.tops,
  topsPerWatt: cost.topsPerWatt,
  gain: cost.gain.topsPerWatt,
});

function paperRows({ paper }: PaperNetwork): readonly PaperRow[] {
  const all = paperCorrections.map(({ id }) => id);
  return Array.from({ length: paper.length + 1 }, (_, fixedLayers): PaperRow => {
    const cost = paperTier(paper, fixedLayers);
    return {
      fixedLayers,
      layer: paper[fixedLayers - 1]?.name ?? "none",
      frontAreaMm2: cost.fixed.areaMm2,
      powerW: cost.powerW,
      tops: cost.tops,
      topsPerWatt: cost.topsPerWatt,
      gain: cost.gain.topsPerWatt,
      corrected: corrected(correctedPaperTier(paper, fixedLayers, all)),
    };
  });
}

function energyParts(
  { energyPerFrameUj }: FrontEndCost,
  factor: number,
  { leakageMw, framesPerSecond }: FrontFigures,
): Omit<FrontEndCost["energyPerFrameUj"], "total"> {
  const { total: _, ...parts } = energyPerFrameUj;
  const scaled = Object.entries(parts).map(([name, uj]) => [name, uj * factor] as const);
  const leakage = (leakageMw.nominal / framesPerSecond.nominal) * 1e3;
  return { ...(Object.fromEntries(scaled) as typeof parts), leakage };
}

function structuralRow(
  cost: FrontEndCost,
  figures: FrontFigures,
  about: Pick<StructuralRow, "node" | "form" | "frozenLayers" | "clockMhz">,
  { areaFactor, energyFactor }: { readonly areaFactor: number; readonly energyFactor: number },
): StructuralRow {
  const { datapath, requantization, registers, sram, rom, control } = cost.areaMm2;
  const scaled = (energy: Range): Range => ({
    low: energy.low * figures.energyScaling.low,
    nominal: energy.nominal,
    high: energy.high * figures.energyScaling.high,
  });
  const energyPerFrameUj = scaled(figures.energyPerFrameUj);
  const perWatt = (uj: number): number => (2 * cost.macsPerFrame * 1e-6) / uj;
  return {
    ...about,
    tier: cost.tier,
    areaMm2: figures.areaMm2,
    partsMm2: {
      datapath: datapath * areaFactor,
      requantization: requantization * areaFactor,
      registers: registers * areaFactor,
      sram: sram * areaFactor,
      rom: rom * areaFactor,
      control: control * areaFactor,
    },
    energyPerFrameUj,
    energyPartsUj: energyParts(cost, energyFactor, figures),
    framesPerSecond: figures.framesPerSecond,
    topsPerWatt: {
      low: perWatt(energyPerFrameUj.high),
      nominal: perWatt(energyPerFrameUj.nominal),
      high: perWatt(energyPerFrameUj.low),
    },
  };
}

function structuralRows(
  fronts: readonly CompiledFront[],
  depths: readonly number[],
): readonly StructuralRow[] {
  return fronts.flatMap((front) =>
    depths.flatMap((frozenLayers) => {
      const cost = costOf(front, frozenLayers);
      const about = { form: front.form, frozenLayers };
      const {
        areaFactor: area,
        delayFactor: delay,
        energyFactor: energy,
      } = scalingTo16Nm(cost.nodeNm, cost.supplyV);
      return [
        structuralRow(
          cost,
          frontFigures(cost),
          { ...about, node: front.technology, clockMhz: front.clockMhz },
          { areaFactor: 1, energyFactor: 1 },
        ),
        structuralRow(
          cost,
          frontFiguresAt16Nm(cost),
          { ...about, node: `16 nm from ${front.technology}`, clockMhz: front.clockMhz / delay.nominal },
          { areaFactor: area, energyFactor: energy.nominal },
        ),
      ];
    }),
  );
}

function comparisonRow(
  result: EqualAreaComparison,
  about: Pick<ComparisonRow, "what" | "form" | "frozenLayers" | "node">,
): ComparisonRow {
  const point = result.operatingPoint;
  const common = {
    ...about,
    accelerator: result.accelerator,
    totalAreaMm2: result.totalAreaMm2,
    frameRate: point.kind === "fixedRate" ? point.framesPerSecond : null,
  };
  if (!result.feasible)
    return {
      ...common,
      reason: result.reason,
      frontAreaMm2: null,
      tail: null,
      whole: null,
      hybrid: null,
      baseline: null,
      gain: null,
    };
  const side = (one: (typeof result)["hybrid"]): SideRow => ({
    framesPerSecond: one.framesPerSecond.nominal,
    topsPerWatt: one.topsPerWatt,
    topsPerWattWithDram: one.topsPerWattWithDram,
    powerMw: one.powerMw,
  });
  const { topsPerWatt, topsPerWattWithDram, framesPerSecond } = result.gain;
  return {
    ...common,
    reason: null,
    frontAreaMm2: result.frontAreaMm2,
    tail: result.tail?.name ?? null,
    whole: result.whole.name,
    hybrid: side(result.hybrid),
    baseline: side(result.baseline),
    gain: { topsPerWatt, topsPerWattWithDram, framesPerSecond },
  };
}

/** Frozen depths that are compared, by name. */
type Depth = { readonly what: string; readonly frozenLayers: number };

/** Layers of the workload: fully fixed, the paper's feature extractor has no classifier to run. */
function comparisonRows(
  network: PaperNetwork,
  fronts: readonly CompiledFront[],
  depths: readonly Depth[],
): readonly ComparisonRow[] {
  const points: readonly { readonly totalAreaMm2: number; readonly operatingPoint: OperatingPoint }[] = [
    ...areasMm2.map((totalAreaMm2) => ({ totalAreaMm2, operatingPoint: { kind: "throughput" } as const })),
    ...frameRates.map((framesPerSecond) => ({
      totalAreaMm2: rateAreaMm2,
      operatingPoint: { kind: "fixedRate", framesPerSecond } as const,
    })),
  ];
  const catalogues = new Map<string, ArrayCatalogue>();
  return fronts.flatMap((front) =>
    depths.flatMap(({ what, frozenLayers }) => {
      const full = frozenLayers === front.layers.length;
      const layers = full ? network.accelerator.slice(0, frozenLayers) : network.accelerator;
      const technology = acceleratorTechnologyAt16Nm(readTechnology(front.technology));
      const key = `${front.technology} ${layers.length}`;
      const catalogue = catalogues.get(key) ?? createArrayCatalogue({ layers, technology });
      catalogues.set(key, catalogue);
      const figures = frontFiguresAt16Nm(costOf(front, frozenLayers));
      const about = { what, form: front.form, frozenLayers, node: technology.node };
      return points.flatMap((point) => {
        const common = { ...point, front: figures, layers, frozenLayers };
        return [
          comparisonRow(
            compareAtEqualArea({ ...common, accelerator: "array", technology, catalogue }),
            about,
          ),
          comparisonRow(compareAtEqualArea({ ...common, accelerator: "nvdla" }), about),
        ];
      });
    }),
  );
}

/** Compute all that the page shows. */
export function paperResults(input: {
  readonly network: PaperNetwork;
  readonly fronts: readonly CompiledFront[];
  readonly freezePoint: { readonly layer: string; readonly rule: string };
  readonly quick: boolean;
  /** Accuracies of the transfer page; empty without one. */
  readonly sweep: readonly SweepRow[];
}): PaperResults {
  const { network, fronts, freezePoint, quick, sweep } = input;
  const convolutions = fronts[0]?.layers.length ?? 0;
  const layers = network.accelerator.findIndex(({ name }) => name === freezePoint.layer) + 1;
  const depths: readonly Depth[] = [
    { what: "fully fixed feature extractor", frozenLayers: convolutions },
    { what: `frozen up to ${freezePoint.layer}`, frozenLayers: layers },
  ];
  const technologies = [...new Set(fronts.map(({ technology }) => technology))].map(readTechnology);
  return {
    schema: paperSchema,
    network: network.name,
    macs: network.macs,
    quick,
    freezePoint: { ...freezePoint, layers },
    paper: paperRows(network),
    corrections: [convolutions, layers].map((fixedLayers) => ({
      fixedLayers,
      rows: correctionSteps(network.paper, fixedLayers).map(({ title, alone, upToHere }) => ({
        title,
        alone: corrected(alone),
        upToHere: corrected(upToHere),
      })),
    })),
    structural: structuralRows(fronts, [layers, convolutions]),
    comparisons: comparisonRows(network, fronts, depths),
    simulated: fronts.map((front) => {
      const all = Object.values(front.measured);
      const cycles = all.reduce((sum, one) => sum + one.cyclesSimulated, 0);
      const glitches = all.map((one) => one.totalGlitchFactor);
      return `${front.form}, ${front.technology}: ${all.length} of ${front.layers.length} layers, ${cycles} cycles, ${front.photos} photos, glitches × ${Math.min(...glitches).toFixed(2)} to × ${Math.max(...glitches).toFixed(2)}, standard error of a layer up to ${(100 * Math.max(...all.map((one) => one.relativeError))).toFixed(0)} %`;
    }),
    validation: validationRows(technologies.map(({ name }) => name)),
    frontLayers: fronts.filter(({ technology }) => technology === technologies[0]?.name).map(frontLayers),
    roofline:
      technologies[0] === undefined ? null : rooflineResult(network.accelerator, technologies[0].name),
    accuracy: accuracyResult(network.accelerator, fronts, sweep),
    notes: technologies.map((technology) => acceleratorTechnology(technology).source),
  };
}
