import type { EngineConfig } from "../config.js";
import { DESCRIPTOR_BYTES, WEIGHT_ENTRY_BYTES } from "../isa/index.js";
import type { ExternalBytes } from "./counters.js";
import type { DecodedProgram } from "./decode.js";

/** Count what a frame of a program moves over the memory port, in whole beats: it depends on no data. */
export function trafficOf(
  { descriptors, weightList }: DecodedProgram,
  { axiDataBytes }: Pick<EngineConfig, "axiDataBytes">,
): ExternalBytes {
  const moved = (kind: "load" | "store"): number =>
    descriptors.reduce((sum, one) => (one.kind === kind ? sum + one.values.beats * axiDataBytes : sum), 0);
  return {
    descriptors: DESCRIPTOR_BYTES * (descriptors.length + 1),
    // The list is read entry by entry, each at least a beat.
    weightList: weightList.length * Math.max(WEIGHT_ENTRY_BYTES, axiDataBytes),
    weights: weightList.reduce((sum, { beats, repeat }) => sum + beats * repeat, 0) * axiDataBytes,
    loads: moved("load"),
    stores: moved("store"),
  };
}
