import type { Rng } from "../../core/index.js";
import { WORDS_PER_BIT } from "../simulator.js";
import { OfferedChannel, type Pauses, type Ports } from "./lanes.js";
import type { LaneMemory } from "./storage.js";

/** How the memory behind an AXI4 port behaves. */
export type MemoryTiming = {
  /** Cycles from the taking of an address to that of the first beat, and from the last beat written to its response; 1 or more. */
  readonly latencyCycles: number;
  /** Bytes a cycle of reads and writes together, in steps of 1/16; default a beat a cycle each way. */
  readonly bytesPerCycle?: number;
};

/** An address that does not answer OKAY. */
export type MemoryFault = {
  readonly kind: "read" | "write";
  /** Byte: of a beat that is read, or anywhere in a burst that is written. */
  readonly address: number;
  /** RRESP of that beat, or BRESP of that burst. */
  readonly response: "slaveError" | "decodeError";
};

/** What has happened at the port. */
export type MemoryEvents = {
  /** A beat is being written, with its byte address. */
  readonly onWrite?: (address: number) => void;
  /** The response of a burst is taken; its first address. */
  readonly onResponse?: (address: number) => void;
};

/** Bursts that may wait for their end, each way. */
const OUTSTANDING = 64;
/** Beats of data that may come before their address. */
const AHEAD = 64;
const PAGE = 4096;
const INCR = 1;
/** RRESP and BRESP (ARM IHI 0022, table A3-4). */
const OKAY = 0;
const RESPONSES = { slaveError: 2, decodeError: 3 } as const satisfies Record<
  MemoryFault["response"],
  number
>;

type Read = { readonly id: number; address: number; left: number; readonly cycle: number };
type Write = { readonly id: number; readonly first: number; address: number; left: number; cycle: number };
type Data = { readonly planes: Uint32Array; readonly strobe: Uint8Array; readonly last: boolean };

/**
 * The slave of an AXI4 port `m_axi_…`, in the cycles that `axi_memory.sv` of the engine's testbench takes with `+stall=0`: bursts are answered in the order
 * of their addresses. Checks what the master does. Call {@link drive} before the module settles, {@link observe} after.
 */
export class AxiMemory {
  readonly #ports: Ports;
  readonly #memory: LaneMemory;
  readonly #timing: MemoryTiming;
  readonly #pauses: Pauses | null;
  readonly #events: MemoryEvents;
  readonly #faults: readonly MemoryFault[];
  readonly #fail: (message: string) => never;
  readonly #beatBytes: number;
  readonly #channels: Readonly<Record<"ar" | "aw" | "w", OfferedChannel>>;
  readonly #reads: Read[] = [];
  readonly #writes: Write[] = [];
  readonly #answers: Write[] = [];
  readonly #data: Data[] = [];
  #now = 0;
  #credit = 0;
  #reading: Read | null = null;
  #answering: Write | null = null;
  #ready = { ar: false, aw: false, w: false };
  #taken = { r: false, b: false };
  /** Handshakes so far. */
  moves = 0;

  constructor(
    ports: Ports,
    memory: LaneMemory,
    options: {
      readonly beatBytes: number;
      readonly timing: MemoryTiming;
      readonly pauses: Pauses | null;
      readonly events: MemoryEvents;
      readonly faults: readonly MemoryFault[];
      readonly fail: (message: string) => never;
    },
  ) {
    this.#ports = ports;
    this.#memory = memory;
    this.#timing = options.timing;
    this.#pauses = options.pauses;
    this.#events = options.events;
    this.#faults = options.faults;
    this.#fail = options.fail;
    this.#beatBytes = options.beatBytes;
    const address = ["addr", "len", "size", "burst", "id", "cache", "prot"];
    const channel = (name: string, payload: readonly string[]): OfferedChannel =>
      new OfferedChannel(ports, `m_axi_${name}`, payload, options.fail);
    this.#channels = {
      ar: channel("ar", address),
      aw: channel("aw", address),
      w: channel("w", ["data", "strb", "last"]),
    };
    for (const name of [
      "arready",
      "rvalid",
      "rlast",
      "rid",
      "rresp",
      "awready",
      "wready",
      "bvalid",
      "bid",
      "bresp",
    ])
      ports.drive(`m_axi_${name}`, 0);
    ports.simulator.setWord("m_axi_rdata", new Uint32Array(8 * this.#beatBytes * WORDS_PER_BIT));
  }

  /** Whether the master has got all that it asked for. */
  get idle(): boolean {
    return this.#reads.length + this.#writes.length + this.#answers.length + this.#data.length === 0;
  }

  /** What waits, for messages. */
  get state(): string {
    const writes = this.#writes.length + this.#answers.length;
    return `${this.#reads.length} reads and ${writes} writes wait, ${this.#data.length} beats of data are without address`;
  }

  /** Show what the memory offers in this cycle. */
  drive(): void {
    this.#now++;
    if (this.#taken.r && this.#reading !== null) {
      if (this.#reading.left === 0) this.#reads.splice(this.#reads.indexOf(this.#reading), 1);
      this.#reading = null;
    }
    if (this.#taken.b) {
      this.#answers.shift();
      this.#answering = null;
    }
    this.#writeBeats();
    const { bytesPerCycle } = this.#timing;
    const beat = 16 * this.#beatBytes;
    if (bytesPerCycle === undefined) this.#credit = beat * 2;
    else this.#credit = Math.min(2 * beat, this.#credit + Math.round(16 * bytesPerCycle));
    this.#ready.ar = this.#moves() && this.#reads.length < OUTSTANDING;
    this.#ready.aw = this.#moves() && this.#writes.length + this.#answers.length < OUTSTANDING;
    this.#driveRead(beat);
    this.#ready.w = this.#moves() && this.#data.length < AHEAD && this.#credit >= beat;
    const [first] = this.#answers;
    if (this.#answering === null && first !== undefined && first.cycle <= this.#now + 1 && this.#moves()) {
      this.#answering = first;
      this.#ports.drive("m_axi_bid", first.id);
      this.#ports.drive("m_axi_bresp", this.#response("write", first.first, first.address));
    }
    this.#ports.drive("m_axi_bvalid", this.#answering === null ? 0 : 1);
    for (const name of ["ar", "aw", "w"] as const)
      this.#ports.drive(`m_axi_${name}ready`, this.#ready[name] ? 1 : 0);
  }

  /** Take what the settled module offers. */
  observe(): void {
    const ports = this.#ports;
    this.#taken.r = this.#reading !== null && ports.bit("m_axi_rready");
    this.#taken.b = this.#answering !== null && ports.bit("m_axi_bready");
    if (this.#taken.b) this.#events.onResponse?.(this.#answering!.first);
    const due = this.#now + this.#timing.latencyCycles;
    const { ar, aw, w } = this.#ready;
    if (this.#channels.ar.observe(ar) && ar) {
      const { id, address, beats } = this.#burst("ar");
      this.#reads.push({ id, address, left: beats, cycle: due + 1 });
      this.moves++;
    }
    if (this.#channels.aw.observe(aw) && aw) {
      const { id, address, beats } = this.#burst("aw");
      this.#writes.push({ id, first: address, address, left: beats, cycle: 0 });
      this.moves++;
    }
    if (this.#channels.w.observe(w) && w) {
      const planes = ports.simulator.readWord("m_axi_wdata");
      this.#data.push({ planes, strobe: ports.bits("m_axi_wstrb"), last: ports.bit("m_axi_wlast") });
      if (this.#timing.bytesPerCycle !== undefined) this.#credit -= 16 * this.#beatBytes;
      this.moves++;
    }
    this.moves += (this.#taken.r ? 1 : 0) + (this.#taken.b ? 1 : 0);
  }

  /** The response to an access of bytes from `from` up to `to`. */
  #response(kind: MemoryFault["kind"], from: number, to: number): number {
    const fault = this.#faults.find((one) => one.kind === kind && one.address >= from && one.address < to);
    return fault === undefined ? OKAY : RESPONSES[fault.response];
  }

  #moves(): boolean {
    return this.#pauses === null || this.#pauses.rng.next() >= this.#pauses.stall;
  }

  #driveRead(beat: number): void {
    const next = this.#pauses === null ? this.#reads[0] : this.#anyRead(this.#pauses.rng);
    const due = next !== undefined && next.cycle <= this.#now + 1 && this.#credit >= beat;
    if (this.#reading === null && due && this.#moves()) {
      this.#reading = next;
      this.#ports.simulator.setWord("m_axi_rdata", this.#memory.read(next.address));
      const response = this.#response("read", next.address, next.address + this.#beatBytes);
      this.#ports.drive("m_axi_rresp", response);
      next.address += this.#beatBytes;
      next.left--;
      this.#ports.drive("m_axi_rid", next.id);
      this.#ports.drive("m_axi_rlast", next.left === 0 ? 1 : 0);
      if (this.#timing.bytesPerCycle !== undefined) this.#credit -= beat;
    }
    this.#ports.drive("m_axi_rvalid", this.#reading === null ? 0 : 1);
  }

  /** The oldest burst of an id, chosen at random: beats of ids are interleaved. */
  #anyRead(rng: Rng): Read | undefined {
    const oldest = this.#reads.filter((read, i) => this.#reads.findIndex(({ id }) => id === read.id) === i);
    return oldest.length === 0 ? undefined : oldest[rng.integer(oldest.length)];
  }

  /** Write data whose address is there. */
  #writeBeats(): void {
    for (let [write] = this.#writes; write !== undefined; [write] = this.#writes) {
      const beat = this.#data.shift();
      if (beat === undefined) return;
      this.#memory.write(write.address, beat.planes, beat.strobe);
      this.#events.onWrite?.(write.address);
      write.address += this.#beatBytes;
      write.left--;
      if (beat.last !== (write.left === 0))
        this.#fail(
          `m_axi_wlast ${beat.last ? "came early" : "is missing"}, ${write.left} beats before the end`,
        );
      if (!beat.last) continue;
      write.cycle = this.#now + this.#timing.latencyCycles;
      this.#writes.shift();
      this.#answers.push(write);
    }
  }

  #burst(channel: "ar" | "aw"): { readonly id: number; readonly address: number; readonly beats: number } {
    const read = (name: string): number => this.#ports.number(`m_axi_${channel}${name}`);
    const [address, beats] = [read("addr"), read("len") + 1];
    const what = `${beats} beats at 0x${address.toString(16)} (m_axi_${channel})`;
    if (read("burst") !== INCR) this.#fail(`${what}: the burst is not incrementing`);
    if (2 ** read("size") !== this.#beatBytes) this.#fail(`${what}: a beat is not the port's width`);
    if (address % this.#beatBytes !== 0) this.#fail(`${what}: the address is not aligned`);
    if ((address % PAGE) + beats * this.#beatBytes > PAGE) this.#fail(`${what}: the burst crosses 4 KB`);
    return { id: read("id"), address, beats };
  }
}
