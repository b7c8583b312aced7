import { describe, expect, it } from "vitest";
import { everyKindGraph, randomTensor } from "../../../test/helpers/graphs.js";
import { createRng } from "../../core/index.js";
import {
  createFloatExecutor,
  freezePoints,
  type Graph,
  GraphBuilder,
  nodeName,
  simplify,
} from "../../graph/index.js";
import { tensor } from "../../tensor/index.js";
import { executeQuantNetwork } from "../execute/execute.js";
import { quantNetworkFromJson, quantNetworkToJson } from "../json.js";
import type { QuantNetwork } from "../nodes.js";
import { printQuantNetwork } from "../print.js";
import { dequantize, findQuantNode, truncateQuantNetwork } from "../types.js";
import { signedDigitCount } from "./digits.js";
import { fuseLayers } from "./fuse.js";
import { type QuantizeOptions, quantize } from "./quantize.js";

const COUNT = 24;

function randomImages(graph: Graph, seed: number): Uint8Array {
  const rng = createRng(seed);
  const size = graph.nodes[0]!.shape.reduce((a, b) => a * b, 1);
  return Uint8Array.from({ length: COUNT * size }, () => rng.integer(256));
}

/** Signal to quantization noise of each integer layer against its float layer, in dB. */
async function noise(graph: Graph, network: QuantNetwork, images: Uint8Array): Promise<Map<string, number>> {
  const layers = fuseLayers(graph).filter(({ core }) => core.kind !== "input");
  const executor = createFloatExecutor(graph, { outputs: layers.map(({ floatOutput }) => floatOutput) });
  const float = await executor.run(images, COUNT);
  await executor.close();
  const names = layers.map(({ core }) => core.name);
  const integers = executeQuantNetwork(network, images, COUNT, { outputs: names });
  return new Map(
    layers.map(({ core, floatOutput }) => {
      const wanted = float.get(floatOutput)!;
      const got = dequantize(integers.get(core.name)!, findQuantNode(network, core.name).output);
      let signal = 0;
      let error = 0;
      for (let i = 0; i < wanted.length; i++) {
        signal += wanted[i]! ** 2;
        error += (wanted[i]! - got[i]!) ** 2;
      }
      return [core.name, 10 * Math.log10(signal / error)];
    }),
  );
}

const graph = simplify({ ...everyKindGraph(createRng(4)), encoding: { scale: 1 / 127.5, offset: -1 } });
const images = randomImages(graph, 9);
const calibration = { pixels: images, count: COUNT };

describe("quantize", () => {
  const modes: readonly Omit<QuantizeOptions, "calibration">[] = [
    { mode: "lean", multiplierDigits: 1 },
    { mode: "shift" },
    { mode: "shift", weightBits: 9 },
    { mode: "lean" },
    { mode: "lean", multiplierDigits: 4, rangeMethod: "minmax" },
    { mode: "tflite", rangeMethod: "percentile" },
    { mode: "lean", biasCorrection: false, outputBits: 12 },
    { programmable: {} },
    { programmable: { multiplierBits: 6, signed: true } },
  ];
  it.each(modes)("stays near the float network in every layer: %o", async (options) => {
    const network = await quantize(graph, { ...options, calibration });
    const decibels = await noise(graph, network, images);
    expect(decibels.size).toBe(network.nodes.length - 1);
    for (const [name, value] of decibels) expect(value, name).toBeGreaterThan(17);
    expect(decibels.get("stem")).toBeGreaterThan(30);
    if (options.mode === "shift") {
      const widest = options.weightBits === 9 ? 255 : 127;
      for (const node of network.nodes) {
        if ("requantization" in node && node.requantization.mode !== "steps") {
          for (const m of node.requantization.multipliers) expect(signedDigitCount(m)).toBe(1);
        }
        if ("weights" in node)
          expect(Math.max(...node.weights.data.map(Math.abs))).toBeLessThanOrEqual(widest);
      }
    }
    if (options.mode === "lean") {
      for (const node of network.nodes) {
        if (!("requantization" in node) || node.requantization.mode === "steps") continue;
        for (const multiplier of node.requantization.multipliers) {
          expect(signedDigitCount(multiplier)).toBeLessThanOrEqual(options.multiplierDigits ?? 2);
        }
      }
    }
  });

  it("survives the trip through JSON and prints one line a layer", async () => {
    for (const mode of ["lean", "tflite", "shift"] as const) {
      const network = await quantize(graph, { mode, calibration });
      const json: unknown = JSON.parse(JSON.stringify(quantNetworkToJson(network)));
      expect(quantNetworkFromJson(json)).toEqual(network);
      const lines = printQuantNetwork(network).trimEnd().split("\n");
      expect(lines).toHaveLength(network.nodes.length + 3);
      expect(lines[2]).toMatch(
        /^ {2}%stem = conv2d\(%image\) 3x3x3x8 stride 2x2 pad 1,1,0,1 (lean|tflite|shift) clamp 0..255 : u8\[7x8x8\] scale /,
      );
    }
    expect(() => quantNetworkFromJson({ schema: "other" })).toThrow(/no valid integer network: schema/);
  });

  it("takes over the half step of x/127.5 - 1 exactly inside the image", async () => {
    const g = new GraphBuilder();
    let x = g.add({ kind: "input", name: nodeName("image"), shape: [4, 4, 1] });
    const stride = { height: 1, width: 1 };
    const weights = tensor("float32", [1, 1, 1, 1], Float32Array.of(1));
    x = g.add({
      kind: "conv2d",
      name: nodeName("copy"),
      input: x,
      weights,
      bias: undefined,
      stride,
      padding: { kind: "valid" },
    });
    const copy = g.build({ encoding: { scale: 1 / 127.5, offset: -1 }, name: "copy", output: x });
    const ramp = Uint8Array.from({ length: COUNT * 16 }, (_, i) => i & 255);
    const options = {
      calibration: { pixels: ramp, count: COUNT },
      mode: "tflite",
      biasCorrection: false,
      rangeMethod: "minmax",
    } as const;
    const network = await quantize(copy, { ...options, outputBits: 16 });
    const values = executeQuantNetwork(network, ramp, COUNT).get(x)!;
    const reals = dequantize(values, findQuantNode(network, x).output);
    // Half a byte step is 0.0039; what remains is the rounding of the bias and of the 16-bit output.
    for (const [i, real] of reals.entries()) {
      expect(Math.abs(real - (ramp[i]! / 127.5 - 1))).toBeLessThan(1e-4);
    }
  });

  it("keeps a given front byte for byte and calibrates the rest on it", async () => {
    const whole = await quantize(graph, { calibration });
    const layer = freezePoints(graph).find((point) => point.layer === "sum")!.layer;
    const front = truncateQuantNetwork(whole, layer);
    expect(front.nodes.at(-1)!.name).toBe("sum");
    const other: Graph = {
      ...graph,
      nodes: graph.nodes.map((node) =>
        node.name === "logits" && node.kind === "dense"
          ? { ...node, weights: randomTensor(createRng(77), node.weights.shape) }
          : node,
      ),
    };
    const network = await quantize(other, { calibration, fixedFront: front });
    expect(network.nodes.slice(0, front.nodes.length)).toEqual(front.nodes);
    const decibels = await noise(other, network, images);
    expect(decibels.get("logits")).toBeGreaterThan(17);
    const wrong = { ...front, encoding: { scale: 1, offset: 0 } };
    await expect(quantize(other, { calibration, fixedFront: wrong })).rejects.toThrow(/given front differ/);
  });

  it("copes with dead channels, dead layers and huge biases", async () => {
    const g = new GraphBuilder();
    let x = g.add({ kind: "input", name: nodeName("image"), shape: [3, 3, 2] });
    const stride = { height: 1, width: 1 };
    const weights = tensor("float32", [1, 1, 2, 4], Float32Array.of(0, 1e-9, 0.5, 0, 0, -1e-9, 0.25, 0));
    const bias = tensor("float32", [4], Float32Array.of(0, 1000, 0.1, -3));
    const same = { kind: "same" } as const;
    x = g.add({ kind: "conv2d", name: nodeName("odd"), input: x, weights, bias, stride, padding: same });
    x = g.add({ kind: "relu", name: nodeName("odd_relu"), input: x, max: 6 });
    const dead = tensor("float32", [1, 1, 4, 2], new Float32Array(8));
    x = g.add({
      kind: "conv2d",
      name: nodeName("dead"),
      input: x,
      weights: dead,
      bias: undefined,
      stride,
      padding: same,
    });
    const odd = g.build({ encoding: { scale: 1 / 255, offset: 0 }, name: "odd", output: x });
    const pixels = randomImages(odd, 2);
    for (const mode of ["lean", "tflite", "shift"] as const) {
      const network = await quantize(odd, { mode, calibration: { pixels, count: COUNT } });
      const values = executeQuantNetwork(network, pixels, COUNT, { outputs: [nodeName("odd"), x] });
      const reals = dequantize(values.get(nodeName("odd"))!, findQuantNode(network, nodeName("odd")).output);
      for (let p = 0; p < reals.length; p += 4) {
        expect(reals[p]).toBe(0);
        expect(reals[p + 1]).toBeGreaterThan(5.5);
        expect(reals[p + 3]).toBe(0);
      }
      const { zeroPoint } = findQuantNode(network, x).output;
      expect(values.get(x)!.every((value) => value === zeroPoint)).toBe(true);
    }
  });

  it("lists every layer without integer form, and rejects bad options", async () => {
    const g = new GraphBuilder();
    let x = g.add({ kind: "input", name: nodeName("image"), shape: [4, 4, 2] });
    const window = { height: 2, width: 2 };
    x = g.add({
      kind: "maxPool2d",
      name: nodeName("pool"),
      input: x,
      window,
      stride: window,
      padding: { kind: "valid" },
    });
    x = g.add({ kind: "relu", name: nodeName("late"), input: x, max: undefined });
    const late = g.build({ encoding: { scale: 1, offset: 0 }, name: "late", output: x });
    const pixels = new Uint8Array(32);
    await expect(quantize(late, { calibration: { pixels, count: 1 } })).rejects.toThrow(/relu "late"/);
    await expect(quantize(graph, { calibration, multiplierDigits: 0 })).rejects.toThrow(/multiplierDigits 0/);
    await expect(quantize(graph, { calibration: { pixels: images, count: 0 } })).rejects.toThrow(
      /at least one image/,
    );
  });
});
