import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildTestbench, judgedTestbench, RANDOM_START } from "../../../test/helpers/engine-verilator.js";
import { hasTool, requireTool } from "../../../test/helpers/environment.js";
import { randomLayer, randomValues } from "../../../test/helpers/random-quant-layer.js";
import { type FilesBuild, lintFiles } from "../../../test/helpers/verilator.js";
import { sky130Cells } from "../../arith/index.js";
import { createRng, type Rng } from "../../core/index.js";
import { nodeName } from "../../graph/index.js";
import { emitDesign } from "../../hw/index.js";
import { executeFrom, type QuantNetwork } from "../../quant/index.js";
import { flatten, lowerDesign, simulateAxiSystem } from "../../sim/index.js";
import { SHORT_RUNS } from "../../sim/verilator.js";
import {
  compileEngine,
  ENGINE_MODULE,
  type EngineMemory,
  engineConfig,
  STATUS_DONE,
  taskRuns,
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
    return {
      program: compileEngine({ network, config, keepAll: true }),
      images,
      judge: (_layer: unknown, frame: number) => wanted[frame]!,
    };
  });
  const { memory, testbench } = judgedTestbench(ENGINE_MODULE, config, made);
  return { memory, testbench: { ...testbench, patienceCycles: 20_000 } };
}

describe("the engine in its testbench", () => {
  const { memory, testbench } = makeSystem();
  const { design } = buildEngine(config, clock);
  let build: FilesBuild | null = null;
  const built = (): FilesBuild => {
    if (build === null) throw new Error("not built");
    return build;
  };
  beforeAll(async () => {
    if (hasTool("verilator")) build = await buildTestbench(design, testbench, SHORT_RUNS);
  }, 400_000);
  afterAll(() => build?.dispose());

  it("is clean under lint", (context) => {
    lintFiles(context, [...emitDesign(design), ...emitSystemTestbench(testbench)], SYSTEM_TESTBENCH);
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
      const verdict = await built().run([...plusargs, RANDOM_START]);
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
