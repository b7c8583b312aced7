import type { Range } from "../cost/index.js";

/** A figure split up: datapath, requantization, registers, clock, sram, rom, control, leakage, total. */
export type Parts = Readonly<Record<string, number>>;

/** One layer of a front in one form. Figures in the technology of the table. */
export type ExploredLayer = {
  readonly name: string;
  /** `parallel`, or `4×32`: output channels × taps a cycle. */
  readonly form: string;
  /** Pixels that the memory in front of it holds. */
  readonly fifo?: number;
  readonly cyclesPerFrame: number;
  readonly utilization: number;
  readonly areaUm2: Parts;
  readonly energyPj: Parts;
};

/** A frozen front: where it ends, how it is built, what it costs. */
export type ExploredFront = {
  readonly freezePoint: string;
  readonly folding: string;
  readonly requantization: string;
  /** Clock period that registers were inserted for. */
  readonly periodPs: number;
  /** Places in `layers` of the exploration. */
  readonly layers: readonly number[];
  readonly cyclesPerFrame: number;
  readonly latencyCycles: number;
  readonly achievableClockMhz: number;
  /** In the technology of the table, at the achievable clock. */
  readonly areaMm2: Parts;
  readonly energyPerFrameUj: Parts;
  /** At the node of the comparison. */
  readonly scaled: { readonly areaMm2: Range; readonly energyPerFrameUj: Range };
  /** Whether the accuracies were measured on this very network: those of a rewritten requantization were not. */
  readonly isMeasured: boolean;
};

/** A programmable accelerator beside a front. */
export type ExploredAccelerator = { readonly name: string; readonly areaMm2: number };

/**
 * Figures of a design that a camera feeds, one for each rate of the exploration: idle power and leakage of both parts over the whole period are in.
 * `null` where the design does not reach the rate; gains also where no all-programmable accelerator of the same area does.
 */
export type CameraFigures = {
  readonly energyPerFrameUj: readonly (number | null)[];
  readonly powerMw: readonly (number | null)[];
  readonly topsPerWatt: readonly (number | null)[];
  readonly topsPerWattWithDram: readonly (number | null)[];
  /** Over the all-programmable accelerator of the same area that takes least power at the rate. */
  readonly gain: readonly (number | null)[];
  readonly gainWithDram: readonly (number | null)[];
};

/** A whole design: a front at a clock, and the accelerator that runs the rest. All figures at the node of the comparison. */
export type DesignPoint = {
  /** Place in `fronts`. */
  readonly front: number;
  readonly clockShare: number;
  readonly clockMhz: number;
  /** Place in `accelerators`; absent when nothing is left to run. */
  readonly accelerator?: number;
  readonly areaMm2: number;
  readonly areaRangeMm2: Pick<Range, "low" | "high">;
  readonly frontEnergyUj: number;
  readonly acceleratorEnergyUj: number;
  /** Of the weights and activations that the accelerator moves; not in `energyPerFrameUj`. */
  readonly dramEnergyUj: number;
  readonly energyPerFrameUj: number;
  readonly framesPerSecond: number;
  readonly latencyMs: number;
  /** 2 · dense MACs of the whole network over the energy of a frame. */
  readonly topsPerWatt: number;
  readonly topsPerWattRange: Pick<Range, "low" | "high">;
  readonly topsPerWattWithDram: number;
  /** TOPS/W over those of an all-programmable accelerator of the same area; absent where there is none as small. */
  readonly gain?: number;
  readonly gainWithDram?: number;
  /** At the rates of a camera; the figures above are as fast as the design can. */
  readonly atCamera: CameraFigures;
};

/** Accuracy of one task with a front frozen up to a layer, and of the same network with nothing frozen; 0 to 1. */
export type TaskAccuracy = {
  readonly dataset: string;
  readonly frozen: number;
  readonly unfrozen?: number | undefined;
  readonly images: number;
};

/** A place to cut, with the accuracies of a sweep where there is one. */
export type ExploredFreezePoint = {
  readonly layer: string;
  readonly frozenLayers: number;
  readonly frozenMacs: number;
  readonly tasks: readonly TaskAccuracy[];
};

/** A Pareto front of the design points. */
export type ExploredPareto = {
  /** TOPS/W at this rate of a camera; absent: as fast as each design can. */
  readonly cameraFramesPerSecond?: number;
  readonly axes: readonly AxisName[];
  /** Places in `points`. */
  readonly points: readonly number[];
  readonly knee?: number;
};

/** Figures that designs are compared by. */
export const axisNames = ["topsPerWatt", "areaMm2", "latencyMs", "framesPerSecond", "loss"] as const;
/** Name of an axis; `loss` is the largest loss of any task against nothing frozen, 0 to 1. */
export type AxisName = (typeof axisNames)[number];

/** What an exploration found. */
export type Exploration = {
  readonly layers: readonly ExploredLayer[];
  readonly fronts: readonly ExploredFront[];
  readonly freezePoints: readonly ExploredFreezePoint[];
  readonly accelerators: readonly ExploredAccelerator[];
  readonly points: readonly DesignPoint[];
  /** Rates that {@link DesignPoint.atCamera} is at. */
  readonly cameraFramesPerSecond: readonly number[];
  readonly pareto: readonly ExploredPareto[];
  readonly technology: { readonly name: string; readonly nodeNm: number; readonly source: string };
  /** Node and origin of the comparison's figures. */
  readonly node: string;
  readonly accelerator: string;
  readonly ownRequantization: string;
  readonly macsPerFrame: number;
  readonly notes: readonly string[];
  readonly counts: { readonly computed: number; readonly found: number; readonly broken: number };
};
