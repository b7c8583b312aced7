import type { Agenda } from "./agenda.js";
import type { EngineLatencies } from "./latencies.js";

/** What the engine finds behind its memory port. */
export type MemoryTiming = {
  /** From an address on the port to its first beat, nothing else being under way. */
  readonly latencyCycles: number;
  /** Largest rate; a beat takes a cycle at least. */
  readonly bytesPerCycle: number;
};

/** Beats of a burst: beat i is on the port in cycle `first + i · cyclesPerBeat`. */
export type Beats = { readonly first: number; readonly last: number; readonly cyclesPerBeat: number };

/** Who reads, the most urgent first. */
export const CLIENTS = ["descriptors", "weightList", "loads", "weights"] as const;
/** One of them. */
export type Client = (typeof CLIENTS)[number];

type Request = { readonly beats: number; readonly granted: (beats: Beats) => void };

/** The read port: addresses one after the other, data in the same order, as fast as memory gives them. */
export class ReadPort {
  readonly cyclesPerBeat: number;
  readonly #agenda: Agenda;
  readonly #latencies: EngineLatencies;
  readonly #latencyCycles: number;
  readonly #waiting = new Map<Client, Request>();
  #freeAt = 0;
  #dataFreeAt = 0;

  constructor(agenda: Agenda, latencies: EngineLatencies, memory: MemoryTiming, beatBytes: number) {
    this.#agenda = agenda;
    this.#latencies = latencies;
    this.#latencyCycles = memory.latencyCycles;
    this.cyclesPerBeat = Math.max(1, beatBytes / memory.bytesPerCycle);
  }

  /** Ask for a burst, from this cycle on; `granted` is called in the cycle of the grant. A client asks for one at a time. */
  request(client: Client, beats: number, granted: Request["granted"]): void {
    this.#waiting.set(client, { beats, granted });
    this.#agenda.at(this.#freeAt, () => this.#grant());
  }

  #grant(): void {
    const { now } = this.#agenda;
    if (now < this.#freeAt) return;
    const client = CLIENTS.find((one) => this.#waiting.has(one));
    if (client === undefined) return;
    const { beats, granted } = this.#waiting.get(client)!;
    this.#waiting.delete(client);
    this.#freeAt = now + this.#latencies.grantToGrant;
    const first = Math.max(now + this.#latencies.grantToAddress + this.#latencyCycles, this.#dataFreeAt);
    this.#dataFreeAt = first + beats * this.cyclesPerBeat;
    if (this.#waiting.size > 0) this.#agenda.at(this.#freeAt, () => this.#grant());
    granted({ first, last: this.#dataFreeAt - this.cyclesPerBeat, cyclesPerBeat: this.cyclesPerBeat });
  }
}
