import { describe, expect, test } from "vitest";
import {
  buildEngine,
  buildSystem,
  compileEngine,
  engineConfig,
  engineRegisters,
  streamGeometry,
} from "../src/accel/index.js";
import { sky130Cells } from "../src/arith/index.js";
import { createRng } from "../src/core/index.js";
import { nodeName } from "../src/graph/index.js";
import { compileFrontEnd } from "../src/hw/index.js";
import { importTfliteFile } from "../src/importers/index.js";
import { executeQuantNetwork, findQuantNode, truncateQuantNetwork } from "../src/quant/index.js";
import { flatten, lowerDesign, simulateSystem } from "../src/sim/index.js";
import { fromWords } from "./helpers/engine-run.js";
import { requireShared } from "./helpers/environment.js";

const clock = { periodPs: 5000, cells: sky130Cells };
const PROGRAM = 0x10000;
const OWN = 0x800000;

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
    const made = compileEngine({ network, config, from: point });
    const module = flatten(lowerDesign(buildSystem(front, buildEngine(config, clock))));
    const [frames, lanes, side] = [2, 4, 32];
    const rng = createRng(8);
    const images = Array.from({ length: frames }, () =>
      Array.from({ length: lanes }, () =>
        Uint8Array.from({ length: side * side * 3 }, () => rng.integer(256)),
      ),
    );
    const stride = 4096;
    const at = engineRegisters;
    const run = simulateSystem({
      module,
      lanes,
      beatBytes: config.axiDataBytes,
      contents: [{ base: PROGRAM, bytes: made.bytes }],
      own: { base: OWN, size: frames * stride },
      writes: [
        [at.programBase.at, PROGRAM],
        [at.frames.at, frames],
        [at.resultBase.at, OWN],
        [at.resultStride.at, stride],
        [at.control.at, 3],
      ],
      reads: [at.status.at, at.stallInput.at],
      images,
      streamBytes: 3,
      results: { base: OWN, stride, size: made.result.offset + made.result.bytes },
      frames,
    });
    for (const [f, frame] of images.entries())
      for (const [lane, image] of frame.entries()) {
        const wanted = executeQuantNetwork(network, image, 1).get(network.output)!;
        expect(fromWords(run.own[lane]!.subarray(f * stride), made.result)).toEqual([...wanted]);
      }
    expect(run.registers.get(at.status.at)).toBe(0b10);
    expect(run.frameEnds.length).toBe(frames);
    // The next frame comes in while the engine works on this one.
    const [first, second] = run.frameEnds as [number, number];
    expect(second - first).toBeLessThan(first - front.cyclesPerFrame / 2);
    expect(findQuantNode(network, point).output.shape).toEqual([32, 32, 16]);
  }, 180_000);
});
