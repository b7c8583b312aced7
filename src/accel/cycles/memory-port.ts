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

/** The memory port: bursts are read one after the other, as fast as memory gives their beats; what it has left is for beats that are written. */
export class MemoryPort {
  /** Cycles that memory takes for a beat. */
  readonly #slotCycles: number;
  /** Bursts whose beats are not all accounted for, and those of the first that are. */
  readonly #coming: Beats[] = [];
  #accounted = 0;
  /** From when on memory moves another beat, by the beats so far. */
  #nextSlot = 0;
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

  /** Write a beat in this cycle. Returns 0, or when memory has none left the cycles until it may have. */
  write(): number {
    const { now } = this.#agenda;
    this.#account();
    if (this.#nextSlot > now) return Math.ceil(this.#nextSlot - now);
    this.#take(now);
    return 0;
  }

  /** A beat moves: memory that has been idle has saved up one more than that of this cycle. */
  #take(cycle: number): void {
    this.#nextSlot = Math.max(this.#nextSlot, cycle - this.#slotCycles) + this.#slotCycles;
  }

  /** Account for the beats that have come until now, this cycle's included. */
  #account(): void {
    const { now } = this.#agenda;
    for (let burst = this.#coming[0]; burst !== undefined; burst = this.#coming[0]) {
      for (; this.#accounted < burst.count; this.#accounted++) {
        const cycle = burst.at(this.#accounted);
        if (cycle > now) return;
        this.#take(cycle);
      }
      this.#coming.shift();
      this.#accounted = 0;
    }
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
    this.#account();
    this.#coming.push(burst);
    if (this.#waiting.size > 0) this.#agenda.at(this.#freeAt, () => this.#grant());
    granted(burst);
  }
}
