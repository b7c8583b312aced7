import { FixynnError } from "../../core/index.js";
import type { LayerMemory, RegisterBank } from "../../hw/index.js";
import type { cellRoles } from "../technology.js";

/** Numbers of library cells by role; what is absent counts zero. */
export type CellCounts = { readonly [Role in (typeof cellRoles)[number]]?: number };

/** Counts of one frozen layer, taken from its netlist. */
export type LayerCounts = {
  readonly name: string;
  readonly kind: string;
  /** Dense multiply-accumulates a frame: zero weights included, padding excluded. */
  readonly macs: number;
  /** Compressor trees and final adders; a carry-propagate adder counts one full adder a bit. */
  readonly datapath: CellCounts;
  readonly requantization: CellCounts;
  /** Counters, handshake, padding multiplexers, choice of operands. */
  readonly control: CellCounts;
  readonly registerBits: {
    readonly datapath: number;
    readonly window: number;
    readonly control: number;
    /** Registers of programmable normalization: written once, clocked like the others; none by default. */
    readonly configuration?: number;
  };
  /** The same flip-flops by what loads them; without it each kind of `registerBits` is one bank with an enable. */
  readonly registerBanks?: readonly RegisterBank[];
  /** RAMs and ROMs, with their sizes and uses. */
  readonly memories: readonly LayerMemory[];
  /** Clock cycles between two frames that this layer alone would need. */
  readonly cyclesPerFrame: number;
  /** Cycles in which the datapath's inputs change: valid window positions. */
  readonly activeCyclesPerFrame: number;
  readonly latencyCycles: number;
  /** Full adders in a row on the longest path between two registers, ripple carries included. */
  readonly criticalFullAdders: number;
};

/** Output transitions of one layer's cells a frame, averaged over simulated images. Zero-delay: without glitches. */
export type LayerActivity = {
  readonly images: number;
  readonly datapathToggles: number;
  readonly requantizationToggles: number;
  readonly registerToggles: number;
  readonly controlToggles: number;
};

/**
 * Refuse counts that cannot be.
 *
 * @throws FixynnError FX7040 without layers, FX7041 for a negative or unbounded count, an empty memory or a layer without cycles
 */
export function checkLayers(layers: readonly LayerCounts[]): void {
  if (layers.length === 0) throw new FixynnError("FX7040", "no frozen layer to cost");
  for (const layer of layers) {
    const counts = [
      layer.macs,
      layer.activeCyclesPerFrame,
      layer.criticalFullAdders,
      ...Object.values(layer.registerBits),
      ...Object.values(layer.datapath),
      ...Object.values(layer.requantization),
      ...Object.values(layer.control),
      ...layer.memories.flatMap(({ readsPerFrame, writesPerFrame }) => [readsPerFrame, writesPerFrame]),
    ];
    const sizes = layer.memories.flatMap(({ words, bits }) => [words, bits]);
    if (
      !sizes.every((n) => n >= 1 && Number.isFinite(n)) ||
      !(layer.cyclesPerFrame >= 1) ||
      !counts.every((n) => Number.isFinite(n) && n >= 0)
    ) {
      throw new FixynnError(
        "FX7041",
        "a count is negative or not finite, a memory is empty, or the layer has no cycles",
        {
          place: layer.name,
        },
      );
    }
  }
}
