import type { MeasuredEnergy } from "../cost/index.js";
import type { NodeName } from "../graph/index.js";
import type { FrontEnd, LayerStats } from "../hw/index.js";
import type { LayerResult, RtlResult, SweepEntry, SystemResult } from "../report/index.js";
import type { ToggleCounts } from "../sim/index.js";

/** The emitted hardware of one freeze point. */
export type FrozenFront = {
  readonly freezePoint: NodeName;
  /** Emitted files, name → text. */
  readonly files: ReadonlyMap<string, string>;
  readonly rtl: Omit<RtlResult, "verified" | "judges">;
  readonly layers: readonly {
    readonly name: NodeName;
    readonly module: string;
    readonly stats: LayerStats;
  }[];
  /** The front, compiled again where its files come from an earlier run. */
  readonly compiled: () => FrontEnd;
  /** Energy of each layer by timed simulation, in the configured technology; layers that are too large are absent. */
  readonly measured: ReadonlyMap<string, MeasuredEnergy>;
};

/** Verdict on the emitted hardware of one freeze point. */
export type VerifiedFront = {
  readonly freezePoint: NodeName;
  readonly verified: NonNullable<RtlResult["verified"]>;
  readonly layers: readonly {
    readonly name: NodeName;
    readonly images: number;
    readonly values: number;
    readonly mismatches: number;
    readonly cyclesPerFrame: number;
    /** Over `countedFrames` frames. */
    readonly toggles: ToggleCounts;
    readonly countedFrames: number;
  }[];
  /** Accuracy of the tail behind the bytes of the simulated front. */
  readonly hardware: readonly {
    readonly dataset: string;
    readonly accuracy: { readonly value: number; readonly images: number };
  }[];
};

/** Front and engine of one freeze point in simulation, or why there is none. */
export type SimulatedSystem = {
  readonly freezePoint: NodeName;
  readonly system?: SystemResult;
  readonly noSystem?: string;
};

/** Cost of one freeze point, as the results hold it. */
export type FrontCost = {
  readonly freezePoint: NodeName;
  readonly layers: readonly {
    readonly name: string;
    readonly figures: Pick<
      LayerResult,
      | "areaMm2"
      | "areaPartsMm2"
      | "requantizationMm2"
      | "energyUj"
      | "energyRangeUj"
      | "energyPartsUj"
      | "glitchFactor"
      | "utilization"
    >;
  }[];
  readonly results: Pick<SweepEntry, "cost" | "baseline" | "gain" | "comparison" | "paper">;
};
