import type { NodeName } from "../../graph/index.js";
import { type RegisterMap, registerWrites } from "../../hw/index.js";
import { executeQuantNetwork, findQuantNode, type QuantNetwork } from "../../quant/index.js";
import { elementCount } from "../../tensor/index.js";
import { formatOf, streamsInto } from "../front-end.js";
import type { LayerInput } from "../layer-run.js";
import type { LayerStimulus } from "./windows.js";

/** A layer to feed. */
export type StimulatedLayer = {
  readonly node: NodeName;
  readonly module: string;
  /** Cycles of a frame at full speed. */
  readonly cyclesPerFrame: number;
};

/** Images to run, as bytes of the network's input. */
export type StimulusImages = {
  readonly network: QuantNetwork;
  readonly images: Uint8Array;
  readonly count: number;
  readonly registers?: RegisterMap | undefined;
};

/**
 * What each layer is fed when the network runs on images: the integer network's bytes. They are computed once for all layers; a layer's own
 * stream is made when it is asked for.
 */
export function layerStimuli(
  layers: readonly StimulatedLayer[],
  { network, images, count, registers }: StimulusImages,
): ReadonlyMap<NodeName, () => LayerStimulus> {
  const golden = executeQuantNetwork(network, images, count, { outputs: layers.map(({ node }) => node) });
  const valuesOf = (name: NodeName): ArrayLike<number> => golden.get(name) ?? images;
  return new Map(
    layers.map((layer) => {
      const make = (): LayerStimulus => ({
        inputs: streamsInto(network, layer).map(({ carrier, type }): LayerInput => {
          const values = valuesOf(carrier);
          const length = count * elementCount(type.shape);
          return { format: formatOf(type), values: Int32Array.from({ length }, (_, i) => values[i]!) };
        }),
        output: formatOf(findQuantNode(network, layer.node).output),
        images: count,
        cyclesPerFrame: layer.cyclesPerFrame,
        registers: registers && registerWrites(registers, network, layer.node),
      });
      return [layer.node, make];
    }),
  );
}
