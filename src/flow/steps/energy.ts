import { writeFileAtomic } from "../../core/index.js";
import { type MeasuredEnergy, measureFront, type Technology } from "../../cost/index.js";
import type { NodeName } from "../../graph/index.js";
import type { FrontEnd } from "../../hw/index.js";
import { type QuantNetwork, quantNetworkToJson } from "../../quant/index.js";
import type { FlowContext } from "../context.js";
import { type LoadedDataset, sharedBytes } from "./data.js";

/** Within a run: the images that energies were measured on, as bytes of the network's input. */
export const ENERGY_IMAGES_FILE = "energy/images.bin";

/** Energy by layer name; `null` for layers that are too large. */
export type MeasuredLayers = ReadonlyMap<string, MeasuredEnergy | null>;

/** A front to measure. */
export type EnergyJob = {
  readonly network: QuantNetwork;
  readonly freezePoint: NodeName;
  /** Called only when the step has not run yet. */
  readonly compiled: () => FrontEnd;
  readonly technology: Technology;
  readonly datasets: readonly LoadedDataset[];
};

/**
 * Measure the energy of a front's layers by timed simulation on test images of all datasets. Fronts of a run are parts of one network: what is known of a
 * shallower one is not measured again.
 *
 * @returns the layers that were not known
 */
export async function measureOne(
  context: FlowContext,
  { network, freezePoint, compiled, technology, datasets }: EnergyJob,
  known: MeasuredLayers,
): Promise<MeasuredLayers> {
  const { config, run, onProgress } = context;
  const { images, windows, cycles, maximumCells } = config.cost.simulation;
  const dependsOn = {
    front: quantNetworkToJson(network),
    data: datasets.map(({ key }) => key),
    known: [...known.keys()],
    ...{ technology, images, windows, cycles, maximumCells, seed: config.seed },
  };
  const step = await run.step<Record<string, MeasuredEnergy | null>>(
    `energy/${freezePoint}`,
    dependsOn,
    async () => {
      const job = `simulate energy of front ${freezePoint}`;
      const side = network.nodes[0]!.output.shape[0]!;
      const { bytes, count } = sharedBytes(datasets, "test", { side, images });
      writeFileAtomic(run.path(ENERGY_IMAGES_FILE), bytes);
      const front = compiled();
      const fresh = front.layers.filter(({ node }) => !known.has(node.name)).length;
      onProgress({ job, done: 0, total: fresh, unit: "layers" });
      const measured = await measureFront(
        front,
        technology,
        { images: bytes, count },
        {
          sample: { windows, cycles, seed: config.seed },
          ...{ maximumCells, skip: new Set(known.keys()), threads: config.threads },
          onLayer: (done, total) => onProgress({ job, done, total, unit: "layers" }),
        },
      );
      return Object.fromEntries(measured);
    },
    [ENERGY_IMAGES_FILE],
  );
  return new Map(Object.entries(step.value));
}
