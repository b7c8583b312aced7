import type { Activity } from "./activity.js";
import { type Bit, GATE_WORDS, gateCode, gateInputs, gateOutputs, ONE, type SimModule, ZERO } from "./ir.js";
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
  /** State that has no defined start value: address, number of v128, and whether all lanes must share it. */
  readonly unknown: readonly {
    readonly address: number;
    readonly count: number;
    readonly control: boolean;
  }[];
  /** Memories of constants: their address and words, least significant bit first. */
  readonly roms: readonly { readonly address: number; readonly contents: readonly string[] }[];
  /** Per input port the list to wake when its value changes. */
  readonly inputLists: ReadonlyMap<string, number>;
  readonly gateCount: number;
};

const LANE_BYTES = 16;
const START = 1 << 16;

/** Lay a module out for the kernel: values first, then the tapes and tables that refer to them. */
export function layOut(module: SimModule, activity: Activity): Layout {
  const { sources, groups } = activity;
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
  const sourceBase: number[] = [];
  const nextBase: number[] = [];
  for (const source of sources) {
    const bits =
      source.kind === "registers"
        ? source.q
        : source.kind === "read"
          ? source.ram.reads[source.port]!.q
          : source.bits;
    const base = take(bits.length);
    sourceBase.push(base);
    for (const [i, bit] of bits.entries()) addressOfBit[bit] = base + i * LANE_BYTES;
    nextBase.push(source.kind === "input" ? 0 : take(bits.length));
    if (source.kind !== "input") {
      unknown.push({ address: base, count: bits.length, control: source.control });
    }
  }
  // Gates of a group by level, kind and toggle class, so that long runs need one header.
  const { gates } = module;
  const sorted = groups.map(({ gates: list }) => {
    const key = (g: number): number => {
      const code = gates[g * GATE_WORDS]!;
      return activity.level[g]! * 64 + code * 2 + activity.isData[gates[g * GATE_WORDS + 1]!]!;
    };
    const keys = new Map(list.map((g) => [g, key(g)]));
    return [...list].sort((x, y) => keys.get(x)! - keys.get(y)! || x - y);
  });
  for (const list of sorted) {
    for (const g of list) {
      const count = gateOutputs[gates[g * GATE_WORDS]!]!;
      const base = take(count);
      for (let j = 0; j < count; j++) addressOfBit[gates[g * GATE_WORDS + 1 + j]!] = base + j * LANE_BYTES;
    }
  }
  const roms: { address: number; contents: readonly string[] }[] = [];
  const ramBase = module.rams.map((ram) => {
    const address = take(ram.depth * ram.width);
    if (ram.contents !== null) {
      roms.push({ address, contents: ram.contents });
      return address;
    }
    const control = ram.reads.every(({ q }) => q.every((bit) => activity.isData[bit] === 0));
    unknown.push({ address, count: ram.depth * ram.width, control });
    return address;
  });

  const base = cursor;
  const words: number[] = [];
  const here = (): number => base + words.length * 4;
  const list = (values: readonly number[]): number => {
    const at = here();
    for (const value of values) words.push(value);
    return at;
  };
  const pointers = (bits: readonly Bit[]): number => list(bits.map((bit) => addressOfBit[bit]!));

  const tapes = sorted.map((gateList) => {
    const at = here();
    for (let i = 0; i < gateList.length; ) {
      const first = gateList[i]! * GATE_WORDS;
      const code = gates[first]!;
      const isData = activity.isData[gates[first + 1]!]!;
      let end = i;
      const level = activity.level[gateList[i]!]!;
      while (
        end < gateList.length &&
        gates[gateList[end]! * GATE_WORDS] === code &&
        activity.isData[gates[gateList[end]! * GATE_WORDS + 1]!] === isData &&
        activity.level[gateList[end]!] === level
      ) {
        end++;
      }
      const opcode = code === gateCode.carryBit ? gateCode.fullAdder : code;
      const kind = isData === 1 ? classOfCode[code]! : "control";
      words.push(opcode, end - i, addressOfBit[gates[first + 1]!]!, classNumber(kind));
      for (; i < end; i++) {
        const g = gateList[i]! * GATE_WORDS;
        for (let j = 0; j < gateInputs[code]!; j++) words.push(addressOfBit[gates[g + 3 + j]!]!);
      }
    }
    words.push(-1);
    return at;
  });

  // Which register groups must look again when an op group was evaluated or a source changed.
  const drivers = gateDrivers(module);
  const registerNumber = new Map<number, number>();
  for (const [s, source] of sources.entries()) {
    if (source.kind === "registers") registerNumber.set(s, registerNumber.size);
  }
  const groupFeeds = groups.map(() => new Set<number>());
  const sourceFeeds = sources.map(() => new Set<number>());
  for (const [s, source] of sources.entries()) {
    if (source.kind !== "registers") continue;
    for (const bit of source.d) {
      const g = drivers[bit]!;
      if (g >= 0) groupFeeds[activity.groupOfGate[g]!]!.add(registerNumber.get(s)!);
      else if (activity.sourceOfBit[bit]! >= 0)
        sourceFeeds[activity.sourceOfBit[bit]!]!.add(registerNumber.get(s)!);
    }
  }
  const sourceGroups = sources.map((): number[] => []);
  for (const [g, group] of groups.entries()) for (const s of group.sources) sourceGroups[s]!.push(g);
  const fanouts = groupFeeds.map((feeds) => list([...feeds, -1]));
  const wakeLists = sources.map((_, s) => list([...sourceGroups[s]!, -1, ...sourceFeeds[s]!, -1]));

  const registerRecords: number[] = [];
  for (const [s, source] of sources.entries()) {
    if (source.kind !== "registers") continue;
    const d = pointers(source.d);
    const reset = list(source.reset.map((bit) => addressOfBit[bit === 1 ? ONE : ZERO]!));
    const kind = classNumber(source.control ? "control" : "registers");
    registerRecords.push(sourceBase[s]!, nextBase[s]!, d, reset, source.q.length);
    registerRecords.push(addressOfBit[source.enable]!, addressOfBit[source.resetN]!, wakeLists[s]!, kind);
  }
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
      const kind = classNumber("ramReads");
      const control = [addressOfBit[read.enable]!, pointers(read.address), read.address.length];
      return [...control, sourceBase[s]!, nextBase[s]!, wakeLists[s]!, kind];
    });
    readCount += ram.reads.length;
    const writeList = list(writes);
    const readList = list(reads);
    ramRecords.push(
      ramBase[m]!,
      ram.depth,
      ram.width,
      writeList,
      ram.writes.length,
      readList,
      ram.reads.length,
    );
  }
  const groupTapes = list(tapes);
  const groupFanouts = list(fanouts);
  const registers = list(registerRecords);
  const rams = list(ramRecords);

  cursor = here() + 64;
  const reserve = (bytes: number): number => {
    const at = (cursor + 15) & ~15;
    cursor = at + bytes;
    return at;
  };
  const groupDirty = reserve(groups.length);
  const registerPending = reserve(registerNumber.size);
  const registerLoading = reserve(registerNumber.size);
  const readLoading = reserve(readCount);
  const toggles = reserve(toggleClasses.length * 8);
  const statistics = reserve(24);
  const table = list([
    groups.length,
    groupTapes,
    groupDirty,
    groupFanouts,
    registerNumber.size,
    registers,
    registerPending,
    registerLoading,
    module.rams.length,
    rams,
    readLoading,
    toggles,
    statistics,
    mask,
  ]);
  const inputLists = new Map(
    sources.flatMap((source, s) => (source.kind === "input" ? [[source.name, wakeLists[s]!] as const] : [])),
  );
  return {
    bytes: cursor,
    words: Int32Array.from(words),
    base,
    table,
    addressOfBit,
    toggles,
    statistics,
    mask,
    groupDirty,
    registerPending,
    unknown,
    roms,
    inputLists,
    gateCount: gates.length / GATE_WORDS,
  };
}
