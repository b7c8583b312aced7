import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  quantType,
  randomIntegers,
  randomWeighted,
  singleLayerNetwork,
} from "../../test/helpers/quant-networks.js";
import { createRng, workerUrl } from "../core/index.js";
import type { Split } from "../data/index.js";
import { NO_PADDING } from "../tensor/index.js";
import { classify, evaluateQuantNetwork, predictQuantNetwork } from "./evaluate.js";
import { executeQuantNetwork } from "./execute/execute.js";

const rng = createRng(12);
const one = { height: 1, width: 1 };
const input = quantType([3, 3, 2], { zeroPoint: 100 });
const layer = randomWeighted(rng, "conv2d", input, 10, {
  kernel: { height: 3, width: 3 },
  stride: one,
  padding: NO_PADDING,
});
const network = singleLayerNetwork(input, layer);
const count = 150;
const pixels = new Uint8Array(new SharedArrayBuffer(count * 18));
pixels.set(randomIntegers(rng, pixels.length, 0, 255));
const logits = executeQuantNetwork(network, pixels, count).get(layer.name)!;
const labels = classify(network, logits);
for (let i = 0; i < count; i += 3) labels[i] = (labels[i]! + 1) % 10;
const split: Split = {
  count,
  height: 3,
  width: 3,
  channels: 2,
  store: { kind: "memory", bytes: pixels },
  labels,
};
const behind: Split = {
  ...split,
  ...{ height: logits.length / 10 / count, width: 1, channels: 10 },
  store: { kind: "memory", bytes: logits as Uint8Array },
};

describe("evaluateQuantNetwork", () => {
  it("counts right answers, the same on any number of threads and from any layer", async () => {
    expect(
      existsSync(fileURLToPath(workerUrl(import.meta.url, "./evaluate.worker.js"))),
      "run npm run build",
    ).toBe(true);
    const expected = { count, correct: 100, top1: 100 / 150 };
    for (const threads of [1, 2])
      expect(await evaluateQuantNetwork(network, split, { threads })).toEqual(expected);
    expect(await evaluateQuantNetwork(network, behind, { threads: 2, from: layer.name })).toEqual(expected);
    expect(await evaluateQuantNetwork(network, split, { limit: 3, threads: 2 })).toEqual({
      count: 3,
      correct: 2,
      top1: 2 / 3,
    });
  });

  it("rejects images of another size", async () => {
    await expect(predictQuantNetwork(network, { ...split, channels: 1 })).rejects.toThrow(/images of 3x3x1/);
    await expect(predictQuantNetwork(network, split, { from: layer.name })).rejects.toThrow(
      /images of 3x3x2/,
    );
  });
});
