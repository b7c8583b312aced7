import type { Range } from "../technology.js";

/** A layer as a programmable accelerator runs it. */
export type AcceleratorLayer = {
  readonly name: string;
  /** `pool` and `add` pass through the vector unit; `other` (reshape, padding) costs nothing. */
  readonly kind: "conv2d" | "depthwiseConv2d" | "dense" | "pool" | "add" | "other";
  /** [height, width, channels] or [features]. */
  readonly inputShape: readonly number[];
  readonly outputShape: readonly number[];
  /** Dense multiply-accumulates a frame: zero weights included, padding excluded. */
  readonly macs: number;
  readonly weightBytes: number;
  /** [height, width] of the window; absent: [1, 1]. */
  readonly kernel?: readonly [number, number];
};

/**
 * How the reduction dimension is laid over the cPar multipliers of a lane. `channels`: input channels of one tap, so a
 * depthwise layer uses one multiplier of each lane and an RGB input three. `window`: taps × input channels flattened, so both keep
 * more of the lane busy; costs an operand multiplexer a multiplier and, for depthwise, as many bytes as the port gives.
 */
export type ArrayMapping = "channels" | "window";

/** Parameters of the MAC-array accelerator. */
export type AcceleratorConfig = {
  /** Multipliers of a lane, a multiple of 8: input channels summed in one cycle. */
  readonly cPar: number;
  /** Lanes: output channels of one cycle. */
  readonly kPar: number;
  /** Output bytes requantized in one cycle, at most kPar. */
  readonly requantizers: number;
  readonly weightBufferKb: number;
  readonly activationBufferKb: number;
  readonly clockMhz: number;
  readonly dramBytesPerSecond: number;
  readonly mapping: ArrayMapping;
};

/** DRAM traffic of a frame, bytes. */
export type DramBytes = { readonly weights: number; readonly activations: number; readonly total: number };

/** One layer's share of a run. */
export type AcceleratorLayerRun = {
  readonly name: string;
  /** The greater of what the array and what DRAM need. */
  readonly cycles: number;
  readonly computeCycles: number;
  readonly dramBytes: number;
  /** Dense MACs over cycles × multipliers. */
  readonly utilization: number;
  readonly energyUj: Range;
};

/** Time and energy of some layers on one accelerator; any of them may be empty of work. */
export type AcceleratorRun = {
  readonly tier: "modelled";
  readonly name: string;
  readonly areaMm2: Range;
  /** Absent for an accelerator that is not a {@link AcceleratorConfig} (NVDLA's points). */
  readonly config?: AcceleratorConfig;
  /** Busy cycles of a frame. */
  readonly cycles: number;
  readonly secondsPerFrame: number;
  readonly framesPerSecond: number;
  /** While it works, without DRAM, without leakage. */
  readonly energyPerFrameUj: Range;
  /** Error of bringing energies to this node, over the nominal figure: common to all that is scaled alike, so not in the ranges. */
  readonly energyScaling: Range;
  readonly dramBytesPerFrame: DramBytes;
  readonly dramEnergyUj: Range;
  /** Dynamic power while it waits for the next frame, clocks gated. */
  readonly idlePowerMw: Range;
  readonly leakageMw: Range;
  /** Dense MACs done over MACs possible in the busy cycles. */
  readonly utilization: number;
  readonly layers: readonly AcceleratorLayerRun[];
};

/**
 * Synthesized parts that the array is built from (Verilog: `rtl/`).
 *
 * - `dot8`: eight signed 8×8 products and their sum, with its register; an operation is one of them with fresh activations
 * - `treeAdder`: adds two sums of a lane, with its register
 * - `accumulator`: bank of {@link stripePixels} 32-bit sums, an operation adds to one of them
 * - `operandRegister`: 8 bits with an enable, for weights (two a multiplier: one works, one is filled) and activations
 * - `requantizer`: bias, 16-bit multiplier, rounding shift, zero point, clamp; an operation is one output byte
 * - `operandMux`: 8 bits, two to one, for the `window` mapping
 */
export const partNames = [
  "dot8",
  "treeAdder",
  "accumulator",
  "operandRegister",
  "requantizer",
  "operandMux",
] as const;
/** Name of a part. */
export type PartName = (typeof partNames)[number];

/** Output pixels that share a load of weights, each with its own sum in a lane's accumulator bank. */
export const stripePixels = 8;

/** Figures of one part at the node of its technology. */
export type PartFigures = {
  readonly areaUm2: Range;
  readonly leakageNw: Range;
  readonly energyPjPerOperation: Range;
  readonly delayPs: Range;
};

/** One memory: area, energy of an access of a whole word, leakage. */
export type MemoryFigures = {
  readonly areaUm2: Range;
  readonly readPj: Range;
  readonly writePj: Range;
  readonly leakageNw: Range;
};

/** What the array costs at a node. */
export type AcceleratorTechnology = {
  /** `asap7`, `sky130hd`, … */
  readonly name: string;
  /** `16 nm, scaled from asap7` and the like. */
  readonly node: string;
  readonly source: string;
  /** The most that parts and memories allow. */
  readonly clockMhz: number;
  readonly parts: { readonly [Part in PartName]: PartFigures };
  readonly memory: (bits: number, wordBits: number) => MemoryFigures;
  readonly dramPjPerByte: Range;
  /** See {@link AcceleratorRun}. */
  readonly energyScaling: Range;
};

/** What `largestArray` takes. */
export type LargestArrayInput = {
  readonly areaMm2: number;
  /** What it has to run. */
  readonly layers: readonly AcceleratorLayer[];
  readonly technology: AcceleratorTechnology;
  /** Most frames/s (ties: least energy), or, at a rate, least power among those that reach it. Default throughput. */
  readonly framesPerSecond?: number | undefined;
  readonly clockMhz?: number | undefined;
  readonly dramBytesPerSecond?: number | undefined;
  readonly mapping?: ArrayMapping | undefined;
};
