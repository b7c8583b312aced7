import { describe, expect, it } from "vitest";
import { lintModules } from "../../../test/helpers/lint-modules.js";
import { ModuleBench } from "../../../test/helpers/module-bench.js";
import { sky130Cells } from "../../arith/index.js";
import { createRng, type Rng } from "../../core/index.js";
import { NetlistTiming } from "../../hw/index.js";
import { ENGINE_ID, type EngineRegister, engineRegisters } from "../registers.js";
import { buildRegisters } from "./registers.js";

const clock = { periodPs: 5000, cells: sky130Cells };
const FINGERPRINT = 0x89abcdef;
const map = engineRegisters;
const OKAY = 0;
const SLVERR = 2;
const WORDS = {
  program_base: map.programBase,
  frames: map.frames,
  scratch_base: map.scratchBase,
  result_base: map.resultBase,
  result_stride: map.resultStride,
  image_base: map.imageBase,
  image_stride: map.imageStride,
} as const;
const EVENTS = {
  stall_weights: map.stallWeights,
  stall_input: map.stallInput,
  stall_transfer: map.stallTransfer,
  stall_drain: map.stallDrain,
  read_beat: map.readBeats,
  write_beat: map.writeBeats,
} as const;

type Write = { readonly address: number; readonly data: number; readonly strobes: number };

/** An AXI4-Lite master that begins channels in any order, checks that answers stay, and counts the engine's start pulses. */
class Host {
  readonly sim: ModuleBench;
  starts = 0;
  readonly #rng: Rng;
  readonly #pause: number;
  #seen = new Map<string, string>();

  constructor(rng: Rng, pause: number) {
    this.#rng = rng;
    this.#pause = pause;
    this.sim = new ModuleBench([buildRegisters(clock, FINGERPRINT)], { rng });
  }

  #acts(): boolean {
    return this.#rng.next() >= this.#pause;
  }

  /** One cycle: `busy` and events are as set before. */
  cycle(): void {
    const { sim } = this;
    for (const [valid, ready, payload] of [
      ["s_axil_bvalid", this.bReady, ["s_axil_bresp"]],
      ["s_axil_rvalid", this.rReady, ["s_axil_rresp", "s_axil_rdata"]],
    ] as const) {
      const shown = sim.flag(valid) ? payload.map((port) => sim.number(port)).join(" ") : "none";
      const before = this.#seen.get(valid);
      if (before !== undefined) expect(shown, "an answer stays").toBe(before);
      this.#seen.delete(valid);
      if (shown !== "none" && !ready) this.#seen.set(valid, shown);
    }
    this.starts += sim.number("start");
    sim.tick();
  }

  bReady = false;
  rReady = false;

  #ready(): void {
    this.bReady = this.#acts();
    this.rReady = this.#acts();
    this.sim.set({ s_axil_bready: this.bReady, s_axil_rready: this.rReady });
  }

  /** Write and read at once, either may be left out; returns the answers. */
  transact(
    write: Write | null,
    read: number | null,
  ): { write?: number; read?: { data: number; code: number } } {
    const { sim } = this;
    const out: { write?: number; read?: { data: number; code: number } } = {};
    const left = { aw: write !== null, w: write !== null, ar: read !== null };
    const shown = { aw: false, w: false, ar: false };
    for (let i = 0; i < 500; i++) {
      for (const channel of ["aw", "w", "ar"] as const)
        shown[channel] = left[channel] && (shown[channel] || this.#acts());
      // Beside valid anything may stand.
      const noise = (bits: number): number => this.#rng.integer(2 ** bits);
      sim.set({
        s_axil_awvalid: shown.aw,
        s_axil_awaddr: shown.aw ? write!.address : noise(8),
        s_axil_wvalid: shown.w,
        s_axil_wdata: shown.w ? write!.data : noise(32),
        s_axil_wstrb: shown.w ? write!.strobes : noise(4),
        s_axil_arvalid: shown.ar,
        s_axil_araddr: shown.ar ? read! : noise(8),
      });
      this.#ready();
      for (const channel of ["aw", "w", "ar"] as const) {
        if (!shown[channel] || !sim.flag(`s_axil_${channel}ready`)) continue;
        left[channel] = false;
        shown[channel] = false;
      }
      if (sim.flag("s_axil_bvalid") && this.bReady) out.write = sim.number("s_axil_bresp");
      if (sim.flag("s_axil_rvalid") && this.rReady)
        out.read = { data: sim.number("s_axil_rdata"), code: sim.number("s_axil_rresp") };
      this.cycle();
      if ((write === null || out.write !== undefined) && (read === null || out.read !== undefined))
        return out;
    }
    throw new Error("no answer");
  }

  idle(cycles: number): void {
    for (const channel of ["aw", "w", "ar"]) this.sim.set({ [`s_axil_${channel}valid`]: 0 });
    for (let i = 0; i < cycles; i++) {
      this.#ready();
      this.cycle();
    }
  }

  read(register: EngineRegister): number {
    const { read } = this.transact(null, register.at);
    expect(read!.code).toBe(OKAY);
    return read!.data;
  }

  write(register: EngineRegister, data: number): void {
    expect(this.transact({ address: register.at, data, strobes: 15 }, null).write).toBe(OKAY);
  }
}

const merged = (old: number, { data, strobes }: Write): number => {
  let word = 0n;
  for (let i = 3; i >= 0; i--)
    word = (word << 8n) | BigInt(((((strobes >> i) & 1) === 1 ? data : old) >>> (8 * i)) & 255);
  return Number(word);
};

describe("registers", () => {
  it.each([0, 0.5, 0.9])("read and write as the map says, pauses of %d", (pause) => {
    const rng = createRng(Math.round(100 * pause));
    const host = new Host(rng, pause);
    const kept = new Map<number, number>(Object.values(WORDS).map(({ at }) => [at, 0]));
    kept.set(map.id.at, ENGINE_ID);
    kept.set(map.fingerprint.at, FINGERPRINT);
    const writable = new Set<number>(Object.values(WORDS).map(({ at }) => at));
    const known = new Set<number>(Object.values(map).map(({ at }) => at));
    for (let i = 0; i < 300; i++) {
      // Any byte address; CONTROL and INTERRUPT have effects of their own, tested below.
      const at = rng.integer(3) === 0 ? rng.integer(64) * 4 : rng.integer(20) * 4;
      const data = rng.integer(2 ** 32);
      const write =
        at === map.control.at ? null : { address: at + rng.integer(4), data, strobes: rng.integer(16) };
      const readAt = rng.integer(64) * 4;
      // What is read while it is written may be either.
      const answer = host.transact(write, readAt === at ? null : readAt);
      if (write !== null) {
        expect(answer.write).toBe(known.has(at) ? OKAY : SLVERR);
        if (writable.has(at)) kept.set(at, merged(kept.get(at)!, write));
      }
      if (answer.read !== undefined)
        expect(answer.read).toEqual({
          data: kept.get(readAt) ?? 0,
          code: known.has(readAt) ? OKAY : SLVERR,
        });
      for (const [port, register] of Object.entries(WORDS))
        expect(host.sim.number(port)).toBe(kept.get(register.at));
    }
    expect(host.starts).toBe(0);
  });

  it("start an idle engine, and show its state", () => {
    const host = new Host(createRng(1), 0.3);
    const { sim } = host;
    host.write(map.control, 3);
    host.idle(3);
    expect(host.starts).toBe(1);
    expect(host.read(map.control)).toBe(2);
    sim.set({ busy: 1 });
    host.write(map.control, 3);
    expect(host.starts).toBe(1);
    expect(host.read(map.status)).toBe(1);
    const pulse = (port: string): void => {
      sim.set({ [port]: 1 });
      host.idle(1);
      sim.set({ [port]: 0 });
      host.idle(3);
    };
    expect(sim.number("irq")).toBe(0);
    pulse("done");
    sim.set({ busy: 0 });
    expect(sim.number("irq")).toBe(1);
    expect([host.read(map.status), host.read(map.interrupt)]).toEqual([2, 1]);
    host.write(map.interrupt, 2);
    expect(host.read(map.interrupt)).toBe(1);
    pulse("error");
    sim.set({ error_code: 2 });
    expect([host.read(map.status), host.read(map.interrupt)]).toEqual([0x202, 3]);
    host.write(map.interrupt, 1);
    host.idle(2);
    expect([host.read(map.interrupt), sim.number("irq")]).toEqual([2, 1]);
    expect(host.transact({ address: map.interrupt.at, data: 2, strobes: 14 }, null).write).toBe(OKAY);
    expect(host.read(map.interrupt)).toBe(2);
    host.write(map.control, 0);
    host.idle(2);
    expect(sim.number("irq")).toBe(0);
    host.write(map.control, 2);
    host.write(map.interrupt, 2);
    host.idle(2);
    expect([host.read(map.interrupt), sim.number("irq")]).toEqual([0, 0]);
    // A start forgets that the run before is done.
    host.write(map.control, 1);
    host.idle(2);
    expect(host.starts).toBe(2);
    expect(host.read(map.status)).toBe(0x200);
    sim.set({ frames_done_count: 0xfedcba98 });
    expect(host.read(map.framesDone)).toBe(0xfedcba98);
  });

  it("count events of busy cycles, over 16 bits, from each start on", () => {
    const rng = createRng(2);
    const host = new Host(rng, 0);
    const { sim } = host;
    for (const long of [70_000, 300]) {
      host.write(map.control, 1);
      host.idle(2);
      const counts = new Map<string, number>(Object.keys(EVENTS).map((port) => [port, 0]));
      let cycles = 0;
      let events: readonly string[] = [];
      for (let i = 0; i < long; i++) {
        const busy = i % 100 !== 7;
        sim.set({ busy });
        if (busy) cycles++;
        // `stall_weights` is always there, the others change now and then.
        if (i % 16 === 0) {
          events = Object.keys(EVENTS).filter((port) => port === "stall_weights" || rng.integer(2) === 1);
          for (const port of Object.keys(EVENTS)) sim.set({ [port]: events.includes(port) });
        }
        if (busy) for (const port of events) counts.set(port, counts.get(port)! + 1);
        sim.tick();
      }
      sim.set({ busy: 0 });
      host.idle(3);
      expect(host.read(map.cycles)).toBe(cycles);
      for (const [port, register] of Object.entries(EVENTS))
        expect(host.read(register), port).toBe(counts.get(port));
    }
  });

  it("meet the clock and are clean text", (context) => {
    const module = buildRegisters(clock, FINGERPRINT);
    const [worst] = new NetlistTiming({ kind: "design", modules: [module] }, clock).longest(1);
    expect(worst!.ps).toBeLessThan(clock.periodPs);
    lintModules(context, [module]);
  });
});
