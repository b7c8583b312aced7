import { CheckFailedError } from "../../core/index.js";
import type { EngineConfig } from "../config.js";
import {
  DESCRIPTOR_BYTES,
  decodeFields,
  headerFields,
  layerFields,
  OPERATIONS,
  PROGRAM_MAGIC,
  transferFields,
  type Values,
  WEIGHT_ENTRY_BYTES,
  weightEntryFields,
} from "../isa/index.js";
import { FAILURES, failure } from "./failures.js";

/** Fields of a layer. */
export type LayerValues = Values<typeof layerFields>;
/** Fields of a load or store. */
export type TransferValues = Values<typeof transferFields>;
/** Fields of an entry of the weight list. */
export type WeightEntry = Values<typeof weightEntryFields>;

/** A descriptor as the dispatcher sees it; `index` is its number. */
export type Descriptor =
  | { readonly kind: "layer"; readonly index: number; readonly values: LayerValues }
  | { readonly kind: "load" | "store"; readonly index: number; readonly values: TransferValues }
  | { readonly kind: "end"; readonly index: number };

/** A program, taken apart. The last descriptor is its end. */
export type DecodedProgram = {
  readonly descriptors: readonly Descriptor[];
  readonly weightList: readonly WeightEntry[];
};

/**
 * Take a program apart, up to its first `end`.
 *
 * @param program bytes from the program's base on
 * @throws CheckFailedError FX5120 when no descriptor is the end, FX5121 for a wrong magic word, an unknown operation, or a list outside the program
 */
export function decodeProgram(
  program: Uint8Array,
  config: Pick<EngineConfig, "axiDataBytes" | "burstBeats">,
): DecodedProgram {
  const bad = (message: string): CheckFailedError =>
    new CheckFailedError(FAILURES.meaningless, message, { place: "program" });
  if (program.length < DESCRIPTOR_BYTES) throw bad(`${program.length} bytes are less than a header`);
  const header = decodeFields(headerFields, program);
  if (header.magic !== PROGRAM_MAGIC) throw bad(`magic word ${header.magic.toString(16)}`);
  const listEnd = header.weightList + header.weightEntries * WEIGHT_ENTRY_BYTES;
  const descriptorsEnd = DESCRIPTOR_BYTES * (header.descriptors + 1);
  if (Math.max(descriptorsEnd, listEnd) > program.length)
    throw bad(
      `${program.length} bytes do not hold ${header.descriptors} descriptors and ${header.weightEntries} entries`,
    );
  const burst = config.axiDataBytes * config.burstBeats;
  if (header.weightList % burst !== 0) throw bad(`weight list at ${header.weightList}, bursts of ${burst}`);
  const weightList = Array.from({ length: header.weightEntries }, (_, i) =>
    decodeFields(weightEntryFields, program, header.weightList + i * WEIGHT_ENTRY_BYTES),
  );
  weightList.forEach(({ offset, beats, repeat }, i) => {
    if (beats === 0 || repeat === 0 || offset % burst !== 0)
      throw bad(`weight list entry ${i}: ${beats} beats at ${offset}, ${repeat} times`);
    if (offset + beats * config.axiDataBytes > program.length)
      throw bad(`weight list entry ${i} reads beyond the program's ${program.length} bytes`);
  });
  const descriptors: Descriptor[] = [];
  for (let index = 0; index < header.descriptors; index++) {
    const next = decodeDescriptor(program, index);
    descriptors.push(next);
    if (next.kind === "end") return { descriptors, weightList };
  }
  throw new CheckFailedError(FAILURES.hang, `none of ${header.descriptors} descriptors is the end`, {
    place: "program",
  });
}

function decodeDescriptor(program: Uint8Array, index: number): Descriptor {
  const at = DESCRIPTOR_BYTES * (index + 1);
  const operation = program[at]! & 15;
  switch (operation) {
    case OPERATIONS.end:
      return { kind: "end", index };
    case OPERATIONS.layer:
      return { kind: "layer", index, values: decodeFields(layerFields, program, at) };
    case OPERATIONS.load:
      return { kind: "load", index, values: decodeFields(transferFields, program, at) };
    case OPERATIONS.store:
      return { kind: "store", index, values: decodeFields(transferFields, program, at) };
    default:
      throw failure("meaningless", { frame: 0, descriptor: index }, `operation ${operation}`);
  }
}
