import type { EngineConfig } from "../../accel/index.js";
import type { Range } from "../technology.js";
import type { EngineEvent } from "./events.js";
import type { EngineUnit, UnitCells } from "./units.js";

/** A layer as a programmable accelerator runs it. */
export type AcceleratorLayer = {
  readonly name: string;
  /** `other` (reshape, padding) costs nothing. */
  readonly kind: "conv2d" | "depthwiseConv2d" | "dense" | "pool" | "add" | "other";
  /** [height, width, channels] or [features]. */
  readonly inputShape: readonly number[];
  readonly outputShape: readonly number[];
  /** Dense multiply-accumulates a frame: zero weights included, padding excluded. */
  readonly macs: number;
  readonly weightBytes: number;
  /** [height, width] of the window; absent: [1, 1], of a pool all of its input. */
  readonly kernel?: readonly [number, number];
  /** [height, width]; absent: input over output size, rounded. */
  readonly stride?: readonly [number, number];
  /** Of a pool; absent: `average`. */
  readonly pooling?: "maximum" | "average";
  /** Layers whose outputs it reads; absent: the one before. One that is not among the layers is the network's input. */
  readonly inputs?: readonly string[];
  /** Its image is packed, in blocks of so many rows and columns (`packing.ts`); products a frame of the weights that are not 0 for that, padding included. */
  readonly packed?: { readonly rows: number; readonly columns: number; readonly products: number };
};

/** An engine in its surroundings. */
export type AcceleratorConfig = {
  readonly engine: EngineConfig;
  readonly clockMhz: number;
  readonly dramBytesPerSecond: number;
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
  /** Absent for an accelerator that is not our engine (NVDLA's points). */
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

/** One memory: area, energy of an access of a whole word, leakage. */
export type MemoryFigures = {
  readonly areaUm2: Range;
  /** Part of the area that is a macro: placed as it is, where cells are not. */
  readonly macroUm2: number;
  readonly readPj: Range;
  readonly writePj: Range;
  readonly leakageNw: Range;
};

/** Energy of one of each event that a unit's energy is charged on, pJ. */
export type UnitPricesPj = ReadonlyMap<EngineUnit, ReadonlyMap<EngineEvent, Range>>;

/** How an engine's cells are known: counted from its netlist, or mapped to a library. */
export type EngineTier = "structural" | "synthesized";

/** What the engine costs at a node. */
export type AcceleratorTechnology = {
  /** `asap7`, `sky130hd`, … */
  readonly name: string;
  /** `16 nm, scaled from asap7` and the like. */
  readonly node: string;
  readonly source: string;
  readonly tier: EngineTier;
  /** The most that the engine's paths and memories allow. */
  readonly clockMhz: number;
  /** Cells of an engine's units, memories apart. */
  readonly units: (engine: EngineConfig) => ReadonlyMap<EngineUnit, UnitCells>;
  readonly pricesPj: (engine: EngineConfig) => UnitPricesPj;
  /** A memory with a port for reading and one for writing. */
  readonly memory: (words: number, bits: number) => MemoryFigures;
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
};
