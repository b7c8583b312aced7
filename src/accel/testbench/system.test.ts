import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { axiMutations, mutatedEngine } from "../../../test/helpers/axi-mutations.js";
import { buildTestbench, RANDOM_START } from "../../../test/helpers/engine-verilator.js";
import { hasTool, requireTool } from "../../../test/helpers/environment.js";
import {
  STAND_IN_BYTES,
  STAND_IN_FRAME,
  standInEngine,
  standInResult,
} from "../../../test/helpers/stand-in-engine.js";
import { type Files, type FilesBuild, lintFiles } from "../../../test/helpers/verilator.js";
import { createRng } from "../../core/index.js";
import { printVerilog, verifyDesign, verilogLibrary } from "../../hw/index.js";
import { flatten, lowerDesign, simulateAxiSystem } from "../../sim/index.js";
import { SHORT_RUNS } from "../../sim/verilator.js";
import { engineRegisters } from "../registers.js";
import {
  axiChecker,
  bytesToHex,
  channelChecker,
  emitSystemTestbench,
  liteChecker,
  maskedHex,
  SYSTEM_TESTBENCH,
  type SystemTestbench,
  streamChecker,
} from "./index.js";

const rng = createRng(7);
const random = (count: number): Uint8Array => Uint8Array.from({ length: count }, () => rng.integer(256));
const programs = [random(STAND_IN_FRAME), random(STAND_IN_FRAME)];
const frames = [2, 3];
const pixels = random(STAND_IN_FRAME * 5);
const [RESULTS, STRIDE] = [0x3000, 64];

const system: SystemTestbench = {
  module: "fxa_engine",
  dataBytes: STAND_IN_BYTES,
  burstBeats: 4,
  stream: { beatBytes: STAND_IN_BYTES, bytes: pixels },
  contents: programs.map((bytes, i) => ({ address: 0x1000 * i, bytes })),
  patienceCycles: 2000,
  tasks: programs.map((program, task) => ({
    programBase: 0x1000 * task,
    frames: frames[task]!,
    registers: { scratchBase: 0x2000, resultBase: RESULTS + 0x400 * task, resultStride: STRIDE },
    expected: Array.from({ length: frames[task]! }, (_, i) => {
      const frame = (task === 0 ? 0 : frames[0]!) + i;
      const bytes = standInResult(
        program,
        pixels.slice(frame * STAND_IN_FRAME, (frame + 1) * STAND_IN_FRAME),
      );
      // Odd frames say that the last byte is not written, others that it is anything.
      const odd = i % 2 === 1;
      if (!odd) bytes[STAND_IN_FRAME - 1] = 77;
      const care = bytes.map((_byte, j) => (odd || j < STAND_IN_FRAME - 1 ? 1 : 0));
      return { address: RESULTS + 0x400 * task + STRIDE * i, bytes, care };
    }),
  })),
};

const inner = standInEngine("stand_in");
verifyDesign({ kind: "design", modules: [inner] });
const device: Files = [
  ...verilogLibrary,
  ["stand_in.sv", printVerilog(inner, new Map())],
  ["fxa_engine.sv", mutatedEngine("fxa_engine", "stand_in")],
];

describe("hex files", () => {
  it("puts the first byte lowest and marks the bytes that matter", () => {
    const bytes = Uint8Array.of(1, 2, 3, 4, 0xab);
    expect(bytesToHex(bytes, 4)).toBe("04030201\n000000ab\n");
    expect(maskedHex(bytes, undefined, 4)).toBe("f04030201\n1000000ab\n");
    expect(maskedHex(bytes, Uint8Array.of(1, 0, 1, 0, 0), 4)).toBe("504030201\n0000000ab\n");
  });

  it("refuses regions that are not beats of memory", () => {
    const bytes = new Uint8Array(4);
    expect(() => emitSystemTestbench({ ...system, contents: [{ address: 2, bytes }] })).toThrow(/not beats/);
    expect(() =>
      emitSystemTestbench({ ...system, memoryBytes: 4096, contents: [{ address: 4096, bytes }] }),
    ).toThrow(/not beats/);
    expect(() =>
      emitSystemTestbench({ ...system, stream: { beatBytes: 4, bytes: new Uint8Array(5) } }),
    ).toThrow(/stream/);
  });
});

describe("the mutations", () => {
  it("break every rule that two-state simulation can see", () => {
    const rules = [axiChecker, liteChecker].flatMap((text) =>
      [...text.matchAll(/FAIL (axil?_\w+)/g)].map(([, rule]) => rule!),
    );
    const channel = [...channelChecker.matchAll(/FAIL %0s_(\w+)/g)].map(([, rule]) => rule!);
    const names = [axiChecker, liteChecker, streamChecker].flatMap((text) =>
      [...text.matchAll(/\.NAME\("(\w+)"\)/g)].map(([, name]) => name!),
    );
    const handshakes = channel.filter((rule) => rule !== "unknown");
    expect(names).toHaveLength(11);
    expect(handshakes).toHaveLength(3);
    rules.push(...names.flatMap((name) => handshakes.map((rule) => `${name}_${rule}`)));
    const broken = new Set(axiMutations.map(({ rule }) => rule));
    expect(rules.filter((rule) => !broken.has(rule))).toEqual([]);
  });
});

describe("the system testbench in Verilator", () => {
  let build: FilesBuild | null = null;
  const built = (): FilesBuild => {
    if (build === null) throw new Error("not built");
    return build;
  };
  beforeAll(async () => {
    if (hasTool("verilator")) build = await buildTestbench(device, system, SHORT_RUNS);
  }, 240_000);
  afterAll(() => build?.dispose());

  it("is clean under lint with a plain device, with and without a stream", (context) => {
    const plain = standInEngine("fxa_engine");
    const own: Files = [...verilogLibrary, ["fxa_engine.sv", printVerilog(plain, new Map())]];
    lintFiles(context, [...own, ...emitSystemTestbench(system)], SYSTEM_TESTBENCH);
    // Without a stream the stand-in's is open, which the testbench is not to blame for.
    const bare = emitSystemTestbench({ ...system, stream: null });
    expect(bare.has("axi4_stream_checker.sv")).toBe(false);
    lintFiles(context, [...own, ...bare], SYSTEM_TESTBENCH, ["-Wno-PINMISSING"]);
  }, 240_000);

  it("passes with pauses, latencies, reordering, narrow memory and ready after valid", async (context) => {
    requireTool(context, "verilator");
    const waits = [0, 1, 2, 4, 8, 16, 31, 32, 64].map((mask) => [
      `+ready_after_valid=${mask}`,
      `+seed=${mask}`,
    ]);
    const plain = [
      ["+stall=0"],
      ["+stall=0", "+latency=1"],
      ["+stall=0", "+latency=1", "+reorder=1", "+jitter=9"],
      ["+stall=0", "+bandwidth=16"],
      ["+stall=80", "+seed=3"],
      ["+bandwidth=7", "+seed=4"],
    ];
    for (const plusargs of [...plain, ...waits]) {
      const start = [RANDOM_START, `+verilator+seed+${plusargs.length}`];
      const { passed, output } = await built().run([...plusargs, ...start]);
      expect({ plusargs, passed, output }).toMatchObject({ passed: true });
      expect(output).toMatch(/TASK 1: \d+ cycles .*, \d+ to the first result\nCYCLES \d+\n/);
      expect(output).toMatch(/READ_BEATS 48\nWRITE_BEATS 48\nPASS 160 bytes, 2 tasks/);
    }
  }, 240_000);

  it("takes the time that latency and bandwidth ask for", async (context) => {
    requireTool(context, "verilator");
    const cycles = async (...plusargs: string[]): Promise<number> => {
      const { output } = await built().run(["+stall=0", ...plusargs]);
      return Number(/CYCLES (\d+)/.exec(output)![1]);
    };
    const fast = await cycles("+latency=1");
    // Two loads and two stores a frame, two frames, each waits for the memory once.
    expect(await cycles("+latency=11")).toBe(fast + 8 * 10);
    // 64 beats at four cycles each; two may have been saved up.
    const slow = await cycles("+latency=1", "+bandwidth=16");
    expect(slow).toBeGreaterThan(fast);
    expect(slow).toBeGreaterThanOrEqual(62 * 4);
  });

  it("takes the cycles that our simulator takes", async (context) => {
    requireTool(context, "verilator");
    const module = flatten(lowerDesign({ kind: "design", modules: [inner] }));
    for (const [latencyCycles, sixteenths] of [
      [1, 0],
      [20, 0],
      [1, 16],
      [7, 27],
    ] as const) {
      const plusargs = ["+stall=0", `+latency=${latencyCycles}`, `+bandwidth=${sixteenths}`];
      const { output } = await built().run(plusargs);
      const printed = [...output.matchAll(/^CYCLES (\d+)$/gm)].map(([, cycles]) => Number(cycles));
      const { runs } = simulateAxiSystem({
        module,
        lanes: 1,
        contents: system.contents,
        stream: { beatBytes: STAND_IN_BYTES, lanes: [pixels] },
        memory: { latencyCycles, ...(sixteenths === 0 ? {} : { bytesPerCycle: sixteenths / 16 }) },
        maxCycles: 100_000,
        runs: system.tasks.map((task, i) => ({
          writes: [
            ...Object.entries(task.registers!).map(([name, data]) => ({
              address: engineRegisters[name as keyof typeof engineRegisters].at,
              data,
            })),
            { address: engineRegisters.programBase.at, data: task.programBase },
            { address: engineRegisters.frames.at, data: task.frames },
            { address: engineRegisters.control.at, data: 3 },
          ],
          reads: { cycles: engineRegisters.cycles.at },
          after: [{ address: engineRegisters.interrupt.at, data: 1 }],
          results: {
            address: RESULTS + 0x400 * i,
            stride: STRIDE,
            bytes: STAND_IN_FRAME,
            frames: task.frames,
          },
        })),
      });
      expect(runs.map(({ registers }) => registers.cycles)).toEqual(printed);
    }
  }, 240_000);

  it("says which rule a mutation breaks", async (context) => {
    requireTool(context, "verilator");
    const wrong: unknown[] = [];
    for (const { number, rule, plusargs } of axiMutations) {
      const { passed, output } = await built().run([`+mutation=${number}`, ...plusargs]);
      const said = /^FAIL (\S+)/m.exec(output)?.[1];
      if (passed || said !== rule) wrong.push({ number, rule, said, output: output.slice(0, 300) });
    }
    expect(wrong).toEqual([]);
  }, 240_000);
});
