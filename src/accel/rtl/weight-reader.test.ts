import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { wordOfBytes } from "../../../test/helpers/bit-fields.js";
import { isFull } from "../../../test/helpers/environment.js";
import { lintModules } from "../../../test/helpers/lint-modules.js";
import { ModuleBench } from "../../../test/helpers/module-bench.js";
import { ReadClients } from "../../../test/helpers/read-clients.js";
import { sky130Cells } from "../../arith/index.js";
import { createRng, type Rng } from "../../core/index.js";
import { NetlistTiming } from "../../hw/index.js";
import { type EngineConfig, engineConfig, engineShape } from "../config.js";
import { encodeFields, WEIGHT_ENTRY_BYTES, weightEntryFields } from "../isa/index.js";
import { buildWeightReader } from "./weight-reader.js";

const clock = { periodPs: 5000, cells: sky130Cells };
const LANES = 2;
const BASE = 0xabc00000;
const weightAt = (address: number, lane: number): number =>
  (Math.imul(address + 1, 0x9e3779b1) >>> 24) ^ (lane * 91);

type Entry = { readonly offset: number; readonly beats: number; readonly repeat: number };

/** Random runs whose beats make whole ring words together. */
function randomEntries(config: EngineConfig, rng: Rng, count: number): Entry[] {
  const { burstBytes, ringWordBytes } = engineShape(config);
  const ratio = ringWordBytes / config.axiDataBytes;
  const entries = Array.from({ length: count }, () => ({
    offset: (1 + rng.integer(4000)) * burstBytes,
    beats: 1 + rng.integer(rng.integer(3) === 0 ? 5 * config.burstBeats : config.burstBeats),
    repeat: 1 + (rng.integer(3) === 0 ? rng.integer(3) : 0),
  }));
  const missing =
    (ratio - (entries.reduce((sum, { beats, repeat }) => sum + beats * repeat, 0) % ratio)) % ratio;
  const last = entries.at(-1);
  if (last !== undefined && missing > 0) entries.push({ offset: burstBytes, beats: missing, repeat: 1 });
  return entries;
}

const burstsOf = (config: EngineConfig, entries: readonly Entry[]) =>
  entries.flatMap(({ offset, beats, repeat }) =>
    Array.from({ length: repeat }, () =>
      Array.from({ length: Math.ceil(beats / config.burstBeats) }, (_, i) => ({
        id: 1,
        address: BASE + offset + i * engineShape(config).burstBytes,
        beats: Math.min(config.burstBeats, beats - i * config.burstBeats),
      })),
    ).flat(),
  );

type Exercise = {
  readonly config: EngineConfig;
  readonly rng: Rng;
  readonly lists: readonly (readonly Entry[])[];
  readonly stall: number;
  /** Probability that a word in the ring is released in a cycle. */
  readonly drain: number;
  /** Longest wait for a burst's first beat, cycles. */
  readonly latency?: number;
};

/** Run lists one after the other; returns the cycles between bursts, and the most that were under way at once. */
function exercise({ config, rng, lists, stall, drain, latency = 12 }: Exercise) {
  const { axiDataBytes: beatBytes } = config;
  const { ringWordBytes, ringWords, burstBytes, weightBursts } = engineShape(config);
  const sim = new ModuleBench([buildWeightReader(config, clock)], {
    rng,
    lanes: LANES,
    dataPorts: ["r_data"],
  });
  const listOffset = 3 * 4096 + 2 * burstBytes;
  let list = new Uint8Array();
  const byteAt = (address: number, lane: number): number => {
    const at = address - BASE - listOffset;
    return at >= 0 && at < list.length ? list[at]! : weightAt(address, lane);
  };
  const clients = new ReadClients(sim, {
    rng,
    beatBytes,
    byteAt,
    ids: [1, 3],
    latency,
    stall,
  });
  const gaps: number[] = [];
  let most = 0;
  for (const entries of lists) {
    list = new Uint8Array(entries.length * WEIGHT_ENTRY_BYTES);
    for (const [i, entry] of entries.entries())
      encodeFields(weightEntryFields, entry, list, i * WEIGHT_ENTRY_BYTES);
    const bursts = burstsOf(config, entries);
    const stream = bursts.flatMap(({ address, beats }) =>
      Array.from({ length: beats * beatBytes }, (_, i) => address + i),
    );
    let [at, inRing, reserved, asked, lastAt] = [0, 0, 0, 0, -1];
    const room = ringWords * ringWordBytes;
    for (let cycle = 0; ; cycle++) {
      expect(cycle, "the reader makes headway").toBeLessThan(60_000);
      sim.set({
        start: cycle === 0,
        program_base: BASE,
        list_offset: cycle === 0 ? listOffset : rng.integer(2 ** 32),
        entries: cycle === 0 ? entries.length : rng.integer(2 ** 16),
      });
      const release = inRing > 0 && rng.next() < drain;
      sim.set({ ring_release: release });
      clients.drive();
      for (const { id, beats } of clients.observe()) {
        if (id !== 1) continue;
        reserved += beats * beatBytes;
        expect(reserved, "every beat has room").toBeLessThanOrEqual(room);
        const underWay = clients.underWay(1);
        expect(underWay).toBeLessThanOrEqual(weightBursts);
        most = Math.max(most, underWay);
        asked++;
        if (lastAt >= 0) gaps.push(cycle - lastAt);
        lastAt = cycle;
      }
      if (release) {
        inRing--;
        reserved -= ringWordBytes;
      }
      if (sim.flag("ring_write")) {
        const addresses = stream.slice(at, at + ringWordBytes);
        for (const [lane, word] of sim.words("ring_data").entries())
          expect(word).toBe(wordOfBytes(addresses.map((address) => byteAt(address, lane))));
        at += ringWordBytes;
        inRing++;
      }
      if (cycle > 0 && sim.flag("idle")) expect(asked).toBe(bursts.length);
      sim.tick();
      if (cycle > 0 && at === stream.length && inRing === 0 && sim.flag("idle")) break;
    }
    expect(clients.bursts.filter(({ id }) => id === 1)).toEqual(bursts);
    const lists3 = clients.bursts.filter(({ id }) => id === 3);
    expect(lists3.length).toBe(entries.length);
    clients.bursts.length = 0;
  }
  return { gaps, most };
}

const sizes: readonly Partial<EngineConfig>[] = [
  { cPar: 4, kPar: 4, axiDataBytes: 4, burstBeats: 32, weightBufferBytes: 256 },
  { cPar: 8, kPar: 8, axiDataBytes: 8, burstBeats: 16, weightBufferBytes: 512 },
  { cPar: 16, kPar: 16, axiDataBytes: 16, burstBeats: 16, weightBufferBytes: 1024 },
  { cPar: 64, kPar: 32, axiDataBytes: 16, burstBeats: 8, weightBufferBytes: 4096 },
  { cPar: 16, kPar: 16, axiDataBytes: 32, burstBeats: 4, weightBufferBytes: 1024 },
  { cPar: 16, kPar: 16, axiDataBytes: 64, burstBeats: 2, weightBufferBytes: 1024 },
  { cPar: 64, kPar: 32, axiDataBytes: 4, burstBeats: 256, weightBufferBytes: 4096 },
];
const configOf = (size: Partial<EngineConfig>): EngineConfig => engineConfig({ cPar: 4, kPar: 4, ...size });

describe("weight reader", () => {
  it.each(sizes)("fills the ring with the list's runs: %o", (size) => {
    const config = configOf(size);
    const rng = createRng(config.axiDataBytes + config.burstBeats);
    const lists = [7, 0, 1, 9].map((count) => randomEntries(config, rng, count));
    exercise({ config, rng, lists, stall: 0.4, drain: 0.3 });
  });

  it("keeps to the ring's room with any speeds", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: sizes.length - 1 }),
        fc.integer(),
        fc.constantFrom(0, 0.2, 0.7),
        fc.constantFrom(0.05, 0.5, 1),
        (which, seed, stall, drain) => {
          const config = configOf(sizes[which]!);
          const rng = createRng(seed);
          exercise({ config, rng, lists: [randomEntries(config, rng, 3)], stall, drain });
        },
      ),
      { numRuns: 12 },
    );
  });

  it("asks every other cycle while there is room", () => {
    const config = configOf({ ...sizes[5], weightBufferBytes: 8192 });
    const rng = createRng(3);
    const { gaps } = exercise({
      config,
      rng,
      lists: [[{ offset: 4096, beats: 100, repeat: 1 }]],
      stall: 0,
      drain: 1,
    });
    expect(gaps).toEqual(gaps.map(() => 2));
  });

  it.each(sizes)("has as many bursts under way as it may, and no more: %o", (size) => {
    const config = configOf({ ...size, weightBufferBytes: 65536 });
    const lists = [[{ offset: 4096, beats: 100 * config.burstBeats, repeat: 1 }]];
    const { most } = exercise({ config, rng: createRng(4), lists, stall: 0, drain: 1, latency: 600 });
    expect(most).toBe(engineShape(config).weightBursts);
  });

  it("meets the clock and is clean text", (context) => {
    for (const [i, size] of sizes.entries()) {
      const module = buildWeightReader(configOf(size), clock);
      const [worst] = new NetlistTiming({ kind: "design", modules: [module] }, clock).longest(1);
      expect(worst!.ps).toBeLessThan(clock.periodPs);
      if (i % 3 === 0 || isFull) lintModules(context, [module]);
    }
  }, 240_000);
});
