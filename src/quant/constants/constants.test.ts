import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { quantType, randomWeighted, singleLayerNetwork } from "../../../test/helpers/quant-networks.js";
import { createRng } from "../../core/index.js";
import { nodeName } from "../../graph/index.js";
import { NO_PADDING } from "../../tensor/index.js";
import { executeQuantNetwork } from "../execute/execute.js";
import type { QuantNetwork, QuantNode } from "../nodes.js";
import { signedDigitCount } from "../quantize/digits.js";
import { meanAccumulators, type WeightedQuant } from "../quantize/weighted.js";
import { verifyQuantNetwork } from "../verify.js";
import { chooseInOrder, compensationOf, improve, outputError } from "./choose.js";
import { compensateWeights } from "./compensate.js";
import { cheapestConstant, constantLimit, digitTable, roundToDigits } from "./digit-table.js";
import { choiceWithin, type LayerProblem, layerProblem, plainChoice, weightDigits } from "./layer.js";
import { constantDigits, pruneWeights, roundWeights } from "./passes.js";
import { isWeighted } from "./rewrite.js";

const IMAGES = 6;
const SIDE = 7;
const seeds = fc.integer({ min: 0, max: 2 ** 31 });

/** Smooth images: neighbours are alike, so that the taps of a window are correlated. */
function smoothImages(seed: number, count: number): Uint8Array {
  const rng = createRng(seed).fork("images");
  return Uint8Array.from({ length: count * SIDE * SIDE * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3) % (SIDE * SIDE);
    const wave =
      90 * Math.sin(Math.floor(i / (3 * SIDE * SIDE)) + (pixel % SIDE) / 2 + Math.floor(pixel / SIDE) / 3);
    return Math.max(0, Math.min(255, Math.round(128 + wave + 12 * rng.normal() + 8 * (i % 3))));
  });
}

const input = quantType([SIDE, SIDE, 3], { zeroPoint: 120 });
const same = { top: 1, bottom: 1, left: 1, right: 1 };
const window = (side: number, stride: number) => ({
  kernel: { height: side, width: side },
  stride: { height: stride, width: stride },
  padding: side === 3 ? same : NO_PADDING,
});

const KINDS = ["conv2d", "depthwiseConv2d"] as const;

function randomLayer(seed: number, kind: (typeof KINDS)[number]): WeightedQuant {
  return randomWeighted(createRng(seed), kind, input, kind === "conv2d" ? 5 : 6, window(3, 1 + (seed % 2)));
}

const calibrationOf = (seed: number) => ({ pixels: smoothImages(seed, IMAGES), count: IMAGES });

function randomProblem(seed: number, kind: (typeof KINDS)[number]): LayerProblem {
  return layerProblem(randomLayer(seed, kind), input, smoothImages(seed, IMAGES), IMAGES);
}

/** Three layers: convolution, depthwise, pointwise. */
function randomFront(seed: number): QuantNetwork {
  const rng = createRng(seed);
  const first = { ...randomWeighted(rng, "conv2d", input, 4, window(3, 1)), name: nodeName("a") };
  const clamped = (node: WeightedQuant): WeightedQuant => ({
    ...node,
    output: { ...node.output, zeroPoint: 0 },
    clamp: { low: 0, high: 255 },
  });
  const a = clamped(first);
  const b = clamped({
    ...randomWeighted(rng, "depthwiseConv2d", a.output, 4, window(3, 2)),
    ...{ name: nodeName("b"), input: a.name },
  });
  const c = clamped({
    ...randomWeighted(rng, "conv2d", b.output, 6, window(1, 1)),
    ...{ name: nodeName("c"), input: b.name },
  });
  return verifyQuantNetwork({
    ...singleLayerNetwork(input, a),
    nodes: [{ kind: "input", name: nodeName("image"), output: input }, a, b, c],
    output: c.name,
  });
}

const shapeOf = (node: QuantNode) => ({
  ...{ name: node.name, kind: node.kind, output: node.output },
  ...(isWeighted(node) && {
    clamp: node.clamp,
    requantization: node.requantization,
    scales: node.weightScales,
    shape: node.weights.shape,
  }),
});

const digitsIn = (front: QuantNetwork): number =>
  constantDigits(front).reduce((sum, { digits }) => sum + digits, 0);

function outputMeanSquare(
  a: QuantNetwork,
  b: QuantNetwork,
  images: { pixels: Uint8Array; count: number },
): number {
  const [ours, theirs] = [a, b].map(
    (network) => executeQuantNetwork(network, images.pixels, images.count).get(network.output)!,
  );
  let sum = 0;
  for (let i = 0; i < ours!.length; i++) sum += (ours![i]! - theirs![i]!) ** 2;
  return sum / ours!.length;
}

describe("digit-limited constants", () => {
  test("the nearest value of few digits is found for every integer, ties with fewer digits", () => {
    const table = digitTable(256);
    for (let value = -256; value <= 256; value++) {
      for (let most = 0; most <= 5; most++) {
        const candidates = Array.from({ length: 513 }, (_, i) => i - 256).filter(
          (q) => signedDigitCount(q) <= most,
        );
        const least = Math.min(...candidates.map((q) => Math.abs(q - value)));
        const nearest = candidates.filter((q) => Math.abs(q - value) === least);
        const fewest = Math.min(...nearest.map(signedDigitCount));
        const found = roundToDigits(table, value, most);
        expect(nearest).toContain(found);
        expect(signedDigitCount(found)).toBe(fewest);
      }
    }
  });

  test("the cheapest constant is the best of all", () => {
    const table = digitTable(128);
    const real = fc.double({ min: -140, max: 140, noNaN: true });
    const positive = fc.double({ min: 0, max: 50, noNaN: true });
    fc.assert(
      fc.property(
        real,
        positive,
        positive,
        fc.integer({ min: 0, max: 4 }),
        (target, curvature, price, mostDigits) => {
          const cost = (q: number): number => curvature * (q - target) ** 2 + price * signedDigitCount(q);
          const found = cheapestConstant(table, target, { curvature, price, mostDigits });
          expect(signedDigitCount(found)).toBeLessThanOrEqual(mostDigits);
          for (let q = -128; q <= 128; q++)
            if (signedDigitCount(q) <= mostDigits)
              expect(cost(found)).toBeLessThanOrEqual(cost(q) + 1e-9 * (1 + cost(q)));
        },
      ),
    );
  });

  test("magnitudes reach the next power of two", () => {
    expect(constantLimit(Int16Array.of(3, -127))).toBe(128);
    expect(constantLimit(Int16Array.of(0))).toBe(1);
    expect(constantLimit(Int16Array.of(-255))).toBe(256);
  });
});

describe("the choice of a layer's constants", () => {
  test("error is the mean square of what changes, the mean apart", () => {
    const problem = randomProblem(5, "conv2d");
    const { node } = problem;
    const choice = plainChoice(problem, 1);
    const images = smoothImages(5, IMAGES);
    const accumulate = (weights: Int16Array): Float64Array => {
      const layer = {
        ...node,
        weights: { ...node.weights, data: weights },
        bias: { ...node.bias, data: new Int32Array(node.bias.data.length) },
      };
      return wideOutputs(layer, images);
    };
    const [before, after] = [accumulate(node.weights.data), accumulate(choice.weights)];
    const outputs = node.bias.data.length;
    let expected = 0;
    for (let o = 0; o < outputs; o++) {
      const changes = before
        .filter((_, i) => i % outputs === o)
        .map((value, i) => after[i * outputs + o]! - value);
      const mean = changes.reduce((a, b) => a + b) / changes.length;
      const variance = changes.reduce((sum, change) => sum + (change - mean) ** 2, 0) / changes.length;
      expected += variance * problem.factors[o]! ** 2;
    }
    expect(choice.error).toBeCloseTo(expected, 6);
  });

  test("is within its digits and never worse than plain rounding of as many", () => {
    fc.assert(
      fc.property(seeds, fc.constantFrom(...KINDS), fc.integer({ min: 0, max: 3 }), (seed, kind, most) => {
        const problem = randomProblem(seed, kind);
        const plain = plainChoice(problem, most);
        const choice = choiceWithin(problem, plain.digits);
        expect(choice.digits).toBe(weightDigits(choice.weights));
        expect(choice.digits).toBeLessThanOrEqual(plain.digits);
        expect(choice.error).toBeLessThanOrEqual(plain.error * (1 + 1e-9));
      }),
      { numRuns: 25 },
    );
  });

  test("compensation leaves less error than the same digits without it, on correlated taps", () => {
    let compensated = 0;
    let alone = 0;
    for (let seed = 0; seed < 8; seed++) {
      const problem = randomProblem(seed, "conv2d");
      const plain = plainChoice(problem, 2);
      compensated += choiceWithin(problem, plain.digits).error;
      alone += plain.error;
    }
    expect(compensated).toBeLessThan(0.5 * alone);
  });

  test("a free digit changes nothing; single changes never raise the error", () => {
    fc.assert(
      fc.property(seeds, fc.constantFrom(...KINDS), (seed, kind) => {
        const { blocks, table, node } = randomProblem(seed, kind);
        const { block, covariance } = blocks[0]!;
        const rng = createRng(seed);
        const weights = Float64Array.from({ length: block.taps }, () => rng.integer(255) - 127);
        const compensation = compensationOf(covariance, block.taps);
        expect([...chooseInOrder(weights, compensation, { table, price: 0 })]).toEqual([...weights]);
        const chosen = Int32Array.from(weights, (weight) => roundToDigits(table, weight, 1));
        const before = outputError(chosen, weights, covariance);
        improve(chosen, weights, covariance, {
          table,
          price: 0,
          digitsAllowed: new Uint8Array(block.taps).fill(1),
        });
        expect(outputError(chosen, weights, covariance)).toBeLessThanOrEqual(before * (1 + 1e-9));
        expect(chosen.every((value) => signedDigitCount(value) <= 1)).toBe(true);
        expect(node.weights.data.length % block.taps).toBe(0);
      }),
      { numRuns: 25 },
    );
  });
});

/** Outputs of a layer before its requantization, by the definition. */
function wideOutputs(node: WeightedQuant, images: Uint8Array): Float64Array {
  if (node.kind === "dense") throw new Error("images only");
  const [height, width] = node.output.shape as [number, number, number];
  const [kernelHeight, kernelWidth, inChannels, last] = node.weights.shape as [
    number,
    number,
    number,
    number,
  ];
  if (node.kind !== "conv2d") throw new Error("convolutions only");
  const sums = new Float64Array(IMAGES * height * width * last);
  let at = 0;
  for (let image = 0; image < IMAGES; image++)
    for (let oy = 0; oy < height; oy++)
      for (let ox = 0; ox < width; ox++, at += last)
        for (let ky = 0; ky < kernelHeight; ky++)
          for (let kx = 0; kx < kernelWidth; kx++) {
            const y = oy * node.stride.height - node.padding.top + ky;
            const x = ox * node.stride.width - node.padding.left + kx;
            if (y < 0 || y >= SIDE || x < 0 || x >= SIDE) continue;
            for (let i = 0; i < inChannels; i++)
              for (let o = 0; o < last; o++)
                sums[at + o]! +=
                  node.weights.data[((ky * kernelWidth + kx) * inChannels + i) * last + o]! *
                  (images[((image * SIDE + y) * SIDE + x) * inChannels + i]! - input.zeroPoint);
          }
  return sums;
}

describe("passes over a front", () => {
  test("only weights and biases change, digits keep within their limits, sums never overflow", () => {
    fc.assert(
      fc.property(
        seeds,
        fc.constantFrom(1, 2, 3),
        fc.constantFrom(0.3, 0.6, 0.9),
        (seed, maxDigits, share) => {
          const front = randomFront(seed);
          const calibration = calibrationOf(seed);
          const rounded = roundWeights(front, { maxDigits, calibration });
          const compensated = compensateWeights(front, { share, calibration });
          const pruned = pruneWeights(front, { share, calibration });
          for (const changed of [rounded, compensated, pruned]) {
            expect(changed.nodes.map(shapeOf)).toEqual(front.nodes.map(shapeOf));
            expect(verifyQuantNetwork(changed)).toBe(changed);
          }
          for (const node of rounded.nodes)
            if (isWeighted(node))
              expect(node.weights.data.every((w) => signedDigitCount(w) <= maxDigits)).toBe(true);
          expect(digitsIn(compensated)).toBeLessThanOrEqual(share * digitsIn(front));
          const zeros = constantDigits(pruned).reduce((sum, layer) => sum + layer.zeroWeights, 0);
          const weights = constantDigits(pruned).reduce((sum, layer) => sum + layer.weights, 0);
          expect(zeros / weights).toBeGreaterThan(share - 0.15);
        },
      ),
      { numRuns: 12 },
    );
  });

  test("nothing to save changes nothing", () => {
    const front = randomFront(1);
    const calibration = calibrationOf(1);
    expect(compensateWeights(front, { share: 1, calibration })).toBe(front);
    expect(roundWeights(front, { maxDigits: 8 })).toEqual(front);
    expect(roundWeights(front, { maxDigits: 8, calibration })).toEqual(front);
    expect(pruneWeights(front, { share: 0, calibration })).toEqual(front);
    expect(pruneWeights(front, { threshold: 0, calibration })).toEqual(front);
  });

  test("the same input gives the same constants", () => {
    const front = randomFront(2);
    const options = { share: 0.5, calibration: calibrationOf(2) };
    expect(compensateWeights(front, options)).toEqual(compensateWeights(front, options));
  });

  test("biases keep the channels' means", () => {
    const front = randomFront(3);
    const calibration = calibrationOf(3);
    for (const changed of [
      roundWeights(front, { maxDigits: 1, calibration }),
      compensateWeights(front, { share: 0.4, calibration }),
    ]) {
      const meansOf = (network: QuantNetwork): Float64Array =>
        meanAccumulators(network.nodes[1] as WeightedQuant, input, calibration.pixels, IMAGES);
      const before = meansOf(front);
      for (const [o, mean] of meansOf(changed).entries())
        expect(Math.abs(mean - before[o]!)).toBeLessThanOrEqual(0.5 + 1e-9);
    }
  });

  test("the front's output errs less than under plain rounding of as many digits", () => {
    let ours = 0;
    let plain = 0;
    for (let seed = 10; seed < 16; seed++) {
      const front = randomFront(seed);
      const calibration = calibrationOf(seed);
      const rounded = roundWeights(front, { maxDigits: 1, calibration });
      const share = digitsIn(rounded) / digitsIn(front);
      const compensated = compensateWeights(front, { share, calibration });
      expect(digitsIn(compensated)).toBeLessThanOrEqual(digitsIn(rounded));
      const fresh = { pixels: smoothImages(seed + 100, IMAGES), count: IMAGES };
      plain += outputMeanSquare(rounded, front, fresh);
      ours += outputMeanSquare(compensated, front, fresh);
    }
    expect(ours).toBeLessThan(0.8 * plain);
  });

  test("pruning takes the least of |w| · RMS of each output", () => {
    const node = { ...randomLayer(4, "conv2d"), padding: NO_PADDING } as WeightedQuant;
    const grown = {
      ...node,
      output: { ...node.output, shape: [5, 5, 5] },
      stride: { height: 1, width: 1 },
    } as WeightedQuant;
    // The second channel is always at the zero point but once.
    const pixels = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) =>
      i % 3 === 1 ? 120 + (i === 1 ? 1 : 0) : 200 + (i % 50),
    );
    const front = singleLayerNetwork(input, grown);
    const pruned = pruneWeights(front, { share: 1 / 3, calibration: { pixels, count: 1 } });
    const { data } = (pruned.nodes[1] as WeightedQuant).weights;
    for (const [i, weight] of grown.weights.data.entries()) {
      const channel = Math.floor(i / 5) % 3;
      expect(data[i]).toBe(channel === 1 ? 0 : weight);
    }
  });

  test("wrong options are refused", () => {
    const front = randomFront(1);
    const calibration = calibrationOf(1);
    const code = (code: string) => expect.objectContaining({ code });
    expect(() => roundWeights(front, { maxDigits: -1 })).toThrow(code("FX4008"));
    expect(() => pruneWeights(front, { share: 1.5, calibration })).toThrow(code("FX4008"));
    expect(() => pruneWeights(front, { threshold: Number.NaN, calibration })).toThrow(code("FX4008"));
    expect(() => compensateWeights(front, { share: 0, calibration })).toThrow(code("FX4008"));
    expect(() => compensateWeights(front, { share: 0.5, calibration: { ...calibration, count: 2 } })).toThrow(
      code("FX4016"),
    );
  });
});
