import type { Activity, Source } from "./activity.js";
import { type Bit, GATE_WORDS, gateCode, gateInputs, gateOutputs, ONE, type SimModule, ZERO } from "./ir.js";
import { type Run, scheduleGates } from "./schedule.js";
import { gateDrivers } from "./verify.js";

/** What a toggle is counted as. */
export const toggleClasses = [
  "fullAdders",
  "halfAdders",
  "carryBits",
  "logic",
  "registers",
  "ramReads",
  "control",
] as const;
export type ToggleClass = (typeof toggleClasses)[number];

const classOfCode: readonly ToggleClass[] = [
  "logic",
  "logic",
  "logic",
  "logic",
  "logic",
  "fullAdders",
  "halfAdders",
  "carryBits",
];
const classNumber = (name: ToggleClass): number => toggleClasses.indexOf(name);

/** The kernel's memory for one module: its size, initial words and where to find things. */
export type Layout = {
  readonly bytes: number;
  readonly words: Int32Array;
  /** Byte address of `words`. */
  readonly base: number;
  /** Byte address of the pointer table. */
  readonly table: number;
  /** Byte address of each bit's 128 lanes. */
  readonly addressOfBit: Int32Array;
  readonly toggles: number;
  readonly statistics: number;
  readonly mask: number;
  readonly groupDirty: number;
  readonly registerPending: number;
  readonly registerCount: number;
  /** A register's bit of each pair of enable and reset, for messages. */
  readonly domains: readonly Bit[];
  /** State that has no defined start value: address, number of v128, and whether all lanes must share it. */
  readonly unknown: readonly {
    readonly address: number;
    readonly count: number;
    readonly control: boolean;
  }[];
  /** Per input port the list to wake when its value changes. */
  readonly inputLists: ReadonlyMap<string, number>;
  readonly gateCount: number;
  /** Byte address of each memory's first word, each bit of it in 128 lanes; −1 for a ROM. */
  readonly memories: readonly number[];
};

const LANE_BYTES = 16;
const START = 1 << 16;

type Registers = Extract<Source, { kind: "registers" }>;

const bitsOfSource = (source: Source): readonly Bit[] => {
  if (source.kind === "registers") return source.q;
  return source.kind === "read" ? source.ram.reads[source.port]!.q : source.bits;
};

/** Words that follow one another in the kernel's memory from `base` on. */
class WordList {
  #words = new Int32Array(1 << 16);
  #count = 0;

  constructor(readonly base: number) {}

  get here(): number {
    return this.base + this.#count * 4;
  }

  push(word: number): void {
    if (this.#count === this.#words.length) {
      const grown = new Int32Array(this.#words.length * 2);
      grown.set(this.#words);
      this.#words = grown;
    }
    this.#words[this.#count++] = word;
  }

  /** Append words; returns their address. */
  list(words: Iterable<number>): number {
    const at = this.here;
    for (const word of words) this.push(word);
    return at;
  }

  words(): Int32Array {
    return this.#words.subarray(0, this.#count);
  }
}

/** Which registers must look again when an op group was evaluated or a source changed: register numbers per op group and per source. */
function findFeeds(module: SimModule, activity: Activity, numbers: ReadonlyMap<Source, number>) {
  const drivers = gateDrivers(module);
  const ofGroup = activity.groups.map(() => new Set<number>());
  const ofSource = activity.sources.map(() => new Set<number>());
  for (const [source, number] of numbers) {
    if (source.kind !== "registers") continue;
    for (const bit of source.d) {
      const g = drivers[bit]!;
      const from = activity.sourceOfBit[bit]!;
      if (g >= 0) ofGroup[activity.groupOfGate[g]!]!.add(number);
      else if (from >= 0) ofSource[from]!.add(number);
    }
  }
  return { ofGroup, ofSource };
}

/** Bits of a ROM's word, 32 a word of memory. */
function packWord(bits: string): number[] {
  return Array.from({ length: Math.ceil(bits.length / 32) }, (_, i) => {
    let word = 0;
    for (const [j, bit] of [...bits.slice(i * 32, i * 32 + 32)].entries()) if (bit === "1") word |= 1 << j;
    return word;
  });
}

/** Lay a module out for the kernel: values first, then the tapes and tables that refer to them. */
export function layOut(module: SimModule, activity: Activity): Layout {
  const { sources, groups } = activity;
  const { gates } = module;
  let cursor = START;
  const take = (count: number): number => {
    const at = cursor;
    cursor += count * LANE_BYTES;
    return at;
  };
  const addressOfBit = new Int32Array(module.bitCount);
  addressOfBit[ZERO] = take(1);
  addressOfBit[ONE] = take(1);
  const mask = take(1);
  const unknown: { address: number; count: number; control: boolean }[] = [];
  // Bits that an edge changes: who copies one at the same edge must do so before.
  const isState = new Uint8Array(module.bitCount);
  const stagedFirst = (source: Registers): number[] => {
    const order = [...source.d.keys()];
    return [
      ...order.filter((i) => isState[source.d[i]!] === 1),
      ...order.filter((i) => isState[source.d[i]!] === 0),
    ];
  };
  for (const source of sources) {
    if (source.kind !== "input") for (const bit of bitsOfSource(source)) isState[bit] = 1;
  }
  const orders = new Map<Source, readonly number[]>();
  const bases = sources.map((source) => {
    const bits = bitsOfSource(source);
    const order = source.kind === "registers" ? stagedFirst(source) : [...bits.keys()];
    orders.set(source, order);
    const base = take(bits.length);
    for (const [at, i] of order.entries()) addressOfBit[bits[i]!] = base + at * LANE_BYTES;
    if (source.kind !== "input") unknown.push({ address: base, count: bits.length, control: source.control });
    return base;
  });
  const schedule = scheduleGates(module, activity);
  for (const { code, gates: list } of schedule.flat()) {
    const outputs = gateOutputs[code]!;
    for (const g of list) {
      const base = take(outputs);
      for (let j = 0; j < outputs; j++) addressOfBit[gates[g * GATE_WORDS + 1 + j]!] = base + j * LANE_BYTES;
    }
  }
  // A memory has one word of zeros more, for addresses beyond its end.
  const ramBases = module.rams.map((ram) => {
    if (ram.contents !== null) return -1;
    const address = take((ram.depth + 1) * ram.width);
    const control = ram.reads.every(({ q }) => q.every((bit) => activity.isData[bit] === 0));
    unknown.push({ address, count: ram.depth * ram.width, control });
    return address;
  });
  const staging = sources.map((source) => take(source.kind === "input" ? 0 : bitsOfSource(source).length));

  const memory = new WordList(cursor);
  const pointers = (bits: readonly Bit[]): number => memory.list(bits.map((bit) => addressOfBit[bit]!));
  const writeRun = ({ code, isData, gates: list }: Run): void => {
    const opcode = code === gateCode.carryBit ? gateCode.fullAdder : code;
    const first = addressOfBit[gates[list[0]! * GATE_WORDS + 1]!]!;
    memory.list([opcode, list.length, first, classNumber(isData ? classOfCode[code]! : "control")]);
    for (const g of list) {
      for (let j = 0; j < gateInputs[code]!; j++) memory.push(addressOfBit[gates[g * GATE_WORDS + 3 + j]!]!);
    }
  };
  const tapes = schedule.map((runs) => {
    const at = memory.here;
    for (const run of runs) writeRun(run);
    memory.push(-1);
    return at;
  });

  // Registers of one enable and reset follow one another.
  const domains = new Map<string, Registers[]>();
  for (const source of sources) {
    if (source.kind !== "registers") continue;
    const key = `${source.enable} ${source.resetN}`;
    const known = domains.get(key);
    if (known === undefined) domains.set(key, [source]);
    else known.push(source);
  }
  const registers = [...domains.values()].flat();
  const numbers = new Map<Source, number>(registers.map((source, i) => [source, i]));
  const indexOf = new Map<Source, number>(sources.map((source, s) => [source, s]));
  const feeds = findFeeds(module, activity, numbers);
  const sourceGroups = sources.map((): number[] => []);
  for (const [g, group] of groups.entries()) for (const s of group.sources) sourceGroups[s]!.push(g);
  const fanouts = feeds.ofGroup.map((list) => memory.list([...list, -1]));
  const wakeLists = sources.map((_, s) => memory.list([...sourceGroups[s]!, -1, ...feeds.ofSource[s]!, -1]));

  const registerRecords = registers.flatMap((source) => {
    const s = indexOf.get(source)!;
    const order = orders.get(source)!;
    const d = pointers(order.map((i) => source.d[i]!));
    const reset = memory.list(order.map((i) => addressOfBit[source.reset[i] === 1 ? ONE : ZERO]!));
    const staged = source.d.filter((bit) => isState[bit] === 1).length;
    const kind = classNumber(source.control ? "control" : "registers");
    return [bases[s]!, staging[s]!, d, reset, source.q.length, staged, wakeLists[s]!, kind];
  });
  const domainRecords = [...domains.values()].flatMap((list) => {
    const { enable, resetN } = list[0]!;
    const bits = list.reduce((sum, { q }) => sum + q.length, 0);
    return [addressOfBit[enable]!, addressOfBit[resetN]!, bits, list.length];
  });
  const ramRecords: number[] = [];
  let readCount = 0;
  for (const [m, ram] of module.rams.entries()) {
    const writes = ram.writes.flatMap((w) => [
      addressOfBit[w.enable]!,
      pointers(w.address),
      w.address.length,
      pointers(w.data),
    ]);
    const reads = ram.reads.flatMap((read, port) => {
      const s = sources.findIndex((x) => x.kind === "read" && x.ram === ram && x.port === port);
      const control = [addressOfBit[read.enable]!, pointers(read.address), read.address.length];
      return [...control, bases[s]!, staging[s]!, wakeLists[s]!, classNumber("ramReads")];
    });
    readCount += ram.reads.length;
    const { contents, depth, width } = ram;
    const packed = contents === null ? 0 : 1;
    const stride = packed === 1 ? Math.ceil(width / 32) * 4 : width * LANE_BYTES;
    const zeros = contents === null ? [] : packWord("0".repeat(width));
    const words = contents === null ? ramBases[m]! : memory.list([...contents.flatMap(packWord), ...zeros]);
    const writeList = memory.list(writes);
    const readList = memory.list(reads);
    ramRecords.push(words, depth, width, stride, packed);
    ramRecords.push(writeList, ram.writes.length, readList, ram.reads.length);
  }
  const groupTapes = memory.list(tapes);
  const groupFanouts = memory.list(fanouts);
  const registerTable = memory.list(registerRecords);
  const domainTable = memory.list(domainRecords);
  const rams = memory.list(ramRecords);

  cursor = memory.here + 96;
  const reserve = (bytes: number): number => {
    const at = (cursor + 15) & ~15;
    cursor = at + bytes;
    return at;
  };
  const groupDirty = reserve(groups.length + 8);
  const registerPending = reserve(registers.length);
  const loading = reserve(registers.length * 8);
  const readFrom = reserve(readCount * 4);
  const readLast = reserve(readCount * 4);
  const toggles = reserve(toggleClasses.length * 8);
  const statistics = reserve(24);
  const table = memory.list([
    groups.length,
    groupTapes,
    groupDirty,
    groupFanouts,
    domains.size,
    domainTable,
    registerTable,
    registerPending,
    loading,
    module.rams.length,
    rams,
    readFrom,
    readLast,
    toggles,
    statistics,
    mask,
  ]);
  const inputLists = new Map(
    sources.flatMap((source, s) => (source.kind === "input" ? [[source.name, wakeLists[s]!] as const] : [])),
  );
  return {
    bytes: cursor,
    words: memory.words(),
    base: memory.base,
    table,
    addressOfBit,
    toggles,
    statistics,
    mask,
    groupDirty,
    registerPending,
    registerCount: registers.length,
    domains: [...domains.values()].map(([first]) => first!.q[0]!),
    unknown,
    inputLists,
    gateCount: gates.length / GATE_WORDS,
    memories: ramBases,
  };
}
