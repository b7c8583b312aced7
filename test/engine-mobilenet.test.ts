import { describe, expect, it, type TestContext } from "vitest";
import {
  buildEngine,
  buildSystem,
  compileEngine,
  engineConfig,
  SYSTEM_MODULE,
  streamGeometry,
} from "../src/accel/index.js";
import { sky130Cells } from "../src/arith/index.js";
import { nodeName } from "../src/graph/index.js";
import { compileFrontEnd } from "../src/hw/index.js";
import { findQuantNode, truncateQuantNetwork } from "../src/quant/index.js";
import { buildTestbench, judgedTestbench, RANDOM_START } from "./helpers/engine-verilator.js";
import { requireFull, requireTool } from "./helpers/environment.js";
import { requireMobileNet } from "./helpers/mobilenet.js";
import type { ArraySize } from "./helpers/random-network.js";

const clock = { periodPs: 5000, cells: sky130Cells };
/** Last frozen layer: the engine begins with Conv2d_6_pointwise. */
const POINT = nodeName("Conv2d_6_depthwise");
const PHOTOS = 2;
/** A frame in about the cycles that the 8×8 engine takes. */
const FOLDING = { kind: "auto", cyclesPerInputPixel: 8 } as const;
/** Bytes of a photo; a pixel is a beat of the stream. */
const PHOTO_BYTES = 224 * 224 * 3;

/** Run photos through the chip in Verilator, twice: every layer's bytes must be TensorFlow Lite's. */
async function prove(context: TestContext, [cPar, kPar]: ArraySize): Promise<void> {
  requireFull(context);
  requireTool(context, "verilator");
  const { network, photos, judge } = await requireMobileNet(context);
  const images = await photos(PHOTOS);
  expect(images.length).toBe(PHOTOS * PHOTO_BYTES);
  const { output } = findQuantNode(network, POINT);
  const config = engineConfig({
    cPar,
    kPar,
    weightBits: 9,
    multiplierBits: 32,
    input: streamGeometry(output),
  });
  const program = compileEngine({ network, config, from: POINT, keepAll: true });
  const theirs = new Map(
    [POINT, ...program.layers.map(({ name }) => name)].map((name) => [name, judge(name, images, PHOTOS)]),
  );
  const frameOf = (name: typeof POINT, frame: number): Uint8Array => {
    const values = theirs.get(name)!;
    return values.subarray((frame * values.length) / PHOTOS, ((frame + 1) * values.length) / PHOTOS);
  };
  const front = compileFrontEnd(truncateQuantNetwork(network, POINT), POINT, { clock, folding: FOLDING });
  const task = {
    program,
    images: Array.from({ length: PHOTOS }, (_, i) => frameOf(POINT, i)),
    judge: frameOf,
  };
  const { testbench } = judgedTestbench(SYSTEM_MODULE, config, [task], { beatBytes: 3, bytes: images });
  const build = await buildTestbench(buildSystem(front, buildEngine(config, clock)), testbench);
  try {
    const say = (text: string): void => void process.stderr.write(`${context.task.name}: ${text}\n`);
    say(`built in ${build.buildSeconds.toFixed(0)} s`);
    for (const plusargs of [
      ["+stall=0", "+latency=40"],
      ["+stall=25", "+seed=3"],
    ]) {
      const { passed, output, runSeconds } = await build.run([...plusargs, RANDOM_START]);
      say(
        `${plusargs.join(" ")}: ${output.split("\n").find((line) => line.includes("PASS")) ?? "FAIL"}, ${runSeconds.toFixed(0)} s`,
      );
      expect(passed, output).toBe(true);
    }
  } finally {
    build.dispose();
  }
}

describe("the quantized MobileNet's tail on the engine in Verilator: every layer's bytes are TensorFlow Lite's", () => {
  for (const size of [
    [8, 8],
    [32, 16],
  ] as const)
    it(`behind its front at 224×224, array of ${size.join("×")}`, async (context) => {
      await prove(context, size);
    }, 3_600_000);
});
