import { describe, expect, it } from "vitest";
import { wordOfBytes } from "../../../test/helpers/bit-fields.js";
import { lintModules } from "../../../test/helpers/lint-modules.js";
import { ModuleBench } from "../../../test/helpers/module-bench.js";
import { sky130Cells } from "../../arith/index.js";
import { createRng, type Rng } from "../../core/index.js";
import { NetlistTiming } from "../../hw/index.js";
import { ACTIVATION_BANKS, type EngineConfig, engineConfig, engineShape } from "../config.js";
import { ACTIVATION_LATENCY, buildActivations, STORE_LATENCY } from "./activations.js";
import { tagBitsOf } from "./tag.js";

const clock = { periodPs: 5000, cells: sky130Cells };
const LANES = 2;
const ADDRESSES = 2 ** 16;

const randomBytes = (rng: Rng, count: number): Uint8Array =>
  Uint8Array.from({ length: count }, () => rng.integer(256));

const arrays = [
  [4, 4, 8],
  [8, 8, 12],
  [16, 16, 16],
  [32, 16, 5],
  [8, 16, 8],
  [4, 32, 8],
  [32, 4, 8],
  [64, 4, 4],
  [64, 32, 4],
] as const;

const configOf = ([cPar, kPar, bankWords]: readonly [number, number, number]): EngineConfig =>
  engineConfig({
    cPar,
    kPar,
    activationBufferBytes: ACTIVATION_BANKS * Math.max(cPar, kPar) * bankWords,
  });

/** A writer that keeps what it offers until it is taken. */
type Write = {
  readonly bank: number;
  readonly address: number;
  readonly slice: number;
  /** Bytes of each lane. */
  readonly data: readonly Uint8Array[];
};

/** What must be at an output in a later cycle; `null` where anything may be. */
type Outputs = { word: bigint[] | null; column: bigint[] | null; four: boolean; tag: number };

/** Random fetches, store reads and writes of all three writers, against an array of bytes. */
function exercise(config: EngineConfig, seed: number, cycles: number): Record<string, number> {
  const { cPar, kPar } = config;
  const { wordBytes, bankWords } = engineShape(config);
  const rng = createRng(seed);
  const sim = new ModuleBench([buildActivations(config, clock)], {
    rng,
    lanes: LANES,
    dataPorts: ["drain_data", "load_data", "stream_data"],
  });
  const memory = Array.from({ length: LANES }, () =>
    Array.from({ length: ACTIVATION_BANKS }, () =>
      Array.from({ length: bankWords }, () => new Uint8Array(wordBytes)),
    ),
  );
  const draw = (bytes: number): Write => ({
    bank: rng.integer(ACTIVATION_BANKS),
    address: rng.integer(bankWords),
    slice: rng.integer(wordBytes / kPar),
    data: Array.from({ length: LANES }, () => randomBytes(rng, bytes)),
  });
  const drive = (name: string, flag: string, write: Write | null, bytes: number): void => {
    const shown = write ?? draw(bytes);
    sim.set({
      [`${name}_${flag}`]: write !== null,
      [`${name}_bank`]: shown.bank,
      [`${name}_address`]: shown.address,
      [`${name}_data`]: shown.data.map(wordOfBytes),
    });
  };
  const store = ({ bank, address, data }: Write, at = 0): void => {
    for (const [lane, bytes] of data.entries()) memory[lane]![bank]![address]!.set(bytes, at);
  };
  const counts: Record<string, number> = { word: 0, column: 0, padded: 0, wrapped: 0, stored: 0, waited: 0 };
  const expected: Outputs[] = [];
  const storesExpected: (bigint[] | null)[] = [];
  let load: Write | null = null;
  let stream: Write | null = null;
  const filling = ACTIVATION_BANKS * bankWords;
  for (let cycle = 0; cycle < filling + cycles; cycle++) {
    // Every word is written before it is read.
    const fill = cycle < filling;
    const drain = !fill && rng.next() < 0.4 ? draw(kPar) : null;
    if (fill) load = { ...draw(wordBytes), bank: cycle % 4, address: Math.floor(cycle / 4) };
    else if (load === null && rng.next() < 0.4) load = draw(wordBytes);
    if (!fill && stream === null && rng.next() < 0.5) stream = draw(wordBytes);
    drive("drain", "write", drain, kPar);
    sim.set({ drain_slice: drain?.slice ?? rng.integer(16) });
    drive("load", "valid", load, wordBytes);
    drive("stream", "valid", stream, wordBytes);

    // A fetch: the rows of the first block and those of the next must be in the memory where they are inside.
    const kind = fill ? "none" : (["word", "column", "column", "store", "none"] as const)[rng.integer(5)]!;
    const isFetch = kind === "word" || kind === "column";
    const first = rng.integer(4);
    const nextBlock = rng.integer(bankWords);
    const block = rng.integer(3) === 0 ? ADDRESSES - 1 - rng.integer(100) : rng.integer(bankWords);
    const rowWords = (nextBlock - block + ADDRESSES) % ADDRESSES;
    const four = rng.integer(2);
    let inside = rng.integer(16);
    for (let row = 0; row < 4; row++) if (first + row < 4 && block >= bankWords) inside &= ~(1 << row);
    const slices = wordBytes / (kind === "word" ? cPar : kPar);
    const slice = rng.integer(slices);
    const padding = rng.integer(256);
    const tag = rng.integer(2 ** (tagBitsOf(config) - 1)) * 2 + (isFetch ? 1 : 0);
    sim.set({
      fetch: isFetch,
      fetch_bank: first,
      fetch_address: block,
      fetch_row_words: rowWords,
      fetch_four: four,
      fetch_rows_inside: inside,
      fetch_slice: slice,
      fetch_windowed: kind === "column",
      padding,
      tag_in: tag,
    });
    const storeBank = rng.integer(4);
    const storeAddress = rng.integer(bankWords);
    sim.set({ store_read: kind === "store", store_bank: storeBank, store_address: storeAddress });

    // Handshakes and writes.
    expect(sim.flag("load_ready")).toBe(drain === null);
    expect(sim.flag("stream_ready")).toBe(drain === null && load === null);
    if (drain !== null) {
      store(drain, drain.slice * kPar);
      if (load !== null || stream !== null) counts["waited"]!++;
    } else if (load !== null) {
      store(load);
      load = null;
    } else if (stream !== null) {
      store(stream);
      stream = null;
    }

    // A fetch sees what was written up to its own cycle.
    const rowOf = (lane: number, row: number, bytes: number): Uint8Array => {
      if (((inside >> row) & 1) === 0) return new Uint8Array(bytes).fill(padding);
      const word = memory[lane]![(first + row) % 4]![first + row < 4 ? block : nextBlock]!;
      return word.slice(slice * bytes, (slice + 1) * bytes);
    };
    const each = (value: (lane: number) => bigint): bigint[] =>
      Array.from({ length: LANES }, (_, i) => value(i));
    expected.push({
      word: kind === "word" ? each((lane) => wordOfBytes(rowOf(lane, 0, cPar))) : null,
      column:
        kind === "column"
          ? each((lane) =>
              wordOfBytes(Uint8Array.from([0, 1, 2, 3].flatMap((row) => [...rowOf(lane, row, kPar)]))),
            )
          : null,
      four: four === 1,
      tag,
    });
    storesExpected.push(
      kind === "store" ? each((lane) => wordOfBytes(memory[lane]![storeBank]![storeAddress]!)) : null,
    );
    if (isFetch && (inside & 1) === 0) counts["padded"]!++;
    if (kind === "column" && four === 1 && first > 0 && inside >> (4 - first) !== 0) counts["wrapped"]!++;

    // Outputs of this cycle belong to earlier fetches.
    const was = cycle < ACTIVATION_LATENCY ? undefined : expected[cycle - ACTIVATION_LATENCY]!;
    expect(sim.number("tag_out")).toBe(was?.tag ?? 0);
    if (was?.word) {
      counts["word"]!++;
      expect(sim.words("word")).toEqual(was.word);
    }
    if (was?.column) {
      counts["column"]!++;
      // Without four rows the others may be anything.
      const meant = (words: readonly bigint[]): readonly bigint[] =>
        words.map((word) => BigInt.asUintN(was.four ? 32 * kPar : 8 * kPar, word));
      expect(meant(sim.words("column"))).toEqual(meant(was.column));
    }
    const stored = cycle < STORE_LATENCY ? null : storesExpected[cycle - STORE_LATENCY]!;
    expect(sim.flag("store_valid")).toBe(stored !== null);
    if (stored !== null) {
      counts["stored"]!++;
      expect(sim.words("store_data")).toEqual(stored);
    }
    sim.tick();
  }
  return counts;
}

describe("activation memory", () => {
  it.each(arrays)("of a %i × %i engine with %i words a bank gives what was written", (...array) => {
    const counts = exercise(configOf(array), array[0] + array[1], 400);
    for (const [what, count] of Object.entries(counts)) expect(count, what).toBeGreaterThan(20);
  });

  it("reads only the banks and slices that a fetch wants", () => {
    const module = buildActivations(configOf([16, 4, 8]), clock);
    const sim = new ModuleBench([module], { rng: createRng(1), countToggles: true });
    const bitsRead = (inputs: Readonly<Record<string, number>>): number => {
      sim.set(inputs);
      const before = sim.simulator.toggles().ramReadBits;
      sim.tick();
      sim.set({ fetch: 0, store_read: 0 });
      sim.tick();
      sim.tick();
      return sim.simulator.toggles().ramReadBits - before;
    };
    const common = { fetch: 1, fetch_bank: 2, fetch_rows_inside: 0b1011, fetch_slice: 3 };
    expect(bitsRead({ ...common, fetch_windowed: 1, fetch_four: 1 })).toBe(3 * 32);
    expect(bitsRead({ ...common, fetch_windowed: 1, fetch_four: 0 })).toBe(32);
    expect(bitsRead({ ...common, fetch_windowed: 0, fetch_four: 0, fetch_slice: 0 })).toBe(128);
    expect(bitsRead({ ...common, fetch_windowed: 0, fetch_four: 0, fetch_rows_inside: 0 })).toBe(0);
    expect(bitsRead({ store_read: 1, store_bank: 1 })).toBe(128);
    expect(bitsRead({})).toBe(0);
  });

  it("meets the clock", () => {
    for (const array of arrays) {
      const module = buildActivations(configOf(array), clock);
      const [worst] = new NetlistTiming({ kind: "design", modules: [module] }, clock).longest(1);
      expect(worst!.ps, `${array}: ${worst!.to}`).toBeLessThanOrEqual(clock.periodPs);
    }
  });

  it("is clean text", (context) => {
    for (const array of [arrays[0], arrays[3], arrays[4], arrays[7]])
      lintModules(context, [buildActivations(configOf(array), clock)]);
  });
});
