import type { PaperLayer } from "./paper.js";

/** Whether DeepFreeze gives a layer a window. */
export const isSpatial = (layer: PaperLayer): boolean =>
  layer.kind === "conv2d" || layer.kind === "depthwiseConv2d" || layer.kind === "pool";

/** Pixels of an image. */
export const pixelsOf = (shape: readonly number[]): number => (shape[0] ?? 1) * (shape[1] ?? 1);
