import type { CellTable, ClockTarget } from "../arith/index.js";
import { FixynnError } from "../core/index.js";
import { cellTableOf, type Technology } from "../cost/index.js";
import type { NodeName } from "../graph/index.js";
import { type FrontLayer, frontGraph, type LayerParallelism } from "../hw/index.js";
import { type Clamp, networkRanges, type QuantNetwork, quantInput } from "../quant/index.js";
import type { JobPool } from "./job-pool.js";
import type { CompileJob } from "./jobs.js";
import { type RequantizationForm, withRequantization } from "./requantization.js";
import { type ExploreSpace, type FoldingForm, quickWeights } from "./space.js";

/** The network in one requantization, as a front up to its last layer. */
export type Variant = {
  readonly requantization: RequantizationForm;
  readonly network: QuantNetwork;
  readonly graph: readonly FrontLayer[];
  readonly clampsOf: (layer: FrontLayer) => readonly Clamp[];
};

/** All layers of a variant in chosen forms: what fronts of any depth are parts of. */
export type Plan = {
  readonly variant: Variant;
  readonly folding: FoldingForm;
  readonly clock: ClockTarget;
  readonly parallelisms: ReadonlyMap<NodeName, LayerParallelism>;
  /** Layers that are compiled; those behind the first that would take too long are not. */
  readonly layers: readonly FrontLayer[];
};

/** Weights of a layer. */
export function weightsOf({ node }: FrontLayer): number {
  return "weights" in node ? node.weights.data.length : 0;
}

/** Prepare the network in each requantization that it can have; the others with the reason. */
export function variantsOf(
  network: QuantNetwork,
  forms: readonly RequantizationForm[],
): { readonly variants: readonly Variant[]; readonly refused: readonly string[] } {
  const variants: Variant[] = [];
  const refused: string[] = [];
  for (const requantization of forms) {
    try {
      variants.push(variantOf(withRequantization(network, requantization), requantization));
    } catch (error) {
      if (!(error instanceof FixynnError) || requantization === "own") throw error;
      refused.push(`requantization "${requantization}" is left out: ${error.message}`);
    }
  }
  return { variants, refused };
}

function variantOf(network: QuantNetwork, requantization: RequantizationForm): Variant {
  const graph = frontGraph(network, network.output);
  const ranges = networkRanges(network);
  const nameOf = (source: number): NodeName =>
    source < 0 ? quantInput(network).name : graph[source]!.node.name;
  const clampsOf = ({ sources }: FrontLayer): readonly Clamp[] =>
    sources.map((source) => ranges.get(nameOf(source))!);
  return { requantization, network, graph, clampsOf };
}

/** Choose forms for all combinations of the space. */
export async function plansOf(
  variants: readonly Variant[],
  {
    space,
    technology,
    pool,
  }: { readonly space: ExploreSpace; readonly technology: Technology; readonly pool: JobPool },
): Promise<readonly Plan[]> {
  const cells = cellTableOf(technology);
  const plans: Promise<Plan>[] = [];
  for (const variant of variants) {
    for (const periodPs of space.periodsPs) {
      for (const folding of space.foldings) {
        const isFirst = variant === variants[0] && periodPs === space.periodsPs[0];
        const isSlow = folding.kind === "none" || (folding.kind === "keep" && folding.weights > quickWeights);
        if (!space.isFull && !isFirst && isSlow) continue;
        plans.push(planOf(variant, { folding, periodPs, cells, space, pool }));
      }
    }
  }
  return Promise.all(plans);
}

async function planOf(
  variant: Variant,
  {
    folding,
    periodPs,
    cells,
    space,
    pool,
  }: {
    readonly folding: FoldingForm;
    readonly periodPs: number;
    readonly cells: CellTable;
    readonly space: ExploreSpace;
    readonly pool: JobPool;
  },
): Promise<Plan> {
  const { graph } = variant;
  const chosen = await parallelismsOf(graph, folding, pool);
  const isTooLarge = (layer: FrontLayer): boolean =>
    chosen.get(layer.node.name)?.kind !== "folded" && weightsOf(layer) > space.mostParallelWeights;
  const end = graph.findIndex(isTooLarge);
  const layers = end < 0 ? graph : graph.slice(0, end);
  return { variant, folding, clock: { periodPs, cells }, parallelisms: chosen, layers };
}

async function parallelismsOf(
  graph: readonly FrontLayer[],
  folding: FoldingForm,
  pool: JobPool,
): Promise<ReadonlyMap<NodeName, LayerParallelism>> {
  if (folding.kind === "none") return new Map();
  const cyclesPerInputPixel = folding.kind === "auto" ? folding.cyclesPerInputPixel : 1;
  const chosen = new Map(await pool.run({ kind: "choose", graph, cyclesPerInputPixel }));
  if (folding.kind === "keep")
    for (const layer of graph) if (weightsOf(layer) <= folding.weights) chosen.delete(layer.node.name);
  return chosen;
}

/** The job that compiles a plan's layer. */
export function compileJob(plan: Plan, layer: FrontLayer, fifos?: readonly number[]): CompileJob {
  const { variant, clock, parallelisms } = plan;
  return {
    kind: "compile",
    node: layer.node,
    inputs: layer.inputs,
    inputClamps: variant.clampsOf(layer),
    parallelism: parallelisms.get(layer.node.name) ?? { kind: "parallel" },
    clock,
    ...(fifos === undefined ? {} : { fifos }),
  };
}
