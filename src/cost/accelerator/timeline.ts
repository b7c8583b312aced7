import { type EngineConfig, engineShape, readFifoBeats } from "../../accel/index.js";
import type { NetworkTraffic } from "./traffic.js";
import type { AcceleratorConfig } from "./types.js";
import type { LayerWork } from "./work.js";

/** Cycles of a memory's answer, as the cycle model and the benchmarks have it. */
export const MEMORY_LATENCY_CYCLES = 40;
/**
 * Cycles of a frame before its first layer beside the weights': header, weight list and first descriptor are fetched one after another, a memory's answer and some ten
 * cycles each (`src/accel/cycles/latencies.ts`).
 */
const FRAME_CYCLES = 3 * (MEMORY_LATENCY_CYCLES + 10);
/** Cycles of a tile's descriptor beyond the first, from its start to its first pass and from its last fetch to its end. */
const TILE_CYCLES = 38;

/** Cycles of a tile's transfers beside their bytes: a memory's answer and the units' own. */
const TRANSFER_CYCLES = MEMORY_LATENCY_CYCLES + 20;

/** Bytes a cycle that port and memory give. */
export const bytesPerCycle = ({ engine, clockMhz, dramBytesPerSecond }: AcceleratorConfig): number =>
  Math.min(engine.axiDataBytes, dramBytesPerSecond / (clockMhz * 1e6));

/**
 * Bytes a cycle that loads give: bursts of as much as the load's FIFO holds are under way, each from its request through the memory's answer to the room that it leaves
 * (`src/accel/cycles/latencies.ts`).
 */
function loadBytesPerCycle(config: EngineConfig, rate: number): number {
  const { axiDataBytes, burstBeats } = config;
  const burstCycles = (burstBeats * axiDataBytes) / rate;
  return (readFifoBeats(config) * axiDataBytes) / (MEMORY_LATENCY_CYCLES + burstCycles + 8);
}

/**
 * Time the layers of a frame, one after another: each takes the longer of the array's cycles and of the bytes that it still needs, transfers beside the array. Weights come
 * ahead as far as the ring holds them, over layer bounds.
 *
 * @returns cycles of each layer; the first has those of the frame's start
 */
export function layerCycles(
  works: readonly LayerWork[],
  traffic: NetworkTraffic,
  config: AcceleratorConfig,
): readonly number[] {
  const { weightBufferBytes }: EngineConfig = config.engine;
  const ring = weightBufferBytes - engineShape(config.engine).burstBytes;
  const rate = bytesPerCycle(config);
  const loadRate = loadBytesPerCycle(config.engine, rate);
  let ahead = 0;
  let begun = false;
  return works.map((work, i) => {
    if (work.operation === undefined) return 0;
    const { weightBytes, loadBytes, storeBytes, tiles, isSerial } = traffic.layers[i]!;
    const compute = work.cycles + TILE_CYCLES * (tiles - 1);
    const begins = loadBytes + storeBytes > 0 ? TRANSFER_CYCLES * tiles : 0;
    const moving = loadBytes / Math.min(rate, loadRate) + storeBytes / rate + begins;
    const missing = Math.max(0, weightBytes - ahead) / rate;
    const cycles = isSerial ? Math.max(compute, missing) + moving : Math.max(compute, missing + moving);
    // What is fetched ahead has room in the ring as the layer's own blocks leave it.
    ahead = Math.max(0, Math.min(ring, ahead + cycles * rate - weightBytes - loadBytes - storeBytes));
    const start = begun ? 0 : FRAME_CYCLES;
    begun = true;
    return Math.ceil(cycles + start);
  });
}
