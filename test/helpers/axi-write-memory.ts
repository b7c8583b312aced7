import { expect } from "vitest";
import type { Rng } from "../../src/core/index.js";
import type { ModuleBench } from "./module-bench.js";

/** A burst that a master announced. */
export type WriteBurst = { readonly address: number; readonly beats: number };

/**
 * When an {@link AxiWriteMemory} takes things: at random, data only behind their address, or an address only behind its data. AXI4 allows a slave all three, so a
 * master must offer both without waiting for either.
 */
export type WriteOrder = "any" | "addressFirst" | "dataFirst";

/** How an {@link AxiWriteMemory} behaves. */
export type AxiWriteOptions = {
  readonly rng: Rng;
  readonly beatBytes: number;
  readonly order: WriteOrder;
  /** Longest wait from a burst's last beat to its response, cycles. */
  readonly latency: number;
  /** Probability of a cycle without ready, and of one without a response. */
  readonly stall: number;
  /** Bursts whose response is an error. */
  readonly bad?: (address: number) => boolean;
};

type Beat = { readonly data: readonly bigint[]; readonly strobe: bigint; readonly last: boolean };

/**
 * An AXI4 write slave with random pauses, which checks the protocol: what is offered stays until taken, bursts are aligned, cross no 4 KB and end with `wlast`. Call
 * `drive` before and `observe` after the module settles, in every cycle.
 */
export class AxiWriteMemory {
  readonly bursts: WriteBurst[] = [];
  /** Bytes written, of each lane, by address. */
  readonly bytes: readonly Map<number, number>[];
  beats = 0;
  responses = 0;
  errors = 0;
  readonly #sim: ModuleBench;
  readonly #options: AxiWriteOptions;
  /** Bursts whose data are not all there; beats whose address is not. */
  readonly #addresses: WriteBurst[] = [];
  readonly #data: Beat[] = [];
  readonly #answers: { readonly address: number; wait: number }[] = [];
  #wholeRuns = 0;
  #partOfRun = false;
  #offers: { aw: string | null; w: string | null } = { aw: null, w: null };
  #ready = { aw: false, w: false };
  #answering = false;

  constructor(sim: ModuleBench, options: AxiWriteOptions) {
    this.#sim = sim;
    this.#options = options;
    this.bytes = Array.from({ length: sim.simulator.lanes }, () => new Map<number, number>());
  }

  drive(): void {
    const { rng, order, stall, bad } = this.#options;
    const sim = this.#sim;
    const ahead = this.bursts.length - this.#wholeRuns;
    const aw = rng.next() >= stall && (order !== "dataFirst" || ahead < 0);
    const w = rng.next() >= stall && (order !== "addressFirst" || ahead > 0);
    this.#ready = { aw, w };
    sim.set({ m_axi_awready: aw, m_axi_wready: w });
    for (const answer of this.#answers) answer.wait--;
    const [first] = this.#answers;
    this.#answering = first !== undefined && first.wait <= 0 && rng.next() >= stall;
    sim.set({ m_axi_bvalid: this.#answering });
    const fails = first !== undefined && bad?.(first.address) === true;
    // Beside valid anything may stand.
    sim.set({ m_axi_bresp: this.#answering ? (fails ? 2 : 0) : rng.integer(4) });
    if (this.#answering) {
      this.#answers.shift();
      this.responses++;
      if (fails) this.errors++;
    }
  }

  observe(): void {
    const sim = this.#sim;
    expect(sim.number("m_axi_bready")).toBe(1);
    if (sim.flag("m_axi_awvalid")) {
      const address = { address: sim.number("m_axi_awaddr"), beats: sim.number("m_axi_awlen") + 1 };
      if (this.#taken("aw", `${address.address} ${address.beats}`)) this.#takeAddress(address);
    } else this.#taken("aw", null);
    if (sim.flag("m_axi_wvalid")) {
      const data = sim.words("m_axi_wdata");
      const beat = { data, strobe: sim.word("m_axi_wstrb"), last: sim.flag("m_axi_wlast") };
      if (this.#taken("w", `${beat.data} ${beat.strobe} ${beat.last}`)) {
        this.#data.push(beat);
        this.beats++;
        this.#partOfRun = !beat.last;
        if (beat.last) this.#wholeRuns++;
      }
    } else this.#taken("w", null);
    this.#join();
  }

  /** All that was announced has come and is answered. */
  get idle(): boolean {
    return (
      this.#addresses.length + this.#data.length + this.#answers.length === 0 &&
      !this.#partOfRun &&
      this.#offers.aw === null &&
      this.#offers.w === null
    );
  }

  /** Tell whether what a channel shows (`null` when it is not valid) is taken; what was offered before must still be there. */
  #taken(channel: "aw" | "w", shown: string | null): boolean {
    const before = this.#offers[channel];
    if (before !== null) expect(shown, `${channel} stays until taken`).toBe(before);
    this.#offers[channel] = this.#ready[channel] ? null : shown;
    return shown !== null && this.#ready[channel];
  }

  #takeAddress({ address, beats }: WriteBurst): void {
    const { beatBytes } = this.#options;
    expect(address % beatBytes).toBe(0);
    expect(2 ** this.#sim.number("m_axi_awsize")).toBe(beatBytes);
    expect(this.#sim.number("m_axi_awburst")).toBe(1);
    expect(this.#sim.number("m_axi_awid")).toBe(0);
    const end = address + beats * beatBytes - 1;
    expect(Math.floor(end / 4096), "no burst crosses 4 KB").toBe(Math.floor(address / 4096));
    this.bursts.push({ address, beats });
    this.#addresses.push({ address, beats });
  }

  /** Write the bursts of which address and all data are there. */
  #join(): void {
    const { rng, beatBytes, latency } = this.#options;
    for (let first = this.#addresses[0]; first !== undefined; first = this.#addresses[0]) {
      if (this.#data.length < first.beats) return;
      const beats = this.#data.splice(0, first.beats);
      this.#addresses.shift();
      for (const [i, { data, strobe, last }] of beats.entries()) {
        expect(last, "the last beat of a burst says so").toBe(i === first.beats - 1);
        for (const [lane, word] of data.entries())
          for (let byte = 0; byte < beatBytes; byte++)
            if (((strobe >> BigInt(byte)) & 1n) === 1n)
              this.bytes[lane]!.set(
                first.address + i * beatBytes + byte,
                Number((word >> BigInt(8 * byte)) & 0xffn),
              );
      }
      this.#answers.push({ address: first.address, wait: 1 + rng.integer(latency) });
    }
  }
}
