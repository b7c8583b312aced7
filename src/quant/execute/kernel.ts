import type { Padding, Shape, Size2 } from "../../tensor/index.js";
import type { QuantValues } from "../types.js";

/** Computes one layer for one image: reads the inputs, fills the output. Offsets are all zero; shapes are fixed. */
export type LayerKernel = (inputs: readonly QuantValues[], output: QuantValues) => void;

/** Extents of a windowed layer, spelled out for the loops. */
export type WindowGeometry = {
  readonly inHeight: number;
  readonly inWidth: number;
  readonly inChannels: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly outChannels: number;
  readonly window: Size2;
  readonly stride: Size2;
  readonly padding: Padding;
};

/** Collect the extents of a windowed layer from its input and output shapes [height, width, channels]. */
export function windowGeometry(
  input: Shape,
  output: Shape,
  node: { readonly stride: Size2; readonly padding: Padding },
  window: Size2,
): WindowGeometry {
  const [inHeight, inWidth, inChannels] = input as [number, number, number];
  const [outHeight, outWidth, outChannels] = output as [number, number, number];
  const { stride, padding } = node;
  return { inHeight, inWidth, inChannels, outHeight, outWidth, outChannels, window, stride, padding };
}
