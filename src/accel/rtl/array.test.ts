import { describe, expect, it } from "vitest";
import { joinFields, splitFields } from "../../../test/helpers/bit-fields.js";
import { isFull } from "../../../test/helpers/environment.js";
import { lintModules } from "../../../test/helpers/lint-modules.js";
import { ModuleBench } from "../../../test/helpers/module-bench.js";
import { sky130Cells } from "../../arith/index.js";
import { createRng } from "../../core/index.js";
import { NetlistTiming, verifyDesign } from "../../hw/index.js";
import { type EngineConfig, engineConfig } from "../config.js";
import { buildArray, TAG_LEAD } from "./array.js";
import { sumBitsOf } from "./lane.js";
import { tagBitsOf } from "./tag.js";

const clock = { periodPs: 5000, cells: sky130Cells };
const LANES = 4;

type Sums = readonly (readonly bigint[])[];

/** A lane's integers in one lane of the simulator, as documented: weights, window and sums in plain arithmetic. */
class ArrayModel {
  readonly #config: EngineConfig;
  readonly #shadow: bigint[][];
  #active: bigint[][];
  readonly #windows: bigint[][];

  constructor(config: EngineConfig) {
    this.#config = config;
    this.#shadow = Array.from({ length: config.kPar }, () => new Array<bigint>(config.cPar).fill(0n));
    this.#active = this.#shadow;
    this.#windows = Array.from({ length: config.kPar }, () =>
      new Array<bigint>(Math.min(config.cPar, 16)).fill(0n),
    );
  }

  load(lane: number, weights: readonly bigint[]): void {
    this.#shadow[lane] = [...weights];
  }

  swap(): void {
    this.#active = this.#shadow.map((row) => [...row]);
  }

  /** Take a fetch; sums of all lanes. */
  take(word: readonly bigint[], column: readonly bigint[], windowed: boolean): readonly bigint[] {
    const { kPar } = this.#config;
    return this.#active.map((weights, k) => {
      if (windowed) {
        const rows = [0, 1, 2, 3].map((row) => column[row * kPar + k]!);
        const window = this.#windows[k]!;
        this.#windows[k] = [...rows, ...window].slice(0, window.length);
      }
      const operands = windowed ? this.#windows[k]! : word;
      return weights.reduce((total, weight, slot) => total + weight * (operands[slot] ?? 0n), 0n);
    });
  }
}

/** Random words and their extremes. */
function drawWeight(rng: { integer(n: number): number }, bits: number): bigint {
  const [low, high] = [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  const pick = rng.integer(6);
  return BigInt(pick === 0 ? low : pick === 1 ? high : low + rng.integer(2 ** bits));
}
const drawByte = (rng: { integer(n: number): number }): bigint =>
  rng.integer(4) === 0 ? 255n : BigInt(rng.integer(256));

function expectComputes(config: EngineConfig, passes: number): void {
  const { cPar, kPar, weightBits } = config;
  const rng = createRng(cPar + kPar);
  const { modules, latencyCycles } = buildArray(config, clock);
  const bench = new ModuleBench(modules, { rng, lanes: LANES, dataPorts: ["word", "column", "weight_word"] });
  const models = Array.from({ length: LANES }, () => new ArrayModel(config));
  /** Expected outputs by cycle. */
  const sums = new Map<number, Sums>();
  const tags = new Map<number, bigint>();
  let cycle = 0;
  let swapped = false;
  let held: Sums | undefined;
  const step = (): void => {
    const due = sums.get(cycle) ?? held;
    if (due !== undefined) {
      const got = bench
        .words("sums")
        .map((word) =>
          splitFields(word, sumBitsOf(config), kPar).map((x) => BigInt.asIntN(sumBitsOf(config), x)),
        );
      expect(got).toEqual(due);
    }
    held = due;
    expect(bench.word("tag_out")).toBe(tags.get(cycle) ?? 0n);
    expect(bench.flag("shadow_taken")).toBe(swapped);
    bench.tick();
    cycle++;
  };
  const allLanes = (): number[] => Array.from({ length: kPar }, (_, lane) => lane);
  let toLoad = allLanes();
  /** Maybe load a lane's weights of the next pass; the first pass has the least weights only. */
  const load = (forWindow: boolean, least: boolean): void => {
    const lane = rng.integer(3) > 0 ? toLoad.shift() : undefined;
    if (lane === undefined) {
      bench.set({ weight_load: 0, weight_word: rng.integer(2 ** 30) });
      return;
    }
    const each = models.map(() =>
      Array.from({ length: cPar }, (_, slot) => {
        if (forWindow && slot >= 16) return 0n;
        return least ? BigInt(-(2 ** (weightBits - 1))) : drawWeight(rng, weightBits);
      }),
    );
    bench.set({
      weight_load: 1,
      weight_lane: lane,
      weight_word: each.map((weights) => joinFields(weights, weightBits)),
    });
    for (const [i, model] of models.entries()) model.load(lane, each[i]!);
  };
  let windowed = false;
  for (let pass = 0; pass < passes; pass++) {
    bench.set({ tag_in: 0 });
    while (toLoad.length > 0) {
      load(windowed, pass === 0);
      step();
      swapped = false;
    }
    bench.set({ weight_load: 0 });
    toLoad = allLanes();
    const next = rng.integer(2) === 1;
    const fetches = 3 + rng.integer(12);
    for (let fetch = 0; fetch < fetches; ) {
      const take = rng.integer(4) > 0;
      const draw = (): bigint => (pass === 0 ? 255n : drawByte(rng));
      const words = models.map(() => Array.from({ length: cPar }, draw));
      const columns = models.map(() => Array.from({ length: 4 * kPar }, draw));
      const emit = take && (!windowed || fetch >= 3);
      const swap = take && fetch === 0;
      const rest = BigInt(rng.integer(2 ** 15)) & ~0b100000111n;
      const tag =
        (rest & ((1n << BigInt(tagBitsOf(config))) - 1n)) |
        BigInt(take) |
        (BigInt(swap) << 1n) |
        (BigInt(emit) << 2n) |
        (BigInt(windowed) << 8n);
      bench.set({
        tag_in: tag,
        word: words.map((word) => joinFields(word, 8)),
        column: columns.map((column) => joinFields(column, 8)),
      });
      if (take) {
        if (swap) for (const model of models) model.swap();
        const due = models.map((model, i) => model.take(words[i]!, columns[i]!, windowed));
        if (emit) sums.set(cycle + latencyCycles, due);
        fetch++;
      }
      if (fetch > 0 && !swap) load(next, false);
      tags.set(cycle + latencyCycles - TAG_LEAD, tag);
      step();
      swapped = swap;
    }
    windowed = next;
  }
  bench.set({ tag_in: 0 });
  for (let i = 0; i <= latencyCycles; i++) {
    step();
    swapped = false;
  }
  expect([...sums.keys()].at(-1)! < cycle).toBe(true);
}

describe("array", () => {
  it.each([
    [4, 4, 8],
    [4, 8, 9],
    [8, 8, 8],
    [16, 8, 9],
    [16, 32, 8],
    [32, 16, 8],
  ] as const)(
    "of %i × %i and %i bits computes what its weights say, whatever the gaps",
    (cPar, kPar, weightBits) => {
      expectComputes(engineConfig({ cPar, kPar, weightBits }), 12);
    },
    30_000,
  );

  it("has sums as wide as the least weights and largest bytes need, and no wider", () => {
    expect(sumBitsOf({ cPar: 16, weightBits: 8 })).toBe(20);
    expect(-128 * 255 * 16).toBeLessThan(-(2 ** 18));
  });

  it.each([4, 8, 16, 32, 64])("of %i multipliers a lane fits the clock", (cPar) => {
    for (const weightBits of [8, 9] as const) {
      const { modules } = buildArray(engineConfig({ cPar, kPar: 4, weightBits }), clock);
      const [worst] = new NetlistTiming({ kind: "design", modules }, clock).longest(1);
      expect(worst!.ps, worst!.to).toBeLessThanOrEqual(clock.periodPs);
    }
  });

  it("is clean Verilog up to the largest lane", (context) => {
    // Lanes are alike: a few of them say all.
    const sizes = [
      [4, 4, 9],
      [16, 4, 8],
      [64, 4, 8],
    ] as const;
    for (const [cPar, kPar, weightBits] of isFull ? ([...sizes, [64, 32, 8]] as const) : sizes) {
      const { modules } = buildArray(engineConfig({ cPar, kPar, weightBits }), clock);
      verifyDesign({ kind: "design", modules });
      lintModules(context, modules);
    }
  }, 240_000);
});
