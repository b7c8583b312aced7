import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requireTool } from "../../../test/helpers/environment.js";
import { randomLayer, randomValues } from "../../../test/helpers/random-quant-layer.js";
import { sky130Cells } from "../../arith/index.js";
import { createRng, type Rng } from "../../core/index.js";
import { nodeName } from "../../graph/index.js";
import { printVerilog, verilogLibrary } from "../../hw/index.js";
import { executeFrom, type QuantNetwork } from "../../quant/index.js";
import {
  buildVerilator,
  flatten,
  lowerDesign,
  simulateAxiSystem,
  type VerilatorBuild,
} from "../../sim/index.js";
import {
  compileEngine,
  type EngineMemory,
  engineConfig,
  expectedTensor,
  packImages,
  placeTasks,
  STATUS_DONE,
  taskRuns,
  testbenchTasks,
} from "../index.js";
import { buildEngine } from "../rtl/engine.js";
import { emitSystemTestbench, SYSTEM_TESTBENCH, type SystemTestbench } from "./index.js";

const clock = { periodPs: 5000, cells: sky130Cells };
const config = engineConfig({
  cPar: 4,
  kPar: 4,
  requantizers: 1,
  activationBufferBytes: 32768,
  weightBufferBytes: 2048,
  axiDataBytes: 8,
});
const FRAMES = 2;

/** Random convolutions of bytes, with what made them. */
function layersOf(count: number) {
  const layers: { readonly rng: Rng; readonly made: NonNullable<ReturnType<typeof randomLayer>> }[] = [];
  for (let seed = 1000; layers.length < count; seed++) {
    const rng = createRng(seed);
    const made = randomLayer(rng, "conv2d");
    if (made === undefined || made.node.output.bits > 8 || made.inputs[0]!.bits > 8) continue;
    layers.push({ rng, made });
  }
  return layers;
}

/** Two convolutions that are compiled with images, and its results as the golden executor gives them. */
function makeSystem(): { readonly memory: EngineMemory; readonly testbench: SystemTestbench } {
  const made = layersOf(2).map(({ rng, made }) => {
    const image = { kind: "input", name: nodeName("image"), output: made.inputs[0]! } as const;
    const network: QuantNetwork = {
      kind: "quantNetwork",
      name: "n",
      encoding: { kind: "linear", scale: 1, offset: 0 } as never,
      nodes: [image, made.node],
      output: made.node.name,
    };
    const images = Array.from({ length: FRAMES }, () => randomValues(rng, image.output));
    const wanted = images.map((values) => executeFrom(network, image.name, values).get(made.node.name)!);
    return { program: compileEngine({ network, config, keepAll: true }), frames: FRAMES, images, wanted };
  });
  const memory = placeTasks(made, config);
  const images = memory.tasks.map((task, i) => packImages(task, made[i]!.images));
  const expected = memory.tasks.map((task, i) => expectedTensor(task, task.program.result, made[i]!.wanted));
  return {
    memory,
    testbench: {
      module: "fxa_engine",
      dataBytes: config.axiDataBytes,
      burstBeats: config.burstBeats,
      stream: null,
      contents: [...memory.contents, ...images],
      memoryBytes: memory.memoryBytes,
      tasks: testbenchTasks(memory, expected),
      patienceCycles: 20_000,
    },
  };
}

describe("the engine in its testbench", () => {
  const folder = mkdtempSync(join(tmpdir(), "fixynn-engine-"));
  const { memory, testbench } = makeSystem();
  const { design } = buildEngine(config, clock);
  let build: VerilatorBuild | null = null;
  const built = (): VerilatorBuild => {
    if (build === null) throw new Error("not built");
    return build;
  };
  beforeAll(async () => {
    if (spawnSync("verilator", ["--version"]).error !== undefined) return;
    const modules = new Map(design.modules.map((module) => [module.name, module]));
    for (const [name, text] of [...verilogLibrary, ...emitSystemTestbench(testbench)])
      writeFileSync(join(folder, name), text);
    for (const module of design.modules)
      writeFileSync(join(folder, `${module.name}.sv`), printVerilog(module, modules));
    // Registers and memories start at random bits. The runs are short: C++ is best compiled fast.
    const flags = ["--x-initial", "unique", "-CFLAGS", "-O0"];
    build = await buildVerilator({ folder, top: SYSTEM_TESTBENCH, flags });
  }, 400_000);
  afterAll(() => {
    build?.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  it("is clean under lint", (context) => {
    const verilator = requireTool(context, "verilator");
    const sources = readdirSync(folder).filter((name) => name.endsWith(".sv"));
    const used = sources.filter((name) => !verilogLibrary.has(name) || name === "fx_ram.sv");
    const options = ["--lint-only", "-Wall", "--timing", "-y", ".", "+libext+.sv", ...used];
    options.push("--top-module", SYSTEM_TESTBENCH);
    expect(spawnSync(verilator, options, { cwd: folder, encoding: "utf8" }).stderr).toBe("");
  }, 240_000);

  it("runs two tasks under any pauses", async (context) => {
    requireTool(context, "verilator");
    const cases = [
      ["+stall=0"],
      ["+stall=0", "+latency=1"],
      ["+stall=0", "+latency=100", "+bandwidth=40"],
      ["+stall=70", "+seed=5"],
      ...[0, 1, 2, 4, 8, 16, 31, 32, 64].map((mask) => [`+ready_after_valid=${mask}`, `+seed=${mask}`]),
    ];
    const bad: unknown[] = [];
    for (const plusargs of cases) {
      const verdict = await built().run([...plusargs, "+verilator+rand+reset+2"]);
      if (!verdict.passed) bad.push({ plusargs, output: verdict.output });
    }
    expect(bad).toEqual([]);
  }, 200_000);

  it("takes the same cycles in our simulator, and gives the same bytes with pauses", async (context) => {
    requireTool(context, "verilator");
    const { output } = await built().run(["+stall=0", "+latency=13"]);
    const printed = [...output.matchAll(/^CYCLES (\d+)$/gm)].map(([, cycles]) => Number(cycles));
    const module = flatten(lowerDesign(design));
    for (const pauses of [null, { rng: createRng(3), stall: 0.4 }]) {
      const { runs } = simulateAxiSystem({
        module,
        lanes: 1,
        contents: testbench.contents,
        stream: null,
        memory: { latencyCycles: 13 },
        ...(pauses === null ? {} : { pauses }),
        randomStart: createRng(4),
        maxCycles: 200_000,
        runs: taskRuns(memory),
      });
      if (pauses === null) expect(runs.map(({ registers }) => registers.cycles)).toEqual(printed);
      for (const [i, run] of runs.entries()) {
        expect(run.registers.status).toBe(STATUS_DONE);
        expect(run.frameCycles).not.toContain(-1);
        const { expected } = testbench.tasks[i]!;
        const { program } = memory.tasks[i]!;
        for (const [frame, { address, bytes, care }] of expected.entries()) {
          const from = frame * program.resultBytes + program.result.offset;
          const got = run.results[0]!.subarray(from, from + bytes.length);
          expect(
            got.map((byte, j) => byte * care![j]!),
            `${address}`,
          ).toEqual(bytes.map((byte, j) => byte * care![j]!));
        }
      }
    }
  }, 200_000);
});
