import { expect } from "vitest";
import type { Rng } from "../../src/core/index.js";
import type { ReadBurst } from "./axi-memory.js";
import { wordOfBytes } from "./bit-fields.js";
import type { ModuleBench } from "./module-bench.js";

/** How {@link ReadClients} behaves. */
export type ReadClientsOptions = {
  readonly rng: Rng;
  readonly beatBytes: number;
  readonly byteAt: (address: number, lane: number) => number;
  readonly ids: readonly number[];
  /** Longest wait from request to first beat, cycles. */
  readonly latency: number;
  /** Probability that a request waits a cycle more, and of a cycle without a beat. */
  readonly stall: number;
};

/** The read master as its clients see it: requests are taken at random times, beats come marked by client in random order among clients. */
export class ReadClients {
  readonly bursts: ReadBurst[] = [];
  readonly #sim: ModuleBench;
  readonly #options: ReadClientsOptions;
  readonly #queues = new Map<number, { address: number; left: number; wait: number }[]>();
  readonly #ready = new Map<number, boolean>();
  readonly #waiting = new Map<number, string>();

  get #marksLast(): boolean {
    return this.#sim.has("r_last");
  }

  /** Bursts of a client whose last beat was not driven yet. */
  underWay(id: number): number {
    return this.#queues.get(id)!.length;
  }

  constructor(sim: ModuleBench, options: ReadClientsOptions) {
    this.#sim = sim;
    this.#options = options;
    for (const id of options.ids) this.#queues.set(id, []);
  }

  /** Drive the clients' inputs before the module settles. Ready may come before a request and then means nothing. */
  drive(): void {
    const { rng, ids, stall, beatBytes, byteAt } = this.#options;
    const sim = this.#sim;
    for (const id of ids) {
      this.#ready.set(id, rng.next() >= stall);
      sim.set({ [`c${id}_ready`]: this.#ready.get(id) === true, [`c${id}_valid`]: 0 });
    }
    for (const queue of this.#queues.values()) for (const burst of queue) burst.wait--;
    const able = ids.filter((id) => (this.#queues.get(id)![0]?.wait ?? 1) <= 0);
    if (able.length === 0 || rng.next() < stall) {
      if (this.#marksLast) sim.set({ r_last: rng.integer(2) });
      return;
    }
    const id = able[rng.integer(able.length)]!;
    const queue = this.#queues.get(id)!;
    const burst = queue[0]!;
    sim.set({ [`c${id}_valid`]: 1 });
    if (this.#marksLast) sim.set({ r_last: burst.left === 1 });
    const beat = (lane: number): bigint =>
      wordOfBytes(Array.from({ length: beatBytes }, (_, i) => byteAt(burst.address + i, lane)));
    sim.set({ r_data: Array.from({ length: sim.simulator.lanes }, (_, lane) => beat(lane)) });
    burst.address += beatBytes;
    if (--burst.left === 0) queue.shift();
  }

  /** Take requests after the module has settled; returns those taken in this cycle. */
  observe(): readonly ReadBurst[] {
    const { rng, ids, latency, beatBytes } = this.#options;
    const sim = this.#sim;
    const taken: ReadBurst[] = [];
    for (const id of ids) {
      const asks = sim.flag(`c${id}_request`);
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      // Where nothing is asked for, the address may be anything.
      if (!asks) {
        expect(waiting, "a request stays").toBeUndefined();
        continue;
      }
      const burst = {
        id,
        address: sim.number(`c${id}_address`),
        beats: sim.number(`c${id}_beats_minus_1`) + 1,
      };
      const shown = `${burst.address} ${burst.beats}`;
      if (waiting !== undefined) expect(shown, "a request stays as it is").toBe(waiting);
      if (this.#ready.get(id) !== true) {
        this.#waiting.set(id, shown);
        continue;
      }
      expect(burst.address % beatBytes).toBe(0);
      taken.push(burst);
      // Two cycles at least from the request to the register of the first beat.
      this.#queues
        .get(id)!
        .push({ address: burst.address, left: burst.beats, wait: 2 + rng.integer(latency) });
    }
    this.bursts.push(...taken);
    return taken;
  }
}
