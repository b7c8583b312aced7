import { readFileSync } from "node:fs";
import { describe, expect, it, type TestContext } from "vitest";
import {
  buildEngine,
  compileEngine,
  ENGINE_MODULE,
  type EngineConfig,
  engineConfig,
  STATUS_DONE,
} from "../src/accel/index.js";
import { sky130Cells } from "../src/arith/index.js";
import { createRng } from "../src/core/index.js";
import { firstIndices, gatherImages } from "../src/data/index.js";
import type { NodeName } from "../src/graph/index.js";
import { importTfliteFile } from "../src/importers/index.js";
import { executeQuantNetwork, type QuantNetwork } from "../src/quant/index.js";
import { flatten, lowerDesign } from "../src/sim/index.js";
import { compareLayers } from "./helpers/compare-tflite.js";
import { simulateTasks } from "./helpers/engine-simulation.js";
import { buildTestbench, judgedTestbench, RANDOM_START } from "./helpers/engine-verilator.js";
import { requireCifar10Test, requireFull, requireShared, requireTool } from "./helpers/environment.js";

const clock = { periodPs: 5000, cells: sky130Cells };
const MODEL = "models/resnet8_cifar10/pretrainedResnet_quant.tflite";
const IMAGES = 8;
const STREAM = { height: 32, width: 32, channels: 3 };

/** The network, test images, and every layer's integers of each, which TensorFlow Lite gives too. */
async function requireCase(context: TestContext) {
  const path = requireShared(context, MODEL);
  const test = await requireCifar10Test(context);
  const network = importTfliteFile(path);
  const bytes = gatherImages(test, firstIndices(IMAGES));
  await compareLayers(readFileSync(path), network, bytes, { count: IMAGES });
  const outputs = network.nodes.map(({ name }) => name);
  const golden = executeQuantNetwork(network, bytes, IMAGES, { outputs });
  const tensor = (name: NodeName, image: number) => {
    const values = golden.get(name)!;
    return values.subarray((image * values.length) / IMAGES, ((image + 1) * values.length) / IMAGES);
  };
  const images = Array.from({ length: IMAGES }, (_, i) => tensor(network.nodes[0]!.name, i));
  return { network, images, tensor };
}

const compile = (network: QuantNetwork, config: EngineConfig) =>
  compileEngine({ network, config, keepAll: true });

describe("the quantized ResNet-8 wholly on the engine: every layer's bytes of 8 test images are TensorFlow Lite's", () => {
  for (const input of [STREAM, null]) {
    const source = input === null ? "from memory" : "by the stream";

    it(`in our simulator, images ${source}`, async (context) => {
      // By the stream they come in test/system.test.ts.
      if (input !== null) requireFull(context);
      const { network, images, tensor } = await requireCase(context);
      const config = engineConfig({ cPar: 8, kPar: 8, input });
      const program = compile(network, config);
      expect(program.input.kind).toBe(input === null ? "image" : "stream");
      const module = flatten(lowerDesign(buildEngine(config, clock).design));
      const [result] = simulateTasks(module, config, [{ program, images: [images] }], {
        memory: { latencyCycles: 40 },
        randomStart: createRng(1),
        maxCycles: 1_000_000,
      });
      expect(result!.status).toBe(STATUS_DONE);
      for (const { name, stored } of program.layers)
        for (let lane = 0; lane < IMAGES; lane++)
          expect(
            Buffer.compare(
              Uint8Array.from(result!.tensor(0, lane, stored!)),
              Uint8Array.from(tensor(name, lane)),
            ),
            `${name}, image ${lane}`,
          ).toBe(0);
    }, 300_000);

    it(`in Verilator, images ${source}`, async (context) => {
      requireFull(context);
      requireTool(context, "verilator");
      const { network, images, tensor } = await requireCase(context);
      const config = engineConfig({ cPar: 8, kPar: 8, input });
      const task = { program: compile(network, config), images, judge: tensor };
      const { testbench } = judgedTestbench(ENGINE_MODULE, config, [task]);
      const build = await buildTestbench(buildEngine(config, clock).design, testbench);
      try {
        const { passed, output, runSeconds } = await build.run(["+stall=30", RANDOM_START]);
        const verdict = output.split("\n").find((line) => line.includes("PASS"));
        process.stderr.write(`${context.task.name}: ${verdict}, ${runSeconds.toFixed(0)} s\n`);
        expect(passed, output).toBe(true);
      } finally {
        build.dispose();
      }
    }, 1_800_000);
  }
});
