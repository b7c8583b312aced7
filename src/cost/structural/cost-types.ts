import type { Range, Technology } from "../technology.js";
import type { LayerActivity, LayerCounts } from "./counts.js";
import type { AreaParts, EnergyParts } from "./parts.js";

/** Cost of one layer. */
export type LayerCost = {
  readonly name: string;
  readonly tier: "modelled" | "simulated";
  readonly areaUm2: AreaParts;
  readonly energyPj: EnergyParts;
  readonly energyTotalPj: Range;
  readonly leakageNw: number;
  readonly cyclesPerFrame: number;
  /** Share of the front's cycles in which this layer's datapath works. */
  readonly utilization: number;
  readonly achievableClockMhz: number;
};

/** Result of {@link costFrontEnd}. Area and clock are `modelled`; energy has the tier of its activity. */
export type FrontEndCost = {
  readonly kind: "frontEndCost";
  readonly technology: string;
  readonly nodeNm: number;
  readonly supplyV: number;
  readonly source: string;
  /** `simulated` when every layer's activity came from simulation, else `modelled`. */
  readonly tier: "modelled" | "simulated";
  readonly areaTier: "modelled";
  readonly clockMhz: number;
  readonly achievableClockMhz: number;
  readonly clockMet: boolean;
  /** Layer that limits the clock, or `memory`. */
  readonly clockLimit: string;
  readonly areaMm2: AreaParts;
  readonly energyPerFrameUj: EnergyParts;
  readonly energyPerFrameRangeUj: Range;
  readonly leakageMw: number;
  readonly powerMw: number;
  readonly cyclesPerFrame: number;
  readonly framesPerSecond: number;
  readonly latencyCycles: number;
  readonly macsPerFrame: number;
  readonly tops: number;
  readonly topsPerWatt: number;
  readonly topsPerWattRange: Range;
  readonly topsPerMm2: number;
  readonly layers: readonly LayerCost[];
  readonly notes: readonly string[];
};

/** Input of {@link costFrontEnd}. */
export type FrontEndInput = {
  readonly layers: readonly LayerCounts[];
  readonly technology: Technology;
  /** Clock to run at; default: the achievable one. */
  readonly clockMhz?: number | undefined;
  /** By layer name; layers without an entry use the default toggle rates. */
  readonly activity?: ReadonlyMap<string, LayerActivity> | undefined;
};
