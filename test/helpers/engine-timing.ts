import type { EngineConfig } from "../../src/accel/config.js";
import type { MemoryTiming } from "../../src/accel/cycles/index.js";
import { engineFingerprint } from "../../src/accel/fingerprint.js";
import { encodeFields, headerFields } from "../../src/accel/isa/index.js";
import { engineRegisters } from "../../src/accel/registers.js";
import { buildEngine } from "../../src/accel/rtl/engine.js";
import { sky130Cells } from "../../src/arith/index.js";
import { createRng } from "../../src/core/index.js";
import { exposeNets } from "../../src/hw/index.js";
import { createSimulator, flatten, lowerDesign, WORDS_PER_BIT } from "../../src/sim/index.js";

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
  readonly #sim: ReturnType<typeof createSimulator>;
  readonly #widths: ReadonlyMap<string, number>;

  constructor(config: EngineConfig) {
    const { design } = buildEngine(config, { periodPs: 5000, cells: sky130Cells });
    const flat = flatten(lowerDesign(exposeNets(design, Object.values(PULSES))));
    this.#config = config;
    this.#sim = createSimulator(flat, { lanes: 1, dataPorts: ["m_axi_rdata"], randomStart: createRng(1) });
    this.#widths = new Map(flat.ports.map((port) => [port.name, port.bits.length]));
    for (const { name, direction } of flat.ports)
      if (direction === "input" && name !== "aclk") this.#set(name, 0);
    for (const port of ["s_axil_bready", "m_axi_arready", "m_axi_awready"]) this.#set(port, 1);
    this.#set("s_axil_wstrb", 15);
  }

  /** Reset, run one frame, and note when layers and transfers end; `done` of them in all. */
  frame(program: Uint8Array, memory: MemoryTiming, done: number): EngineTimes {
    const fingerprint = engineFingerprint(this.#config);
    const bytes = program.slice();
    encodeFields({ fingerprint: headerFields.fingerprint }, { fingerprint }, bytes);
    this.#set("aresetn", 0);
    for (let cycle = 0; cycle < 3; cycle++) this.#step();
    this.#set("aresetn", 1);
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
      this.#set("m_axi_rvalid", beat === undefined ? 0 : 1);
      if (beat !== undefined) {
        const from = beat.address - BASE;
        let data = 0n;
        for (let i = axiDataBytes - 1; i >= 0; i--) data = (data << 8n) | BigInt(program[from + i] ?? 0);
        this.#set("m_axi_rdata", data);
        this.#set("m_axi_rid", beat.id);
        this.#set("m_axi_rlast", beat.last ? 1 : 0);
      }
      const responds = (responses[0] ?? Number.POSITIVE_INFINITY) <= cycle;
      if (responds) responses.shift();
      this.#set("m_axi_bvalid", responds ? 1 : 0);
      const writable = credit >= axiDataBytes;
      this.#set("m_axi_wready", writable ? 1 : 0);
      this.#sim.settle();
      if (this.#get("m_axi_arvalid") === 1) {
        begin ??= cycle - BEGIN_TO_ADDRESS;
        const count = this.#get("m_axi_arlen") + 1;
        const [id, address] = [this.#get("m_axi_arid"), this.#get("m_axi_araddr")];
        for (let i = 0; i < count; i++) {
          const last = i === count - 1;
          beats.push({ at: cycle + latencyCycles, id, address: address + i * axiDataBytes, last });
        }
      }
      if (this.#get("m_axi_wvalid") === 1 && writable) {
        credit -= axiDataBytes;
        if (this.#get("m_axi_wlast") === 1) responses.push(cycle + latencyCycles);
      }
      for (const [what, port] of Object.entries(PULSES))
        if (this.#get(port) === 1) seen[what as keyof typeof seen].push(cycle - (begin ?? 0));
      this.#sim.tick();
    }
    return seen;
  }

  #write(address: number, value: number): void {
    this.#set("s_axil_awaddr", address);
    this.#set("s_axil_wdata", value);
    const open = new Set(["aw", "w"]);
    for (const channel of open) this.#set(`s_axil_${channel}valid`, 1);
    while (open.size > 0) {
      this.#sim.settle();
      const taken = [...open].filter((channel) => this.#get(`s_axil_${channel}ready`) === 1);
      this.#sim.tick();
      for (const channel of taken) {
        open.delete(channel);
        this.#set(`s_axil_${channel}valid`, 0);
      }
    }
  }

  #step(): void {
    this.#sim.settle();
    this.#sim.tick();
  }

  #set(port: string, value: number | bigint): void {
    const width = this.#widths.get(port)!;
    const planes = new Uint32Array(width * WORDS_PER_BIT);
    for (let i = 0, rest = BigInt(value); i < width; i++, rest >>= 1n)
      planes[i * WORDS_PER_BIT] = Number(rest & 1n);
    this.#sim.setWord(port, planes);
  }

  #get(port: string): number {
    const planes = this.#sim.readWord(port);
    let value = 0;
    for (let i = planes.length / WORDS_PER_BIT - 1; i >= 0; i--)
      value = value * 2 + (planes[i * WORDS_PER_BIT]! & 1);
    return value;
  }
}
