import { costFrontEnd, type FrontEndCost, readTechnology, scalingTo16Nm } from "../src/cost/index.js";
import type { CompiledFront } from "./paper-fronts.js";

/** Cost of a front's first layers, in its own technology at its own clock. */
export const costOf = (front: CompiledFront, frozenLayers: number): FrontEndCost =>
  costFrontEnd({
    layers: front.layers.slice(0, frozenLayers),
    technology: readTechnology(front.technology),
    clockMhz: front.clockMhz,
    measured: new Map(Object.entries(front.measured)),
  });

const layerParts = ["datapath", "requantization", "registers", "sram", "rom", "control"] as const;
type LayerPart = (typeof layerParts)[number];

/** Nominal figures of one layer, without leakage. */
export type LayerRow = {
  readonly name: string;
  /** Tier of the energy. */
  readonly tier: string;
  /** Cells and macros, without placement overhead. */
  readonly areaMm2: Readonly<Record<LayerPart, number>>;
  readonly energyUj: Readonly<Record<LayerPart | "clock", number>>;
};

/** All layers of one front at 16 nm. */
export type FrontLayers = {
  readonly form: string;
  readonly node: string;
  readonly layers: readonly LayerRow[];
};

const scaled = <Name extends string>(
  names: readonly Name[],
  parts: Readonly<Record<Name, number>>,
  factor: number,
): Record<Name, number> =>
  Object.fromEntries(names.map((name) => [name, parts[name] * factor])) as Record<Name, number>;

/** Area and energy of every layer of a front, nominal, taken to 16 nm. */
export function frontLayers(front: CompiledFront): FrontLayers {
  const cost = costOf(front, front.layers.length);
  const { areaFactor: area, energyFactor: energy } = scalingTo16Nm(cost.nodeNm, cost.supplyV);
  return {
    form: front.form,
    node: `16 nm from ${front.technology}`,
    layers: cost.layers.map(({ name, tier, areaUm2, energyPj }) => ({
      name,
      tier,
      areaMm2: scaled(layerParts, areaUm2, area * 1e-6),
      energyUj: scaled([...layerParts, "clock"], energyPj, energy.nominal * 1e-6),
    })),
  };
}
