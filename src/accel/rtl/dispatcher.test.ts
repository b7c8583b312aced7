import { describe, expect, it } from "vitest";
import { wordOfBytes } from "../../../test/helpers/bit-fields.js";
import { lintModules } from "../../../test/helpers/lint-modules.js";
import { ModuleBench } from "../../../test/helpers/module-bench.js";
import { ReadClients } from "../../../test/helpers/read-clients.js";
import { sky130Cells } from "../../arith/index.js";
import { createRng, type Rng } from "../../core/index.js";
import { NetlistTiming } from "../../hw/index.js";
import { type EngineConfig, engineConfig } from "../config.js";
import {
  DESCRIPTOR_BYTES,
  encodeFields,
  headerFields,
  layerFields,
  OPERATIONS,
  PROGRAM_MAGIC,
  transferFields,
} from "../isa/index.js";
import { buildDispatcher } from "./dispatcher.js";

const clock = { periodPs: 5000, cells: sky130Cells };
const FINGERPRINT = 0xc0ffee42;
/** Bits of a layer that mean something. */
const USED = 635n;

/** A descriptor: its bytes and what the dispatcher looks at. */
type Step = {
  readonly operation: number;
  readonly waitLayers: number;
  readonly waitTransfers: number;
  readonly space: number;
  readonly bits: bigint;
};
type Program = {
  readonly base: number;
  readonly list: number;
  readonly entries: number;
  readonly steps: readonly Step[];
};

/** A descriptor of random bits but for what is given. */
function step(rng: Rng, fields: { operation: number; waitLayers?: number; waitTransfers?: number }): Step {
  const { operation, waitLayers = 0, waitTransfers = 0 } = fields;
  const bytes = Uint8Array.from({ length: DESCRIPTOR_BYTES }, () => rng.integer(256));
  const space = rng.integer(4);
  bytes.fill(0, 0, 6);
  const { operation: op, waitLayers: layers, waitTransfers: transfers } = layerFields;
  const flags = { operation: op, waitLayers: layers, waitTransfers: transfers, space: transferFields.space };
  encodeFields(flags, { operation, waitLayers, waitTransfers, space }, bytes);
  return { operation, waitLayers, waitTransfers, space, bits: wordOfBytes(bytes) };
}

/** Random layers and transfers that wait for what comes before them, and the end. */
function randomProgram(rng: Rng, base: number, length: number): Program {
  let [layers, transfers] = [0, 0];
  const steps = Array.from({ length }, () => {
    const operation = [1, 1, 2, 3][rng.integer(4)]!;
    const now = step(rng, {
      operation,
      waitLayers: rng.integer(2) === 0 ? 0 : rng.integer(layers + 1),
      waitTransfers: rng.integer(2) === 0 ? 0 : rng.integer(transfers + 1),
    });
    if (operation === OPERATIONS.layer) layers++;
    else transfers++;
    return now;
  });
  // An operation that no descriptor has ends the frame, too.
  steps.push(step(rng, { operation: rng.integer(3) === 0 ? 4 + rng.integer(12) : OPERATIONS.end }));
  return { base, list: rng.integer(2 ** 32), entries: rng.integer(2 ** 16), steps };
}

function imageOf(program: Program, header: { magic?: number; fingerprint?: number } = {}): Uint8Array {
  const { list, entries, steps } = program;
  const bytes = new Uint8Array(DESCRIPTOR_BYTES * (steps.length + 1));
  const values = {
    magic: header.magic ?? PROGRAM_MAGIC,
    fingerprint: header.fingerprint ?? FINGERPRINT,
    descriptors: steps.length,
    weightEntries: entries,
    weightList: list,
  };
  encodeFields(headerFields, values, bytes);
  for (const [i, { bits }] of steps.entries())
    for (let j = 0; j < DESCRIPTOR_BYTES; j++)
      bytes[(i + 1) * DESCRIPTOR_BYTES + j] = Number((bits >> BigInt(8 * j)) & 255n);
  return bytes;
}

const SETTINGS = {
  scratch_base: 0x10000000,
  result_base: 0xfffff000,
  result_stride: 0x12340,
  image_base: 0x30000000,
  image_stride: 0xfff80,
} as const;

/** A unit that takes something, works on it for a while and says that it is complete. */
type Unit = { left: number; ready: boolean };

/** The dispatcher among units that are ready and complete at random times; every take is checked against the program. */
class Bench {
  readonly sim;
  readonly rng: Rng;
  readonly log: string[] = [];
  programs = new Map<number, Program>();
  memory = new Map<number, Uint8Array>();
  cycle = 0;
  waiting = 0;
  doneAt: number[] = [];
  failedAt: number[] = [];
  readonly #clients: ReadClients;
  readonly #walker: Unit = { left: 0, ready: false };
  readonly #transfers: Unit = { left: 0, ready: false };
  readonly #stall: number;
  readonly #work: (kind: "layer" | "transfer", rng: Rng) => number;
  #frame: Program | null = null;
  #frameNumber = -1;
  #given = { feeder: 0, walker: 0, transfer: 0, layersDone: 0, transfersDone: 0 };

  constructor(
    config: EngineConfig,
    rng: Rng,
    stall: number,
    work: (kind: "layer" | "transfer", rng: Rng) => number = (_, random) => 1 + random.integer(60),
  ) {
    this.rng = rng;
    this.#stall = stall;
    this.#work = work;
    this.sim = new ModuleBench([buildDispatcher(config, clock, FINGERPRINT)], { rng });
    this.#clients = new ReadClients(this.sim, {
      rng,
      beatBytes: config.axiDataBytes,
      byteAt: (address) => {
        for (const [base, bytes] of this.memory)
          if (address >= base && address < base + bytes.length) return bytes[address - base]!;
        return 0xa5;
      },
      ids: [0],
      latency: 10,
      stall,
    });
    this.sim.set(SETTINGS);
  }

  load(program: Program, header: { magic?: number; fingerprint?: number } = {}): void {
    this.programs.set(program.base, program);
    this.memory.set(program.base, imageOf(program, header));
  }

  /** Forget the frames so far: a new start. */
  restart(): void {
    this.#frame = null;
    this.#frameNumber = -1;
  }

  /** Layers and transfers of this frame. */
  #of(layer: boolean): readonly Step[] {
    return (this.#frame?.steps ?? []).filter(({ operation }) =>
      layer ? operation === 1 : operation === 2 || operation === 3,
    );
  }

  #reached(wanted: Step): boolean {
    const { layersDone, transfersDone } = this.#given;
    return layersDone >= wanted.waitLayers && transfersDone >= wanted.waitTransfers;
  }

  tick(inputs: { start?: boolean; memoryError?: boolean } = {}): void {
    const { sim, rng } = this;
    const given = this.#given;
    const feederReady = rng.next() >= this.#stall;
    this.#walker.ready = this.#walker.left === 0 && rng.next() >= this.#stall;
    this.#transfers.ready = this.#transfers.left === 0 && rng.next() >= this.#stall;
    const finishes = (unit: Unit): boolean => unit.left > 0 && --unit.left === 0;
    const layerDone = finishes(this.#walker);
    const transferDone = finishes(this.#transfers);
    sim.set({
      start: inputs.start === true,
      memory_error: inputs.memoryError === true,
      feeder_ready: feederReady,
      walker_ready: this.#walker.ready,
      transfer_ready: this.#transfers.ready,
      layer_done: layerDone,
      transfer_done: transferDone,
    });
    this.#clients.drive();
    this.#clients.observe();
    if (sim.flag("weight_start")) this.#beginFrame();
    // Bits without a meaning may differ between lanes.
    const words = (port: string, used: bigint): bigint => sim.words(port)[0]! & ((1n << used) - 1n);
    if (sim.flag("feeder_valid") && feederReady) {
      const wanted = this.#of(true)[given.feeder]!;
      expect(words("layer", USED)).toBe(wanted.bits & ((1n << USED) - 1n));
      given.feeder++;
    }
    if (sim.flag("walker_valid")) {
      const wanted = this.#of(true)[given.walker]!;
      expect(this.#reached(wanted), "a layer waits for its counts").toBe(true);
      if (this.#walker.ready) {
        expect(words("layer", USED)).toBe(wanted.bits & ((1n << USED) - 1n));
        given.walker++;
        this.#walker.left = this.#work("layer", rng);
        this.log.push(`layer ${given.walker} starts`);
      }
    }
    if (sim.flag("transfer_valid")) {
      const wanted = this.#of(false)[given.transfer]!;
      expect(this.#reached(wanted), "a transfer waits for its counts").toBe(true);
      expect(words("transfer", 176n)).toBe(wanted.bits & ((1n << 176n) - 1n));
      const frame = this.#frameNumber;
      const bases = [
        SETTINGS.scratch_base,
        SETTINGS.result_base + frame * SETTINGS.result_stride,
        SETTINGS.image_base + frame * SETTINGS.image_stride,
        this.#frame!.base,
      ];
      expect(sim.number("transfer_base")).toBe(bases[wanted.space]! % 2 ** 32);
      if (this.#transfers.ready) {
        given.transfer++;
        this.#transfers.left = this.#work("transfer", rng);
        this.log.push(`transfer ${given.transfer} starts`);
      }
    }
    if (layerDone) {
      given.layersDone++;
      this.log.push(`layer ${given.layersDone} done`);
    }
    if (transferDone) {
      given.transfersDone++;
      this.log.push(`transfer ${given.transfersDone} done`);
    }
    this.waiting += sim.number("waiting_transfer");
    if (sim.flag("done")) this.doneAt.push(this.cycle);
    if (sim.flag("error")) this.failedAt.push(this.cycle);
    sim.tick();
    this.cycle++;
  }

  #beginFrame(): void {
    this.checkComplete();
    const { sim } = this;
    const program = this.programs.get(sim.number("weight_base"))!;
    expect(sim.number("weight_list_offset")).toBe(program.list);
    expect(sim.number("weight_entry_count")).toBe(program.entries);
    this.#frame = program;
    this.#frameNumber++;
    expect(sim.number("frames_done_count")).toBe(this.#frameNumber);
    this.#given = { feeder: 0, walker: 0, transfer: 0, layersDone: 0, transfersDone: 0 };
    this.log.push(`frame of ${program.base.toString(16)}`);
  }

  /** Every layer and transfer of the frame was given once and is complete. */
  checkComplete(): void {
    if (this.#frame === null) return;
    const [layers, transfers] = [this.#of(true).length, this.#of(false).length];
    expect(this.#given).toEqual({
      feeder: layers,
      walker: layers,
      transfer: transfers,
      layersDone: layers,
      transfersDone: transfers,
    });
  }

  /** Start, and run until idle again. */
  run(settings: { readonly base: number; readonly frames: number }, between?: () => void): void {
    this.restart();
    this.sim.set({ program_base: settings.base, frames: settings.frames });
    this.tick({ start: true });
    for (let i = 0; ; i++) {
      expect(i, "the dispatcher makes headway").toBeLessThan(50_000);
      between?.();
      this.tick();
      if (!this.sim.flag("busy")) break;
    }
    this.tick();
  }
}

const configs = [4, 8, 16, 32, 64].map((axiDataBytes) =>
  engineConfig({ cPar: 16, kPar: 16, axiDataBytes, burstBeats: 32 }),
);

describe("dispatcher", () => {
  it.each(configs)("runs random programs for several frames, $axiDataBytes bytes a beat", (config) => {
    for (const stall of [0, 0.5]) {
      const rng = createRng(config.axiDataBytes + stall);
      const bench = new Bench(config, rng, stall);
      for (const [i, length] of [12, 0, 1, 20].entries()) {
        const program = randomProgram(rng, 0x40000000 + i * 0x10000, length);
        bench.load(program);
        bench.run({ base: program.base, frames: 3 });
        bench.checkComplete();
        expect(bench.sim.number("frames_done_count")).toBe(3);
        expect(bench.doneAt.length).toBe(i + 1);
      }
      expect(bench.failedAt).toEqual([]);
    }
  });

  it("takes another program at a frame's start, and runs without end until a number is written", () => {
    const rng = createRng(7);
    const bench = new Bench(configs[2]!, rng, 0.2);
    const programs = [0x1000, 0x8000].map((base) => randomProgram(rng, base, 5));
    for (const program of programs) bench.load(program);
    bench.run({ base: 0x1000, frames: 0 }, () => {
      const done = bench.sim.number("frames_done_count");
      bench.sim.set({ program_base: done % 2 === 0 ? 0x1000 : 0x8000 });
      if (bench.log.filter((line) => line.startsWith("frame")).length === 6) bench.sim.set({ frames: 3 });
    });
    expect(bench.sim.number("frames_done_count")).toBe(6);
    const frames = bench.log.filter((line) => line.startsWith("frame"));
    expect(frames[0]).toBe("frame of 1000");
    expect(new Set(frames).size).toBe(2);
  });

  it("starts a transfer behind a layer that waits for the one before", () => {
    const rng = createRng(8);
    const bench = new Bench(configs[2]!, rng, 0, (kind) => (kind === "layer" ? 400 : 20));
    const layer = (waitTransfers: number): Step => step(rng, { operation: OPERATIONS.layer, waitTransfers });
    const load = step(rng, { operation: OPERATIONS.load });
    const store = step(rng, { operation: OPERATIONS.store, waitLayers: 1 });
    const end = step(rng, { operation: OPERATIONS.end });
    const program = { base: 0, list: 1, entries: 2, steps: [layer(0), layer(0), load, load, store, end] };
    bench.load(program);
    bench.run({ base: 0, frames: 1 });
    const order = bench.log.slice(1);
    expect(order.indexOf("transfer 2 done")).toBeLessThan(order.indexOf("layer 1 done"));
    expect(order.indexOf("transfer 3 done")).toBeLessThan(order.indexOf("layer 2 done"));
    expect(bench.waiting).toBe(0);
  });

  it("says how long the array waits for transfers alone", () => {
    const rng = createRng(9);
    const bench = new Bench(configs[2]!, rng, 0, (kind) => (kind === "layer" ? 100 : 300));
    const steps = [
      step(rng, { operation: OPERATIONS.layer }),
      step(rng, { operation: OPERATIONS.load }),
      step(rng, { operation: OPERATIONS.layer, waitLayers: 1, waitTransfers: 1 }),
      step(rng, { operation: OPERATIONS.end }),
    ];
    bench.load({ base: 0, list: 1, entries: 2, steps });
    bench.run({ base: 0, frames: 1 });
    // The load is taken some cycles after the first layer, which covers 100 of its 300.
    expect(bench.waiting).toBeGreaterThan(190);
    expect(bench.waiting).toBeLessThan(260);
  });

  it("refuses headers that are not its own, and starts again", () => {
    const rng = createRng(10);
    const bench = new Bench(configs[0]!, rng, 0.3);
    const program = randomProgram(rng, 0x3000, 4);
    const headers = [
      [{ magic: PROGRAM_MAGIC ^ 0x40000000 }, 3],
      [{ fingerprint: FINGERPRINT - 1 }, 2],
      [{ magic: 0, fingerprint: 0 }, 3],
      [{}, 0],
    ] as const;
    for (const [i, [header, code]] of headers.entries()) {
      bench.load(program, header);
      bench.run({ base: 0x3000, frames: 1 });
      expect(bench.sim.number("error_code")).toBe(code);
      expect(bench.failedAt.length).toBe(Math.min(i + 1, 3));
    }
    bench.checkComplete();
    expect(bench.doneAt.length).toBe(1);
  });

  it("stops at an error of the memory and stays so", () => {
    for (let seed = 20; seed < 32; seed++) {
      const rng = createRng(seed);
      const bench = new Bench(configs[seed % configs.length]!, rng, 0.3);
      const program = randomProgram(rng, 0x3000, 12);
      bench.load(program);
      bench.sim.set({ program_base: 0x3000, frames: 5 });
      bench.tick({ memoryError: true });
      expect(bench.failedAt).toEqual([]);
      bench.tick({ start: true });
      for (let i = rng.integer(300); i > 0; i--) bench.tick();
      bench.tick({ memoryError: true });
      const taken = bench.log.filter((line) => line.endsWith("starts")).length;
      // What was offered in the cycle of the error may have been taken in it, nothing after it.
      for (let i = 0; i < 50; i++) bench.tick({ start: i === 20 });
      expect(bench.log.filter((line) => line.endsWith("starts")).length).toBe(taken);
      expect(bench.failedAt.length).toBe(1);
      expect([bench.sim.number("busy"), bench.sim.number("error_code")]).toEqual([0, 1]);
      expect(bench.doneAt).toEqual([]);
    }
  });

  it("meets the clock and is clean text", (context) => {
    for (const config of configs) {
      const module = buildDispatcher(config, clock, FINGERPRINT);
      const [worst] = new NetlistTiming({ kind: "design", modules: [module] }, clock).longest(1);
      expect(worst!.ps).toBeLessThan(clock.periodPs);
      lintModules(context, [module]);
    }
  });
});
