import { type EngineConfig, engineShape } from "../config.js";
import type { WeightEntry } from "../isa/index.js";
import { type Schedule, weightSections } from "./layer-fields.js";
import type { Operation } from "./operation.js";

/** How a layer's weights are read from the ring. */
export type WeightMode = {
  readonly stream: boolean;
  readonly shared: boolean;
  readonly runs: readonly WeightRun[];
  readonly canKeep: boolean;
};

/** Bytes of the stream, read `repeat` times in a row. */
export type WeightRun = { readonly bytes: Uint8Array; readonly repeat: number };

const joined = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

/**
 * Decide how an operation's weights come: a group's section stays in the ring over its stripes where it fits beside a burst, else every stripe has its
 * own copy of the blocks in the stream; alike groups share one section.
 */
export function weightMode(operation: Operation, schedule: Schedule, config: EngineConfig): WeightMode {
  const sections = weightSections(operation, schedule, config);
  const limit = config.weightBufferBytes - engineShape(config).burstBytes;
  const whole = sections.map(({ parameters, blocks }) => joined([parameters, blocks]));
  const bytes = whole[0]!.length;
  const alike = whole.every((one) => Buffer.compare(one, whole[0]!) === 0);
  if (whole.length > 1 && alike && bytes <= limit)
    return { stream: false, shared: true, runs: [{ bytes: whole[0]!, repeat: 1 }], canKeep: true };
  if (bytes <= limit || schedule.stripeCount === 1) {
    const runs = alike ? [{ bytes: whole[0]!, repeat: whole.length }] : [{ bytes: joined(whole), repeat: 1 }];
    return { stream: false, shared: false, runs, canKeep: bytes * whole.length <= limit };
  }
  const runs = sections.flatMap(({ parameters, blocks }) => [
    { bytes: parameters, repeat: 1 },
    { bytes: blocks, repeat: schedule.stripeCount },
  ]);
  return { stream: true, shared: false, runs, canKeep: false };
}

/** Gathers runs into an image, each once, and the list that reads them. Offsets count from the image's start. */
export class WeightImage {
  readonly #config: EngineConfig;
  readonly #places = new Map<string, number>();
  readonly #parts: Uint8Array[] = [];
  readonly entries: WeightEntry[] = [];
  #length = 0;

  constructor(config: EngineConfig) {
    this.#config = config;
  }

  add({ bytes, repeat }: WeightRun): void {
    const { burstBytes } = engineShape(this.#config);
    const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
    let offset = this.#places.get(key);
    if (offset === undefined) {
      offset = this.#length;
      this.#places.set(key, offset);
      const padded = new Uint8Array(Math.ceil(bytes.length / burstBytes) * burstBytes);
      padded.set(bytes);
      this.#parts.push(padded);
      this.#length += padded.length;
    }
    const beats = bytes.length / this.#config.axiDataBytes;
    for (let left = repeat; left > 0; left -= 0xffff)
      this.entries.push({ offset, beats, repeat: Math.min(left, 0xffff) });
  }

  bytes(): Uint8Array {
    return joined(this.#parts);
  }
}
