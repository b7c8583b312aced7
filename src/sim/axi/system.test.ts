import { describe, expect, it } from "vitest";
import {
  STAND_IN_BYTES,
  STAND_IN_FRAME,
  standInEngine,
  standInResult,
} from "../../../test/helpers/stand-in-engine.js";
import { CheckFailedError, createRng } from "../../core/index.js";
import { type Module, verifyDesign } from "../../hw/index.js";
import { type Bit, ONE, type SimModule, ZERO } from "../ir.js";
import { flatten } from "../link.js";
import { lowerDesign } from "../lower.js";
import { type AxiSystemJob, type AxiSystemRun, simulateAxiSystem } from "./index.js";

const flat = (module: Module): SimModule =>
  flatten(lowerDesign(verifyDesign({ kind: "design", modules: [module] })));
const standIn = flat(standInEngine("stand_in"));

const rng = createRng(5);
const random = (count: number): Uint8Array => Uint8Array.from({ length: count }, () => rng.integer(256));
const programs = [random(STAND_IN_FRAME), random(STAND_IN_FRAME)];
const [SCRATCH, RESULTS, STRIDE, FRAMES] = [0x8000, 0x3000, 64, 3];

/** Two programs, three frames each. */
const runs = programs.map((_, i) => {
  const writes = [
    { address: 0x1c, data: SCRATCH },
    { address: 0x20, data: RESULTS + 0x1000 * i },
    { address: 0x24, data: STRIDE },
    { address: 0x10, data: 0x1000 * i },
    { address: 0x14, data: FRAMES },
    { address: 0x08, data: 3 },
  ];
  return {
    writes,
    reads: { id: 0, status: 0x0c, cycles: 0x30, framesDone: 0x44, readBeats: 0x48, writeBeats: 0x4c },
    after: [{ address: 0x18, data: 1 }],
    results: { address: RESULTS + 0x1000 * i, stride: STRIDE, bytes: STAND_IN_FRAME, frames: FRAMES },
  } satisfies AxiSystemRun;
});

function jobOf(lanes: number, changes: Partial<AxiSystemJob> = {}): AxiSystemJob {
  return {
    module: standIn,
    lanes,
    contents: programs.map((bytes, i) => ({ address: 0x1000 * i, bytes })),
    stream: {
      beatBytes: STAND_IN_BYTES,
      lanes: Array.from({ length: lanes }, () => random(2 * FRAMES * STAND_IN_FRAME)),
    },
    runs,
    memory: { latencyCycles: 20 },
    maxCycles: 20_000,
    ...changes,
  };
}

/** Results of a run in a lane as they must be. */
const expected = (job: AxiSystemJob, run: number, lane: number): Uint8Array => {
  const pixels = job.stream!.lanes[lane]!;
  const bytes = new Uint8Array(FRAMES * STAND_IN_FRAME);
  for (let frame = 0; frame < FRAMES; frame++) {
    const from = (run * FRAMES + frame) * STAND_IN_FRAME;
    bytes.set(
      standInResult(programs[run]!, pixels.slice(from, from + STAND_IN_FRAME)),
      frame * STAND_IN_FRAME,
    );
  }
  return bytes;
};

describe("a module with its memory", () => {
  it("gives each lane its own results, through a memory that gives back what a lane wrote", () => {
    for (const lanes of [1, 5, 128]) {
      const job = jobOf(lanes);
      const { runs: done } = simulateAxiSystem(job);
      for (const [i, run] of done.entries()) {
        expect(run.results).toEqual(Array.from({ length: lanes }, (_, lane) => expected(job, i, lane)));
        expect(run.registers).toMatchObject({ id: 0x46584131, status: 2, framesDone: FRAMES });
        expect(run.registers).toMatchObject({ readBeats: 16 * FRAMES, writeBeats: 16 * FRAMES });
      }
    }
  });

  it("takes its time: latency, bandwidth, frame by frame", () => {
    const cycles = (latencyCycles: number, bytesPerCycle?: number) => {
      const memory = { latencyCycles, ...(bytesPerCycle === undefined ? {} : { bytesPerCycle }) };
      return simulateAxiSystem(jobOf(2, { memory })).runs[0]!;
    };
    const fast = cycles(1);
    expect(cycles(11).registers["cycles"]).toBe(fast.registers["cycles"]! + 4 * FRAMES * 10);
    expect(cycles(1, 1).registers["cycles"]).toBeGreaterThanOrEqual((32 * FRAMES - 2) * STAND_IN_BYTES);
    const [first, second, third] = fast.frameCycles as [number, number, number];
    expect(second - first).toBe(third - second);
    expect(fast.registers["cycles"]).toBe(FRAMES * (second - first));
    expect(fast.cycles - third).toBeLessThan(4);
    expect(fast.firstResultCycles).toBeLessThan(first);
    expect(fast.busyCycles).toBeLessThan(fast.cycles);
  });

  it("gives the same results with random pauses, interleaved bursts and random start values", () => {
    for (let seed = 1; seed <= 8; seed++) {
      const generator = createRng(seed);
      const job = jobOf(3, {
        pauses: { rng: generator, stall: seed / 10 },
        randomStart: generator.fork("start"),
        memory: { latencyCycles: 1 + seed, bytesPerCycle: 0.5 * seed },
      });
      for (const [i, run] of simulateAxiSystem(job).runs.entries())
        expect(run.results).toEqual([0, 1, 2].map((lane) => expected(job, i, lane)));
    }
  });

  it("holds contents of each lane's own", () => {
    const stream = {
      beatBytes: STAND_IN_BYTES,
      lanes: [0, 1].map(() => new Uint8Array(2 * FRAMES * STAND_IN_FRAME)),
    };
    const lanes = [random(STAND_IN_FRAME - 3), random(STAND_IN_FRAME - 3)];
    const job = jobOf(2, { stream, laneContents: [{ address: 0, lanes }] });
    const [run] = simulateAxiSystem(job).runs;
    for (const [lane, bytes] of lanes.entries()) {
      // What is short of a beat leaves the shared bytes behind it.
      const program = programs[0]!.slice();
      program.set(bytes);
      expect(run!.results[lane]!.slice(0, STAND_IN_FRAME)).toEqual(
        standInResult(program, new Uint8Array(STAND_IN_FRAME)),
      );
    }
  });

  it("says where it hangs", () => {
    const stream = { beatBytes: STAND_IN_BYTES, lanes: [new Uint8Array(STAND_IN_FRAME + 8)] };
    const error = failure(() => simulateAxiSystem(jobOf(1, { stream, maxCycles: 2000 })));
    expect(error.code).toBe("FX6012");
    expect(error.oneLine()).toMatch(/run 0, waiting for the interrupt.*10 of 10 beats of the stream sent/);
  });

  it("refuses a port of another width", () => {
    const stream = { beatBytes: 3, lanes: [new Uint8Array(300)] };
    expect(failure(() => simulateAxiSystem(jobOf(1, { stream }))).code).toBe("FX6011");
  });
});

function failure(action: () => unknown): CheckFailedError {
  try {
    action();
  } catch (error) {
    if (error instanceof CheckFailedError) return error;
    throw error;
  }
  throw new Error("nothing failed");
}

describe("the protocol", () => {
  /** Replace what drives an output by another net or constant of the netlist. */
  const rewired = (port: string, change: (bits: readonly Bit[]) => readonly Bit[]): SimModule => ({
    ...standIn,
    ports: standIn.ports.map((p) => (p.name === port ? { ...p, bits: change(p.bits) } : p)),
  });
  const bit = (port: string, index = 0) => standIn.ports.find(({ name }) => name === port)!.bits[index]!;
  const cases: readonly (readonly [string, SimModule, RegExp])[] = [
    ["a burst that wraps", rewired("m_axi_arburst", () => [ZERO, ONE]), /not incrementing/],
    ["narrow beats", rewired("m_axi_awsize", () => [ONE, ZERO, ZERO]), /width/],
    ["a crooked address", rewired("m_axi_araddr", (bits) => [ONE, ...bits.slice(1)]), /aligned/],
    [
      "a long burst",
      rewired("m_axi_arlen", () => Array.from({ length: 8 }, () => ONE)),
      /reads and 0 writes wait/,
    ],
    ["no last beat", rewired("m_axi_wlast", () => [ZERO]), /wlast is missing/],
    ["only last beats", rewired("m_axi_wlast", () => [ONE]), /wlast came early/],
    ["valid in reset", rewired("m_axi_wvalid", () => [ONE]), /in reset/],
    ["valid that follows ready", rewired("m_axi_wvalid", () => [bit("s_axis_tready")]), /fell before/],
    [
      "an answer without a question",
      rewired("s_axil_rvalid", () => [bit("s_axil_bvalid")]),
      /without a read/,
    ],
    ["an error", rewired("s_axil_bresp", () => [ZERO, ONE]), /error response/],
    [
      "data that change",
      rewired("m_axi_awaddr", (bits) => [...bits.slice(0, 5), bit("m_axi_wlast"), ...bits.slice(6)]),
      /changed before/,
    ],
  ];
  it.each(cases)("catches %s", (_, module, message) => {
    const error = failure(() =>
      simulateAxiSystem(jobOf(1, { module, pauses: { rng: createRng(2), stall: 0.6 } })),
    );
    expect(error.code).toBe("FX6013");
    expect(error.message).toMatch(message);
  });

  it("catches control that depends on pixels", () => {
    const module = rewired("m_axi_awid", (bits) => [bits[0]!, bit("m_axi_wdata", 3)]);
    expect(failure(() => simulateAxiSystem(jobOf(8, { module }))).code).toBe("FX6010");
  });
});
