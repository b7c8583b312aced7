import type { EngineUnit } from "./units.js";

/**
 * What an engine's energy is charged on.
 *
 * - `products`: multiplications of the layer, those with padding included; what ragged edges leave unused has weights of 0 and costs no product
 * - `channelFetches`, `windowFetches`: a fetch for all lanes, by the mode of the layer; `emits`: fetches with an output, a sum a lane
 * - `laneLoads`, `parameterLoads`: a lane's weights of a block, or its requantization parameters; `ringWrites`: a word of the weight ring; `passes`
 * - `drainedPixels`: a pixel's sums through the requantizers into the activation memory
 * - `loadWords`, `storeWords`, `streamBeats`: words of the activation memory from and to external memory, and from the stream input
 * - `readBeats`: beats of the memory's read port; `cycles`: clock cycles, whatever the unit does
 */
export const engineEvents = [
  "products",
  "channelFetches",
  "windowFetches",
  "emits",
  "laneLoads",
  "parameterLoads",
  "ringWrites",
  "passes",
  "drainedPixels",
  "loadWords",
  "storeWords",
  "streamBeats",
  "readBeats",
  "cycles",
] as const;
/** Name of an event. */
export type EngineEvent = (typeof engineEvents)[number];

/** How often each event occurs. */
export type EventCounts = { readonly [Event in EngineEvent]: number };

/** Events that a unit's energy is charged on; the last is what it takes in every cycle. */
export const unitEvents = {
  array: ["products", "channelFetches", "windowFetches", "laneLoads", "cycles"],
  accumulators: ["emits", "drainedPixels", "cycles"],
  drain: ["drainedPixels", "parameterLoads", "cycles"],
  feeder: ["laneLoads", "parameterLoads", "ringWrites", "cycles"],
  weights: ["ringWrites", "cycles"],
  activations: [
    "channelFetches",
    "windowFetches",
    "drainedPixels",
    "loadWords",
    "storeWords",
    "streamBeats",
    "cycles",
  ],
  walker: ["channelFetches", "windowFetches", "passes", "cycles"],
  dispatcher: ["readBeats", "cycles"],
  registers: ["cycles"],
  reads: ["readBeats", "cycles"],
  transfer: ["loadWords", "storeWords", "cycles"],
  stream: ["streamBeats", "cycles"],
} as const satisfies { readonly [Unit in EngineUnit]: readonly EngineEvent[] };

/** No events. */
export const noEvents: EventCounts = Object.fromEntries(engineEvents.map((event) => [event, 0])) as {
  [Event in EngineEvent]: number;
};

/** Add counts. */
export function addEvents(...all: readonly EventCounts[]): EventCounts {
  const total: { -readonly [Event in EngineEvent]: number } = { ...noEvents };
  for (const counts of all) for (const event of engineEvents) total[event] += counts[event];
  return total;
}
