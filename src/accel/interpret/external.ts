import type { Rng } from "../../core/index.js";
import type { EngineConfig } from "../config.js";
import { engineShape } from "../config.js";
import { SPACES } from "../isa/index.js";
import type { AccessLog } from "./access-log.js";
import { type ActivationMemory, fillRandom } from "./activations.js";
import type { Descriptor, TransferValues } from "./decode.js";
import { failure, type Place } from "./failures.js";

/** A memory whose base register moves on by `stride` bytes a frame. */
export type FrameMemory = { readonly bytes: Uint8Array; readonly stride: number };

/** Memories by their base register; the engine writes to scratch and result. */
export type ExternalMemory = {
  readonly scratch: Uint8Array;
  readonly result: FrameMemory;
  readonly image: FrameMemory;
  readonly program: Uint8Array;
};

/** Bytes that a transfer moves: its words, without the rest of the last beat. */
const bytesOf = ({ rows, rowWords }: TransferValues, wordBytes: number): number =>
  rows * rowWords * wordBytes;

/** Bytes of a space that a frame's transfers reach, a multiple of the burst. */
function extentOf(space: number, descriptors: readonly Descriptor[], config: EngineConfig): number {
  const { burstBytes, wordBytes } = engineShape(config);
  const ends = descriptors.map((descriptor) =>
    (descriptor.kind === "load" || descriptor.kind === "store") && descriptor.values.space === space
      ? descriptor.values.offset + bytesOf(descriptor.values, wordBytes)
      : 0,
  );
  return Math.ceil(Math.max(0, ...ends) / burstBytes) * burstBytes;
}

/** Complete the memories of a run: those that the caller does not give are as large as the program needs, and filled at random. */
export function externalMemory(
  given: Partial<Omit<ExternalMemory, "program">>,
  needs: {
    readonly program: Uint8Array;
    readonly descriptors: readonly Descriptor[];
    readonly frames: number;
    readonly config: EngineConfig;
    readonly rng: Rng;
  },
): ExternalMemory {
  const { program, descriptors, frames, config, rng } = needs;
  const fresh = (bytes: number): Uint8Array => {
    const memory = new Uint8Array(bytes);
    fillRandom(memory, rng);
    return memory;
  };
  const moving = (space: number): FrameMemory => {
    const stride = extentOf(space, descriptors, config);
    return { bytes: fresh(frames * stride), stride };
  };
  return {
    scratch: given.scratch ?? fresh(extentOf(SPACES.scratch, descriptors, config)),
    result: given.result ?? moving(SPACES.result),
    image: given.image ?? moving(SPACES.image),
    program,
  };
}

/**
 * Run a load or a store.
 *
 * @throws CheckFailedError FX5120 when its beats are not those of its rows, FX5121 for an offset between bursts, a place outside the memory, or a store
 * to a memory that is only read
 */
export function runTransfer(
  descriptor: Extract<Descriptor, { kind: "load" | "store" }>,
  context: {
    readonly config: EngineConfig;
    readonly activations: ActivationMemory;
    readonly external: ExternalMemory;
    readonly log: AccessLog;
    readonly place: Place;
  },
): void {
  const { config, activations, external, log, place } = context;
  const { kind, values } = descriptor;
  const { wordBytes, burstBytes } = engineShape(config);
  const fail = (message: string): never => {
    throw failure("meaningless", place, message);
  };
  if (values.rows === 0 || values.rowWords === 0) fail(`a ${kind} of nothing`);
  if (values.offset % burstBytes !== 0) fail(`offset ${values.offset}, bursts of ${burstBytes} bytes`);
  const count = bytesOf(values, wordBytes);
  const beats = Math.ceil(count / config.axiDataBytes);
  if (values.beats !== beats)
    throw failure("hang", place, `${values.beats} beats for ${count} bytes, which are ${beats} beats`);
  const { bytes, base, writable } = spaceOf(values.space, external, place.frame);
  if (kind === "store" && !writable) fail(`store to space ${values.space}, which is only read`);
  const from = base + values.offset;
  if (from + count > bytes.length)
    fail(`${kind} of ${count} bytes at ${from} of ${bytes.length} in space ${values.space}`);
  activations.walkRows(values, place, (word, index) => {
    const inside = word * wordBytes;
    const outside = from + index * wordBytes;
    if (kind === "load") {
      activations.bytes.set(bytes.subarray(outside, outside + wordBytes), inside);
      log.write(inside, wordBytes);
    } else {
      bytes.set(activations.bytes.subarray(inside, inside + wordBytes), outside);
      log.read(inside, wordBytes, place);
    }
  });
}

function spaceOf(
  space: number,
  { scratch, result, image, program }: ExternalMemory,
  frame: number,
): { readonly bytes: Uint8Array; readonly base: number; readonly writable: boolean } {
  switch (space) {
    case SPACES.scratch:
      return { bytes: scratch, base: 0, writable: true };
    case SPACES.result:
      return { bytes: result.bytes, base: frame * result.stride, writable: true };
    case SPACES.image:
      return { bytes: image.bytes, base: frame * image.stride, writable: false };
    default:
      return { bytes: program, base: 0, writable: false };
  }
}
