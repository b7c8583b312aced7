import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runOnnxFile, toChannelsFirst } from "../../../bench/onnx-file.js";
import { everyKindGraph } from "../../../test/helpers/graphs.js";
import { checkOnnxStructure } from "../../../test/helpers/onnx-decode.js";
import { quantType } from "../../../test/helpers/quant-networks.js";
import {
  LAYER_KINDS,
  randomClamp,
  randomLayer,
  randomType,
  randomValues,
} from "../../../test/helpers/random-quant-layer.js";
import { createRng, type Rng } from "../../core/index.js";
import { encodeOnnx, type InputEncoding, nodeName, simplify } from "../../graph/index.js";
import { tensor } from "../../tensor/index.js";
import { executeQuantNetwork } from "../execute/execute.js";
import type { QuantNetwork, QuantNode, QuantType, Requantization } from "../nodes.js";
import { quantize } from "../quantize/quantize.js";
import { findQuantNode, quantInput, truncateQuantNetwork, typeRange } from "../types.js";
import { verifyQuantNetwork } from "../verify.js";
import { type QdqOptions, qdqOnnxModel } from "./qdq.js";
import { weightScaleFor } from "./scales.js";

/** Differences, in steps of the output, of an exported network in ONNX Runtime. */
async function differences(
  network: QuantNetwork,
  images: Uint8Array,
  count: number,
  options: QdqOptions & { readonly level?: "disabled" | "all" } = {},
): Promise<Float64Array> {
  const shape = quantInput(network).output.shape as [number, number, number];
  const { output } = findQuantNode(network, network.output);
  const { encoding } = network;
  const { level = "all", ...qdq } = options;
  const session = { graphOptimizationLevel: level };
  const got = await runOnnxFile(qdqOnnxModel(network, qdq), images, shape, { encoding, session });
  const ours = Float32Array.from(executeQuantNetwork(network, images, count).get(network.output)!);
  const [height, width, channels] = output.shape;
  const wanted = output.shape.length === 3 ? toChannelsFirst(ours, [height!, width!, channels!]) : ours;
  expect(got).toHaveLength(wanted.length);
  return Float64Array.from(got, (value, i) =>
    Math.abs(Math.round(value / output.scale) + output.zeroPoint - wanted[i]!),
  );
}

const largest = (values: Float64Array): number => values.reduce((a, b) => Math.max(a, b), 0);
const share = (values: Float64Array): number => values.filter((value) => value > 0).length / values.length;

/** A layer that hands image bytes on in another type, clamped, without any rounding. */
function cast(image: QuantType, to: QuantType): QuantNode {
  const channels = image.shape.at(-1)!;
  return {
    kind: "depthwiseConv2d",
    name: nodeName("cast"),
    input: nodeName("image"),
    output: to,
    weights: tensor("int16", [1, 1, channels, 1], new Int16Array(channels).fill(1)),
    weightScales: Float64Array.of(1),
    bias: tensor("int32", [channels], new Int32Array(channels)),
    requantization: { mode: "lean", multipliers: Int32Array.of(2), shifts: Int32Array.of(1) },
    clamp: typeRange(to),
    stride: { height: 1, width: 1 },
    padding: { top: 0, bottom: 0, left: 0, right: 0 },
  };
}

/** A layer of any kind and arithmetic behind integers of any type. */
function randomNetwork(rng: Rng): QuantNetwork | undefined {
  const kind = LAYER_KINDS[rng.integer(LAYER_KINDS.length)]!;
  const shape = [1 + rng.integer(9), 1 + rng.integer(9), 1 + rng.integer(9)];
  const image = quantType(shape, { zeroPoint: rng.integer(256) });
  const nodes: QuantNode[] = [
    { kind: "input", name: nodeName("image"), output: image },
    cast(image, randomType(rng, shape)),
  ];
  if (kind === "dense") {
    const last = nodes[1]!.output;
    const flat = { ...last, shape: [shape[0]! * shape[1]! * shape[2]!] };
    nodes.push({ kind: "reshape", name: nodeName("flat"), input: nodeName("cast"), output: flat });
  }
  const last = nodes.at(-1)!;
  const made = randomLayer(rng, kind, last.output);
  if (made === undefined) return undefined;
  const node = made.node;
  nodes.push(
    node.kind === "add" ? { ...node, inputs: [last.name, last.name] } : { ...node, input: last.name },
  );
  const network: QuantNetwork = {
    kind: "quantNetwork",
    name: "random",
    encoding: { scale: 1, offset: -image.zeroPoint },
    nodes,
    output: node.name,
  };
  try {
    return verifyQuantNetwork(network);
  } catch {
    return undefined;
  }
}

const pairs = ({ multipliers, shifts }: Requantization): string[] =>
  Array.from(multipliers, (multiplier, i) => `${multiplier} ${shifts[i]}`);

describe("qdqOnnxModel", () => {
  it("computes random layers of all kinds, types and requantizations within one step, fused or not", async () => {
    const kinds = new Set<string>();
    let total = 0;
    let different = 0;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 31 - 1 }), async (seed) => {
        const rng = createRng(seed);
        const network = randomNetwork(rng);
        if (network === undefined) return;
        const last = network.nodes.at(-1)!;
        const hasFactors = last.kind === "add" || last.kind === "globalAveragePool2d";
        if (
          hasFactors &&
          new Set("multipliers" in last.requantization ? pairs(last.requantization) : []).size > 1
        ) {
          expect(() => qdqOnnxModel(network)).toThrow(expect.objectContaining({ code: "FX4017" }));
          return;
        }
        const images = randomValues(rng, quantInput(network).output, 2) as Uint8Array;
        checkOnnxStructure(encodeOnnx(qdqOnnxModel(network)));
        for (const level of ["all", "disabled"] as const) {
          const steps = await differences(network, images, 2, { level });
          expect(largest(steps), `${network.nodes.at(-1)!.kind}, ${level}`).toBeLessThanOrEqual(1);
          total += steps.length;
          different += steps.filter((step) => step > 0).length;
        }
        kinds.add(network.nodes.at(-1)!.kind);
      }),
      { numRuns: 200, seed: 11 },
    );
    expect([...kinds].sort()).toEqual([...LAYER_KINDS].sort());
    expect(total).toBeGreaterThan(10_000);
    expect(different / total).toBeLessThan(0.02);
  }, 120_000);

  const half: InputEncoding = { scale: 1 / 127.5, offset: -1 };
  const graph = simplify({ ...everyKindGraph(createRng(4)), encoding: half });
  const rng = createRng(9);
  const count = 24;
  const images = Uint8Array.from({ length: count * 13 * 16 * 3 }, () => rng.integer(256));
  const calibration = { pixels: images, count };

  it.each(["lean", "shift"] as const)(
    "gives the very integers of a %s network behind ReLUs, under default options",
    async (mode) => {
      const network = await quantize(graph, { mode, calibration });
      for (const layer of ["stem", "dw"]) {
        const part = truncateQuantNetwork(network, nodeName(layer));
        for (const options of [{}, { inputDType: "uint8" }] as const)
          expect(largest(await differences(part, images, count, options)), layer).toBe(0);
      }
      // Negative ties of the layer without ReLU before the sum.
      const sum = await differences(truncateQuantNetwork(network, nodeName("sum")), images, count);
      expect(largest(sum)).toBeLessThanOrEqual(1);
      expect(share(sum)).toBeLessThan(0.02);
      expect(largest(await differences(network, images, count))).toBeLessThanOrEqual(4);
    },
  );

  it.each(["lean", "shift", "tflite"] as const)("stays near a %s network, not fused", async (mode) => {
    const network = await quantize(graph, { mode, calibration, outputBits: 12 });
    const model = qdqOnnxModel(network);
    expect(model.opset).toBe(21);
    const stem = truncateQuantNetwork(network, nodeName("stem"));
    const steps = await differences(stem, images, count, { level: "disabled" });
    expect(largest(steps)).toBeLessThanOrEqual(1);
    expect(share(steps)).toBeLessThan(0.01);
    // Steps of the output are 16 times finer.
    expect(largest(await differences(network, images, count, { level: "disabled" }))).toBeLessThan(100);
  });

  it("keeps its integers, names and head", async () => {
    const network = await quantize(graph, { calibration });
    const classNames = Array.from({ length: 10 }, (_, i) => `${i}`);
    const file = checkOnnxStructure(encodeOnnx(qdqOnnxModel(network, { classNames, producerVersion: "1" })));
    expect(file.opset).toEqual([{ domain: "", version: 17 }]);
    expect(file.inputs).toEqual([{ name: "image", type: 1, shape: ["N", 3, 13, 16] }]);
    expect(file.outputs).toEqual([{ name: "logits", type: 1, shape: ["N", 10] }]);
    expect(file.metadata).toMatchObject({
      "fixynn.encoding.offset": "-1",
      "fixynn.class_names": JSON.stringify(classNames),
    });
    expect(file.doc).toContain("QDQ");
    const ops = new Set(file.nodes.map(({ op }) => op));
    for (const op of ["Conv", "Gemm", "Add", "MaxPool", "QuantizeLinear", "DequantizeLinear"])
      expect(ops).toContain(op);
    const names = file.nodes.map(({ name }) => name);
    for (const node of network.nodes.slice(1)) expect(names).toContain(node.name);
    const constants = new Map(file.initializers.map((constant) => [constant.name, constant]));
    expect(constants.get("stem/weights/quantized")).toMatchObject({ type: 2, shape: [8, 3, 3, 3] });
    expect(constants.get("dw/weights/quantized")).toMatchObject({ type: 2, shape: [16, 1, 3, 3] });
    expect(constants.get("stem/bias/quantized")).toMatchObject({ type: 6, shape: [8] });
    expect(constants.get("stem/weights/scale")).toMatchObject({ type: 1, shape: [8] });
    const int8 = checkOnnxStructure(encodeOnnx(qdqOnnxModel(network, { weights: "int8" })));
    const weights = int8.initializers.filter(({ name }) => name.endsWith("/weights/quantized"));
    expect(new Set(weights.map(({ type }) => type))).toEqual(new Set([3]));
    // Symmetric weights in 8 bits: unfused they are computed in floats, so no processor saturates.
    const part = truncateQuantNetwork(network, nodeName("stem"));
    const steps = await differences(part, images, count, { weights: "int8", level: "disabled" });
    expect(largest(steps)).toBeLessThanOrEqual(1);
  });

  it("clamps where a type or an activation is narrower than its storage", async () => {
    const image = quantType([4, 4, 2], { zeroPoint: 7 });
    for (let seed = 0; seed < 20; seed++) {
      const own = createRng(seed);
      const type = quantType([4, 4, 2], { bits: 6, signed: seed % 2 === 0, zeroPoint: 3 });
      const node = { ...cast(image, type), clamp: randomClamp(own, type) } as QuantNode;
      const network: QuantNetwork = {
        kind: "quantNetwork",
        name: "clamp",
        encoding: { scale: 1, offset: -7 },
        nodes: [{ kind: "input", name: nodeName("image"), output: image }, node],
        output: node.name,
      };
      const bytes = randomValues(own, image, 3) as Uint8Array;
      expect(largest(await differences(verifyQuantNetwork(network), bytes, 3))).toBe(0);
    }
  });
});

describe("weightScaleFor", () => {
  it("gives a factor, as float32 computes it, just above the exact one", () => {
    const positive = fc.double({ min: 1e-6, max: 1e3, noNaN: true });
    fc.assert(
      fc.property(positive, positive, positive, (factor, a, b) => {
        const [input, output] = [Math.fround(a), Math.fround(b)];
        const computed = Math.fround(Math.fround(input * weightScaleFor(factor, { input, output })) / output);
        expect(computed / factor).toBeGreaterThan(1);
        expect(computed / factor).toBeLessThan(1 + 2 ** -20);
      }),
    );
  });
});
