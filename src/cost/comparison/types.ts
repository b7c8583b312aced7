import type {
  AcceleratorLayer,
  AcceleratorRun,
  AcceleratorTechnology,
  ArrayCatalogue,
} from "../accelerator/index.js";
import type { Range } from "../technology.js";

/** A frozen front as the comparison needs it, at the node of the comparison. */
export type FrontFigures = {
  readonly tier: "modelled" | "simulated" | "synthesized" | "published";
  readonly source: string;
  readonly areaMm2: Range;
  /** Of the frame's work, without leakage and without what an idle front takes. */
  readonly energyPerFrameUj: Range;
  /** Error of bringing energies to this node, over the nominal figure; not in the range above. */
  readonly energyScaling: Range;
  /** The most that it can do. */
  readonly framesPerSecond: Range;
  /** Dynamic power while it waits for the next frame, clocks gated. */
  readonly idlePowerMw: Range;
  readonly leakageMw: Range;
};

/** As many frames as the design can, or a rate that the camera gives (idle power and leakage then matter). */
export type OperatingPoint =
  | { readonly kind: "throughput" }
  | { readonly kind: "fixedRate"; readonly framesPerSecond: number };

/** Which all-programmable accelerator, at which node. `array` needs its technology. */
export type AcceleratorKind = "nvdla" | "array";

/** One side of a comparison. Energies include leakage and idle power at the rate that it runs at. */
export type EqualAreaSide = {
  readonly name: string;
  readonly tier: "modelled";
  readonly source: string;
  readonly areaMm2: number;
  readonly framesPerSecond: Range;
  /** Without DRAM. */
  readonly energyPerFrameUj: Range;
  readonly energyPerFrameWithDramUj: Range;
  readonly dramBytesPerFrame: number;
  readonly powerMw: Range;
  /** 2 · dense MACs of the whole network · frames/s. */
  readonly tops: Range;
  readonly topsPerWatt: Range;
  readonly topsPerWattWithDram: Range;
};

/** Hybrid and all-programmable chip of the same total area on the same network, or why there is none. */
export type EqualAreaComparison = {
  readonly node: string;
  readonly accelerator: AcceleratorKind;
  readonly operatingPoint: OperatingPoint;
  readonly totalAreaMm2: number;
} & (
  | {
      readonly feasible: true;
      readonly frontAreaMm2: Range;
      /** What runs the programmable layers; absent when all are frozen. */
      readonly tail?: AcceleratorRun;
      readonly whole: AcceleratorRun;
      readonly hybrid: EqualAreaSide;
      readonly baseline: EqualAreaSide;
      /** Hybrid over baseline, over all corners of the ranges; what is common to both sides (scaling, DRAM, the engine's cells) cancels. */
      readonly gain: {
        readonly tier: "modelled";
        readonly topsPerWatt: Range;
        readonly topsPerWattWithDram: Range;
        readonly framesPerSecond: Range;
      };
      readonly notes: readonly string[];
    }
  | { readonly feasible: false; readonly reason: string }
);

/** What any comparison takes. */
export type EqualAreaCommon = {
  /** Absent: nothing is frozen. */
  readonly front?: FrontFigures;
  /** The whole network in order. */
  readonly layers: readonly AcceleratorLayer[];
  /** How many of them are in the front. */
  readonly frozenLayers: number;
  /** Of both sides. */
  readonly totalAreaMm2: number;
  readonly operatingPoint: OperatingPoint;
};

/** What `compareAtEqualArea` takes. */
export type EqualAreaInput = EqualAreaCommon &
  (
    | { readonly accelerator: "nvdla" }
    | {
        readonly accelerator: "array";
        readonly technology: AcceleratorTechnology;
        readonly dramBytesPerSecond?: number | undefined;
        readonly clockMhz?: number | undefined;
        /** Made for these layers and this technology before, to save its making. */
        readonly catalogue?: ArrayCatalogue | undefined;
      }
  );
