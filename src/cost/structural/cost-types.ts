import type { MeasuredEnergy } from "../energy/measure.js";
import type { Range, Technology } from "../technology.js";
import type { LayerActivity, LayerCounts } from "./counts.js";
import type { AreaParts, EnergyParts } from "./parts.js";

/** Cost of one layer. */
export type LayerCost = {
  readonly name: string;
  readonly tier: "modelled" | "simulated";
  readonly areaUm2: AreaParts;
  /** Part of `areaUm2.sram` that is macros; the rest of the area is cells. */
  readonly macroUm2: number;
  readonly energyPj: EnergyParts;
  readonly energyTotalPj: Range;
  /** Scan flip-flops in the place of plain ones; not in the figures above. */
  readonly testOverhead: { readonly areaUm2: number; readonly energyPj: number };
  /** Of the timed simulation: priced transitions over settled ones; absent where nothing was simulated with delays. */
  readonly glitchFactor?: number;
  readonly leakageNw: number;
  readonly cyclesPerFrame: number;
  /** Share of the front's cycles in which this layer's datapath works. */
  readonly utilization: number;
  /** By its deepest pipeline stage and its slowest memory. */
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
  /** Layer that limits the clock, and its memory where that does. */
  readonly clockLimit: string;
  readonly areaMm2: AreaParts;
  /** Part of `areaMm2.sram` that is macros. */
  readonly macroAreaMm2: number;
  readonly energyPerFrameUj: EnergyParts;
  readonly energyPerFrameRangeUj: Range;
  /** Scan flip-flops in the place of plain ones; in none of the other figures. */
  readonly testOverhead: { readonly areaMm2: number; readonly energyPerFrameUj: number };
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
  /** Between two frames of the front; default: of the slowest layer, which is less where layers wait for one another. */
  readonly cyclesPerFrame?: number | undefined;
  /** Clock to run at; default: the achievable one. */
  readonly clockMhz?: number | undefined;
  /** By layer name; layers without an entry use the default toggle rates. */
  readonly activity?: ReadonlyMap<string, LayerActivity> | undefined;
  /** By layer name, from `measureFront`: glitches, wires and clock gates as they are; goes before `activity`. */
  readonly measured?: ReadonlyMap<string, MeasuredEnergy> | undefined;
};
