import {
  costFrontEnd,
  countsOf,
  type FrontEndCost,
  frontFiguresAt16Nm,
  type LayerCounts,
  multiplyRanges,
  type Technology,
} from "../cost/index.js";
import type { LayerStats } from "../hw/index.js";
import type { CompiledFront } from "./compiled.js";
import { rounded } from "./rounded.js";
import { foldingName } from "./space.js";
import type { ExploredFront, ExploredLayer, Parts } from "./types.js";

/** A front's costs at the achievable clock, before accelerators are added. */
export type CostedFront = {
  readonly front: CompiledFront;
  readonly counts: readonly LayerCounts[];
  readonly cost: FrontEndCost;
};

/** Price a front at a share of the clock that its cells allow. */
export function costFront(
  counts: readonly LayerCounts[],
  technology: Technology,
  clockMhz?: number,
): FrontEndCost {
  return costFrontEnd({ layers: counts, technology, clockMhz });
}

/**
 * Counts of a front's layers. The slowest layer's cycles are the front's: where layers wait for one another the whole is slower
 * than any of them alone, and all registers are clocked that long.
 */
export function frontCounts({ stats, plan, cut, cyclesPerFrame }: CompiledFront): readonly LayerCounts[] {
  const own = stats.map((one, i) => countsOf(plan.layers[cut.places[i]!]!.node.name, one));
  const slowest = own.reduce(
    (best, { cyclesPerFrame: c }, i) => (c > own[best]!.cyclesPerFrame ? i : best),
    0,
  );
  return own.map((counts, i) => (i === slowest ? { ...counts, cyclesPerFrame } : counts));
}

/** Price a compiled front at its achievable clock. */
export function costCompiled(front: CompiledFront, technology: Technology): CostedFront {
  const counts = frontCounts(front);
  return { front, counts, cost: costFront(counts, technology) };
}

const formOf = ({ parallelism }: LayerStats): Pick<ExploredLayer, "form" | "fifo"> =>
  parallelism.kind === "parallel"
    ? { form: "parallel" }
    : {
        form: `${parallelism.lanes}×${parallelism.inputs}`,
        ...(parallelism.fifo === undefined ? {} : { fifo: parallelism.fifo }),
      };

const partsOf = (parts: object): Parts =>
  Object.fromEntries(
    (Object.entries(parts) as [string, number][])
      .filter(([, value]) => value > 0)
      .map(([name, value]) => [name, rounded(value)]),
  );

/** Records layers once each, however many fronts share them. */
export class LayerTable {
  readonly layers: ExploredLayer[] = [];
  readonly #places = new Map<string, number>();

  place(layer: ExploredLayer): number {
    const key = JSON.stringify(layer);
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    this.#places.set(key, this.layers.length);
    this.layers.push(layer);
    return this.layers.length - 1;
  }
}

/** Write a front down. */
export function exploredFront({ front, cost }: CostedFront, table: LayerTable): ExploredFront {
  const { plan, cut, stats } = front;
  const layers = cost.layers.map((layer, i) =>
    table.place({
      ...{ name: layer.name, ...formOf(stats[i]!) },
      cyclesPerFrame: Math.round(stats[i]!.cyclesPerFrame),
      utilization: rounded(layer.utilization),
      areaUm2: partsOf(layer.areaUm2),
      energyPj: partsOf(layer.energyPj),
    }),
  );
  const scaled = frontFiguresAt16Nm(cost);
  const range = ({ low, nominal, high }: ExploredFront["scaled"]["areaMm2"]) => ({
    low: rounded(low),
    nominal: rounded(nominal),
    high: rounded(high),
  });
  return {
    freezePoint: cut.layer,
    folding: foldingName(plan.folding),
    requantization: plan.variant.requantization,
    periodPs: plan.clock.periodPs,
    layers,
    cyclesPerFrame: rounded(front.cyclesPerFrame),
    latencyCycles: front.latencyCycles,
    achievableClockMhz: rounded(cost.achievableClockMhz),
    areaMm2: partsOf(cost.areaMm2),
    energyPerFrameUj: partsOf(cost.energyPerFrameUj),
    scaled: {
      areaMm2: range(scaled.areaMm2),
      energyPerFrameUj: range(multiplyRanges(scaled.energyPerFrameUj, scaled.energyScaling)),
    },
    isMeasured: plan.variant.requantization === "own",
  };
}
