import { describe, expect, test } from "vitest";
import {
  requantizedByte as model,
  type RequantizedLayer,
} from "../../../test/helpers/engine-requantization.js";
import { ModuleBench } from "../../../test/helpers/module-bench.js";
import { sky130Cells } from "../../arith/index.js";
import { createRng } from "../../core/index.js";
import { NetlistTiming } from "../../hw/index.js";
import { requantize } from "../../quant/index.js";
import { engineConfig } from "../config.js";
import { buildRequantizer } from "./requantizer.js";

/** Lanes of the simulator. */
const LANES = 128;
const clock = { periodPs: 5000, cells: sky130Cells };

describe("requantizer", () => {
  for (const multiplierBits of [8, 16, 32]) {
    const config = engineConfig({ cPar: 8, kPar: 8, multiplierBits });
    const chunks = 32 / multiplierBits;

    test(`of ${multiplierBits} bits a cycle: the formula, for sums, ties and shifts of all sizes`, () => {
      const { module, latencyCycles } = buildRequantizer(config, clock);
      const rng = createRng(multiplierBits);
      const bench = new ModuleBench([module], { rng });
      for (let round = 0; round < 8; round++) {
        const low = rng.integer(128);
        const layer: RequantizedLayer = {
          doubleRounding: rng.integer(2) === 1,
          tiesAway: rng.integer(2) === 1,
          zeroPoint: rng.integer(256),
          low: round % 2 === 0 ? 0 : low,
          high: round % 2 === 0 ? 255 : low + rng.integer(128),
        };
        bench.set({
          double_rounding: layer.doubleRounding,
          ties_away: layer.tiesAway,
          zero_point: layer.zeroPoint,
          low: layer.low,
          high: layer.high,
        });
        const pending: { at: number; byte: number }[] = [];
        let checked = 0;
        let cycle = 0;
        const step = (): void => {
          bench.tick();
          cycle++;
          const due = pending[0]?.at === cycle;
          expect(bench.flag("done")).toBe(due);
          if (due) {
            expect(bench.number("result_byte")).toBe(pending.shift()!.byte);
            checked++;
          }
        };
        for (let i = 0; i < 60; i++) {
          const passes = 1 + rng.integer(chunks);
          const most = 2 ** Math.min(31, passes * multiplierBits) - 1;
          const exponent = rng.integer(31);
          // Half of the values land near a byte's ties, the others anywhere.
          const multiplier =
            rng.integer(2) === 0 ? Math.floor(rng.next() * most) + 1 : Math.min(most, 2 ** rng.integer(31));
          const total = Math.floor((rng.next() * 2 - 1) * 2 ** exponent);
          const bias = Math.floor((rng.next() * 2 - 1) * 2 ** 30);
          const fitting = Math.max(
            0,
            Math.ceil(Math.log2(Math.abs(total) * multiplier + 1)) - 8 - (layer.doubleRounding ? 31 : 0),
          );
          const shift = Math.min(
            63,
            Math.max(0, rng.integer(4) === 0 ? rng.integer(64) : fitting + rng.integer(3)),
          );
          const extreme = rng.integer(12) === 0 ? (rng.integer(2) === 0 ? 2 ** 31 - 1 : -(2 ** 31)) : total;
          const value = { sum: (extreme - bias) | 0, bias, multiplier, shift };
          for (let pass = passes - 1; pass >= 0; pass--) {
            bench.set({
              valid: 1,
              first: pass === passes - 1,
              last: pass === 0,
              ...value,
              ...(chunks === 1 ? {} : { chunk: pass }),
            });
            if (pass === 0) pending.push({ at: cycle + latencyCycles, byte: model(value, layer) });
            step();
          }
          bench.set({ valid: 0, sum: rng.integer(2 ** 32) });
          while (rng.integer(4) === 0) step();
        }
        while (pending.length > 0) step();
        expect(checked).toBe(60);
      }
    });

    test(`of ${multiplierBits} bits a cycle: ties, ends of the ranges and all shifts, in 128 lanes`, () => {
      const { module, latencyCycles } = buildRequantizer(config, clock);
      const dataPorts = ["sum", "bias", "multiplier", "shift"];
      const rng = createRng(100 + multiplierBits);
      const bench = new ModuleBench([module], { rng, lanes: LANES, dataPorts });
      const pick = (values: readonly number[]): number => values[rng.integer(values.length)]!;
      const any32 = (): number => rng.integer(2 ** 32) - 2 ** 31;
      for (let round = 0; round < 24; round++) {
        const layer: RequantizedLayer = {
          doubleRounding: round % 2 === 1,
          tiesAway: (round >> 1) % 2 === 1,
          zeroPoint: pick([0, 128, 255, rng.integer(256)]),
          low: pick([0, 0, 255, rng.integer(256)]),
          high: pick([255, 255, 0, rng.integer(256)]),
        };
        // Bounds are in order.
        const bounds = layer.low > layer.high ? { low: layer.high, high: layer.low } : {};
        const values = Array.from({ length: LANES }, () => {
          const multiplier = pick([0, 1, 2 ** rng.integer(31), 2 ** 31 - 1, rng.integer(2 ** 31)]);
          const drop = layer.doubleRounding ? 31 : 0;
          const fits = rng.integer(40);
          // An odd number of halves of 2^shift is a tie where the multiplier is a power of two.
          const sum = pick([0, -1, 2 ** 31 - 1, -(2 ** 31), any32(), (any32() >> 20) * 2 ** rng.integer(20)]);
          const shift = Math.min(
            63,
            Math.max(
              0,
              pick([fits, rng.integer(64), Math.ceil(Math.log2(multiplier + 1)) + 8 - drop, 0, 63]),
            ),
          );
          return { sum, bias: pick([0, 0, any32(), 2 ** 31 - 1]), multiplier, shift };
        });
        const due = values.map((value) => BigInt(model(value, { ...layer, ...bounds })));
        bench.set({
          double_rounding: layer.doubleRounding,
          ties_away: layer.tiesAway,
          zero_point: layer.zeroPoint,
          low: bounds.low ?? layer.low,
          high: bounds.high ?? layer.high,
          sum: values.map(({ sum }) => sum),
          bias: values.map(({ bias }) => bias),
          multiplier: values.map(({ multiplier }) => multiplier),
          shift: values.map(({ shift }) => shift),
          valid: 1,
        });
        for (let pass = chunks - 1; pass >= 0; pass--) {
          bench.set({
            first: pass === chunks - 1,
            last: pass === 0,
            ...(chunks === 1 ? {} : { chunk: pass }),
          });
          if (pass > 0) bench.tick();
        }
        for (let i = 0; i < latencyCycles; i++) {
          bench.tick();
          bench.set({ valid: 0 });
        }
        expect(bench.flag("done")).toBe(true);
        expect(bench.words("result_byte")).toEqual(due);
      }
    });

    test(`of ${multiplierBits} bits a cycle fits the clock`, () => {
      const design = { kind: "design", modules: [buildRequantizer(config, clock).module] } as const;
      const [worst] = new NetlistTiming(design, clock).longest(1);
      expect(
        worst!.ps,
        `${worst!.to}: ${worst!.through.map(({ net }) => net).join(" ")}`,
      ).toBeLessThanOrEqual(5000);
    });
  }

  test("the table of docs/accel.md gives the network's formulas", () => {
    const rng = createRng(5);
    const layer = { zeroPoint: 128, low: 0, high: 255 };
    const clamp = (r: number): number => Math.max(0, Math.min(255, r + 128));
    for (let i = 0; i < 3000; i++) {
      const sum = Math.floor((rng.next() * 2 - 1) * 2 ** (6 + rng.integer(12)));
      const multiplier = 2 ** 30 + rng.integer(2 ** 30);
      const e = rng.integer(12);
      const lean = { multiplier: 1 + rng.integer(4095), shift: 1 + rng.integer(20) };
      const of = (mode: object, m: number, shift: number): number =>
        clamp(
          requantize(
            { mode: "tflite", ...mode, multipliers: Int32Array.of(m), shifts: Int32Array.of(shift) },
            0,
            sum,
          ),
        );
      const value = { sum, bias: 0, multiplier };
      const away = { ...layer, doubleRounding: true, tiesAway: true };
      if (e > 0) {
        expect(model({ ...value, shift: e }, away)).toBe(of({}, multiplier, -e));
        expect(model({ ...value, shift: e }, { ...away, tiesAway: false })).toBe(
          of({ ties: "up" }, multiplier, -e),
        );
      }
      const single = { ...layer, doubleRounding: false, tiesAway: false };
      expect(model({ ...value, shift: 31 - e }, single)).toBe(of({}, multiplier, e));
      expect(model({ sum, bias: 0, ...lean }, single)).toBe(
        of({ mode: "lean" }, lean.multiplier, lean.shift),
      );
    }
  });
});
