import type { ProgressListener } from "../core/index.js";
import {
  type AcceleratorLayer,
  chipAssumptions,
  structuralAssumptions,
  type Technology,
} from "../cost/index.js";
import type { QuantNetwork } from "../quant/index.js";
import { CYCLES_TOLERANCE, compilePlans, frontsOf } from "./compiled.js";
import { costCompiled, exploredFront, LayerTable } from "./costed.js";
import { cutsOf } from "./cuts.js";
import { largestLoss } from "./deepest.js";
import { JobPool } from "./job-pool.js";
import { costsOf, type Direction, kneeOf, paretoFront } from "./pareto.js";
import { plansOf, variantsOf } from "./plans.js";
import { AcceleratorTable, pointsOf } from "./points.js";
import { ownRequantization } from "./requantization.js";
import { checkSpace, type ExploreSpace } from "./space.js";
import { ResultStore } from "./store.js";
import { programmableModel } from "./tail.js";
import type {
  AxisName,
  DesignPoint,
  Exploration,
  ExploredFreezePoint,
  ExploredFront,
  ExploredPareto,
  TaskAccuracy,
} from "./types.js";

/** What to explore. */
export type ExploreRequest = {
  /** The integer network up to the deepest layer that may be frozen. */
  readonly network: QuantNetwork;
  /** All layers of the network, tail included, in order. */
  readonly layers: readonly AcceleratorLayer[];
  /** Accuracies by freeze point; those of other layers are absent. */
  readonly accuracies: ReadonlyMap<string, readonly TaskAccuracy[]>;
  readonly space: ExploreSpace;
  readonly technology: Technology;
  /** Folder of the results of compiled layers. */
  readonly cacheFolder: string;
  readonly codeVersion: string;
  readonly threads: number;
  readonly onProgress: ProgressListener;
};

const directions: { readonly [Axis in AxisName]: Direction } = {
  topsPerWatt: "most",
  areaMm2: "least",
  latencyMs: "least",
  framesPerSecond: "most",
  loss: "least",
};

const AXES: readonly (readonly AxisName[])[] = [
  ["areaMm2", "topsPerWatt"],
  ["latencyMs", "topsPerWatt"],
  ["areaMm2", "latencyMs"],
  ["areaMm2", "topsPerWatt", "latencyMs"],
  ["loss", "topsPerWatt"],
  ["areaMm2", "topsPerWatt", "latencyMs", "loss"],
];

/** Find the Pareto fronts of some points, with their knees; those over losses only where there are any. */
export function paretoFronts(
  points: readonly DesignPoint[],
  fronts: readonly ExploredFront[],
  freezePoints: readonly ExploredFreezePoint[],
): readonly ExploredPareto[] {
  const losses = new Map(freezePoints.map((point) => [point.layer, largestLoss(point)]));
  const figureOf = (point: DesignPoint, axis: AxisName): number => {
    if (axis !== "loss") return point[axis];
    const { isMeasured, freezePoint } = fronts[point.front]!;
    return (isMeasured ? losses.get(freezePoint) : undefined) ?? Number.NaN;
  };
  return AXES.flatMap((axes): ExploredPareto[] => {
    const figures = points.map((point) => axes.map((axis) => figureOf(point, axis)));
    const ways = axes.map((axis) => directions[axis]);
    const front = paretoFront(costsOf(figures, ways));
    const knee = kneeOf(figures, front, ways);
    if (knee === undefined) return [];
    return [{ axes, points: front, knee }];
  });
}

/** Find the front over area and TOPS/W at a rate of a camera, the one at a place in the exploration's list. */
function cameraParetoFront(
  points: readonly DesignPoint[],
  cameraFramesPerSecond: number,
  place: number,
): readonly ExploredPareto[] {
  const figures = points.map(({ areaMm2, atCamera }) => [areaMm2, atCamera.topsPerWatt[place] ?? Number.NaN]);
  const ways = ["least", "most"] as const;
  const front = paretoFront(costsOf(figures, ways));
  const knee = kneeOf(figures, front, ways);
  return knee === undefined
    ? []
    : [{ cameraFramesPerSecond, axes: ["areaMm2", "topsPerWatt"], points: front, knee }];
}

/**
 * Explore: compile every layer in every form that the space asks for (in worker threads, kept on disk), put fronts together, price them, and combine
 * them with clocks and accelerators.
 *
 * @throws FixynnError FX7092 for a space that cannot be, FX7093 for freeze points that the network does not have, FX7091 when a worker fails
 */
export async function explore(request: ExploreRequest): Promise<Exploration> {
  const { network, layers, space, technology, threads, codeVersion, onProgress } = request;
  const programmable = programmableModel(space.programmable, { layers, technology });
  checkSpace(space);
  const store = new ResultStore(request.cacheFolder);
  const pool = new JobPool({ threads, store, codeVersion });
  try {
    const { variants, refused } = variantsOf(network, space.requantizations);
    const cuts = cutsOf(variants[0]!.graph, space.freezePoints);
    const plans = await plansOf(variants, { space, technology, pool });
    const compiled = await compilePlans(plans, pool, onProgress);
    const perPlan = await Promise.all(compiled.map((plan) => frontsOf(plan, cuts, pool)));
    const built = perPlan.flat().filter(({ cyclesPerFrame }) => Number.isFinite(cyclesPerFrame));
    const table = new LayerTable();
    const accelerators = new AcceleratorTable();
    const { clockShares, acceleratorsMm2 = programmable.areasMm2, cameraFramesPerSecond } = space;
    const context = {
      ...{ technology, layers, programmable, accelerators },
      ...{ clockShares, acceleratorsMm2, cameraFramesPerSecond },
    };
    const fronts: ExploredFront[] = [];
    const points: DesignPoint[] = [];
    for (const front of built) {
      const costed = costCompiled(front, technology);
      const frozen = new Set<string>(front.cut.places.map((place) => front.plan.layers[place]!.node.name));
      points.push(...pointsOf(costed, fronts.length, frozen, context));
      fronts.push(exploredFront(costed, table));
    }
    const freezePoints = cuts.map(({ layer, places }): ExploredFreezePoint => {
      const names = new Set<string>(places.map((place) => variants[0]!.graph[place]!.node.name));
      return {
        layer,
        frozenLayers: names.size,
        frozenMacs: layers.reduce((sum, { name, macs }) => sum + (names.has(name) ? macs : 0), 0),
        tasks: request.accuracies.get(layer) ?? [],
      };
    });
    return {
      ...{ layers: table.layers, fronts, freezePoints, points, accelerators: accelerators.accelerators },
      cameraFramesPerSecond,
      pareto: [
        ...paretoFronts(points, fronts, freezePoints),
        ...cameraFramesPerSecond.flatMap((rate, place) => cameraParetoFront(points, rate, place)),
      ],
      technology: {
        name: technology.name,
        nodeNm: technology.nodeNm,
        source: `${technology.source.origin}; memories: ${technology.sram.source}`,
      },
      node: "16 nm",
      accelerator: programmable.name,
      ownRequantization: ownRequantization(network),
      macsPerFrame: layers.reduce((sum, { macs }) => sum + macs, 0),
      notes: [...refused, ...leftOut(perPlan.flat().length - built.length), ...notesOf(space)],
      counts: { computed: pool.computed, found: store.counts.found, broken: store.counts.broken },
    };
  } finally {
    await pool.close();
  }
}

const leftOut = (stopped: number): readonly string[] =>
  stopped === 0
    ? []
    : [`${stopped} fronts whose memories are too small for their layers' bursts are left out`];

function notesOf({ mostParallelWeights, isFull }: ExploreSpace): readonly string[] {
  const { logicToggleRate: rate } = structuralAssumptions;
  const { placementDensity: density } = chipAssumptions;
  return [
    `all figures are modelled: counts of compiled layers × the technology's table; ${rate.nominal} of the outputs (${rate.low} to ${rate.high}) toggle in an active cycle`,
    `at 16 nm fronts are scaled, not designed: cells fill ${density.nominal} of the area (${density.low} to ${density.high}); leakage is the same cell for cell, an order of magnitude only`,
    `cycles of a front may be ${100 * CYCLES_TOLERANCE} % too many: the figure of a deeper front of the same plan`,
    "an accuracy belongs to the network as it was measured: designs with a rewritten requantization have none",
    "both parts run as fast as the slower one, or at a camera's rate; whoever waits pays idle power with gated clocks, and leakage",
    `layers of more than ${mostParallelWeights} weights are not built fully parallel`,
    ...(isFull
      ? []
      : [
          "foldings with large parallel layers are explored in the network's own requantization and for the first period only",
        ]),
  ];
}
