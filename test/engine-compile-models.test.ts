import { describe, expect, it } from "vitest";
import { compileEngine, engineConfig } from "../src/accel/index.js";
import { createRng, FixynnError } from "../src/core/index.js";
import { importTfliteFile } from "../src/importers/index.js";
import { executeFrom } from "../src/quant/index.js";
import { fromWords, runEngine } from "./helpers/engine-run.js";
import { requireFull, requireShared } from "./helpers/environment.js";
import { randomValues } from "./helpers/random-quant-layer.js";

const RESNET = "models/resnet8_cifar10/pretrainedResnet_quant.tflite";
const MOBILENET = "models/mobilenet_v1_025_224_quant/mobilenet_v1_0.25_224_quant.tflite";

type Case = {
  readonly file: string;
  /** Part of the name of the layer that the front ends with. */
  readonly after?: string;
  readonly array: readonly [number, number];
  readonly kib: number;
};

const tail = { file: MOBILENET, after: "Conv2d_6_depthwise" };
const QUICK: readonly Case[] = [
  { file: RESNET, array: [8, 8], kib: 128 },
  { file: RESNET, array: [16, 16], kib: 16 },
  { ...tail, array: [16, 16], kib: 128 },
  { ...tail, array: [16, 16], kib: 24 },
];
const ARRAYS = [
  [8, 8],
  [16, 16],
  [32, 16],
] as const;
const FULL: readonly Case[] = [{ file: RESNET }, tail, { file: MOBILENET }].flatMap((network) =>
  ARRAYS.flatMap((array) => [24, 64, 128, 1024].map((kib) => ({ ...network, array, kib }))),
);

/** Compile, interpret, and compare every layer's bytes. */
function compare(path: string, { after, array, kib }: Case): string {
  const network = importTfliteFile(path);
  const from =
    after === undefined ? network.nodes[0]! : network.nodes.find(({ name }) => name.includes(after))!;
  const [cPar, kPar] = array;
  const config = engineConfig({ cPar, kPar, weightBits: 9, activationBufferBytes: kib * 1024 });
  const made = compileEngine({ network, config, from: from.name, keepAll: true });
  const values = randomValues(createRng(1), from.output);
  const wanted = executeFrom(network, from.name, values, { outputs: made.layers.map(({ name }) => name) });
  const memory = runEngine(made, config, values);
  for (const { name, stored } of made.layers)
    expect(fromWords(memory, stored!), name).toEqual([...wanted.get(name)!]);
  const { bytes, program, externalBytes } = compileEngine({ network, config, from: from.name });
  const { transfers, weights } = externalBytes;
  return `${program.instructions.length} descriptors, program ${bytes.length} bytes; a frame moves ${transfers} bytes and ${weights} of weights`;
}

const nameOf = ({ file, after, array, kib }: Case): string =>
  `${file.split("/")[1]}${after === undefined ? "" : ` after ${after}`} on ${array.join("×")}, ${kib} KiB`;

describe("published models on the interpreted engine, every layer's bytes", () => {
  for (const one of QUICK)
    it(nameOf(one), (context) => {
      expect(compare(requireShared(context, one.file), one)).toMatch(/descriptors/);
    }, 60_000);

  it("all arrays and buffers", (context) => {
    requireFull(context);
    for (const one of FULL) {
      try {
        process.stderr.write(`${nameOf(one)}: ${compare(requireShared(context, one.file), one)}\n`);
      } catch (error) {
        if (!(error instanceof FixynnError) || error.code !== "FX5111") throw error;
        process.stderr.write(`${nameOf(one)}: ${error.oneLine()}\n`);
      }
    }
  }, 1_800_000);
});
