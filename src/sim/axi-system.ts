import { CheckFailedError, invariant } from "../core/index.js";
import type { SimModule } from "./ir.js";
import { createSimulator, type Simulator, WORDS_PER_BIT } from "./simulator.js";

/** A region of external memory. */
export type MemoryRegion = { readonly base: number; readonly bytes: Uint8Array };

/** A chip with AXI4 memory port, AXI4-Lite registers, AXI4-Stream input and interrupt, and what happens around it. */
export type SystemJob = {
  /** Flat; ports `m_axi_*`, `s_axil_*`, `irq`, and `s_axis_*` where there are images. */
  readonly module: SimModule;
  readonly lanes: number;
  /** Bytes of a beat of the memory port. */
  readonly beatBytes: number;
  /** Contents that all lanes share; the chip does not write them. */
  readonly contents: readonly MemoryRegion[];
  /** Memory of each lane's own: where it begins, and how many bytes. It is 0 at first. */
  readonly own: { readonly base: number; readonly size: number };
  /** Registers to write, in order; the last one starts the run. */
  readonly writes: readonly (readonly [address: number, value: number])[];
  /** Registers to read after the interrupt. */
  readonly reads?: readonly number[];
  /** Frames of the stream input, beat after beat: `images[frame][lane]`. */
  readonly images?: readonly (readonly Uint8Array[])[];
  /** Bytes of a beat of the stream. */
  readonly streamBytes?: number;
  /** Where a frame's results end: the write that reaches its last byte marks the frame complete. */
  readonly results: { readonly base: number; readonly stride: number; readonly size: number };
  readonly frames: number;
  /** Cycles from an address to its first beat; default 40. */
  readonly latencyCycles?: number;
  /** Default 1,000,000. */
  readonly maxCycles?: number;
};

/** What a run gave. */
export type SystemRun = {
  /** The lanes' own memory. */
  readonly own: readonly Uint8Array[];
  /** Cycles from the start register's write to the interrupt. */
  readonly cycles: number;
  /** Cycle of each frame's last result, from the start on. */
  readonly frameEnds: readonly number[];
  readonly registers: ReadonlyMap<number, number>;
  readonly readBeats: number;
  readonly writeBeats: number;
};

type Burst = { readonly id: number; address: number; left: number; wait: number };

/**
 * Simulate a chip in its system: write the registers, feed the stream, serve the memory, wait for the interrupt. One image a lane; what the chip
 * does must not depend on the images.
 *
 * @throws CheckFailedError FX6014 when nothing ends, FX6015 for a break of the protocol or an access outside the memory
 */
export function simulateSystem(job: SystemJob): SystemRun {
  const { lanes, beatBytes, own, results, latencyCycles = 40, maxCycles = 1_000_000 } = job;
  const simulator = createSimulator(job.module, { lanes });
  const memories = Array.from({ length: lanes }, () => new Uint8Array(own.size));
  const broken = (message: string): never => {
    throw new CheckFailedError("FX6015", message, { place: `${job.module.name}, cycle ${simulator.cycles}` });
  };
  const memory = new Memory(job, memories, broken);
  const ports = new Ports(simulator);
  const reads: Burst[] = [];
  const writes: Burst[] = [];
  const beats: { readonly planes: Uint32Array; readonly strobe: number[]; readonly last: boolean }[] = [];
  const responses: number[] = [];
  const frameEnds: number[] = [];
  const registers = new Map<number, number>();
  const pendingReads = [...(job.reads ?? [])];
  const host = new Host(ports, job.writes);
  const stream = new Stream(job, ports);
  let [readBeats, writeBeats, startedAt, endedAt] = [0, 0, -1, -1];

  ports.bit("aresetn", false);
  simulator.settle();
  simulator.tick();
  ports.bit("aresetn", true);
  ports.bit("m_axi_arready", true);
  ports.bit("m_axi_awready", true);
  ports.bit("m_axi_wready", true);
  for (let cycle = 0; cycle < maxCycles; cycle++) {
    // What the system shows in this cycle.
    for (const burst of reads) burst.wait--;
    const burst = reads[0];
    const shows = burst !== undefined && burst.wait <= 0;
    ports.bit("m_axi_rvalid", shows);
    if (shows) {
      ports.planes("m_axi_rdata", memory.read(burst.address));
      ports.number("m_axi_rid", burst.id);
      ports.bit("m_axi_rlast", burst.left === 1);
    }
    ports.bit("m_axi_bvalid", responses.length > 0);
    host.drive();
    stream.drive();
    simulator.settle();

    // What is handed over at its end.
    if (ports.read("m_axi_arvalid") === 1) {
      const [address, length] = [ports.read("m_axi_araddr"), ports.read("m_axi_arlen") + 1];
      memory.check(address, length);
      reads.push({ id: ports.read("m_axi_arid"), address, left: length, wait: latencyCycles });
    }
    if (shows) {
      if (ports.read("m_axi_rready") !== 1) broken("read data are not taken");
      readBeats++;
      burst.address += beatBytes;
      burst.left--;
      if (burst.left === 0) reads.shift();
    }
    if (ports.read("m_axi_awvalid") === 1) {
      const [address, length] = [ports.read("m_axi_awaddr"), ports.read("m_axi_awlen") + 1];
      memory.check(address, length);
      writes.push({ id: 0, address, left: length, wait: 0 });
    }
    if (ports.read("m_axi_wvalid") === 1) {
      writeBeats++;
      beats.push({
        planes: simulator.readWord("m_axi_wdata"),
        strobe: ports.bits("m_axi_wstrb"),
        last: ports.read("m_axi_wlast") === 1,
      });
    }
    if (responses.length > 0) responses.shift();
    while (writes.length > 0 && beats.length > 0) {
      const target = writes[0]!;
      const beat = beats.shift()!;
      memory.write(target.address, beat.planes, beat.strobe);
      const end = target.address + beatBytes;
      target.address = end;
      target.left--;
      if (beat.last !== (target.left === 0)) broken("wlast is not the burst's last beat");
      if (target.left > 0) continue;
      writes.shift();
      responses.push(0);
      const frame = frameEnds.length;
      const last = results.base + frame * results.stride + results.size;
      if (frame < job.frames && end >= last && end - beatBytes < last + results.stride)
        frameEnds.push(cycle - startedAt);
    }
    stream.observe();
    const wrote = host.observe();
    if (wrote && startedAt < 0 && host.idle) startedAt = cycle;
    if (endedAt < 0 && startedAt >= 0 && ports.read("irq") === 1) {
      endedAt = cycle;
      if (pendingReads.length === 0) break;
      for (const address of pendingReads.splice(0)) host.ask(address);
    }
    if (endedAt >= 0) {
      for (const [address, value] of host.answers.splice(0)) registers.set(address, value);
      if (registers.size === (job.reads?.length ?? 0)) break;
    }
    simulator.tick();
  }
  if (endedAt < 0)
    throw new CheckFailedError("FX6014", `no interrupt after ${maxCycles} cycles`, {
      place: job.module.name,
    });
  return { own: memories, cycles: endedAt - startedAt, frameEnds, registers, readBeats, writeBeats };
}

/** Ports by name and number. */
class Ports {
  readonly #simulator: Simulator;
  readonly #widths: ReadonlyMap<string, number>;
  readonly #shown = new Map<string, number>();

  constructor(simulator: Simulator) {
    this.#simulator = simulator;
    this.#widths = new Map(simulator.module.ports.map(({ name, bits }) => [name, bits.length]));
  }

  bit(name: string, value: boolean): void {
    if (this.#shown.get(name) === Number(value)) return;
    this.#shown.set(name, Number(value));
    this.#simulator.setBit(name, value);
  }

  number(name: string, value: number): void {
    if (this.#shown.get(name) === value) return;
    this.#shown.set(name, value);
    const width = this.#widths.get(name)!;
    const planes = new Uint32Array(width * WORDS_PER_BIT);
    for (let i = 0; i < width; i++)
      if (Math.floor(value / 2 ** i) % 2 === 1)
        planes.fill(0xffffffff, i * WORDS_PER_BIT, (i + 1) * WORDS_PER_BIT);
    this.#simulator.setWord(name, planes);
  }

  planes(name: string, planes: Uint32Array): void {
    this.#simulator.setWord(name, planes);
  }

  bits(name: string): number[] {
    const planes = this.#simulator.readWord(name);
    return Array.from({ length: planes.length / WORDS_PER_BIT }, (_, i) => planes[i * WORDS_PER_BIT]! & 1);
  }

  read(name: string): number {
    if (this.#widths.get(name) === 1) return Number(this.#simulator.readBit(name));
    return this.bits(name).reduceRight((value, bit) => value * 2 + bit, 0);
  }
}

/** Shared and own memory, beat by beat. */
class Memory {
  readonly #job: SystemJob;
  readonly #own: readonly Uint8Array[];
  readonly #broken: (message: string) => never;

  constructor(job: SystemJob, own: readonly Uint8Array[], broken: (message: string) => never) {
    this.#job = job;
    this.#own = own;
    this.#broken = broken;
  }

  check(address: number, beats: number): void {
    const bytes = beats * this.#job.beatBytes;
    if (address % this.#job.beatBytes !== 0) this.#broken(`address ${address.toString(16)} is not aligned`);
    if (Math.floor(address / 4096) !== Math.floor((address + bytes - 1) / 4096))
      this.#broken(`the burst at ${address.toString(16)} crosses 4 KB`);
  }

  read(address: number): Uint32Array {
    const { beatBytes, contents, own, lanes } = this.#job;
    const planes = new Uint32Array(8 * beatBytes * WORDS_PER_BIT);
    const region = contents.find(({ base, bytes }) => address >= base && address < base + bytes.length);
    if (region !== undefined) {
      for (let i = 0; i < beatBytes; i++) {
        const byte = region.bytes[address - region.base + i] ?? 0;
        for (let bit = 0; bit < 8; bit++)
          if ((byte >> bit) & 1) {
            const at = (8 * i + bit) * WORDS_PER_BIT;
            planes.fill(0xffffffff, at, at + WORDS_PER_BIT);
          }
      }
      return planes;
    }
    const offset = address - own.base;
    if (offset < 0 || offset >= own.size) this.#broken(`read of ${address.toString(16)}, where nothing is`);
    for (let lane = 0; lane < lanes; lane++) {
      const bytes = this.#own[lane]!;
      const [word, mask] = [lane >>> 5, 1 << (lane & 31)];
      for (let i = 0; i < beatBytes; i++) {
        const byte = bytes[offset + i] ?? 0;
        for (let bit = 0; bit < 8; bit++)
          if ((byte >> bit) & 1) planes[(8 * i + bit) * WORDS_PER_BIT + word]! |= mask;
      }
    }
    return planes;
  }

  write(address: number, planes: Uint32Array, strobe: readonly number[]): void {
    const { own, lanes } = this.#job;
    const offset = address - own.base;
    for (const [i, enabled] of strobe.entries()) {
      if (enabled === 0) continue;
      if (offset + i < 0 || offset + i >= own.size)
        this.#broken(`write to ${address.toString(16)}, which is not the chip's`);
      for (let lane = 0; lane < lanes; lane++) {
        let byte = 0;
        for (let bit = 0; bit < 8; bit++)
          byte |= ((planes[(8 * i + bit) * WORDS_PER_BIT + (lane >>> 5)]! >>> (lane & 31)) & 1) << bit;
        this.#own[lane]![offset + i] = byte;
      }
    }
  }
}

/** The host on the AXI4-Lite port: one access after the other. */
class Host {
  readonly answers: [address: number, value: number][] = [];
  readonly #ports: Ports;
  readonly #writes: (readonly [number, number])[];
  readonly #asks: number[] = [];
  #address = false;
  #data = false;
  #response = false;
  #asking = false;
  #answer = false;

  constructor(ports: Ports, writes: SystemJob["writes"]) {
    this.#ports = ports;
    this.#writes = [...writes];
    ports.bit("s_axil_bready", true);
    ports.bit("s_axil_rready", true);
    ports.number("s_axil_wstrb", 0b1111);
  }

  get idle(): boolean {
    return this.#writes.length === 0;
  }

  ask(address: number): void {
    this.#asks.push(address);
  }

  drive(): void {
    const write = this.#writes[0];
    if (write !== undefined && !this.#response && !this.#address && !this.#data) {
      this.#address = true;
      this.#data = true;
      this.#response = true;
      this.#ports.number("s_axil_awaddr", write[0]);
      this.#ports.number("s_axil_wdata", write[1]);
    }
    this.#ports.bit("s_axil_awvalid", this.#address);
    this.#ports.bit("s_axil_wvalid", this.#data);
    const ask = this.#asks[0];
    if (ask !== undefined && !this.#asking && !this.#answer) {
      this.#asking = true;
      this.#answer = true;
      this.#ports.number("s_axil_araddr", ask);
    }
    this.#ports.bit("s_axil_arvalid", this.#asking);
  }

  /** Returns whether a write was answered. */
  observe(): boolean {
    if (this.#address && this.#ports.read("s_axil_awready") === 1) this.#address = false;
    if (this.#data && this.#ports.read("s_axil_wready") === 1) this.#data = false;
    if (this.#asking && this.#ports.read("s_axil_arready") === 1) this.#asking = false;
    if (this.#answer && this.#ports.read("s_axil_rvalid") === 1) {
      this.#answer = false;
      this.answers.push([this.#asks.shift()!, this.#ports.read("s_axil_rdata")]);
    }
    if (!this.#response || this.#ports.read("s_axil_bvalid") !== 1) return false;
    this.#response = false;
    this.#writes.shift();
    return true;
  }
}

/** Images on their way into the stream input, frame after frame without a pause. */
class Stream {
  readonly #job: SystemJob;
  readonly #ports: Ports;
  #frame = 0;
  #beat = 0;
  #shown = false;

  constructor(job: SystemJob, ports: Ports) {
    this.#job = job;
    this.#ports = ports;
  }

  drive(): void {
    const { images, streamBytes, lanes } = this.#job;
    if (images === undefined) return;
    const frame = images[this.#frame];
    this.#ports.bit("s_axis_tvalid", frame !== undefined);
    if (frame === undefined || this.#shown) return;
    invariant(streamBytes !== undefined && frame.length === lanes, "images a lane");
    const planes = new Uint32Array(8 * streamBytes * WORDS_PER_BIT);
    for (const [lane, bytes] of frame.entries())
      for (let i = 0; i < streamBytes; i++) {
        const byte = bytes[this.#beat * streamBytes + i]!;
        for (let bit = 0; bit < 8; bit++)
          if ((byte >> bit) & 1) planes[(8 * i + bit) * WORDS_PER_BIT + (lane >>> 5)]! |= 1 << (lane & 31);
      }
    this.#ports.planes("s_axis_tdata", planes);
    this.#shown = true;
  }

  observe(): void {
    const { images, streamBytes = 1 } = this.#job;
    const frame = images?.[this.#frame];
    if (frame === undefined || this.#ports.read("s_axis_tready") !== 1) return;
    this.#shown = false;
    this.#beat++;
    if (this.#beat * streamBytes < frame[0]!.length) return;
    this.#beat = 0;
    this.#frame++;
  }
}
