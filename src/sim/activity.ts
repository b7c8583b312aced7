import { distances, findData } from "./influence.js";
import {
  type Bit,
  GATE_WORDS,
  gateInputs,
  gateOutputs,
  ONE,
  type SimModule,
  type SimRam,
  type SimRegister,
} from "./ir.js";
import { topologicalOrder } from "./verify.js";

/** Bits that change together: loaded by one enable at one distance from the inputs, read by one port, or one input port. */
export type Source =
  | {
      readonly kind: "registers";
      readonly enable: Bit;
      readonly resetN: Bit;
      readonly control: boolean;
      readonly q: Bit[];
      readonly d: Bit[];
      readonly reset: number[];
    }
  | { readonly kind: "read"; readonly ram: SimRam; readonly port: number; readonly control: boolean }
  | { readonly kind: "input"; readonly name: string; readonly bits: readonly Bit[] };

/** Gates whose cones begin at the same sources, each after those that feed it. */
export type OpGroup = { readonly sources: readonly number[]; readonly gates: readonly number[] };

/** How a flat module is divided so that idle parts need no evaluation. */
export type Activity = {
  readonly sources: readonly Source[];
  /** An order in which every group comes after those that feed it. */
  readonly groups: readonly OpGroup[];
  /** Op group of each gate. */
  readonly groupOfGate: Int32Array;
  /** Source of each bit, or −1. */
  readonly sourceOfBit: Int32Array;
  /** 1 for each bit whose value may depend on the data ports. */
  readonly isData: Uint8Array;
};

/** Interned sets of source numbers with remembered unions. */
class SourceSets {
  readonly sets: (readonly number[])[] = [[]];
  readonly #ids = new Map<string, number>([["", 0]]);
  readonly #unions = new Map<number, number>();

  intern(set: readonly number[]): number {
    const key = set.join();
    let id = this.#ids.get(key);
    if (id === undefined) {
      id = this.sets.push(set) - 1;
      this.#ids.set(key, id);
    }
    return id;
  }

  union(a: number, b: number): number {
    if (a === b || b === 0) return a;
    if (a === 0) return b;
    const key = a < b ? a * 0x4000000 + b : b * 0x4000000 + a;
    let id = this.#unions.get(key);
    if (id === undefined) {
      id = this.intern([...new Set([...this.sets[a]!, ...this.sets[b]!])].sort((x, y) => x - y));
      this.#unions.set(key, id);
    }
    return id;
  }
}

function registerSources(
  registers: readonly SimRegister[],
  distance: Int32Array,
  isData: Uint8Array,
): Source[] {
  const groups = new Map<string, Extract<Source, { kind: "registers" }>>();
  for (const r of registers) {
    for (const [i, q] of r.q.entries()) {
      const control = isData[q] === 0;
      const key = `${r.enable} ${r.resetN} ${distance[q]} ${control}`;
      let group = groups.get(key);
      if (group === undefined) {
        group = { kind: "registers", enable: r.enable, resetN: r.resetN, control, q: [], d: [], reset: [] };
        groups.set(key, group);
      }
      group.q.push(q);
      group.d.push(r.d[i]!);
      group.reset.push(r.resetValue[i] === "1" ? 1 : 0);
    }
  }
  return [...groups.values()];
}

/**
 * Divide a flat module into sources and op groups. The grouping only decides what can be skipped, never a value: a gate
 * belongs to the group of exactly those sources that its cone starts from.
 *
 * @param dataPorts inputs that differ between lanes
 */
export function analyzeActivity(module: SimModule, dataPorts: readonly string[]): Activity {
  const order = topologicalOrder(module);
  const isData = findData(module, dataPorts);
  const sources: Source[] = registerSources(module.registers, distances(module), isData);
  for (const ram of module.rams) {
    for (const [port, read] of ram.reads.entries()) {
      sources.push({ kind: "read", ram, port, control: read.q.every((bit) => isData[bit] === 0) });
    }
  }
  for (const port of module.ports) {
    if (port.direction !== "input" || port.bits.includes(module.clock ?? ONE)) continue;
    sources.push({ kind: "input", name: port.name, bits: port.bits });
  }
  const sourceOfBit = new Int32Array(module.bitCount).fill(-1);
  const sets = new SourceSets();
  const setOfBit = new Int32Array(module.bitCount);
  for (const [s, source] of sources.entries()) {
    const bits =
      source.kind === "registers"
        ? source.q
        : source.kind === "read"
          ? source.ram.reads[source.port]!.q
          : source.bits;
    const set = sets.intern([s]);
    for (const bit of bits) {
      sourceOfBit[bit] = s;
      setOfBit[bit] = set;
    }
  }
  const { gates } = module;
  const members: number[][] = [];
  const setOfGate = new Int32Array(gates.length / GATE_WORDS);
  for (const g of order) {
    const at = g * GATE_WORDS;
    const code = gates[at]!;
    let set = 0;
    for (let j = 0; j < gateInputs[code]!; j++) {
      const bit = gates[at + 3 + j]!;
      set = sets.union(set, setOfBit[bit]!);
    }
    for (let j = 0; j < gateOutputs[code]!; j++) {
      setOfBit[gates[at + 1 + j]!] = set;
    }
    setOfGate[g] = set;
    const list = members[set];
    if (list === undefined) members[set] = [g];
    else list.push(g);
  }
  // A gate's set contains the sets of all gates that feed it, so ordering by size is a topological order of the groups.
  const used = sets.sets.map((_, id) => id).filter((id) => members[id] !== undefined);
  used.sort((x, y) => sets.sets[x]!.length - sets.sets[y]!.length || x - y);
  const groupOfSet = new Int32Array(sets.sets.length).fill(-1);
  const groups = used.map((id, i) => {
    groupOfSet[id] = i;
    return { sources: sets.sets[id]!, gates: members[id]! };
  });
  return { sources, groups, groupOfGate: setOfGate.map((id) => groupOfSet[id]!), sourceOfBit, isData };
}
