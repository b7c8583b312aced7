import type { ProgressListener } from "../../core/index.js";
import { createFloatExecutor, type Graph, type NodeName } from "../../graph/index.js";
import { elementCount } from "../../tensor/index.js";

/**
 * How the range of a layer's integers follows from its values on the calibration images.
 *
 * - `minmax`: smallest to largest value seen.
 * - `percentile`: cut off 1 value in 10,000.
 * - `mse`: the range of least mean square error, rounding (step²/12) against clipping.
 */
export type RangeMethod = "minmax" | "percentile" | "mse";

/** What calibration saw in a layer. */
export type Observation = {
  readonly low: number;
  readonly high: number;
  /** Counts of the values other than 0, in equal bins from `low` to `high`. */
  readonly histogram: Float64Array;
  /** Mean of each channel (last axis). */
  readonly channelMeans: Float64Array;
};

/** Under way: bounds, sums of each channel and the number of values in each sum. */
type Tally = { low: number; high: number; values: number; sums: Float64Array; histogram: Float64Array };

const BINS = 2048;
const CHUNK = 16;

/**
 * Run calibration images through a float graph and observe layers.
 *
 * @param images bytes, or real network inputs
 * @param meanImages how many of the first images the channel means are taken over
 */
export async function observe(
  graph: Graph,
  images: Uint8Array | Float32Array,
  count: number,
  options: {
    readonly ranges: readonly NodeName[];
    readonly means: readonly NodeName[];
    readonly meanImages: number;
    readonly onProgress: ProgressListener;
  },
): Promise<Map<NodeName, Observation>> {
  const outputs = [...new Set([...options.ranges, ...options.means])];
  const executor = createFloatExecutor(graph, { outputs });
  const perImage = elementCount(graph.nodes[0]!.shape);
  const seen = new Map(
    outputs.map((name): [NodeName, Tally] => {
      const channels = graph.nodes.find((node) => node.name === name)!.shape.at(-1)!;
      const sums = new Float64Array(channels);
      const histogram = new Float64Array(BINS);
      const entry: Tally = { low: 0, high: 0, values: 0, sums, histogram };
      return [name, entry];
    }),
  );
  const ranged = new Set(options.ranges);
  try {
    for (const pass of ["bounds", "histogram"] as const) {
      for (let first = 0; first < count; first += CHUNK) {
        const n = Math.min(CHUNK, count - first);
        // A copy: ONNX Runtime refuses shared memory, where splits keep their pixels.
        const part = images.slice(first * perImage, (first + n) * perImage);
        for (const [name, values] of await executor.run(part, n)) {
          const layer = seen.get(name)!;
          if (pass === "bounds") {
            for (let i = 0; i < values.length; i++) {
              const value = values[i]!;
              if (value < layer.low) layer.low = value;
              if (value > layer.high) layer.high = value;
            }
            const channels = layer.sums.length;
            const used = (values.length / n) * Math.max(0, Math.min(n, options.meanImages - first));
            for (let i = 0; i < used; i += channels) {
              for (let c = 0; c < channels; c++) layer.sums[c]! += values[i + c]!;
            }
            layer.values += used / channels;
          } else if (ranged.has(name) && layer.high > layer.low) {
            const bin = BINS / (layer.high - layer.low);
            for (let i = 0; i < values.length; i++) {
              const value = values[i]!;
              if (value !== 0) layer.histogram[Math.min(BINS - 1, Math.floor((value - layer.low) * bin))]!++;
            }
          }
        }
        const done = first + n + (pass === "bounds" ? 0 : count);
        options.onProgress({ job: `calibrate ${graph.name}`, done, total: 2 * count, unit: "images" });
      }
    }
  } finally {
    await executor.close();
  }
  return new Map(
    [...seen].map(([name, { low, high, histogram, sums, values }]) => [
      name,
      { low, high, histogram, channelMeans: sums.map((sum) => (values === 0 ? 0 : sum / values)) },
    ]),
  );
}

/** Square error, summed, of quantizing a histogram to `steps` steps over [low, high]. */
function squareError({ low, high, histogram }: Observation, to: Range, steps: number): number {
  const width = (high - low) / histogram.length;
  const rounding = ((to.high - to.low) / steps) ** 2 / 12;
  let error = 0;
  for (let bin = 0; bin < histogram.length; bin++) {
    const weight = histogram[bin]!;
    if (weight === 0) continue;
    const value = low + (bin + 0.5) * width;
    const clipped = value < to.low ? to.low - value : value > to.high ? value - to.high : 0;
    error += weight * (clipped > 0 ? clipped * clipped : rounding);
  }
  return error;
}

type Range = { readonly low: number; readonly high: number };

function percentileRange({ low, high, histogram }: Observation): Range {
  const tail = histogram.reduce((sum, n) => sum + n, 0) / 10_000;
  const width = (high - low) / histogram.length;
  let first = 0;
  for (let sum = histogram[0]!; sum <= tail && first < histogram.length - 1; sum += histogram[first]!)
    first++;
  let last = histogram.length - 1;
  for (let sum = histogram[last]!; sum <= tail && last > first; sum += histogram[last]!) last--;
  return { low: Math.min(0, low + first * width), high: Math.max(0, low + (last + 1) * width) };
}

/** Choose the range of a layer's integers; it always holds 0, since padding must be exact. */
export function chooseRange(observation: Observation, method: RangeMethod, bits: number): Range {
  const { low, high } = observation;
  if (method === "minmax" || high === low) return { low, high };
  if (method === "percentile") return percentileRange(observation);
  const steps = 2 ** bits - 1;
  let best: Range = { low, high };
  let least = squareError(observation, best, steps);
  for (let i = 99; i >= 30; i--) {
    const candidate = { low: (low * i) / 100, high: (high * i) / 100 };
    const error = squareError(observation, candidate, steps);
    if (error < least) {
      least = error;
      best = candidate;
    }
  }
  return best;
}
