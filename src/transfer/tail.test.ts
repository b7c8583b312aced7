import { describe, expect, it } from "vitest";
import { createRng } from "../core/index.js";
import { createFloatExecutor, nodeName, splitGraph } from "../graph/index.js";
import { executeQuantNetwork, findQuantNode, quantize } from "../quant/index.js";
import { heNormal, mobilenetV1, replaceHead } from "../train/index.js";
import { floatNetwork, withBatchNorm, withClassifier } from "./float-network.js";
import { joinTail, tailOf } from "./tail.js";

const rng = createRng(9);
const SIDE = 32;
const COUNT = 6;
const pixels = Uint8Array.from({ length: COUNT * SIDE * SIDE * 3 }, () => rng.integer(256));
const network = mobilenetV1({ alpha: 0.125, side: SIDE, classes: 10, rng: rng.fork("network") });
const layer = nodeName("conv_pw_3");
const front = await quantize(splitGraph(network, "conv_pw_5").front, {
  calibration: { pixels, count: COUNT },
});

/** Largest absolute difference of two lists of values, and the largest value. */
const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);

describe("tailOf", () => {
  it("continues the network from the front's bytes", async () => {
    const tail = tailOf(network, layer, front);
    const bytes = executeQuantNetwork(front, pixels, COUNT, { outputs: [layer] }).get(layer) as Uint8Array;
    const run = async (graph: typeof network, images: Uint8Array) => {
      const executor = createFloatExecutor(graph);
      const values = (await executor.run(images, COUNT)).get(graph.output)!;
      await executor.close();
      return values;
    };
    const whole = await run(network, pixels);
    const largest = whole.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(distance(await run(tail, bytes), whole)).toBeLessThan(0.1 * largest);
  });

  it("is put back as it was trained", () => {
    const other = replaceHead(network, 10, createRng(77));
    const tail = tailOf(other, layer, front);
    const joined = joinTail(other, tail);
    expect(joined).toEqual(other);
    const node = findQuantNode(front, layer);
    expect(tail.nodes[0]!.shape).toEqual(node.output.shape);
  });
});

describe("floatNetwork", () => {
  it("stands for the integer network within its rounding, also with batch norms put in", async () => {
    const float = floatNetwork(front);
    const normalized = await withBatchNorm(float, pixels, COUNT);
    expect(normalized.nodes.filter(({ kind }) => kind === "batchNorm")).toHaveLength(11);
    const integers = executeQuantNetwork(front, pixels, COUNT).get(front.output)!;
    const { scale, zeroPoint } = findQuantNode(front, front.output).output;
    const reals = Float32Array.from(integers, (value) => scale * (value - zeroPoint));
    for (const graph of [float, normalized]) {
      const executor = createFloatExecutor(graph);
      const values = (await executor.run(pixels, COUNT)).get(graph.output)!;
      await executor.close();
      // Eleven layers of rounding to eight bits.
      expect(distance(values, reals)).toBeLessThan(16 * scale);
      const mean = values.reduce((sum, value, i) => sum + Math.abs(value - reals[i]!), 0) / values.length;
      expect(mean).toBeLessThan(1.5 * scale);
    }
    const channels = normalized.nodes.at(-1)!.shape.at(-1)!;
    const classifier = withClassifier(normalized, { weights: heNormal(rng, [channels, 3], channels) });
    expect(classifier.nodes.at(-1)!.shape).toEqual([3]);
  });
});
