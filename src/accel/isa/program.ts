import { FixynnError } from "../../core/index.js";
import { decodeFields, encodeFields, type Values } from "./codec.js";
import {
  DESCRIPTOR_BYTES,
  headerFields,
  layerFields,
  OPERATIONS,
  PROGRAM_MAGIC,
  transferFields,
  WEIGHT_ENTRY_BYTES,
  weightEntryFields,
} from "./fields.js";

/** A descriptor, told apart by what it asks for. */
export type Instruction =
  | { readonly kind: "end" }
  | { readonly kind: "layer"; readonly fields: Values<typeof layerFields> }
  | { readonly kind: "load" | "store"; readonly fields: Values<typeof transferFields> };

/** A run of the weight image that the engine reads `repeat` times. */
export type WeightEntry = Values<typeof weightEntryFields>;

/** A program taken apart. Offsets count bytes from the program's base. */
export type Program = {
  /** Of the engine that it is for. */
  readonly fingerprint: number;
  /** In order; the last is the end. */
  readonly instructions: readonly Instruction[];
  /** Offset of the weight list, a multiple of the burst. */
  readonly weightList: number;
  readonly weightEntries: readonly WeightEntry[];
  /** Where `image` begins. */
  readonly imageOffset: number;
  readonly image: Uint8Array;
};

/** Write a program as the blob that lies in memory; every field must fit. */
export function encodeProgram(program: Program): Uint8Array {
  const { instructions, weightEntries, weightList, image, imageOffset, fingerprint } = program;
  const bytes = new Uint8Array(imageOffset + image.length);
  const header = {
    magic: PROGRAM_MAGIC,
    fingerprint,
    descriptors: instructions.length,
    weightEntries: weightEntries.length,
    weightList,
  };
  encodeFields(headerFields, header, bytes);
  instructions.forEach((instruction, i) => {
    const at = DESCRIPTOR_BYTES * (i + 1);
    if (instruction.kind === "layer") encodeFields(layerFields, instruction.fields, bytes, at);
    else if (instruction.kind !== "end") encodeFields(transferFields, instruction.fields, bytes, at);
  });
  weightEntries.forEach((entry, i) => {
    encodeFields(weightEntryFields, entry, bytes, weightList + WEIGHT_ENTRY_BYTES * i);
  });
  bytes.set(image, imageOffset);
  return bytes;
}

/**
 * Take a program's blob apart; {@link encodeProgram} gives the same bytes again.
 *
 * @param beatBytes of the engine's memory port, to check that the weight list stays inside; the narrowest unless told
 * @throws FixynnError FX5110 for a wrong magic word, an unknown operation, a missing end, or what lies beyond the blob
 */
export function parseProgram(bytes: Uint8Array, beatBytes = 4): Program {
  const broken = (message: string): FixynnError =>
    new FixynnError("FX5110", message, { place: "engine program", hint: "compile it again" });
  if (bytes.length < DESCRIPTOR_BYTES) throw broken(`${bytes.length} bytes are no header`);
  const header = decodeFields(headerFields, bytes);
  if (header.magic !== PROGRAM_MAGIC) throw broken(`the magic word is 0x${header.magic.toString(16)}`);
  const { descriptors, weightList } = header;
  const imageOffset = weightList + WEIGHT_ENTRY_BYTES * header.weightEntries;
  if (weightList < DESCRIPTOR_BYTES * (descriptors + 1) || imageOffset > bytes.length)
    throw broken(`${descriptors} descriptors and the weight list at ${weightList} do not lie in the program`);
  const instructions = Array.from({ length: descriptors }, (_, i): Instruction => {
    const at = DESCRIPTOR_BYTES * (i + 1);
    const operation = bytes[at]! & 15;
    if (operation === OPERATIONS.end) return { kind: "end" };
    if (operation === OPERATIONS.layer)
      return { kind: "layer", fields: decodeFields(layerFields, bytes, at) };
    if (operation !== OPERATIONS.load && operation !== OPERATIONS.store)
      throw broken(`descriptor ${i} asks for operation ${operation}`);
    const kind = operation === OPERATIONS.load ? "load" : "store";
    return { kind, fields: decodeFields(transferFields, bytes, at) };
  });
  if (instructions.at(-1)?.kind !== "end") throw broken("the last descriptor is not the end");
  const weightEntries = Array.from({ length: header.weightEntries }, (_, i) =>
    decodeFields(weightEntryFields, bytes, weightList + WEIGHT_ENTRY_BYTES * i),
  );
  for (const [i, { offset, beats, repeat }] of weightEntries.entries())
    if (beats === 0 || repeat === 0 || offset + beatBytes * beats > bytes.length)
      throw broken(`entry ${i} of the weight list reads ${beats} beats at ${offset}, ${repeat} times`);
  return {
    fingerprint: header.fingerprint,
    instructions,
    weightList,
    weightEntries,
    imageOffset,
    image: bytes.slice(imageOffset),
  };
}
