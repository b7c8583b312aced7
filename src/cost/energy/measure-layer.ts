import { type LayerHardware, layerDesign } from "../../hw/index.js";
import type { LayerStimulus, SampleOptions } from "../../sim/index.js";
import type { Technology } from "../technology.js";
import { type MeasuredEnergy, measureEnergy } from "./measure.js";
import { structuralPriced } from "./structural-priced.js";

/** A layer to measure by its own netlist. */
export type MeasureLayerJob = {
  readonly layer: LayerHardware;
  readonly technology: Technology;
  readonly stimulus: LayerStimulus;
  readonly sample: SampleOptions;
  /** Gates and flip-flops that are simulated at most. */
  readonly maximumCells: number;
};

/** Measure one layer; `null` when it is too large. */
export function measureLayer(job: MeasureLayerJob): MeasuredEnergy | null {
  const { layer, technology, stimulus, sample, maximumCells } = job;
  const priced = structuralPriced(layerDesign(layer), technology);
  const { cells, flipFlops } = priced.netlist;
  return cells.length + flipFlops.length <= maximumCells ? measureEnergy(priced, stimulus, sample) : null;
}
