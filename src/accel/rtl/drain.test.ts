import { describe, expect, it } from "vitest";
import { joinFields, joinNamed } from "../../../test/helpers/bit-fields.js";
import {
  type RequantizedLayer,
  type RequantizedValue,
  requantizedByte,
} from "../../../test/helpers/engine-requantization.js";
import { isFull } from "../../../test/helpers/environment.js";
import { lintModules } from "../../../test/helpers/lint-modules.js";
import { ModuleBench } from "../../../test/helpers/module-bench.js";
import { sky130Cells } from "../../arith/index.js";
import { createRng, type Rng } from "../../core/index.js";
import { NetlistTiming } from "../../hw/index.js";
import { type EngineConfig, engineConfig } from "../config.js";
import { buildDrain } from "./drain.js";
import { jobFields } from "./walker.js";

const clock = { periodPs: 5000, cells: sky130Cells };
/** Lanes of the simulator. */
const LANES = 3;
/** Cycles from the pulse that a stripe's sums are complete to its first step. */
const START_LATENCY = 2;

type Parameters = Omit<RequantizedValue, "sum">;
type Layer = RequantizedLayer & {
  readonly passes: number;
  readonly rowWords: number;
  readonly pixelWords: number;
};
type Stripe = {
  readonly job: Readonly<Record<keyof typeof jobFields, number>>;
  readonly layer: number;
  readonly group: number;
  /** A pixel's sums: by lane of the simulator, by lane of the array. */
  readonly pixels: readonly (readonly (readonly number[])[])[];
};
type Work = {
  readonly layers: readonly Layer[];
  /** Of each group: by lane of the simulator, by lane of the array. */
  readonly groups: readonly (readonly (readonly Parameters[])[])[];
  readonly stripes: readonly Stripe[];
};

const times = <T>(n: number, make: (i: number) => T): readonly T[] =>
  Array.from({ length: n }, (_, i) => make(i));

function randomWork(rng: Rng, { kPar, stripePixels, multiplierBits }: EngineConfig): Work {
  const layers: Layer[] = [];
  const groups: (readonly (readonly Parameters[])[])[] = [];
  const stripes: Stripe[] = [];
  for (let layer = 0; layer < 4; layer++) {
    const passes = 1 + (layer % (32 / multiplierBits));
    const low = rng.integer(3) === 0 ? rng.integer(100) : 0;
    layers.push({
      doubleRounding: rng.integer(2) === 1,
      tiesAway: rng.integer(2) === 1,
      zeroPoint: rng.integer(256),
      low,
      high: 255 - rng.integer(100),
      passes,
      rowWords: rng.integer(2 ** 16),
      pixelWords: rng.integer(2 ** 12),
    });
    const { doubleRounding } = layers.at(-1)!;
    const groupCount = 1 + rng.integer(3);
    for (let group = 0; group < groupCount; group++) {
      groups.push(
        times(LANES, () =>
          times(kPar, () => {
            const multiplier = rng.integer(2 ** Math.min(31, passes * multiplierBits));
            const fitting = Math.ceil(Math.log2(multiplier + 1)) + 12 - (doubleRounding ? 31 : 0);
            return {
              bias: rng.integer(2 ** 12) - 2 ** 11,
              multiplier,
              shift: Math.max(0, fitting + rng.integer(3)),
            };
          }),
        ),
      );
      const stripeCount = 1 + rng.integer(3);
      for (let stripe = 0; stripe < stripeCount; stripe++) {
        const rows = 1 + rng.integer(6);
        const columns = 1 + rng.integer(Math.min(4, Math.floor(stripePixels / rows)));
        stripes.push({
          job: {
            bank: stripes.length % 2,
            rows,
            columns,
            targetAddress: rng.integer(2 ** 16),
            targetBank: rng.integer(4),
            wordSlice: rng.integer(16),
            groupLast: Number(stripe === stripeCount - 1),
            layerLast: Number(stripe === stripeCount - 1 && group === groupCount - 1),
          },
          layer,
          group: groups.length - 1,
          pixels: times(rows * columns, () =>
            times(LANES, () => times(kPar, () => rng.integer(2 ** 20) - 2 ** 19)),
          ),
        });
      }
    }
  }
  return { layers, groups, stripes };
}

/** What the drain writes for a stripe, in order: where, and a word a lane of the simulator. */
function writesOf({ layers, groups }: Work, stripe: Stripe) {
  const layer = layers[stripe.layer]!;
  const { targetBank, targetAddress, columns } = stripe.job;
  return stripe.pixels.map((pixel, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    const wraps = Math.floor((targetBank + row) / 4);
    return {
      bank: (targetBank + row) % 4,
      address: (targetAddress + column * layer.pixelWords + wraps * layer.rowWords) & 0xffff,
      slice: stripe.job.wordSlice,
      words: pixel.map((sums, lane) =>
        joinFields(
          sums.map((sum, k) => requantizedByte({ sum, ...groups[stripe.group]![lane]![k]! }, layer)),
          8,
        ),
      ),
    };
  });
}

/** Drive the drain as walker, feeder and accumulators would; `haste` is the chance in 8 that they are ready in a cycle. */
function expectDrains(config: EngineConfig, haste: number): void {
  const { kPar, requantizers } = config;
  const rng = createRng(kPar * requantizers + haste);
  const { modules, latencyCycles } = buildDrain(config, clock);
  const bench = new ModuleBench(modules, {
    rng,
    lanes: LANES,
    dataPorts: ["drain_sums", "parameter_data"],
  });
  const work = randomWork(rng, config);
  const { layers, groups, stripes } = work;
  const ready = (): boolean => rng.integer(8) < haste;
  const memory: (Stripe["pixels"] | undefined)[] = [undefined, undefined];
  let [pushed, done, freed, parametersFreed, drained] = [0, 0, 0, 0, 0];
  let [group, lane] = [0, 0];
  let fetched: readonly (readonly number[])[] | undefined;
  let end = 0;
  const expected = new Map<number, ReturnType<typeof writesOf>[number]>();
  const drainedAt = new Set<number>();
  for (let cycle = 0; drained < layers.length; cycle++) {
    expect(cycle).toBeLessThan(20_000);
    const layer = layers[drained]!;
    const pushedBefore = pushed;
    const job = stripes[pushed];
    const push = job !== undefined && job.layer === drained && pushed - freed < 2 && ready();
    const isDone = done < pushedBefore && group > stripes[done]!.group && ready();
    const write = group < groups.length && group - parametersFreed < 2 && ready();
    bench.set({
      job_valid: push,
      job: job === undefined ? 0 : joinNamed(jobFields, job.job),
      stripe_done: isDone,
      target_row_words: layer.rowWords,
      target_pixel_words: layer.pixelWords,
      zero_point: layer.zeroPoint,
      low: layer.low,
      high: layer.high,
      double_rounding: layer.doubleRounding,
      ties_away: layer.tiesAway,
      multiplier_passes: layer.passes,
      parameter_write: write,
      parameter_bank: group % 2,
      parameter_lane: lane,
      parameter_data: times(LANES, (i) => {
        const { bias, multiplier, shift } = groups[Math.min(group, groups.length - 1)]![i]![lane]!;
        return BigInt.asUintN(32, BigInt(bias)) | (BigInt(multiplier) << 32n) | (BigInt(shift) << 64n);
      }),
      drain_sums: times(LANES, (i) =>
        fetched === undefined ? BigInt(rng.integer(2 ** 32)) : joinFields(fetched[i]!, 32),
      ),
    });
    if (push) pushed++;
    if (isDone) {
      const stripe = stripes[done++]!;
      memory[stripe.job.bank] = stripe.pixels;
      const steps = (kPar / requantizers) * layer.passes;
      const start = Math.max(end, cycle + START_LATENCY);
      for (const [i, pixel] of writesOf(work, stripe).entries())
        expected.set(start + (i + 1) * steps - 1 + latencyCycles, pixel);
      end = start + stripe.pixels.length * steps;
      if (stripe.job.layerLast === 1) drainedAt.add(end + latencyCycles);
    }
    if (write) {
      lane = (lane + 1) % kPar;
      if (lane === 0) group++;
    }
    const due = expected.get(cycle);
    expect(bench.flag("drain_write")).toBe(due !== undefined);
    if (due !== undefined) {
      const got = {
        bank: bench.number("drain_bank"),
        address: bench.number("drain_address"),
        slice: bench.number("drain_slice"),
        words: bench.words("drain_data"),
      };
      expect(got).toEqual(due);
    }
    fetched = undefined;
    if (bench.flag("drain_read")) {
      // A stripe that is not complete, or given up already, is not there.
      const pixels = memory[bench.number("drain_read_bank")];
      fetched = pixels![bench.number("drain_read_row")];
    }
    if (bench.flag("bank_free")) memory[stripes[freed++]!.job.bank] = undefined;
    if (bench.flag("parameters_free")) parametersFreed++;
    const isDrained = bench.flag("layer_drained");
    expect(isDrained).toBe(drainedAt.has(cycle));
    if (isDrained) drained++;
    bench.tick();
  }
  expect([freed, parametersFreed]).toEqual([stripes.length, groups.length]);
}

describe("drain", () => {
  it.each([
    [4, 4, 8],
    [4, 2, 16],
    [8, 2, 8],
    [8, 8, 32],
    [16, 4, 16],
    [16, 1, 32],
  ] as const)(
    "of %i lanes, %i requantizers of %i bits writes every pixel in its cycle",
    (kPar, requantizers, multiplierBits) => {
      const config = engineConfig({ cPar: 16, kPar, requantizers, multiplierBits, stripePixels: 16 });
      for (const haste of [8, 6, 2]) expectDrains(config, haste);
    },
    60_000,
  );

  it("fits the clock, and is clean Verilog", (context) => {
    for (const [kPar, requantizers, multiplierBits] of [
      [32, 8, 8],
      [4, 4, 16],
      [8, 1, 32],
    ] as const) {
      const { modules } = buildDrain(engineConfig({ cPar: 16, kPar, requantizers, multiplierBits }), clock);
      const [worst] = new NetlistTiming({ kind: "design", modules }, clock).longest(1);
      expect(worst!.ps, worst!.to).toBeLessThanOrEqual(clock.periodPs);
      // Requantizers are alike: a few of them say all.
      if (requantizers <= 4 || isFull) lintModules(context, modules);
    }
  }, 240_000);
});
