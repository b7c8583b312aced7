import type { NodeName } from "../../graph/index.js";

/**
 * How much of a layer works at once. `parallel`: every weight is a constant of its own adders, one window a cycle. `folded`: the
 * weights lie in a ROM and `lanes` × `inputs` multipliers take them one word a cycle.
 *
 * A window takes ⌈output channels / lanes⌉ · ⌈taps / inputs⌉ steps, taps being what one output channel reads: kernel height × width ×
 * input channels, or kernel height × width for depthwise layers.
 */
export type LayerParallelism =
  | { readonly kind: "parallel" }
  | {
      readonly kind: "folded";
      /** Output channels worked on at the same time. */
      readonly lanes: number;
      /** Taps that each of them takes in a cycle. */
      readonly inputs: number;
      /**
       * Pixels that a memory in front of the layer holds, so that a layer that keeps up on average need not keep up with bursts: behind a
       * stride of 2 pixels come in every second row only. None by default.
       */
      readonly fifo?: number;
      /**
       * Results that may wait, while the pixel before is being taken, in front of the register that collects a pixel; default and least 2. A
       * layer that has no cycle to spare needs as many as come while its successor takes a pixel over.
       */
      readonly entries?: number;
    };

/** Parallelism of a front's layers; those that are not named are parallel. */
export type FrontFolding =
  | { readonly kind: "none" }
  /** The least estimated area at so many cycles an input pixel; default 1. */
  | { readonly kind: "auto"; readonly cyclesPerInputPixel?: number }
  | { readonly kind: "given"; readonly layers: ReadonlyMap<NodeName, LayerParallelism> };

/** Folded form of {@link LayerParallelism}. */
export type Folding = Extract<LayerParallelism, { kind: "folded" }>;

/** Steps of a folded layer for one window. */
export type FoldedSteps = { readonly groups: number; readonly slices: number; readonly steps: number };

/** Count the steps that a window takes: groups of output channels × slices of the taps. */
export function foldedSteps(folding: Folding, outputs: number, taps: number): FoldedSteps {
  const groups = Math.ceil(outputs / folding.lanes);
  const slices = Math.ceil(taps / folding.inputs);
  return { groups, slices, steps: groups * slices };
}
