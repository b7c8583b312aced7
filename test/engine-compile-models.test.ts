import { expect, it } from "vitest";
import { compileEngine, engineConfig } from "../src/accel/index.js";
import { createRng } from "../src/core/index.js";
import { nodeName } from "../src/graph/index.js";
import { importTfliteFile } from "../src/importers/index.js";
import { executeFrom } from "../src/quant/index.js";
import { fromWords, runEngine } from "./helpers/engine-run.js";
import { requireShared } from "./helpers/environment.js";
import { randomValues } from "./helpers/random-quant-layer.js";

const CASES = [
  ["models/resnet8_cifar10/pretrainedResnet_quant.tflite", undefined, 8, 128 * 1024],
  ["models/resnet8_cifar10/pretrainedResnet_quant.tflite", undefined, 16, 16 * 1024],
  [
    "models/mobilenet_v1_025_224_quant/mobilenet_v1_0.25_224_quant.tflite",
    "Conv2d_6_depthwise",
    16,
    128 * 1024,
  ],
  [
    "models/mobilenet_v1_025_224_quant/mobilenet_v1_0.25_224_quant.tflite",
    "Conv2d_6_depthwise",
    16,
    24 * 1024,
  ],
] as const;

for (const [file, after, side, activationBufferBytes] of CASES)
  it(`${file} after ${after} on ${side}×${side}, ${activationBufferBytes} bytes`, (context) => {
    const network = importTfliteFile(requireShared(context, file));
    const from =
      after === undefined ? network.nodes[0]! : network.nodes.find(({ name }) => name.includes(after))!;
    const config = engineConfig({ cPar: side, kPar: side, weightBits: 9, activationBufferBytes });
    const made = compileEngine({ network, config, from: from.name, keepAll: true });
    const values = randomValues(createRng(1), from.output);
    const outputs = made.layers.map(({ name }) => nodeName(name));
    const wanted = executeFrom(network, from.name, values, { outputs });
    const memory = runEngine(made, config, values);
    for (const { name, stored } of made.layers)
      expect(fromWords(memory, stored!), name).toEqual([...wanted.get(name)!]);
    process.stderr.write(
      `MODEL ${file.slice(7, 20)} ${side} ${activationBufferBytes}: ${JSON.stringify(made.externalBytes)} ${made.program.instructions.length} descriptors, tiles ${made.layers.map(({ tiles }) => tiles)}\n`,
    );
  }, 60_000);
