import type { Agenda } from "./agenda.js";
import type { EngineLatencies } from "./latencies.js";

/** What the engine finds behind its memory port. */
export type MemoryTiming = {
  /** From an address on the port to its first beat, nothing else being under way. */
  readonly latencyCycles: number;
  /** Rate of reads and writes together, reads first; a beat takes a cycle at least. An idle memory saves up a second beat. */
  readonly bytesPerCycle: number;
};

/** Beats of a burst: how many, and the cycle in which one is on the port. */
export type Beats = { readonly count: number; readonly at: (beat: number) => number };

/** Who reads, the most urgent first. */
export const CLIENTS = ["descriptors", "weightList", "loads", "weights"] as const;
/** One of them. */
export type Client = (typeof CLIENTS)[number];

type Request = { readonly beats: number; readonly granted: (beats: Beats) => void };

/** The read port: addresses one after the other, data in the same order, as fast as memory gives them. */
export class ReadPort {
  /** Cycles that memory takes for a beat. */
  readonly #slotCycles: number;
  /** Beats that have come in all, and bursts whose beats have not all come. */
  #came = 0;
  #coming: Beats[] = [];
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
    this.#slotCycles = beatBytes / memory.bytesPerCycle;
  }

  /** Ask for a burst, from this cycle on; `granted` is called in the cycle of the grant. A client asks for one at a time. */
  request(client: Client, beats: number, granted: Request["granted"]): void {
    this.#waiting.set(client, { beats, granted });
    this.#agenda.at(this.#freeAt, () => this.#grant());
  }

  /** Beats that have come until now, this cycle included. */
  beats(): number {
    const { now } = this.#agenda;
    let open = 0;
    this.#coming = this.#coming.filter(({ count, at }) => {
      if (at(count - 1) <= now) {
        this.#came += count;
        return false;
      }
      // The first beat that has not come, by halving.
      let [from, to] = [0, count - 1];
      while (from < to) {
        const middle = (from + to) >> 1;
        if (at(middle) <= now) from = middle + 1;
        else to = middle;
      }
      open += from;
      return true;
    });
    return this.#came + open;
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
    // Memory that has been idle gives the second beat at once.
    const steady = Math.max(first - this.#slotCycles, this.#dataFreeAt);
    const at = (beat: number): number => Math.ceil(Math.max(first + beat, steady + beat * this.#slotCycles));
    this.#dataFreeAt = Math.max(steady + beats * this.#slotCycles, at(beats - 1) + 1);
    const burst = { count: beats, at };
    this.#coming.push(burst);
    if (this.#waiting.size > 0) this.#agenda.at(this.#freeAt, () => this.#grant());
    granted(burst);
  }
}
