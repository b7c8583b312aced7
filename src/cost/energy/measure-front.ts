import { type FrontEnd, layerDesign } from "../../hw/index.js";
import { truncateQuantNetwork } from "../../quant/index.js";
import { layerStimuli, type SampleOptions } from "../../sim/index.js";
import type { Technology } from "../technology.js";
import { type MeasuredEnergy, measureEnergy } from "./measure.js";
import { structuralPriced } from "./structural-priced.js";

/** Windows that keep the default job short: 48 cycles a layer, a few seconds for a front. */
export const defaultSample: SampleOptions = { windows: 16, cycles: 3, seed: 1 };

export type MeasureFrontOptions = {
  /** Default {@link defaultSample}. */
  readonly sample?: SampleOptions;
  /** Layers with more gates and flip-flops than this are left out; default 250,000. */
  readonly maximumCells?: number;
  /** After each layer. */
  readonly onLayer?: (done: number, total: number) => void;
};

/**
 * Measure the layers of a front by timed simulation of their own netlists on real images, each layer fed with the integer network's bytes.
 *
 * @param images count · height · width · channels bytes of the network's input
 * @returns by layer name, for `costFrontEnd`; layers that are too large are absent
 */
export function measureFront(
  front: FrontEnd,
  technology: Technology,
  { images, count }: { readonly images: Uint8Array; readonly count: number },
  { sample = defaultSample, maximumCells = 250_000, onLayer }: MeasureFrontOptions = {},
): ReadonlyMap<string, MeasuredEnergy> {
  const network = truncateQuantNetwork(front.network, front.freezePoint);
  const layers = front.layers.map(({ node, name, stats }) => ({
    node: node.name,
    module: name,
    cyclesPerFrame: stats.cyclesPerFrame,
  }));
  const stimuli = layerStimuli(layers, { network, images, count, registers: front.registers });
  const measured = new Map<string, MeasuredEnergy>();
  for (const [i, layer] of front.layers.entries()) {
    const priced = structuralPriced(layerDesign(layer), technology);
    const { cells, flipFlops } = priced.netlist;
    if (cells.length + flipFlops.length <= maximumCells)
      measured.set(layer.node.name, measureEnergy(priced, stimuli.get(layer.node.name)!(), sample));
    onLayer?.(i + 1, front.layers.length);
  }
  return measured;
}
