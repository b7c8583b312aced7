import { type EngineConfig, engineShape } from "../../accel/index.js";
import { planTensors, type TensorPlan, type TensorTraffic } from "./placement.js";
import type { AcceleratorLayer, DramBytes } from "./types.js";
import type { LayerWork } from "./work.js";

/** What a layer moves over the memory port, bytes. */
export type LayerTraffic = TensorTraffic & { readonly weightBytes: number };

/** Traffic of a network on an engine. */
export type NetworkTraffic = Omit<TensorPlan, "layers"> & { readonly layers: readonly LayerTraffic[] };

/** Bytes of weights that a layer reads in so many tiles: kept in the ring from tile to tile, or over a group's stripes, where they fit beside a burst. */
function weightBytesOf(
  { weights }: LayerWork,
  tiles: number,
  { weightBufferBytes }: EngineConfig,
  burstBytes: number,
): number {
  const { groups, parameterBytes, blockBytes, stripes } = weights;
  const limit = weightBufferBytes - burstBytes;
  const section = parameterBytes + blockBytes;
  // Tiles cut the stripes anew: there are about as many.
  const perTile = Math.max(1, stripes / tiles);
  if (section > limit && perTile > 1)
    return tiles * groups * (parameterBytes + blockBytes * Math.ceil(perTile));
  const bytes = groups * section;
  return bytes <= limit ? bytes : bytes * tiles;
}

/** Add a frame's traffic up. */
export function totalTraffic({ layers, inputBytes }: NetworkTraffic): DramBytes {
  let [weights, activations] = [0, inputBytes];
  for (const layer of layers) {
    weights += layer.weightBytes;
    activations += layer.loadBytes + layer.storeBytes;
  }
  return { weights, activations, total: weights + activations };
}

/**
 * Count external bytes of a frame: tensors as {@link planTensors} places them, and weights, which are read in every frame.
 *
 * @param tensors their plan, where it is known
 * @returns undefined when some layer has no room for a row
 */
export function networkTraffic(
  layers: readonly AcceleratorLayer[],
  works: readonly LayerWork[],
  config: EngineConfig,
  tensors: TensorPlan | undefined = planTensors(
    layers,
    works.map(({ operation }) => operation),
    engineShape(config),
  ),
): NetworkTraffic | undefined {
  if (tensors === undefined) return undefined;
  const { burstBytes } = engineShape(config);
  // Field by field: a choice among many engines makes hundreds of thousands of these.
  const layerTraffic = tensors.layers.map(
    ({ loadBytes, storeBytes, tiles, isSerial }, i): LayerTraffic => ({
      loadBytes,
      storeBytes,
      tiles,
      isSerial,
      weightBytes: tiles === 0 ? 0 : weightBytesOf(works[i]!, tiles, config, burstBytes),
    }),
  );
  return { input: tensors.input, inputBytes: tensors.inputBytes, layers: layerTraffic };
}
