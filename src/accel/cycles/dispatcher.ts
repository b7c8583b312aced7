import { assertNever } from "../../core/index.js";
import type { EngineConfig } from "../config.js";
import type { Descriptor, LayerValues } from "../interpret/decode.js";
import { DESCRIPTOR_BYTES } from "../isa/index.js";
import type { Agenda } from "./agenda.js";
import type { EngineLatencies } from "./latencies.js";
import type { MemoryPort } from "./memory-port.js";

type Layer = Extract<Descriptor, { kind: "layer" }>;
type Transfer = Extract<Descriptor, { kind: "load" | "store" }>;

/** What the dispatcher works with. */
export type DispatcherContext = {
  readonly agenda: Agenda;
  readonly latencies: EngineLatencies;
  readonly config: EngineConfig;
  readonly port: MemoryPort;
  /** The header is there: the weight reader begins in this cycle. */
  readonly startWeights: () => void;
  readonly feed: (values: LayerValues) => void;
  /** The walker takes a layer in this cycle; since `readySince` only transfers were missing. */
  readonly walk: (layer: Layer, readySince: number) => void;
  /** The transfer unit takes a command in this cycle, which had to wait for others or not. */
  readonly transfer: (transfer: Transfer, waited: boolean) => void;
  /** All is complete. */
  readonly frameEnds: () => void;
};

/** The dispatcher of a frame: fetches descriptors one after the other, and holds a layer and a transfer until they may start. */
export class Dispatcher {
  readonly #context: DispatcherContext;
  readonly #descriptors: readonly Descriptor[];
  #next = 0;
  /** A descriptor that is there, but not in its slot. */
  #pending: Descriptor | undefined;
  #layer:
    | {
        readonly descriptor: Layer;
        readonly since: number;
        fed: boolean;
        walked: boolean;
        ready: number | undefined;
      }
    | undefined;
  #transfer: { readonly descriptor: Transfer; readonly since: number } | undefined;
  readonly #idle = { feeder: true, walker: true, transfers: true };
  readonly #complete = { layers: 0, transfers: 0 };
  readonly #issued = { layers: 0, transfers: 0 };
  #ended = false;

  constructor(descriptors: readonly Descriptor[], context: DispatcherContext) {
    this.#descriptors = descriptors;
    this.#context = context;
  }

  /** Begin the frame in this cycle. */
  start(): void {
    const { agenda, latencies, startWeights } = this.#context;
    agenda.at(agenda.now + latencies.frameToHeader, () =>
      this.#fetch((last) => {
        agenda.at(last + latencies.headerToList, startWeights);
        agenda.at(last + latencies.headerToDescriptor, () => this.#fetchNext());
      }),
    );
  }

  /** The feeder can take a layer from this cycle on. */
  layerFed(): void {
    this.#idle.feeder = true;
    this.#offer();
  }

  /** A layer is complete in this cycle. */
  layerEnds(): void {
    this.#counts("layers", "walker");
  }

  /** A transfer is complete in this cycle. */
  transferEnds(): void {
    this.#counts("transfers", "transfers");
  }

  #counts(what: "layers" | "transfers", unit: "walker" | "transfers"): void {
    const { agenda, latencies } = this.#context;
    const next = unit === "transfers" ? latencies.endToTransfer : latencies.endToNext;
    agenda.at(agenda.now + next, () => {
      this.#idle[unit] = true;
      this.#offer();
    });
    agenda.at(agenda.now + latencies.endToCount, () => {
      this.#complete[what]++;
      this.#offer();
      this.#checkEnd();
    });
  }

  #fetch(there: (last: number) => void): void {
    const { port, config } = this.#context;
    const beats = DESCRIPTOR_BYTES / config.axiDataBytes;
    port.request("descriptors", beats, ({ at }) => there(at(beats - 1)));
  }

  #fetchNext(): void {
    const { agenda, latencies } = this.#context;
    this.#fetch((last) =>
      agenda.at(last + latencies.beatToSlot, () => {
        this.#pending = this.#descriptors[this.#next++];
        this.#enter();
      }),
    );
  }

  #enter(): void {
    const { agenda, latencies } = this.#context;
    const descriptor = this.#pending;
    const since = agenda.now;
    if (descriptor === undefined) return;
    switch (descriptor.kind) {
      case "end":
        this.#pending = undefined;
        this.#ended = true;
        this.#checkEnd();
        return;
      case "layer":
        if (this.#layer !== undefined) return;
        this.#layer = { descriptor, since, fed: false, walked: false, ready: undefined };
        this.#issued.layers++;
        break;
      case "load":
      case "store":
        if (this.#transfer !== undefined) return;
        this.#transfer = { descriptor, since };
        this.#issued.transfers++;
        break;
      default:
        assertNever(descriptor);
    }
    this.#pending = undefined;
    agenda.at(since + latencies.slotToRequest, () => this.#fetchNext());
    agenda.at(since + latencies.slotToFeeder, () => this.#offer());
    agenda.at(since + latencies.slotToStart, () => this.#offer());
  }

  #offer(): void {
    this.#offerLayer();
    this.#offerTransfer();
  }

  #offerLayer(): void {
    const { agenda, latencies, feed, walk } = this.#context;
    const slot = this.#layer;
    if (slot === undefined) return;
    const { descriptor, since } = slot;
    const { values } = descriptor;
    if (!slot.fed && this.#idle.feeder && agenda.now >= since + latencies.slotToFeeder) {
      slot.fed = true;
      this.#idle.feeder = false;
      feed(values);
    }
    const comes = this.#idle.walker && agenda.now >= since + latencies.slotToStart;
    if (!slot.walked && comes && this.#complete.layers >= values.waitLayers) {
      slot.ready ??= agenda.now;
      if (this.#complete.transfers >= values.waitTransfers) {
        slot.walked = true;
        this.#idle.walker = false;
        walk(descriptor, slot.ready);
      }
    }
    if (!slot.fed || !slot.walked) return;
    this.#layer = undefined;
    agenda.at(agenda.now + latencies.leaveToEnter, () => this.#enter());
  }

  #offerTransfer(): void {
    const { agenda, latencies, transfer } = this.#context;
    if (this.#transfer === undefined || !this.#idle.transfers) return;
    const { descriptor, since } = this.#transfer;
    const { waitLayers, waitTransfers } = descriptor.values;
    if (agenda.now < since + latencies.slotToStart) return;
    if (this.#complete.layers < waitLayers || this.#complete.transfers < waitTransfers) return;
    this.#idle.transfers = false;
    this.#transfer = undefined;
    agenda.at(agenda.now + latencies.leaveToEnter, () => this.#enter());
    transfer(descriptor, agenda.now > since + latencies.slotToStart);
  }

  #checkEnd(): void {
    const { layers, transfers } = this.#complete;
    if (!this.#ended || layers < this.#issued.layers || transfers < this.#issued.transfers) return;
    this.#ended = false;
    this.#context.frameEnds();
  }
}
