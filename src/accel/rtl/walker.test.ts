import { describe, expect, test } from "vitest";
import { splitNamed, wordOfBytes } from "../../../test/helpers/bit-fields.js";
import { ModuleBench } from "../../../test/helpers/module-bench.js";
import { sky130Cells } from "../../arith/index.js";
import { createRng, type Rng } from "../../core/index.js";
import { type EngineConfig, engineConfig, engineShape } from "../config.js";
import { DESCRIPTOR_BYTES, encodeFields, layerFields, type Values } from "../isa/index.js";
import { ACCUMULATE_LATENCY } from "./accumulators.js";
import { buildPassSequencer } from "./pass-sequencer.js";
import { buildWalker, ISSUE_LATENCY, jobFields } from "./walker.js";

const clock = { periodPs: 5000, cells: sky130Cells };
type Layer = Values<typeof layerFields>;

/** A layer with consistent steps: what a compiler would emit for some geometry. */
function randomLayer(rng: Rng, config: EngineConfig): Layer {
  const { wordBytes, windowColumns } = engineShape(config);
  const one = (low: number, high: number): number => low + rng.integer(high - low + 1);
  const windowed = rng.integer(2);
  const fourRows = windowed === 1 ? rng.integer(2) : 0;
  const columns = windowed === 1 ? one(1, windowColumns) : 1;
  const pixelWords = one(1, 3);
  const [height, width] = [one(3, 9), one(3, 9)];
  const rowWords = width * pixelWords;
  const strideRows = one(1, 5);
  const strideColumns = one(1, 3);
  const columnStep = columns === 1 ? strideColumns : 1;
  const emitEvery = columns === 1 ? 1 : strideColumns;
  const originY = one(-2, 1);
  const originX = one(-2, 1);
  const [stripeRows, stripeColumns] = [one(1, 4), one(1, 4)];
  const rowPasses = one(1, 2);
  const columnPasses = one(1, 2);
  const channelPasses = windowed === 1 ? 1 : one(1, (pixelWords * wordBytes) / config.cPar);
  const planes = one(1, 2);
  const groups = windowed === 1 ? one(1, (pixelWords * wordBytes) / config.kPar) : one(1, 3);
  const targetPixelWords = one(1, 3);
  const targetRowWords = one(6, 9) * targetPixelWords;
  const words16 = (value: number): number => value & 0xffff;
  return {
    operation: 1,
    waitLayers: 0,
    waitTransfers: 0,
    windowed,
    maximum: rng.integer(2),
    waitInput: rng.integer(2),
    releaseInput: rng.integer(2),
    sourceAInput: rng.integer(2),
    sourceBInput: rng.integer(2),
    weightsStream: 0,
    weightsKeep: 0,
    weightsShared: 0,
    doubleRounding: rng.integer(2),
    tiesAway: rng.integer(2),
    fourRows,
    groups,
    planes,
    planeSource: rng.integer(256),
    planeScale: rng.integer(256),
    rowPasses,
    columnPasses,
    channelPasses,
    columns,
    lastColumns: one(1, columns),
    passes: planes * rowPasses * columnPasses * channelPasses,
    rowStripes: one(1, 3),
    stripeRows,
    lastStripeRows: one(1, stripeRows),
    columnStripes: one(1, 3),
    stripeColumns,
    lastStripeColumns: one(1, stripeColumns),
    sourceAStart: one(0, 65535),
    sourceBStart: one(0, 65535),
    rowWords,
    height,
    width,
    originY,
    originX,
    pixelWords,
    columnStep,
    columnStepWords: columnStep * pixelWords,
    emitEvery,
    strideRows,
    strideRowWords: Math.floor(strideRows / 4) * rowWords,
    kernelColumnWords: columns * pixelWords,
    stripeSourceRows: stripeRows * strideRows,
    stripeSourceRowWords: Math.floor((stripeRows * strideRows) / 4) * rowWords,
    stripeSourceColumns: stripeColumns * strideColumns,
    stripeSourceColumnWords: stripeColumns * strideColumns * pixelWords,
    padding: rng.integer(256),
    weightZero: 0,
    targetStart: one(0, 65535),
    targetBank: rng.integer(4),
    targetRowWords,
    targetPixelWords,
    stripeTargetRowWords: words16(Math.floor(stripeRows / 4) * targetRowWords),
    stripeTargetColumnWords: stripeColumns * targetPixelWords,
    zeroPoint: rng.integer(256),
    low: rng.integer(256),
    high: rng.integer(256),
    multiplierPasses: one(1, 4),
  };
}

/** Fetches and jobs of a layer, straight from the loops of docs/accel.md. */
function walk(layer: Layer, config: EngineConfig, slot: number) {
  const { wordBytes, slotWords } = engineShape(config);
  const fetches: Record<string, number>[] = [];
  const jobs: Record<string, number>[] = [];
  const { groups, rowStripes, columnStripes, planes, rowPasses, columnPasses, channelPasses } = layer;
  const strideColumns = layer.stripeSourceColumns / layer.stripeColumns;
  const bits16 = (value: number): number => ((value % 65536) + 65536) % 65536;
  for (let g = 0; g < groups; g++)
    for (let sr = 0; sr < rowStripes; sr++)
      for (let sc = 0; sc < columnStripes; sc++) {
        const rows = sr === rowStripes - 1 ? layer.lastStripeRows : layer.stripeRows;
        const columns = sc === columnStripes - 1 ? layer.lastStripeColumns : layer.stripeColumns;
        const bank = jobs.length % 2;
        const targetRow = layer.targetBank + sr * layer.stripeRows;
        const first = g * config.kPar;
        jobs.push({
          bank,
          rows,
          columns,
          targetAddress: bits16(
            layer.targetStart +
              Math.floor(targetRow / 4) * layer.targetRowWords +
              sc * layer.stripeColumns * layer.targetPixelWords +
              Math.floor(first / wordBytes),
          ),
          targetBank: targetRow % 4,
          wordSlice: (first % wordBytes) / config.kPar,
          groupLast: Number(sr === rowStripes - 1 && sc === columnStripes - 1),
          layerLast: Number(g === groups - 1 && sr === rowStripes - 1 && sc === columnStripes - 1),
        });
        for (let p = 0; p < planes; p++)
          for (let kr = 0; kr < rowPasses; kr++)
            for (let kc = 0; kc < columnPasses; kc++)
              for (let c = 0; c < channelPasses; c++) {
                const closes = [
                  p + 1 === planes,
                  kr + 1 === rowPasses,
                  kc + 1 === columnPasses,
                  c + 1 === channelPasses,
                ];
                const window = kc === columnPasses - 1 ? layer.lastColumns : layer.columns;
                const channel = layer.windowed === 1 ? first : c * config.cPar;
                const sliceBytes = layer.windowed === 1 ? config.kPar : config.cPar;
                const b = (layer.planeSource >> p) & 1;
                const inSlot = b === 1 ? layer.sourceBInput : layer.sourceAInput;
                const start = (b === 1 ? layer.sourceBStart : layer.sourceAStart) + inSlot * slot * slotWords;
                let row = 0;
                let fresh = 1;
                for (let oy = 0; oy < rows; oy++)
                  for (let f = 0; f <= (columns - 1) * layer.emitEvery + window - 1; f++) {
                    const emit = f >= window - 1 && (f - window + 1) % layer.emitEvery === 0;
                    const y =
                      layer.originY +
                      (sr * layer.stripeRows + oy) * layer.strideRows +
                      kr * (layer.fourRows === 1 ? 4 : 1);
                    const x =
                      layer.originX +
                      sc * layer.stripeColumns * strideColumns +
                      kc * layer.columns +
                      f * layer.columnStep;
                    const inside = [0, 1, 2, 3].map(
                      (r) => y + r >= 0 && y + r < layer.height && x >= 0 && x < layer.width,
                    );
                    const last = emit && row === rows * columns - 1 && closes.every(Boolean);
                    fetches.push({
                      bank: ((y % 4) + 4) % 4,
                      address: bits16(
                        start +
                          (Math.floor(y / 4) - Math.floor(layer.originY / 4)) * layer.rowWords +
                          (x - layer.originX) * layer.pixelWords +
                          Math.floor(channel / wordBytes),
                      ),
                      inside: inside.reduce((mask, is, r) => mask | (Number(is) << r), 0),
                      slice: (channel % wordBytes) / sliceBytes,
                      take: 1,
                      swap: fresh,
                      emit: Number(emit),
                      begin: Number(p + kr + kc + c === 0),
                      scale: Number(kr + kc + c === 0) & (layer.planeScale >> p),
                      maximum: layer.maximum,
                      sums: bank,
                      last: Number(last),
                      windowed: layer.windowed,
                      row,
                    });
                    fresh = 0;
                    if (emit) row++;
                  }
              }
      }
  return { fetches, jobs };
}

function run(layer: Layer, config: EngineConfig, rng: Rng, slot: number) {
  const bench = new ModuleBench([buildPassSequencer(config, clock), buildWalker(config, clock)], { rng });
  const bytes = new Uint8Array(DESCRIPTOR_BYTES);
  encodeFields(layerFields, layer, bytes);
  bench.set({
    layer: wordOfBytes(bytes),
    layer_valid: 1,
    input_slot_full: 1,
    input_slot: slot,
    weights_ready: 0,
  });
  bench.tick();
  bench.set({ layer_valid: 0, layer: 0 });
  const fetches: Record<string, number>[] = [];
  const jobs: Record<string, number>[] = [];
  let [ready, waiting, done, drainAt, open] = [false, 0, false, -1, 0];
  const paused: boolean[] = [];
  const passedAt = new Map<string, number>();
  for (let cycle = 0; cycle < 60000 && !done; cycle++) {
    const pause = rng.integer(5) === 0;
    const bankFree = open > 0 && rng.integer(30) === 0;
    if (bankFree) open--;
    const drained = drainAt >= 0 && cycle >= drainAt && open === 0;
    bench.set({
      pause,
      weights_ready: ready,
      bank_free: bankFree,
      layer_drained: drained,
    });
    done = bench.flag("layer_done");
    if (bench.flag("claim")) [ready, waiting] = [false, rng.integer(12)];
    else if (!ready && waiting-- <= 0) ready = true;
    if (bench.flag("job_valid")) {
      open++;
      const job = splitNamed(jobFields, bench.word("job"));
      jobs.push(job);
      if (job.layerLast === 1) drainAt = cycle + 400;
    }
    paused.push(pause);
    if (bench.flag("fetch")) {
      expect(paused[cycle - ISSUE_LATENCY]).toBe(false);
      const tag = bench.number("tag");
      const names = ["take", "swap", "emit", "begin", "scale", "maximum", "sums", "last", "windowed"];
      const fetch: Record<string, number> = {
        bank: bench.number("fetch_bank"),
        address: bench.number("fetch_address"),
        inside: bench.number("fetch_rows_inside"),
        slice: bench.number("fetch_slice"),
      };
      for (const [i, name] of names.entries()) fetch[name] = (tag >> i) & 1;
      fetch.row = tag >> names.length;
      if (fetch.emit === 1) {
        // The sums of the pass before are written.
        const sums = `${fetch.sums} ${fetch.row}`;
        if (fetch.begin === 0) expect(cycle - passedAt.get(sums)!).toBeGreaterThanOrEqual(ACCUMULATE_LATENCY);
        passedAt.set(sums, cycle);
      }
      fetches.push(fetch);
    } else expect(bench.number("tag") & 0b10000111).toBe(0);
    bench.tick();
  }
  expect(done).toBe(true);
  return { fetches, jobs };
}

describe("walker", () => {
  const sizes = [
    [4, 4],
    [8, 16],
    [16, 8],
    [64, 32],
  ] as const;
  for (const [cPar, kPar] of sizes) {
    test(`${cPar}×${kPar}: fetches, tags and stripes are those of the loops`, () => {
      const rng = createRng(cPar * 100 + kPar);
      const input = { height: 6, width: 5, channels: 20 };
      const config = engineConfig({ cPar, kPar, axiDataBytes: 16, input });
      for (let i = 0; i < 5; i++) {
        const layer = randomLayer(rng, config);
        const slot = rng.integer(2);
        const expected = walk(layer, config, slot);
        expect(run(layer, config, rng, slot)).toEqual(expected);
      }
    });
  }
});
