import { describe, expect, test } from "vitest";
import {
  buildEngine,
  buildSystem,
  compileEngine,
  engineConfig,
  placeTasks,
  STATUS_DONE,
  streamGeometry,
  taskRuns,
  unpackTensor,
} from "../src/accel/index.js";
import { sky130Cells } from "../src/arith/index.js";
import { createRng } from "../src/core/index.js";
import { nodeName } from "../src/graph/index.js";
import { compileFrontEnd } from "../src/hw/index.js";
import { importTfliteFile } from "../src/importers/index.js";
import { executeQuantNetwork, findQuantNode, truncateQuantNetwork } from "../src/quant/index.js";
import { flatten, lowerDesign, simulateAxiSystem } from "../src/sim/index.js";
import { requireShared } from "./helpers/environment.js";

const clock = { periodPs: 5000, cells: sky130Cells };

describe("front and engine on one chip", () => {
  test("ResNet-8, frozen up to its first sum: images in, the golden executor's logits out, frames overlapping", (context) => {
    const path = requireShared(context, "models/resnet8_cifar10/pretrainedResnet_quant.tflite");
    const network = importTfliteFile(path);
    const point = nodeName("add");
    const front = compileFrontEnd(truncateQuantNetwork(network, point), point, {
      clock,
      folding: { kind: "auto", cyclesPerInputPixel: 16 },
    });
    const config = engineConfig({ cPar: 16, kPar: 16, input: streamGeometry(front.output) });
    const program = compileEngine({ network, config, from: point });
    const module = flatten(lowerDesign(buildSystem(front, buildEngine(config, clock))));
    const [frames, lanes, side] = [2, 4, 32];
    const rng = createRng(8);
    const images = Array.from({ length: frames }, () =>
      Array.from({ length: lanes }, () =>
        Uint8Array.from({ length: side * side * 3 }, () => rng.integer(256)),
      ),
    );
    const memory = placeTasks([{ program, frames }], config);
    const { runs } = simulateAxiSystem({
      module,
      lanes,
      contents: memory.contents,
      stream: {
        beatBytes: 3,
        lanes: Array.from({ length: lanes }, (_, lane) =>
          Uint8Array.from(images.flatMap((frame) => [...frame[lane]!])),
        ),
      },
      runs: taskRuns(memory),
      memory: { latencyCycles: 40 },
      maxCycles: 1_000_000,
    });
    const [{ registers, results, frameCycles }] = runs as [(typeof runs)[0]];
    const { result, resultBytes } = program;
    for (const [f, frame] of images.entries())
      for (const [lane, image] of frame.entries()) {
        const wanted = executeQuantNetwork(network, image, 1).get(network.output)!;
        expect([...unpackTensor(results[lane]!.subarray(f * resultBytes), result)]).toEqual([...wanted]);
      }
    expect(registers.status).toBe(STATUS_DONE);
    // The next frame comes in while the engine works on this one.
    const [first, second] = frameCycles as [number, number];
    expect(second - first).toBeLessThan(first - front.cyclesPerFrame / 2);
    expect(findQuantNode(network, point).output.shape).toEqual([32, 32, 16]);
  }, 180_000);
});
