import { ACTIVATION_BANKS, type EngineConfig, engineShape } from "../config.js";
import type { ActivationMemory } from "./activations.js";
import type { Descriptor } from "./decode.js";
import { failure, type Place } from "./failures.js";

/** What a descriptor reads and writes in the activation memory, in units of the smaller of cPar and kPar bytes. */
export class AccessLog {
  readonly #unitBytes: number;
  readonly reads: Uint8Array;
  readonly writes: Uint8Array;

  constructor(config: EngineConfig) {
    const { wordBytes, bankWords } = engineShape(config);
    this.#unitBytes = Math.min(config.cPar, config.kPar);
    const units = (ACTIVATION_BANKS * bankWords * wordBytes) / this.#unitBytes;
    this.reads = new Uint8Array(units);
    this.writes = new Uint8Array(units);
  }

  /**
   * Note a read of `count` bytes from byte `at` on.
   *
   * @throws CheckFailedError FX5122 when the same descriptor has written them: the drain runs beside the fetches
   */
  read(at: number, count: number, place: Place): void {
    const end = (at + count) / this.#unitBytes;
    for (let unit = Math.floor(at / this.#unitBytes); unit < end; unit++) {
      if (this.writes[unit] !== 0)
        throw failure(
          "race",
          place,
          `byte ${unit * this.#unitBytes} is read after the layer itself wrote it`,
        );
      this.reads[unit] = 1;
    }
  }

  /** Note a write of `count` bytes from byte `at` on. */
  write(at: number, count: number): void {
    this.writes.fill(1, at / this.#unitBytes, (at + count) / this.#unitBytes);
  }

  /** Tell whether a byte from `from` to before `to` is read or written. */
  touches(from: number, to: number): boolean {
    for (let unit = from / this.#unitBytes; unit < to / this.#unitBytes; unit++)
      if (this.reads[unit] !== 0 || this.writes[unit] !== 0) return true;
    return false;
  }
}

/** A descriptor with what it touched. */
export type Access = { readonly descriptor: Descriptor; readonly log: AccessLog };

/** How many layers and transfers are complete for certain when a descriptor starts. */
type Known = { readonly layers: number; readonly transfers: number };

/**
 * Check that a layer and a transfer that may run at the same time do not touch the same bytes, one of them writing.
 *
 * Layers follow one another, so do transfers; a descriptor that waits for counts comes after all that these had waited for.
 *
 * @throws CheckFailedError FX5122 naming the later descriptor and the other one
 */
export function checkRaces(accesses: readonly Access[], memory: ActivationMemory, frame: number): void {
  type Member = Access & { readonly known: Known };
  const layers: Member[] = [];
  const transfers: Member[] = [];
  const of = (members: readonly Member[], count: number): Known =>
    members[count - 1]?.known ?? { layers: 0, transfers: 0 };
  for (const access of accesses) {
    const { descriptor } = access;
    if (descriptor.kind === "end") continue;
    const own = descriptor.kind === "layer" ? layers : transfers;
    const waits = {
      layers: Math.max(descriptor.values.waitLayers, own === layers ? layers.length : 0),
      transfers: Math.max(descriptor.values.waitTransfers, own === transfers ? transfers.length : 0),
    };
    const before = [of(layers, waits.layers), of(transfers, waits.transfers)];
    const known = {
      layers: Math.max(waits.layers, ...before.map((one) => one.layers)),
      transfers: Math.max(waits.transfers, ...before.map((one) => one.transfers)),
    };
    own.push({ ...access, known });
  }
  layers.forEach((layer, layerNumber) => {
    transfers.forEach((transfer, transferNumber) => {
      const ordered = layerNumber < transfer.known.layers || transferNumber < layer.known.transfers;
      if (ordered) return;
      const unit = conflict(layer.log, transfer.log);
      if (unit === undefined) return;
      const [first, second] = [layer.descriptor.index, transfer.descriptor.index].sort((a, b) => a - b);
      const at = Math.floor((unit * memory.bytes.length) / layer.log.reads.length / memory.wordBytes);
      throw failure(
        "race",
        { frame, descriptor: second! },
        `descriptor ${first} may run at the same time; both touch word ${at % memory.bankWords} of bank ${Math.floor(at / memory.bankWords)}`,
        "waitLayers or waitTransfers must order them",
      );
    });
  });
}

function conflict(a: AccessLog, b: AccessLog): number | undefined {
  for (let unit = 0; unit < a.reads.length; unit++) {
    const written = a.writes[unit]! | b.writes[unit]!;
    const both = (a.reads[unit]! | a.writes[unit]!) & (b.reads[unit]! | b.writes[unit]!);
    if ((written & both) !== 0) return unit;
  }
  return undefined;
}
