import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { everyKindGraph } from "../../../test/helpers/graphs.js";
import { quantType, randomWeighted, singleLayerNetwork } from "../../../test/helpers/quant-networks.js";
import { randomFront } from "../../../test/helpers/random-front.js";
import { withOtherValues, withRandomRegisters } from "../../../test/helpers/random-registers.js";
import { createRng, type Rng } from "../../core/index.js";
import { createFloatExecutor, type Graph, nodeName } from "../../graph/index.js";
import { tensor } from "../../tensor/index.js";
import { executeQuantNetwork } from "../execute/execute.js";
import { quantNetworkFromJson, quantNetworkToJson } from "../json.js";
import type { QuantNetwork } from "../nodes.js";
import { printQuantNetwork } from "../print.js";
import { dequantize, findQuantNode } from "../types.js";
import { verifyQuantNetwork } from "../verify.js";
import { isSameSilicon, programNormalization } from "./normalization.js";
import { isWeighted, makeProgrammable } from "./programmable.js";
import { quantize } from "./quantize.js";

const COUNT = 24;
const graph: Graph = { ...everyKindGraph(createRng(4)), encoding: { scale: 1 / 127.5, offset: -1 } };
const size = graph.nodes[0]!.shape.reduce((a, b) => a * b, 1);
const rng = createRng(9);
const pixels = Uint8Array.from({ length: COUNT * size }, () => rng.integer(256));
const calibration = { pixels, count: COUNT };

/** The same weights with other batch norms, as another task has them. */
function otherNormalization(other: Rng, change = 0.35): Graph {
  const scaled = (values: Float32Array): Float32Array =>
    values.map((value) => value * 2 ** (change * (2 * other.next() - 1)));
  const moved = (values: Float32Array): Float32Array =>
    values.map((value) => value + change * (2 * other.next() - 1));
  const nodes = graph.nodes.map((node) => {
    if (node.kind !== "batchNorm") return node;
    const made = (data: Float32Array) => tensor("float32", node.gamma.shape, data);
    return {
      ...node,
      gamma: made(scaled(node.gamma.data)),
      beta: made(moved(node.beta.data)),
      mean: made(moved(node.mean.data)),
      variance: made(scaled(node.variance.data)),
    };
  });
  return { ...graph, nodes };
}

/** Signal to noise of a network's layer against a float graph's, in dB. */
async function decibels(float: Graph, network: QuantNetwork, layer: string, relu: string): Promise<number> {
  const executor = createFloatExecutor(float, { outputs: [nodeName(relu)] });
  const wanted = (await executor.run(pixels, COUNT)).get(nodeName(relu))!;
  await executor.close();
  const name = nodeName(layer);
  const integers = executeQuantNetwork(network, pixels, COUNT, { outputs: [name] }).get(name)!;
  const got = dequantize(integers, findQuantNode(network, name).output);
  let [signal, error] = [0, 0];
  for (const [i, value] of wanted.entries()) {
    signal += value ** 2;
    error += (value - got[i]!) ** 2;
  }
  return 10 * Math.log10(signal / error);
}

describe("makeProgrammable", () => {
  it("keeps the bytes where the multipliers fit: pure shifts, and factors made for registers", async () => {
    const shifts = await quantize(graph, { mode: "shift", calibration });
    const registers = await quantize(graph, { programmable: {}, calibration });
    for (const [before, after] of [
      [shifts, makeProgrammable(shifts)],
      [registers, makeProgrammable(registers)],
    ] as const) {
      const outputs = before.nodes.map(({ name }) => name);
      const wanted = executeQuantNetwork(before, pixels, COUNT, { outputs });
      const plain = executeQuantNetwork(after, pixels, COUNT, { outputs, form: "plain" });
      expect(executeQuantNetwork(after, pixels, COUNT, { outputs })).toEqual(wanted);
      expect(plain).toEqual(wanted);
      for (const node of after.nodes) {
        if (!isWeighted(node) || node.requantization.mode !== "programmable") continue;
        // One bit of headroom.
        expect(Math.max(...node.requantization.multipliers)).toBeLessThan(128);
        expect(Math.min(...node.requantization.multipliers)).toBeGreaterThanOrEqual(64);
      }
    }
    expect(registers.nodes.filter(isWeighted).every((n) => n.requantization.mode === "programmable")).toBe(
      true,
    );
    const only = makeProgrammable(shifts, { layers: new Set([nodeName("stem")]) });
    expect(only.nodes.filter(isWeighted).map((n) => n.requantization.mode)).toEqual([
      "programmable",
      ...only.nodes
        .filter(isWeighted)
        .slice(1)
        .map(() => "shift"),
    ]);
  });

  it("rounds other multipliers by half a unit at most", async () => {
    const lean = await quantize(graph, { multiplierDigits: 5, calibration });
    const made = makeProgrammable(lean, { multiplierBits: 6, signed: true, headroomBits: 2 });
    for (const [i, node] of made.nodes.entries()) {
      const before = lean.nodes[i]!;
      if (!isWeighted(node) || !isWeighted(before) || node.requantization.mode !== "programmable") continue;
      const { multipliers, shifts } = node.requantization;
      for (const [c, m] of multipliers.entries()) {
        const exact =
          before.requantization.multipliers[c]! * 2 ** (shifts[c]! - before.requantization.shifts[c]!);
        expect(Math.abs(m - exact)).toBeLessThanOrEqual(0.5);
        expect(m).toBeGreaterThanOrEqual(4);
        expect(m).toBeLessThanOrEqual(8);
      }
    }
  });

  it("refuses formats without bits, and accumulators that some bias would overflow", async () => {
    const network = await quantize(graph, { mode: "shift", calibration });
    expect(() => makeProgrammable(network, { multiplierBits: 2, headroomBits: 2 })).toThrow(
      /2 bits with 2 of headroom/,
    );
    expect(() => makeProgrammable(network, { multiplierBits: 20 })).toThrow(/20 bits/);
    expect(() => makeProgrammable(network, { biasHeadroomBits: 24 })).toThrow(/bits/);
    await expect(quantize(graph, { mode: "tflite", programmable: {}, calibration })).rejects.toThrow(
      /tflite mode/,
    );
  });
});

describe("networks with registers", () => {
  it("read back from JSON, print their formats, and give the same bytes in both forms, whatever the registers hold", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), (seed) => {
        const own = createRng(seed);
        const network = withRandomRegisters(own, randomFront(own, { layers: 2, mode: "lean" }));
        const other = withOtherValues(own, network);
        expect(quantNetworkFromJson(JSON.parse(JSON.stringify(quantNetworkToJson(network))))).toEqual(
          network,
        );
        expect(isSameSilicon(network, other)).toBe(true);
        const images = Uint8Array.from(
          { length: 3 * network.nodes[0]!.output.shape.reduce((a, b) => a * b, 1) },
          () => own.integer(256),
        );
        const outputs = network.nodes.map(({ name }) => name);
        for (const one of [network, other])
          expect(executeQuantNetwork(one, images, 3, { outputs })).toEqual(
            executeQuantNetwork(one, images, 3, { outputs, form: "plain" }),
          );
      }),
      { numRuns: 60 },
    );
  });

  const input = quantType([4, 4, 3], { zeroPoint: 5 });
  const one = { height: 1, width: 1 };
  const conv = randomWeighted(createRng(1), "conv2d", input, 2, {
    kernel: one,
    stride: one,
    padding: { top: 0, bottom: 0, left: 0, right: 0 },
  });
  const withRegisters = (change: object, biases = [100, -100]): QuantNetwork =>
    singleLayerNetwork(input, {
      ...conv,
      bias: tensor("int32", [2], Int32Array.from(biases)),
      requantization: {
        mode: "programmable",
        multipliers: Int32Array.of(3, 200),
        shifts: Int32Array.of(14, 15),
        multiplierBits: 8,
        signed: false,
        biasBits: 8,
        ...change,
      },
    });

  it("are verified for all values that fit", () => {
    expect(printQuantNetwork(verifyQuantNetwork(withRegisters({})))).toContain("programmable u8 bias s8");
    const bad: readonly [QuantNetwork, RegExp][] = [
      [
        withRegisters({ multiplierBits: 7 }),
        /multiplier 200 of channel 1 does not fit its register: 0 to 127/,
      ],
      [withRegisters({ signed: true }), /multiplier 200 of channel 1 .* -128 to 127/],
      [withRegisters({ multipliers: Int32Array.of(-1, 2) }), /multiplier -1 of channel 0/],
      [withRegisters({}, [127, 128]), /bias 128 of channel 1 does not fit its register: -128 to 127/],
      [withRegisters({ multiplierBits: 17 }), /17 bits/],
      [withRegisters({ biasBits: 32 }), /32 bits/],
      [
        withRegisters({ multipliers: Int32Array.of(3), shifts: Int32Array.of(14) }),
        /1 multipliers for 2 channels/,
      ],
      [withRegisters({ shifts: Int32Array.of(0, 14) }), /not in 1 to 52/],
    ];
    for (const [network, message] of bad) expect(() => verifyQuantNetwork(network)).toThrow(message);
    // The reference's own biases would fit, but not all that the registers hold.
    const wide = withRegisters({ biasBits: 31, multiplierBits: 16 });
    expect(verifyQuantNetwork(wide)).toBe(wide);
    const heavy = singleLayerNetwork(input, {
      ...conv,
      weights: tensor(
        "int16",
        conv.weights.shape,
        conv.weights.data.map(() => 32767),
      ),
      bias: tensor("int32", [2], Int32Array.of(0, 0)),
      requantization: { ...(wide.nodes[1] as typeof conv).requantization } as never,
    });
    expect(verifyQuantNetwork(heavy)).toBe(heavy);
  });
});

describe("programNormalization", () => {
  it("gives the reference's values for the reference's own graph", async () => {
    const reference = await quantize(graph, { programmable: {}, calibration });
    const { network, saturated } = await programNormalization(reference, graph, { calibration });
    expect(saturated).toEqual([]);
    expect(isSameSilicon(reference, network)).toBe(true);
    for (const [i, node] of network.nodes.entries()) {
      const before = reference.nodes[i]!;
      if (!isWeighted(node) || !isWeighted(before)) continue;
      for (const [c, m] of node.requantization.multipliers.entries())
        expect(Math.abs(m - before.requantization.multipliers[c]!)).toBeLessThanOrEqual(1);
    }
    expect(await decibels(graph, network, "sum", "sum_relu")).toBeGreaterThan(20);
  });

  it("makes the same silicon compute another task's batch norms, which its own values do not", async () => {
    const reference = await quantize(graph, { programmable: { multiplierBits: 9 }, calibration });
    for (const seed of [1, 2, 3]) {
      const task = otherNormalization(createRng(seed));
      const { network } = await programNormalization(reference, task, { calibration });
      expect(isSameSilicon(reference, network)).toBe(true);
      expect(isSameSilicon(reference, await quantize(task, { programmable: {}, calibration }))).toBe(false);
      for (const [layer, relu] of [
        ["stem", "stem_relu"],
        ["dw", "dw_relu"],
        ["sum", "sum_relu"],
      ] as const) {
        const programmed = await decibels(task, network, layer, relu);
        const plain = await decibels(task, reference, layer, relu);
        // Activations are clamped at the reference's ranges.
        expect(programmed, `${layer} ${seed}`).toBeGreaterThan(17);
        expect(programmed, `${layer} ${seed}`).toBeGreaterThan(plain + 5);
      }
    }
  });

  it("corrects biases only with images, and takes graphs with batch norms folded as well", async () => {
    const reference = await quantize(graph, { programmable: { multiplierBits: 9 }, calibration });
    const task = otherNormalization(createRng(5));
    const { network } = await programNormalization(reference, task);
    const unfolded = await decibels(task, network, "stem", "stem_relu");
    expect(unfolded).toBeGreaterThan(20);
    const { simplify } = await import("../../graph/index.js");
    expect((await programNormalization(reference, simplify(task))).network).toEqual(network);
  });

  it("says which value does not fit, or saturates it when asked", async () => {
    const reference = await quantize(graph, { programmable: { biasHeadroomBits: 0 }, calibration });
    const task = (
      name: string,
      change: (values: Float32Array) => Float32Array,
      field: "gamma" | "beta",
    ): Graph => ({
      ...graph,
      nodes: graph.nodes.map((node) =>
        node.name === nodeName(name) && node.kind === "batchNorm"
          ? { ...node, [field]: tensor("float32", node.gamma.shape, change(node.gamma.data.slice())) }
          : node,
      ),
    });
    const large = task("stem_bn", (v) => v.map((g, c) => (c === 2 ? 9 * g : g)), "gamma");
    await expect(programNormalization(reference, large)).rejects.toThrow(
      /multiplier \d+ of channel 2 does not fit.*1 to 255/,
    );
    const { network, saturated } = await programNormalization(reference, large, { saturate: true });
    expect(saturated[0]).toMatchObject({ layer: "stem", channel: 2, register: "multiplier" });
    expect(isSameSilicon(reference, network)).toBe(true);
    const negative = task("stem_bn", (v) => v.map((g, c) => (c === 1 ? -g : g)), "gamma");
    await expect(programNormalization(reference, negative)).rejects.toMatchObject({
      hint: expect.stringMatching(/signed/),
    });
    const signed = await quantize(graph, { programmable: { signed: true }, calibration });
    const turned = await programNormalization(signed, negative, { calibration });
    expect(await decibels(negative, turned.network, "stem", "stem_relu")).toBeGreaterThan(20);
    const lifted = task("dw_bn", (v) => v.map((_, c) => (c === 3 ? 1e6 : 0)), "beta");
    await expect(programNormalization(reference, lifted)).rejects.toThrow(
      /bias \d+ of channel 3 does not fit/,
    );
  });

  it("refuses a graph of other weights, other layers, or a change where there are no registers", async () => {
    const reference = await quantize(graph, { programmable: {}, calibration });
    const other: Graph = { ...everyKindGraph(createRng(5)), encoding: graph.encoding };
    await expect(programNormalization(reference, other)).rejects.toThrow(
      /not the frozen ones times a factor/,
    );
    await expect(
      programNormalization(reference, { ...graph, encoding: { scale: 1 / 255, offset: 0 } }),
    ).rejects.toThrow(/image encoding/);
    const part = await quantize(graph, {
      programmable: { layers: new Set([nodeName("stem")]) },
      calibration,
    });
    await expect(programNormalization(part, otherNormalization(createRng(1)))).rejects.toThrow(
      /has no register/,
    );
  });
});
