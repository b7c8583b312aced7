import type { NodeName } from "../graph/index.js";
import { findQuantNode, type QuantNetwork, type QuantNode, type QuantType } from "../quant/index.js";
import { elementCount } from "../tensor/index.js";

/** A layer that has hardware; reshapes only see a stream in another way. */
export type ComputedNode = Exclude<QuantNode, { kind: "input" | "reshape" }>;

/** A layer's output as it travels: the layer that makes the beats (or the network's input), and their type. */
export type Stream = { readonly carrier: NodeName; readonly type: QuantType };

/**
 * Tell how a layer's output travels. A reshape that keeps the channels is the same stream seen as another image. One to a vector leaves the
 * stream as it is too: pixels in raster order are the vector's elements in order, and a dense layer reads them as a window of the whole image.
 *
 * @returns undefined where a reshape would mix pixels and channels
 */
export function streamOfNode(network: QuantNetwork, name: NodeName): Stream | undefined {
  const node = findQuantNode(network, name);
  if (node.kind !== "reshape") return { carrier: name, type: node.output };
  const source = streamOfNode(network, node.input);
  if (source === undefined) return undefined;
  const { output } = node;
  if (output.shape.at(-1) !== source.type.shape.at(-1)) return output.shape.length === 1 ? source : undefined;
  const { channels, beats } = streamOf(output);
  const isImage = output.shape.length === 3 || output.shape.length === 1;
  return { carrier: source.carrier, type: isImage ? output : { ...output, shape: [1, beats, channels] } };
}

/** Sizes of a stream: integers of `bits` bits, `channels` a beat, `beats` a frame. */
export function streamOf(type: QuantType): {
  readonly channels: number;
  readonly beats: number;
  readonly bits: number;
} {
  const channels = type.shape.at(-1) ?? 1;
  return { channels, beats: elementCount(type.shape) / channels, bits: type.bits };
}

/** Name of a layer's input port: `s_axis`, or `s0_axis` and `s1_axis` where there are two. */
export function inputPort(index: number, count: number): string {
  return count === 1 ? "s_axis" : `s${index}_axis`;
}
