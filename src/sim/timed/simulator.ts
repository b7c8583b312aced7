import { growMemory, instantiateKernel, invariant, type WasmMemory } from "../../core/index.js";
import type { TimedMemory, TimedNet, TimedNetlist } from "./ir.js";
import { tableBit } from "./ir.js";
import { layOutTimed } from "./layout.js";

type Kernel = {
  readonly memory: WasmMemory;
  configure(table: number): void;
  drive(net: number, target: number, delay: number): void;
  clock(): void;
  run(): number;
  eventCount(): number;
  filteredCount(): number;
};

/** Transitions of every net, by net number, since they were last taken. */
export type TransitionCounts = {
  readonly rises: Uint32Array;
  readonly falls: Uint32Array;
  /** Cycles in which the net ended at another value than it began: what a simulation without delays counts. */
  readonly settled: Uint32Array;
};

/** Words of a memory, one value (0 or 1) a bit: word · width + bit. */
export type MemoryWords = Uint8Array;

/** A timed netlist while it runs. */
export type TimedSimulator = {
  readonly netlist: TimedNetlist;
  /** Settled value of each net; writing to it is the caller's business until {@link TimedSimulator.restore}. */
  readonly values: Uint8Array;
  /**
   * Begin in a settled state.
   *
   * @param values one value (0 or 1) a net
   * @param memories words of each memory, in the netlist's order; ROMs need none
   */
  restore(values: ArrayLike<number>, memories: readonly (MemoryWords | null)[]): void;
  /**
   * One clock cycle: flip-flops and memories take what they see, then the given inputs change, then events run until nothing is pending.
   *
   * @param inputs new values of input nets
   * @returns time of the last change, in ps after the clock edge
   */
  cycle(inputs: readonly (readonly [net: TimedNet, value: number])[]): number;
  /** Copy the transition counts and set them to zero. */
  takeCounts(): TransitionCounts;
  /** Transitions so far, and pulses shorter than a cell's delay that were filtered. */
  readonly events: number;
  readonly filtered: number;
};

const addressOf = (values: Uint8Array, address: readonly TimedNet[]): number =>
  address.reduce((sum, net, i) => sum + values[net]! * 2 ** i, 0);

/** Behaviour of one memory. */
class Memory {
  readonly #memory: TimedMemory;
  readonly words: MemoryWords;

  constructor(memory: TimedMemory) {
    this.#memory = memory;
    this.words = new Uint8Array(memory.depth * memory.width);
    for (const [i, word] of (memory.contents ?? []).entries())
      for (let b = 0; b < memory.width; b++) this.words[i * memory.width + b] = word[b] === "1" ? 1 : 0;
  }

  load(words: MemoryWords): void {
    invariant(words.length === this.words.length, `words of ${this.#memory.name}`);
    this.words.set(words);
  }

  /** Clock edge: reads see the words as they were before. */
  edge(values: Uint8Array, drive: (net: TimedNet, value: number, delay: number) => void): void {
    const { depth, width, reads, writes, accessPs } = this.#memory;
    for (const { enable, address, q } of reads) {
      if (values[enable] === 0) continue;
      const at = addressOf(values, address);
      for (const [b, net] of q.entries()) drive(net, at < depth ? this.words[at * width + b]! : 0, accessPs);
    }
    for (const { enable, address, data } of writes) {
      const at = addressOf(values, address);
      if (values[enable] === 0 || at >= depth) continue;
      for (const [b, net] of data.entries()) this.words[at * width + b] = values[net]!;
    }
  }
}

/**
 * Prepare a timed netlist. Delays are inertial: a cell's output has at most one change pending; when its inputs call for the present value
 * again before that change happens, the change is withdrawn, so a pulse shorter than the delay never appears. A cell that sees several inputs
 * change at one time is looked at once, and the fastest of those inputs decides the delay.
 */
export function createTimedSimulator(netlist: TimedNetlist): TimedSimulator {
  const layout = layOutTimed(netlist);
  const kernel = instantiateKernel<Kernel>("timed");
  growMemory(kernel.memory, layout.bytes + 64);
  const { buffer } = kernel.memory;
  layout.write(buffer);
  kernel.configure(layout.table);
  const { netCount, cells, types, inputDelayPs } = netlist;
  const values = new Uint8Array(buffer, layout.value, netCount);
  const states = new Uint8Array(buffer, layout.cellState, cells.length);
  const counter = (at: number): Uint32Array => new Uint32Array(buffer, at, netCount);
  const counters = {
    rises: counter(layout.rises),
    falls: counter(layout.falls),
    settled: counter(layout.settled),
  };
  const memories = netlist.memories.map((memory) => new Memory(memory));
  const drive = (net: TimedNet, value: number, delay: number): void => kernel.drive(net, value, delay);
  return {
    netlist,
    values,
    restore: (settled, contents) => {
      invariant(settled.length === netCount, "one value a net");
      values.set(settled);
      values[0] = 0;
      values[1] = 1;
      for (const [i, memory] of memories.entries()) {
        const words = contents[i];
        if (words !== null && words !== undefined) memory.load(words);
      }
      for (const [c, cell] of cells.entries()) {
        let state = 0;
        for (const [pin, net] of cell.inputs.entries()) state |= values[net]! << pin;
        states[c] = state;
        for (const [o, net] of cell.outputs.entries()) {
          if (net === null) continue;
          const { table } = types[cell.type]!.outputs[o]!;
          invariant(tableBit(table, state) === values[net], `cell ${c} of ${netlist.name} is not settled`);
        }
      }
      for (const list of Object.values(counters)) list.fill(0);
    },
    cycle: (inputs) => {
      // The edge's own delays are 1 ps or more, so nothing that it reads changes while it reads.
      kernel.clock();
      for (const memory of memories) memory.edge(values, drive);
      for (const [net, value] of inputs) drive(net, value, inputDelayPs);
      return kernel.run();
    },
    takeCounts: () => {
      const { rises, falls, settled } = counters;
      const copy = { rises: rises.slice(), falls: falls.slice(), settled: settled.slice() };
      for (const list of Object.values(counters)) list.fill(0);
      return copy;
    },
    get events() {
      return kernel.eventCount();
    },
    get filtered() {
      return kernel.filteredCount();
    },
  };
}
