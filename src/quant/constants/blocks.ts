import type { WeightedQuant } from "../quantize/weighted.js";

/** Most taps whose products are correlated with one another; a wider sum falls into several blocks. */
const MOST_TAPS = 1024;

/**
 * Part of a layer whose outputs see the same taps: weight of tap t for output k at data[(firstTap + t) · outputsOfLayer + firstOutput + k].
 * A depthwise layer has one block an input channel.
 */
export type TapBlock = {
  readonly firstTap: number;
  readonly taps: number;
  readonly firstOutput: number;
  readonly outputs: number;
  /** Where the taps are in the window, [row, column, channel] flat: patchStart + t · patchStep. */
  readonly patchStart: number;
  readonly patchStep: number;
};

/** Divide a layer into blocks. */
export function tapBlocks(node: WeightedQuant): readonly TapBlock[] {
  const { shape, data } = node.weights;
  const outputs = node.bias.data.length;
  const taps = data.length / outputs;
  if (node.kind === "depthwiseConv2d") {
    const [, , channels, multiplier] = shape as [number, number, number, number];
    return Array.from({ length: channels }, (_, channel) => ({
      ...{ firstTap: 0, taps, firstOutput: channel * multiplier, outputs: multiplier },
      ...{ patchStart: channel, patchStep: channels },
    }));
  }
  const count = Math.ceil(taps / MOST_TAPS);
  return Array.from({ length: count }, (_, i) => {
    const first = Math.floor((i * taps) / count);
    const next = Math.floor(((i + 1) * taps) / count);
    return {
      ...{ firstTap: first, taps: next - first, firstOutput: 0, outputs },
      ...{ patchStart: first, patchStep: 1 },
    };
  });
}

/** Which output of a block, and how many outputs its layer has. */
type OutputPlace = { readonly output: number; readonly outputsOfLayer: number };

/** Copy the weights of one output of a block out of a layer's weights. */
export function weightsOf(
  data: Int16Array,
  { firstTap, firstOutput, taps }: TapBlock,
  { output, outputsOfLayer }: OutputPlace,
): Float64Array {
  const at = (t: number): number => (firstTap + t) * outputsOfLayer + firstOutput + output;
  return Float64Array.from({ length: taps }, (_, t) => data[at(t)]!);
}

/** Put the weights of one output of a block where they belong in a layer's weights. */
export function storeWeights(
  target: Int16Array,
  block: TapBlock,
  { output, outputsOfLayer, weights }: OutputPlace & { readonly weights: ArrayLike<number> },
): void {
  for (let t = 0; t < block.taps; t++)
    target[(block.firstTap + t) * outputsOfLayer + block.firstOutput + output] = weights[t]!;
}
