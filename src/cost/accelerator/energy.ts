import { type EngineConfig, engineShape } from "../../accel/index.js";
import { addRanges, exactly, scaleRange } from "../range.js";
import type { Range } from "../technology.js";
import { type EngineEvent, type EventCounts, engineEvents } from "./events.js";
import { type EngineMemories, engineMemories } from "./memories.js";
import { geometryOfShape } from "./operation.js";
import type { LayerTraffic } from "./traffic.js";
import type { AcceleratorLayer, AcceleratorTechnology } from "./types.js";
import type { LayerWork } from "./work.js";

/** Words read from and written to each kind of memory. */
type Accesses = {
  readonly [Role in EngineMemories["role"]]: { readonly reads: number; readonly writes: number };
};

/** What a layer does, external memory included: all that is priced. */
export type EngineActivity = { readonly events: EventCounts; readonly accesses: Accesses };

/**
 * Join work, traffic and time of a layer, or of several together.
 *
 * @param streamed the layer whose input comes by the stream, if it does
 */
export function engineActivity(
  { events, accesses }: Pick<LayerWork, "events" | "accesses">,
  { weightBytes, loadBytes, storeBytes }: Pick<LayerTraffic, "weightBytes" | "loadBytes" | "storeBytes">,
  config: EngineConfig,
  { cycles, streamed }: { readonly cycles: number; readonly streamed: AcceleratorLayer | undefined },
): EngineActivity {
  const { wordBytes, ringWordBytes } = engineShape(config);
  const slices = wordBytes / config.kPar;
  const image = streamed === undefined ? undefined : geometryOfShape(streamed.inputShape);
  const streamBeats =
    image === undefined ? 0 : image.height * image.width * Math.ceil(image.channels / wordBytes);
  const [loadWords, storeWords] = [loadBytes / wordBytes, storeBytes / wordBytes];
  const ringWrites = weightBytes / ringWordBytes;
  const loadBeats = loadBytes / config.axiDataBytes;
  return {
    events: {
      ...events,
      ringWrites,
      loadWords,
      storeWords,
      streamBeats,
      readBeats: weightBytes / config.axiDataBytes + loadBeats,
      cycles,
    },
    accesses: {
      ring: { reads: accesses.ringReads, writes: ringWrites },
      bank: {
        reads: accesses.bankReads + storeWords * slices,
        writes: accesses.bankWrites + (loadWords + streamBeats) * slices,
      },
      sums: { reads: accesses.sumsReads, writes: accesses.sumsWrites },
      parameters: { reads: accesses.parameterReads, writes: accesses.parameterWrites },
      loadFifo: { reads: loadBeats, writes: loadBeats },
      storeFifo: { reads: storeWords, writes: storeWords },
    },
  };
}

/** Energy of one of each event, all units together, and of one access of each memory, pJ. */
export type EnginePricesPj = {
  readonly events: { readonly [Event in EngineEvent]: Range };
  readonly memories: {
    readonly [Role in EngineMemories["role"]]: { readonly read: Range; readonly write: Range };
  };
};

/** Price the events and memory accesses of an engine. */
export function enginePricesPj(config: EngineConfig, technology: AcceleratorTechnology): EnginePricesPj {
  const events = Object.fromEntries(engineEvents.map((event) => [event, exactly(0)])) as {
    [Event in EngineEvent]: Range;
  };
  for (const prices of technology.pricesPj(config).values())
    for (const [event, price] of prices) events[event] = addRanges(events[event], price);
  const memories = Object.fromEntries(
    engineMemories(config).map(({ role, words, bits }) => {
      const { readPj, writePj } = technology.memory(words, bits);
      return [role, { read: readPj, write: writePj }];
    }),
  ) as EnginePricesPj["memories"];
  return { events, memories };
}

/** Dynamic energy of some activity, pJ, without DRAM. */
export type EngineEnergyPj = { readonly logic: Range; readonly memories: Range; readonly total: Range };

const roles = [
  "ring",
  "bank",
  "sums",
  "parameters",
  "loadFifo",
  "storeFifo",
] as const satisfies readonly EngineMemories["role"][];

/** Charge activity at its prices. */
export function chargedEnergyPj(
  prices: EnginePricesPj,
  { events, accesses }: EngineActivity,
): EngineEnergyPj {
  const logic = addRanges(...engineEvents.map((event) => scaleRange(prices.events[event], events[event])));
  const memories = addRanges(
    ...roles.flatMap((role) => [
      scaleRange(prices.memories[role].read, accesses[role].reads),
      scaleRange(prices.memories[role].write, accesses[role].writes),
    ]),
  );
  return { logic, memories, total: addRanges(logic, memories) };
}

/** The nominal total alone, pJ: what a search over many engines needs. */
export function nominalEnergyPj(prices: EnginePricesPj, { events, accesses }: EngineActivity): number {
  let total = 0;
  for (const event of engineEvents) total += prices.events[event].nominal * events[event];
  for (const role of roles) {
    const { read, write } = prices.memories[role];
    total += read.nominal * accesses[role].reads + write.nominal * accesses[role].writes;
  }
  return total;
}
