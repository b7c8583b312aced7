import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { decodeImage } from "../src/data/index.js";
import { nodeName } from "../src/graph/index.js";
import { compileFrontEnd, frontEndDesign, streamOf } from "../src/hw/index.js";
import { importTfliteFile } from "../src/importers/index.js";
import { executeQuantNetwork } from "../src/quant/index.js";
import { createSimulator, flatten, lowerDesign, simulateStream } from "../src/sim/index.js";
import { requireFull, requireShared } from "./helpers/environment.js";

const SIDE = 224;
const PHOTOS = 16;

it("the folded front of all 27 layers of the quantized MobileNet gives the network's bytes for photos, at one pixel a cycle", async (context) => {
  requireFull(context);
  const model = requireShared(
    context,
    "models/mobilenet_v1_025_224_quant/mobilenet_v1_0.25_224_quant.tflite",
  );
  const folder = requireShared(context, "data/imagenet-photos");
  const network = importTfliteFile(model);
  const front = compileFrontEnd(network, nodeName("Conv2d_13_pointwise"), { folding: { kind: "auto" } });
  // (H + 1)·W + 1 steps of the first layer: the frame time of the parallel front.
  expect(front.cyclesPerFrame).toBe(50_401);
  const size = SIDE * SIDE * 3;
  const pixels = new Uint8Array(PHOTOS * size);
  const files = readdirSync(folder).filter((file) => file.endsWith(".jpg"));
  for (const [i, file] of files.slice(0, PHOTOS).entries()) {
    pixels.set(
      await decodeImage(join(folder, file), { side: SIDE, resize: "crop", shortSide: 256 }),
      i * size,
    );
  }
  const wanted = executeQuantNetwork(network, pixels, PHOTOS, { outputs: [front.freezePoint] }).get(
    front.freezePoint,
  )!;
  const [input, output] = [streamOf(front.input), streamOf(front.output)];
  const module = flatten(lowerDesign(frontEndDesign(front)));
  const { outputs } = simulateStream(createSimulator(module, { lanes: PHOTOS }), {
    inputs: Array.from({ length: PHOTOS }, (_, i) => pixels.subarray(i * size, (i + 1) * size)),
    valuesPerBeat: { input: input.channels, output: output.channels },
    bits: { input: input.bits, output: output.bits },
    signed: front.output.signed,
    frames: 1,
    outputBeatsPerFrame: output.beats,
  });
  const perPhoto = output.beats * output.channels;
  for (const [i, values] of outputs.entries()) {
    expect(values).toEqual(Int32Array.from(wanted.subarray(i * perPhoto, (i + 1) * perPhoto)));
  }
}, 600_000);
