import { describe, expect, it } from "vitest";
import { joinFields } from "../../../test/helpers/bit-fields.js";
import { lintModules } from "../../../test/helpers/lint-modules.js";
import { ModuleBench } from "../../../test/helpers/module-bench.js";
import { sky130Cells } from "../../arith/index.js";
import { createRng } from "../../core/index.js";
import { NetlistTiming } from "../../hw/index.js";
import { type EngineConfig, engineConfig } from "../config.js";
import { ACCUMULATE_LATENCY, buildAccumulators } from "./accumulators.js";
import { TAG_LEAD } from "./array.js";
import { sumBitsOf } from "./lane.js";

const clock = { periodPs: 5000, cells: sky130Cells };
/** Lanes of the simulator. */
const LANES = 4;
/** The same row comes again so many cycles later at the earliest. */
const ROW_DISTANCE = 5;

/** A row of sums in each lane of the simulator. */
type Row = readonly (readonly bigint[])[];

/** Walk random stripes, each in several passes, while the stripe before is read by the drain. */
function expectAccumulates(config: EngineConfig, stripes: number): void {
  const { kPar, stripePixels } = config;
  const sumBits = sumBitsOf(config);
  const rng = createRng(kPar * stripePixels);
  const bench = new ModuleBench([buildAccumulators(config, clock)], {
    rng,
    lanes: LANES,
    dataPorts: ["sums"],
  });
  const banks: (Row | undefined)[][] = [[], []];
  const sumsAt = new Map<number, readonly bigint[]>();
  const doneAt = new Set<number>();
  const begunAt = new Map<string, number>();
  let readable: { readonly bank: number; readonly rows: number } | undefined;
  let ending: { readonly bank: number; readonly rows: number } | undefined;
  let read: { readonly due: readonly bigint[] } | undefined;
  let cycle = 0;
  let reads = 0;
  const step = (): void => {
    bench.set({
      sums: sumsAt.get(cycle) ?? Array.from({ length: LANES }, () => rng.integer(2 ** 32)),
    });
    expect(bench.flag("stripe_done")).toBe(doneAt.has(cycle));
    if (doneAt.has(cycle)) readable = ending;
    // Read data stay until the next read.
    if (read !== undefined) expect(bench.words("drain_sums")).toEqual(read.due);
    if (readable !== undefined && rng.integer(3) > 0) {
      // The newest row is the one that would come too late.
      const row = doneAt.has(cycle) ? readable.rows - 1 : rng.integer(readable.rows);
      bench.set({ drain_read: 1, drain_read_bank: readable.bank, drain_read_row: row });
      read = { due: banks[readable.bank]![row]!.map((lane) => joinFields(lane, 32)) };
      reads++;
    } else bench.set({ drain_read: 0, drain_read_row: rng.integer(stripePixels), drain_read_bank: 0 });
    bench.tick();
    cycle++;
  };
  const idle = (): void => {
    bench.set({ tag_in: rng.integer(2 ** 9) & ~0b010000111 });
    step();
  };
  for (let stripe = 0; stripe < stripes; stripe++) {
    const bank = stripe % 2;
    const rows = rng.integer(4) === 0 ? stripePixels : 1 + rng.integer(Math.min(8, stripePixels));
    const passes = 1 + rng.integer(4);
    const maximum = rng.integer(3) === 0;
    // The bank is free again: nothing reads it any more.
    if (readable?.bank === bank) readable = undefined;
    read = undefined;
    for (let pass = 0; pass < passes; pass++) {
      const scale = pass > 0 && !maximum && rng.integer(2) === 1;
      for (let row = 0; row < rows; row++) {
        while (rng.integer(5) === 0 || cycle < (begunAt.get(`${bank}.${row}`) ?? -9) + ROW_DISTANCE) idle();
        begunAt.set(`${bank}.${row}`, cycle);
        const sums = Array.from({ length: LANES }, () =>
          Array.from({ length: kPar }, () => {
            if (maximum) return BigInt(rng.integer(256));
            const pick = rng.integer(6);
            const low = -(2 ** (sumBits - 1));
            return BigInt(pick === 0 ? low : pick === 1 ? -1 - low : low + rng.integer(2 ** sumBits));
          }),
        );
        sumsAt.set(
          cycle + TAG_LEAD,
          sums.map((lane) => joinFields(lane, sumBits)),
        );
        const old = banks[bank]![row];
        banks[bank]![row] = sums.map((lane, i) =>
          lane.map((sum, k) => {
            const before = pass === 0 ? 0n : old![i]![k]! * (scale ? 256n : 1n);
            if (maximum) return before > sum ? before : sum;
            return BigInt.asIntN(32, before + sum);
          }),
        );
        const last = pass === passes - 1 && row === rows - 1;
        const flags = [1, 0, 1, pass === 0, scale, maximum, bank, last, rng.integer(2)];
        bench.set({ tag_in: joinFields(flags.map(Number), 1) | (BigInt(row) << BigInt(flags.length)) });
        if (last) {
          doneAt.add(cycle + ACCUMULATE_LATENCY);
          ending = { bank, rows };
        }
        step();
      }
    }
    // A short stripe may not overtake the one before: the drain holds a bank until it is read.
    while (!doneAt.has(cycle)) idle();
    idle();
  }
  expect(reads).toBeGreaterThan(stripes);
}

describe("accumulators", () => {
  it.each([
    [4, 4, 16],
    [8, 8, 16],
    [16, 16, 32],
    [32, 8, 64],
  ] as const)(
    "of a %i × %i array with %i rows add, scale and compare",
    (cPar, kPar, stripePixels) => {
      expectAccumulates(engineConfig({ cPar, kPar, stripePixels }), 30);
    },
    30_000,
  );

  it("fit the clock, and are clean Verilog", (context) => {
    for (const cPar of [4, 64]) {
      const modules = [buildAccumulators(engineConfig({ cPar, kPar: 8, weightBits: 9 }), clock)];
      const [worst] = new NetlistTiming({ kind: "design", modules }, clock).longest(1);
      expect(worst!.ps, worst!.to).toBeLessThanOrEqual(clock.periodPs);
      lintModules(context, modules);
    }
  }, 30_000);
});
