import { invariant } from "../src/core/index.js";
import { type EngineEvent, type EngineUnit, type EventCounts, noEvents } from "../src/cost/index.js";
import type { RecordedRun } from "./engine-probe.js";
import type { ReplayWindow } from "./engine-replay.js";

/** Bits of a tag: what travels with a fetch (`src/accel/rtl/tag.ts`). */
const TAG = { take: 0, emit: 2, windowed: 8 } as const;

/**
 * Count events in each cycle of a recorded run by the signals that the units saw.
 *
 * @param productsPerEmit multiplications of the layer over its fetches with an output
 */
export function eventsOf(
  { units, cycles }: RecordedRun,
  productsPerEmit: number,
): (window: ReplayWindow) => EventCounts {
  const bit = (unit: EngineUnit, port: string, index = 0): ((cycle: number) => number) => {
    const ports = units.get(unit);
    if (ports === undefined) return () => 0;
    const found = ports.find(({ name }) => name === port);
    invariant(found !== undefined && index < found.width, `a port ${unit}.${port}`);
    return (cycle) => found.bits[cycle * found.width + index]!;
  };
  const array = (index: number) => bit("array", "tag_in", index);
  const [take, windowed, emit] = [array(TAG.take), array(TAG.windowed), array(TAG.emit)];
  const read: { readonly [Event in EngineEvent]: (cycle: number) => number } = {
    products: (cycle) => emit(cycle) * productsPerEmit,
    channelFetches: (cycle) => take(cycle) * (1 - windowed(cycle)),
    windowFetches: (cycle) => take(cycle) * windowed(cycle),
    emits: emit,
    laneLoads: bit("array", "weight_load"),
    parameterLoads: bit("drain", "parameter_write"),
    ringWrites: bit("feeder", "ring_write"),
    passes: bit("feeder", "claim"),
    drainedPixels: bit("accumulators", "drain_read"),
    loadWords: bit("activations", "load_valid"),
    storeWords: bit("activations", "store_read"),
    streamBeats: bit("activations", "stream_valid"),
    readBeats: bit("registers", "read_beat"),
    cycles: () => 1,
  };
  return ({ start, cycles: length }) => {
    invariant(start + length < cycles, "a window within the run");
    const counts: { -readonly [Event in EngineEvent]: number } = { ...noEvents };
    for (const event of Object.keys(read) as EngineEvent[])
      for (let cycle = start + 1; cycle <= start + length; cycle++) counts[event] += read[event](cycle);
    return counts;
  };
}

/** Multiplications of a layer, a fetch with an output. */
export const productsPerEmit = (products: number, run: RecordedRun): number => {
  const tag = run.units.get("array")!.find(({ name }) => name === "tag_in")!;
  let emits = 0;
  for (let cycle = 0; cycle < run.cycles; cycle++) emits += tag.bits[cycle * tag.width + TAG.emit]!;
  return products / Math.max(1, emits);
};
