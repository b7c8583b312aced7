import type { EngineConfig } from "../../src/accel/config.js";
import type { MemoryTiming } from "../../src/accel/cycles/index.js";
import { engineFingerprint } from "../../src/accel/fingerprint.js";
import { encodeFields, headerFields } from "../../src/accel/isa/index.js";
import { engineRegisters } from "../../src/accel/registers.js";
import { buildEngine } from "../../src/accel/rtl/engine.js";
import { sky130Cells } from "../../src/arith/index.js";
import { createRng } from "../../src/core/index.js";
import { exposeNets } from "../../src/hw/index.js";
import { wordOfBytes } from "./bit-fields.js";
import { ModuleBench } from "./module-bench.js";

/** When the units of an engine were done, counted from the frame's begin. */
export type EngineTimes = { readonly layerEnds: readonly number[]; readonly transferEnds: readonly number[] };

/** Pulses of the engine's units that are watched. */
const PULSES = { layerEnds: "walker_layer_done", transferEnds: "transfer_transfer_done" } as const;
/** Where the program lies. */
const BASE = 4096;
/** Cycles from a frame's begin to the header's address on the port. */
const BEGIN_TO_ADDRESS = 3;

/** An engine as a netlist, to be timed frame by frame beside a memory that answers in order. */
export class EngineTimer {
  readonly #config: EngineConfig;
  readonly #sim: ModuleBench;

  constructor(config: EngineConfig) {
    const { design } = buildEngine(config, { periodPs: 5000, cells: sky130Cells });
    const { modules } = exposeNets(design, Object.values(PULSES));
    this.#config = config;
    this.#sim = new ModuleBench(modules, { rng: createRng(1), lanes: 1, dataPorts: ["m_axi_rdata"] });
    this.#sim.set({ s_axil_bready: 1, m_axi_arready: 1, m_axi_awready: 1, s_axil_wstrb: 15 });
  }

  /** Reset, run one frame, and note when layers and transfers end; `done` of them in all. */
  frame(program: Uint8Array, memory: MemoryTiming, done: number): EngineTimes {
    const fingerprint = engineFingerprint(this.#config);
    const bytes = program.slice();
    encodeFields({ fingerprint: headerFields.fingerprint }, { fingerprint }, bytes);
    this.#sim.set({ aresetn: 0 });
    for (let cycle = 0; cycle < 3; cycle++) this.#sim.tick();
    this.#sim.set({ aresetn: 1 });
    this.#write(engineRegisters.frames.at, 1);
    this.#write(engineRegisters.programBase.at, BASE);
    this.#write(engineRegisters.control.at, 1);
    return this.#watch(bytes, memory, done);
  }

  #watch(program: Uint8Array, { latencyCycles, bytesPerCycle }: MemoryTiming, done: number): EngineTimes {
    const { axiDataBytes } = this.#config;
    const beats: { at: number; id: number; address: number; last: boolean }[] = [];
    const responses: number[] = [];
    const seen = { layerEnds: [] as number[], transferEnds: [] as number[] };
    let begin: number | undefined;
    // Bytes that memory can move: of a cycle at most those of a beat each way, reads first.
    let credit = 0;
    for (let cycle = 0; seen.layerEnds.length + seen.transferEnds.length < done; cycle++) {
      if (cycle > 100_000) throw new Error("the engine does not come to an end");
      credit = Math.min(2 * axiDataBytes, credit + bytesPerCycle);
      const due = (beats[0]?.at ?? Number.POSITIVE_INFINITY) <= cycle && credit >= axiDataBytes;
      const beat = due ? beats.shift() : undefined;
      if (beat !== undefined) credit -= axiDataBytes;
      this.#sim.set({ m_axi_rvalid: beat !== undefined });
      if (beat !== undefined) {
        const from = beat.address - BASE;
        const data = Array.from({ length: axiDataBytes }, (_, i) => program[from + i] ?? 0);
        this.#sim.set({ m_axi_rdata: wordOfBytes(data), m_axi_rid: beat.id, m_axi_rlast: beat.last });
      }
      const responds = (responses[0] ?? Number.POSITIVE_INFINITY) <= cycle;
      if (responds) responses.shift();
      const writable = credit >= axiDataBytes;
      this.#sim.set({ m_axi_bvalid: responds, m_axi_wready: writable });
      if (this.#sim.flag("m_axi_arvalid")) {
        begin ??= cycle - BEGIN_TO_ADDRESS;
        const count = this.#sim.number("m_axi_arlen") + 1;
        const [id, address] = [this.#sim.number("m_axi_arid"), this.#sim.number("m_axi_araddr")];
        for (let i = 0; i < count; i++) {
          const last = i === count - 1;
          beats.push({ at: cycle + latencyCycles, id, address: address + i * axiDataBytes, last });
        }
      }
      if (this.#sim.flag("m_axi_wvalid") && writable) {
        credit -= axiDataBytes;
        if (this.#sim.flag("m_axi_wlast")) responses.push(cycle + latencyCycles);
      }
      for (const [what, port] of Object.entries(PULSES))
        if (this.#sim.flag(port)) seen[what as keyof typeof seen].push(cycle - (begin ?? 0));
      this.#sim.tick();
    }
    return seen;
  }

  #write(address: number, value: number): void {
    const open = new Set(["aw", "w"]);
    this.#sim.set({ s_axil_awaddr: address, s_axil_wdata: value, s_axil_awvalid: 1, s_axil_wvalid: 1 });
    while (open.size > 0) {
      const taken = [...open].filter((channel) => this.#sim.flag(`s_axil_${channel}ready`));
      this.#sim.tick();
      for (const channel of taken) {
        open.delete(channel);
        this.#sim.set({ [`s_axil_${channel}valid`]: 0 });
      }
    }
  }
}
