import { runPool, WorkerPool, workerUrl } from "../../core/index.js";
import type { FrontEnd } from "../../hw/index.js";
import { truncateQuantNetwork } from "../../quant/index.js";
import { layerStimuli, type SampleOptions } from "../../sim/index.js";
import type { Technology } from "../technology.js";
import type { MeasuredEnergy } from "./measure.js";
import type { MeasureLayerJob } from "./measure-layer.js";

/** Windows that keep the default job short: 48 cycles a layer, a few seconds for a front. */
export const defaultSample: SampleOptions = { windows: 16, cycles: 3, seed: 1 };

/** Gates and flip-flops of a layer that is simulated, at most. */
export const MAXIMUM_CELLS = 500_000;

export type MeasureFrontOptions = {
  /** Default {@link defaultSample}. */
  readonly sample?: SampleOptions;
  /** Layers with more gates and flip-flops than this are not simulated; default {@link MAXIMUM_CELLS}. */
  readonly maximumCells?: number;
  /** Layers, by name, that are left out; default none. */
  readonly skip?: ReadonlySet<string>;
  /** Layers at the same time, each in a thread of its own; default 2. */
  readonly threads?: number;
  /** After each layer. */
  readonly onLayer?: (done: number, total: number) => void;
};

/**
 * Measure the layers of a front by timed simulation of their own netlists on real images, each layer fed with the integer network's bytes.
 *
 * @param images count · height · width · channels bytes of the network's input
 * @returns by layer name; `null` for layers that are too large
 */
export async function measureFront(
  front: FrontEnd,
  technology: Technology,
  { images, count }: { readonly images: Uint8Array; readonly count: number },
  options: MeasureFrontOptions = {},
): Promise<ReadonlyMap<string, MeasuredEnergy | null>> {
  const { sample = defaultSample, maximumCells = MAXIMUM_CELLS, skip, threads = 2, onLayer } = options;
  const wanted = front.layers.filter(({ node }) => !skip?.has(node.name));
  if (wanted.length === 0) return new Map();
  const network = truncateQuantNetwork(front.network, front.freezePoint);
  const stimuli = layerStimuli(
    wanted.map(({ node, name, stats }) => ({
      node: node.name,
      module: name,
      cyclesPerFrame: stats.cyclesPerFrame,
    })),
    { network, images, count, registers: front.registers },
  );
  const script = workerUrl(import.meta.url, "./measure.worker.js");
  const pool = new WorkerPool<MeasureLayerJob, MeasuredEnergy | null>(
    script,
    Math.min(threads, wanted.length),
  );
  let done = 0;
  try {
    // The last layers have the most weights: begun first, they do not leave one thread alone at the end.
    const jobs = [...wanted].reverse().map((layer) => async () => {
      const stimulus = stimuli.get(layer.node.name)!();
      const measured = await pool.run({ layer, technology, stimulus, sample, maximumCells });
      onLayer?.(++done, wanted.length);
      return [layer.node.name, measured] as const;
    });
    return new Map((await runPool(threads, jobs)).reverse());
  } finally {
    await pool.stop();
  }
}

/** The layers that could be measured, as `costFrontEnd` takes them. */
export function measuredLayers(
  all: ReadonlyMap<string, MeasuredEnergy | null>,
): ReadonlyMap<string, MeasuredEnergy> {
  return new Map([...all].flatMap(([name, one]) => (one === null ? [] : [[name, one] as const])));
}
