import { describe, expect, it, type TestContext } from "vitest";
import {
  buildEngine,
  buildSystem,
  compileEngine,
  ENGINE_MODULE,
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
/** Pixels that the stream takes, 3 bytes each. */
const IMAGE_BYTES = 224 * 224 * 3;

/** Run photos through the chip in Verilator, twice: every layer's bytes must be TensorFlow Lite's. */
async function prove(context: TestContext, [cPar, kPar]: ArraySize, isFrozen: boolean): Promise<void> {
  requireFull(context);
  requireTool(context, "verilator");
  const { network, photos, judge } = await requireMobileNet(context);
  const images = await photos(PHOTOS);
  const perPhoto = images.length / PHOTOS;
  expect(perPhoto).toBe(IMAGE_BYTES);
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
  const engine = buildEngine(config, clock);
  const front = isFrozen
    ? compileFrontEnd(truncateQuantNetwork(network, POINT), POINT, { clock, folding: FOLDING })
    : undefined;
  const design = front === undefined ? engine.design : buildSystem(front, engine);
  const task = {
    program,
    images: Array.from({ length: PHOTOS }, (_, i) => frameOf(POINT, i)),
    judge: frameOf,
  };
  const { testbench } = judgedTestbench(
    front === undefined ? ENGINE_MODULE : SYSTEM_MODULE,
    config,
    [task],
    front === undefined ? undefined : { beatBytes: 3, bytes: images },
  );
  const build = await buildTestbench(design, testbench);
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
  it("behind its front at 224×224, on an 8×8 array", async (context) => {
    await prove(context, [8, 8], true);
  }, 3_600_000);

  it("behind its front at 224×224, on a 32×16 array", async (context) => {
    await prove(context, [32, 16], true);
  }, 1_800_000);
});
