import {
  CheckFailedError,
  growMemory,
  instantiateKernel,
  invariant,
  type Rng,
  type WasmMemory,
} from "../core/index.js";
import { analyzeActivity } from "./activity.js";
import { type Bit, bitName, type SimModule } from "./ir.js";
import { makeDataLaneWise } from "./lane-wise.js";
import { layOut, type ToggleClass, toggleClasses } from "./layout.js";

/** Lanes of the kernel: bits of a v128. */
export const LANES = 128;
/** 32-bit words that hold one bit of all lanes. */
export const WORDS_PER_BIT = LANES / 32;

/** Counts over the active lanes since the simulator was made. Values count once a cycle, when settled. */
export type ToggleCounts = Readonly<Record<ToggleClass, number>> & {
  /** Register bits loaded (clocked while enabled), of one lane. */
  readonly registerBitLoads: number;
  /** Memory bits read and written, of one lane. */
  readonly ramReadBits: number;
  readonly ramWriteBits: number;
};

export type SimulatorOptions = {
  /** Lanes in use, 1 … 128; only these must agree on control and only these are counted. */
  readonly lanes?: number;
  /** Inputs that may differ between lanes; default those named `…tdata`. */
  readonly dataPorts?: readonly string[];
  /** Fills registers and memories with random bits at the start (control alike in all lanes); without it they start at 0. */
  readonly randomStart?: Rng;
  /** Count toggles; slower by about half. */
  readonly countToggles?: boolean;
};

/** One image a lane, cycle by cycle: set inputs, {@link settle}, read outputs, {@link tick}. */
export type Simulator = {
  readonly module: SimModule;
  readonly lanes: number;
  /** Gates evaluated in a cycle in which everything changes. */
  readonly gateCount: number;
  /** Data inputs as {@link WORDS_PER_BIT} words a bit, least significant bit first, lane i in bit i % 32 of word ⌊i/32⌋. */
  setWord(port: string, planes: Uint32Array): void;
  /** Drive a one-bit input alike in all lanes. */
  setBit(port: string, value: boolean): void;
  /** Evaluate what changed. */
  settle(): void;
  /** Read a port's settled value in the format of {@link setWord}, as a copy. */
  readWord(port: string): Uint32Array;
  /** Read one bit that all active lanes must agree on. */
  readBit(port: string): boolean;
  /** Read bits of the module by number, in the format of {@link setWord}. */
  readBits(bits: readonly Bit[]): Uint32Array;
  /** Read the settled value (0 or 1) of the first bits of the module in one lane, by number. */
  readLane(lane: number, count: number): Uint8Array;
  /** Read a memory's words in one lane: word · width + bit; `null` for a ROM. */
  readMemory(index: number, lane: number): Uint8Array | null;
  /** Apply a rising clock edge. */
  tick(): void;
  /** Clock edges so far. */
  readonly cycles: number;
  toggles(): ToggleCounts;
};

type Kernel = {
  readonly memory: WasmMemory;
  configure(table: number): void;
  fault(): number;
  settle(counting: number): void;
  tick(counting: number): number;
  wakeSource(list: number): void;
};

/**
 * Prepare a flat module for simulation (see `flatten`).
 *
 * The simulator reports FX6010 when a register's enable or reset, a memory's enable or address, or a bit read by `readBit`
 * differs between active lanes: control must not depend on data.
 */
export function createSimulator(source: SimModule, options: SimulatorOptions = {}): Simulator {
  const { lanes = LANES, randomStart, countToggles = false } = options;
  invariant(lanes >= 1 && lanes <= LANES, `${lanes} lanes`);
  invariant(source.instances.length === 0, `${source.name} is not flat`);
  const dataPorts =
    options.dataPorts ??
    source.ports.filter((p) => p.direction === "input" && p.name.endsWith("tdata")).map((p) => p.name);
  const module = makeDataLaneWise(source, dataPorts);
  const activity = analyzeActivity(module, dataPorts);
  const layout = layOut(module, activity);
  const kernel = instantiateKernel<Kernel>("sim");
  growMemory(kernel.memory, layout.bytes + 64);
  const bytes = new Uint8Array(kernel.memory.buffer);
  const words = new Uint32Array(kernel.memory.buffer, 0, kernel.memory.buffer.byteLength >>> 2);
  const view = new DataView(kernel.memory.buffer);
  words.set(new Uint32Array(layout.words.buffer, 0, layout.words.length), layout.base >>> 2);
  const oneAt = layout.addressOfBit[1]! >>> 2;
  words.fill(0xffffffff, oneAt, oneAt + WORDS_PER_BIT);
  const laneMask = Uint32Array.from({ length: WORDS_PER_BIT }, (_, i) => {
    const used = Math.min(Math.max(lanes - i * 32, 0), 32);
    return used === 32 ? 0xffffffff : 2 ** used - 1;
  });
  words.set(laneMask, layout.mask >>> 2);
  if (randomStart !== undefined) {
    for (const { address, count, control } of layout.unknown) {
      const from = address >>> 2;
      for (let i = 0; i < count * WORDS_PER_BIT; i++) {
        if (!control) words[from + i] = randomStart.integer(2 ** 32);
        else if (i % WORDS_PER_BIT === 0) {
          words.fill(randomStart.integer(2) === 1 ? 0xffffffff : 0, from + i, from + i + WORDS_PER_BIT);
        }
      }
    }
  }
  kernel.configure(layout.table);
  bytes.fill(1, layout.groupDirty, layout.groupDirty + activity.groups.length);
  bytes.fill(1, layout.registerPending, layout.registerPending + layout.registerCount);
  const counting = countToggles ? 1 : 0;
  let cycles = 0;
  const ports = new Map(module.ports.map((port) => [port.name, port]));
  const bitsOf = (name: string, direction: "input" | "output"): readonly Bit[] => {
    const port = ports.get(name);
    if (port?.direction === direction) return port.bits;
    throw new CheckFailedError("FX6011", `no ${direction} port ${name}`, { place: module.name });
  };
  const drive = (name: string, planeWord: (i: number, w: number) => number): void => {
    let changed = false;
    for (const [i, bit] of bitsOf(name, "input").entries()) {
      const at = layout.addressOfBit[bit]! >>> 2;
      for (let w = 0; w < WORDS_PER_BIT; w++) {
        const value = planeWord(i, w);
        if (words[at + w] !== value) {
          words[at + w] = value;
          changed = true;
        }
      }
    }
    if (changed) kernel.wakeSource(layout.inputLists.get(name)!);
  };
  const readBits = (bits: readonly Bit[]): Uint32Array => {
    const planes = new Uint32Array(bits.length * WORDS_PER_BIT);
    for (const [i, bit] of bits.entries()) {
      const at = layout.addressOfBit[bit]! >>> 2;
      for (let w = 0; w < WORDS_PER_BIT; w++) planes[i * WORDS_PER_BIT + w] = words[at + w]!;
    }
    return planes;
  };
  const disagree = (what: string): never => {
    throw new CheckFailedError("FX6010", `${what} differs between images in cycle ${cycles}`, {
      place: module.name,
      hint: "control must not depend on pixel values",
    });
  };
  return {
    module,
    lanes,
    gateCount: layout.gateCount,
    setWord: (name, planes) => {
      invariant(planes.length === bitsOf(name, "input").length * WORDS_PER_BIT, `width of ${name}`);
      drive(name, (i, w) => planes[i * WORDS_PER_BIT + w]!);
    },
    setBit: (name, value) => drive(name, () => (value ? 0xffffffff : 0)),
    settle: () => kernel.settle(counting),
    readBits,
    readLane: (lane, count) => {
      const [word, shift] = [lane >>> 5, lane & 31];
      return Uint8Array.from(
        { length: count },
        (_, bit) => (words[(layout.addressOfBit[bit]! >>> 2) + word]! >>> shift) & 1,
      );
    },
    readMemory: (index, lane) => {
      const at = layout.memories[index]!;
      if (at < 0) return null;
      const { depth, width } = module.rams[index]!;
      const [from, shift] = [(at >>> 2) + (lane >>> 5), lane & 31];
      return Uint8Array.from(
        { length: depth * width },
        (_, i) => (words[from + i * WORDS_PER_BIT]! >>> shift) & 1,
      );
    },
    readWord: (name) => readBits(bitsOf(name, "output")),
    readBit: (name) => {
      const plane = readBits(bitsOf(name, "output").slice(0, 1));
      if (plane.every((word, w) => (word & laneMask[w]!) === 0)) return false;
      if (plane.every((word, w) => (~word & laneMask[w]!) === 0)) return true;
      return disagree(name);
    },
    tick: () => {
      const status = kernel.tick(counting);
      if (status === 1) {
        disagree(`enable or reset of register ${bitName(module, layout.domains[kernel.fault()]!)}`);
      }
      if (status > 1)
        disagree(`${status === 2 ? "enable" : "address"} of memory ${module.rams[kernel.fault()]!.name}`);
      cycles++;
    },
    get cycles() {
      return cycles;
    },
    toggles: () => {
      const at = (base: number, i: number): number => Number(view.getBigInt64(base + i * 8, true));
      const counts = Object.fromEntries(toggleClasses.map((name, i) => [name, at(layout.toggles, i)]));
      return {
        ...(counts as Record<ToggleClass, number>),
        registerBitLoads: at(layout.statistics, 0),
        ramReadBits: at(layout.statistics, 1),
        ramWriteBits: at(layout.statistics, 2),
      };
    },
  };
}
