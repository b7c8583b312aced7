import { describe, expect, test } from "vitest";
import { isFull } from "../../../test/helpers/environment.js";
import { LAYER_KINDS, randomLayer, randomValues } from "../../../test/helpers/random-quant-layer.js";
import { sky130Cells } from "../../arith/index.js";
import { createRng, UnsupportedOpError } from "../../core/index.js";
import { nodeName } from "../../graph/index.js";
import { NetlistTiming } from "../../hw/index.js";
import { executeFrom, type QuantNetwork, type QuantValues } from "../../quant/index.js";
import { flatten, lowerDesign, type SimModule, simulateAxiSystem } from "../../sim/index.js";
import {
  compileEngine,
  type EngineConfig,
  engineConfig,
  engineShape,
  packImages,
  placeTasks,
  STATUS_DONE,
  taskRuns,
  unpackTensor,
} from "../index.js";
import { buildEngine } from "./engine.js";

/** Layers of a kind on each engine; test/engine-random-rtl.test.ts has whole networks. */
const LAYERS = isFull ? 4 : 1;
const clock = { periodPs: 5000, cells: sky130Cells };

/** Run a network on a simulated engine, one image in memory a frame. */
function run(
  network: QuantNetwork,
  { config, module }: { readonly config: EngineConfig; readonly module: SimModule },
  images: readonly QuantValues[],
) {
  const program = compileEngine({ network, config, keepAll: true });
  const memory = placeTasks([{ program, frames: images.length }], config);
  const { runs } = simulateAxiSystem({
    module,
    lanes: 1,
    contents: [...memory.contents, packImages(memory.tasks[0]!, images)],
    stream: null,
    runs: taskRuns(memory),
    memory: { latencyCycles: 40 },
    maxCycles: 200_000,
  });
  const [{ results, registers }] = runs as [(typeof runs)[0]];
  const { resultBytes } = program;
  return {
    status: registers.status,
    results: images.map((_, i) =>
      unpackTensor(results[0]!.subarray(i * resultBytes, (i + 1) * resultBytes), program.result),
    ),
  };
}

describe("the engine in the netlist simulator", () => {
  const configs = [
    engineConfig({ cPar: 8, kPar: 8, weightBits: 9, activationBufferBytes: 32768, weightBufferBytes: 2048 }),
    engineConfig({
      cPar: 4,
      kPar: 4,
      activationBufferBytes: 65536,
      weightBufferBytes: 2048,
      requantizers: 2,
      multiplierBits: 8,
    }),
    engineConfig({
      cPar: 16,
      kPar: 8,
      activationBufferBytes: 65536,
      weightBufferBytes: 4096,
      axiDataBytes: 8,
      multiplierBits: 32,
    }),
    engineConfig({
      cPar: 8,
      kPar: 16,
      activationBufferBytes: 65536,
      weightBufferBytes: 4096,
      axiDataBytes: 32,
    }),
  ];
  // Residual sums read two tensors: test/engine-random-rtl.test.ts.
  for (const config of configs) {
    const engine = {
      config,
      module: flatten(lowerDesign(buildEngine(config, clock).design)),
    };
    for (const kind of LAYER_KINDS.filter((one) => one !== "add"))
      test(`${config.cPar}×${config.kPar}: ${kind} gives the golden executor's bytes`, () => {
        let compared = 0;
        for (let seed = 0; compared < LAYERS && seed < 40; seed++) {
          const rng = createRng(1000 + seed);
          const made = randomLayer(rng, kind);
          if (
            made === undefined ||
            made.node.output.bits > 8 ||
            made.inputs.length !== 1 ||
            made.inputs[0]!.bits > 8
          )
            continue;
          const image = { kind: "input", name: nodeName("image"), output: made.inputs[0]! } as const;
          const network: QuantNetwork = {
            kind: "quantNetwork",
            name: "n",
            encoding: { kind: "linear", scale: 1, offset: 0 } as never,
            nodes: [image, made.node],
            output: made.node.name,
          };
          const images = [randomValues(rng, image.output), randomValues(rng, image.output)];
          let outcome: ReturnType<typeof run>;
          try {
            outcome = run(network, engine, images);
          } catch (error) {
            if (error instanceof UnsupportedOpError || (error as { code?: string }).code === "FX5111")
              continue;
            throw error;
          }
          for (const [i, values] of images.entries()) {
            const wanted = executeFrom(network, image.name, values).get(made.node.name)!;
            expect([...outcome.results[i]!], `seed ${seed}, frame ${i}`).toEqual([...wanted]);
          }
          expect(outcome.status).toBe(STATUS_DONE);
          compared++;
        }
        expect(compared).toBe(LAYERS);
      });
  }

  test("fits the clock everywhere, at every size", () => {
    const sizes = [
      [4, 4],
      [16, 16],
      [8, 32],
      [64, 32],
    ] as const;
    for (const [cPar, kPar] of sizes) {
      const input = { height: 14, width: 14, channels: 64 };
      const config = engineConfig({ cPar, kPar, weightBits: cPar === 16 ? 9 : 8, input });
      const [worst] = new NetlistTiming(buildEngine(config, clock).design, clock).longest(1);
      const path = `${worst!.to}: ${worst!.through.map(({ net, ps }) => `${net} ${Math.round(ps)}`).join(", ")}`;
      expect(worst!.ps, path).toBeLessThanOrEqual(5000);
      expect(engineShape(config).wordBytes).toBe(Math.max(cPar, kPar));
    }
  });
});
