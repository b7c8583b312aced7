import { describe, expect, test } from "vitest";
import { splitNamed, wordOfBytes } from "../../../test/helpers/bit-fields.js";
import { type LayerValues, plainLayer } from "../../../test/helpers/engine-program.js";
import { ModuleBench } from "../../../test/helpers/module-bench.js";
import { sky130Cells } from "../../arith/index.js";
import { createRng, type Rng } from "../../core/index.js";
import { type EngineConfig, engineConfig, engineShape } from "../config.js";
import { DESCRIPTOR_BYTES, encodeFields, layerFields } from "../isa/index.js";
import { buildPassSequencer } from "../rtl/pass-sequencer.js";
import { buildWalker, jobFields } from "../rtl/walker.js";
import { ActivationMemory } from "./activations.js";
import { runLayer } from "./layer.js";
import { WeightRing } from "./weight-ring.js";

const clock = { periodPs: 5000, cells: sky130Cells };

/** A layer whose fields do not fit one another, with bounds that keep it short. */
function senselessLayer(rng: Rng, config: EngineConfig): LayerValues {
  const one = (low: number, high: number): number => low + rng.integer(high - low + 1);
  const any = (bits: number): number => rng.integer(2 ** bits);
  const { windowColumns, wordBytes } = engineShape(config);
  const windowed = rng.integer(2);
  const counts = {
    planes: one(1, 2),
    rowPasses: one(1, 3),
    columnPasses: one(1, 2),
    channelPasses: one(1, 2),
  };
  const passes = counts.planes * counts.rowPasses * counts.columnPasses * counts.channelPasses;
  const words = [
    "rowWords",
    "columnStepWords",
    "strideRowWords",
    "kernelColumnWords",
    "stripeSourceRowWords",
    "stripeSourceColumnWords",
    "targetRowWords",
    "stripeTargetRowWords",
    "stripeTargetColumnWords",
    "sourceAStart",
    "sourceBStart",
    "targetStart",
  ] as const;
  return plainLayer({
    ...Object.fromEntries(words.map((name) => [name, any(16)])),
    ...counts,
    passes,
    windowed,
    fourRows: windowed === 1 ? rng.integer(2) : 0,
    weightsStream: 1,
    planeSource: any(8),
    groups: one(1, 1 + wordBytes / config.kPar),
    columns: one(1, windowColumns),
    lastColumns: one(1, windowColumns),
    rowStripes: one(1, 3),
    stripeRows: one(1, 4),
    lastStripeRows: one(1, 4),
    columnStripes: one(1, 3),
    stripeColumns: one(1, 4),
    lastStripeColumns: one(1, 4),
    height: rng.integer(2) === 0 ? one(1, 40) : any(13),
    width: rng.integer(2) === 0 ? one(1, 40) : any(13),
    originY: one(-20, 20),
    originX: one(-20, 20),
    columnStep: any(4),
    emitEvery: one(1, 4),
    strideRows: any(4),
    stripeSourceRows: rng.integer(2) === 0 ? any(5) : any(13),
    stripeSourceColumns: rng.integer(2) === 0 ? any(5) : any(13),
    targetBank: any(2),
    targetPixelWords: any(12),
  });
}

/** Number of a bank's word, counted through all banks, as the memory takes addresses. */
const wordOf = (bank: number, address: number, bankWords: number): number =>
  (bank % 4) * bankWords + (address % bankWords);

/** Words that the walker's fetches bring to the outputs, and where its stripes' pixels go, in the interpreter's order. */
function walkedWords(values: LayerValues, config: EngineConfig): number[] {
  const { bankWords } = engineShape(config);
  const bench = new ModuleBench([buildPassSequencer(config, clock), buildWalker(config, clock)], {
    rng: createRng(1),
  });
  const bytes = new Uint8Array(DESCRIPTOR_BYTES);
  encodeFields(layerFields, values, bytes);
  bench.set({ layer: wordOfBytes(bytes), layer_valid: 1, weights_ready: 1 });
  bench.tick();
  bench.set({ layer_valid: 0 });
  const visited: number[] = [];
  const window: { readonly bank: number; readonly address: number; readonly inside: number }[] = [];
  const jobs: Record<string, number>[] = [];
  let pass = -1;
  for (let last = false, freeAt = -1, cycle = 0; !last; cycle++) {
    expect(cycle).toBeLessThan(50000);
    bench.set({ bank_free: cycle === freeAt });
    if (bench.flag("job_valid")) jobs.push(splitNamed(jobFields, bench.word("job")));
    if (bench.flag("fetch")) {
      const tag = bench.number("tag");
      if ((tag >> 1) & 1) pass++;
      window.unshift({
        bank: bench.number("fetch_bank"),
        address: bench.number("fetch_address"),
        inside: bench.number("fetch_rows_inside"),
      });
      const columnPass = Math.floor(pass / values.channelPasses) % values.columnPasses;
      const columns = columnPass === values.columnPasses - 1 ? values.lastColumns : values.columns;
      if ((tag >> 2) & 1)
        for (const { bank, address, inside } of window.slice(0, values.windowed === 1 ? columns : 1))
          for (let r = 0; r < (values.fourRows === 1 ? 4 : 1); r++)
            if ((inside >> r) & 1)
              visited.push(wordOf(bank + r, address + (bank + r >= 4 ? values.rowWords : 0), bankWords));
      if ((tag >> 7) & 1) {
        const job = jobs.shift()!;
        for (let row = 0, wrapped = 0; row < job.rows!; row++) {
          const bank = job.targetBank! + row;
          wrapped = Math.floor(bank / 4) * values.targetRowWords;
          for (let x = 0; x < job.columns!; x++)
            visited.push(wordOf(bank, job.targetAddress! + wrapped + x * values.targetPixelWords, bankWords));
        }
        freeAt = cycle + 5;
        last = job.layerLast === 1;
      }
    }
    bench.tick();
  }
  return visited;
}

/** Words that the interpreter visits. */
function interpretedWords(values: LayerValues, config: EngineConfig): number[] {
  class Recorder extends ActivationMemory {
    readonly visited: number[] = [];
    override wordAt(...args: Parameters<ActivationMemory["wordAt"]>): number {
      const word = super.wordAt(...args);
      this.visited.push(word);
      return word;
    }
  }
  const memory = new Recorder(config, createRng(1));
  const program = new Uint8Array(engineShape(config).burstBytes);
  const stripes = values.groups * values.rowStripes * values.columnStripes;
  const bytes = values.groups * config.kPar * 16 + stripes * values.passes * config.kPar * config.cPar;
  const list = [{ offset: 0, beats: config.burstBeats, repeat: Math.ceil(bytes / program.length) + 1 }];
  const ring = new WeightRing(program, list, config);
  runLayer(values, {
    config,
    memory,
    ring,
    slotStart: 0,
    log: undefined,
    place: { frame: 0, descriptor: 0 },
  });
  return memory.visited;
}

describe("a layer without sense", () => {
  for (const [cPar, kPar] of [
    [4, 4],
    [8, 16],
    [16, 4],
  ] as const) {
    const config = engineConfig({ cPar, kPar, stripePixels: 16 });
    test(`${cPar}×${kPar}: reads and writes where the walker says`, () => {
      const rng = createRng(cPar + kPar);
      let inside = 0;
      for (let i = 0; i < 6; i++) {
        const values = senselessLayer(rng, config);
        const words = interpretedWords(values, config);
        expect(words).toEqual(walkedWords(values, config));
        inside += words.length;
      }
      expect(inside).toBeGreaterThan(200);
    });
  }
});
