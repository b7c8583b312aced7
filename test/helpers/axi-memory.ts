import { expect } from "vitest";
import type { Rng } from "../../src/core/index.js";
import { wordOfBytes } from "./bit-fields.js";
import type { ModuleBench } from "./module-bench.js";

/** A burst that a master asked for. */
export type ReadBurst = { readonly id: number; readonly address: number; readonly beats: number };

/** How an {@link AxiReadMemory} behaves. */
export type AxiMemoryOptions = {
  readonly rng: Rng;
  readonly beatBytes: number;
  /** Byte at an address in a lane. */
  readonly byteAt: (address: number, lane: number) => number;
  /** Longest wait from address to first beat, cycles. */
  readonly latency: number;
  /** Probability of a cycle without ready, and of one without a beat. */
  readonly stall: number;
  /** Addresses whose beats come with a slave error. */
  readonly bad?: (address: number) => boolean;
};

/**
 * An AXI4 read slave with random pauses that interleaves the bursts of different ids, and checks the protocol: addresses stay until taken, are aligned to beats and
 * cross no 4 KB. Call `drive` before and `observe` after the module settles, in every cycle.
 */
export class AxiReadMemory {
  readonly bursts: ReadBurst[] = [];
  readonly #sim: ModuleBench;
  readonly #options: AxiMemoryOptions;
  readonly #queues = new Map<number, { address: number; left: number; wait: number }[]>();
  #sending: { id: number; address: number } | null = null;
  #waiting: string | null = null;
  #ready = false;

  constructor(sim: ModuleBench, options: AxiMemoryOptions) {
    this.#sim = sim;
    this.#options = options;
  }

  /** Bursts that are not answered yet. */
  get outstanding(): number {
    return [...this.#queues.values()].reduce((sum, queue) => sum + queue.length, 0);
  }

  drive(): void {
    const { rng, beatBytes, byteAt, stall, bad } = this.#options;
    const sim = this.#sim;
    this.#ready = rng.next() >= stall;
    sim.set({ m_axi_arready: this.#ready });
    for (const queue of this.#queues.values()) for (const burst of queue) burst.wait--;
    const able = [...this.#queues].filter(([, [first]]) => first !== undefined && first.wait <= 0);
    this.#sending = null;
    if (able.length === 0 || rng.next() < stall) {
      // Beside valid anything may stand.
      sim.set({
        m_axi_rvalid: 0,
        m_axi_rid: rng.integer(4),
        m_axi_rresp: rng.integer(4),
        m_axi_rlast: rng.integer(2),
      });
      return;
    }
    const [id, queue] = able[rng.integer(able.length)]!;
    const burst = queue[0]!;
    this.#sending = { id, address: burst.address };
    const beat = (lane: number): bigint =>
      wordOfBytes(Array.from({ length: beatBytes }, (_, i) => byteAt(burst.address + i, lane)));
    sim.set({
      m_axi_rvalid: 1,
      m_axi_rid: id,
      m_axi_rresp: bad?.(burst.address) === true ? 2 : 0,
      m_axi_rlast: burst.left === 1,
      m_axi_rdata: Array.from({ length: sim.simulator.lanes }, (_, lane) => beat(lane)),
    });
    burst.address += beatBytes;
    burst.left--;
    if (burst.left === 0) queue.shift();
  }

  observe(): void {
    const { rng, beatBytes, latency } = this.#options;
    const sim = this.#sim;
    expect(sim.number("m_axi_rready")).toBe(1);
    const valid = sim.flag("m_axi_arvalid");
    if (!valid) {
      expect(this.#waiting, "an address stays").toBeNull();
      return;
    }
    const [id, address, length] = [
      sim.number("m_axi_arid"),
      sim.number("m_axi_araddr"),
      sim.number("m_axi_arlen"),
    ];
    const shown = `${id} ${address} ${length}`;
    expect(shown, "an address stays").toBe(this.#waiting ?? shown);
    this.#waiting = this.#ready ? null : shown;
    if (!this.#ready) return;
    expect(address % beatBytes).toBe(0);
    expect(2 ** sim.number("m_axi_arsize")).toBe(beatBytes);
    const bytes = (length + 1) * beatBytes;
    expect(Math.floor(address / 4096), "no burst crosses 4 KB").toBe(
      Math.floor((address + bytes - 1) / 4096),
    );
    this.bursts.push({ id, address, beats: length + 1 });
    const queue = this.#queues.get(id) ?? [];
    this.#queues.set(id, queue);
    queue.push({ address, left: length + 1, wait: 1 + rng.integer(latency) });
  }

  /** The beat that was driven in this cycle: its client and byte address. */
  get beat(): { readonly id: number; readonly address: number } | null {
    return this.#sending;
  }
}
