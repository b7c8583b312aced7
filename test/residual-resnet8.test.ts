import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, type TestContext } from "vitest";
import { createRng } from "../src/core/index.js";
import { defaultCacheFolder, firstIndices, gatherImages, readCifar10 } from "../src/data/index.js";
import { nodeName } from "../src/graph/index.js";
import { compileFrontEnd, emitVerilog, type FrontFolding, TOP_MODULE } from "../src/hw/index.js";
import { importTfliteFile } from "../src/importers/index.js";
import { verifyFrontEnd } from "../src/sim/index.js";
import { requireFull, requireShared } from "./helpers/environment.js";

const MODEL = "models/resnet8_cifar10/pretrainedResnet_quant.tflite";
const IMAGE = 32 * 32 * 3;

/** CIFAR-10 test images from the cache of fetched datasets, or random ones where it was never fetched. */
async function testImages(count: number): Promise<Uint8Array> {
  const folder = join(defaultCacheFolder(), "cifar-10-batches-bin");
  if (existsSync(folder)) return gatherImages((await readCifar10(folder)).test, firstIndices(count));
  process.stderr.write("no CIFAR-10 in the cache: random images instead\n");
  const rng = createRng(1);
  return Uint8Array.from({ length: count * IMAGE }, () => rng.integer(256));
}

/** Compile the quantized ResNet-8 up to a layer and compare every byte of every layer and of the linked whole. */
async function verify(context: TestContext, through: string, count: number, folding: FrontFolding) {
  const network = importTfliteFile(requireShared(context, MODEL));
  const front = compileFrontEnd(network, nodeName(through), { folding });
  const verdict = await verifyFrontEnd({
    files: emitVerilog(front),
    network,
    layers: front.layers.map(({ node, name }) => ({ node: node.name, module: name })),
    images: await testImages(count),
    count,
    stalledImages: 2,
    whole: { module: TOP_MODULE, images: count },
  });
  expect(verdict.images).toBe(count);
  expect(verdict.mismatches).toBe(0);
  expect(verdict.whole).toMatchObject({ images: count, mismatches: 0, cyclesPerFrame: expect.any(Number) });
  return { front, verdict };
}

describe("the quantized ResNet-8 in emitted Verilog, read back by Yosys", () => {
  it("gives the integer network's bytes through its first residual sum", async (context) => {
    const { front } = await verify(context, "add", 2, { kind: "auto", cyclesPerInputPixel: 8 });
    expect(front.layers.map(({ node }) => node.kind)).toEqual(["conv2d", "conv2d", "conv2d", "add"]);
  }, 120_000);

  for (const kind of ["auto", "none"] as const) {
    it(`gives the integer network's bytes whole, ${kind === "auto" ? "folded" : "parallel"}, on 64 test images`, async (context) => {
      requireFull(context);
      const { front, verdict } = await verify(context, "dense", 64, { kind });
      // 32 rows and one more of 32, and one: the first layer's frame.
      expect(front.cyclesPerFrame).toBe(1057);
      const seconds = [...verdict.layers, verdict.whole!].map(
        (one) => `${one.node} ${one.seconds.toFixed(1)} s`,
      );
      process.stderr.write(`${kind}: ${verdict.values} values, ${seconds.join(", ")}\n`);
    }, 1_800_000);
  }
});
