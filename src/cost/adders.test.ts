import { describe, expect, test } from "vitest";
import { quantType, randomWeighted, singleLayerNetwork } from "../../test/helpers/quant-networks.js";
import { createRng } from "../core/index.js";
import { constantDigits, roundWeights } from "../quant/index.js";
import { NO_PADDING } from "../tensor/index.js";
import { countFrontAdders } from "./adders.js";

const one = { height: 1, width: 1 };
const input = quantType([2, 2, 5]);
const layer = randomWeighted(createRng(1), "conv2d", input, 4, {
  kernel: one,
  stride: one,
  padding: NO_PADDING,
});
const front = singleLayerNetwork(input, layer);

describe("adders of a front", () => {
  test("digits are those of the weights, sums are over the layers", () => {
    const adders = countFrontAdders(front);
    expect(adders.digits).toBe(constantDigits(front)[0]!.digits);
    expect(adders.layers).toHaveLength(1);
    expect(adders.layers[0]).toMatchObject({ layer: "layer", fullAdders: adders.fullAdders });
    // Four sums of five products of 8 bits: no less than eight full adders for each operand behind the first.
    expect(adders.fullAdders).toBeGreaterThan(4 * 4 * 8);
  });

  test("cheaper constants have fewer adders, no constants none but the requantizations'", () => {
    const counts = [3, 2, 1, 0].map(
      (maxDigits) => countFrontAdders(roundWeights(front, { maxDigits })).fullAdders,
    );
    expect(counts).toEqual(counts.toSorted((a, b) => b - a));
    expect(counts[2]!).toBeLessThan(0.7 * counts[0]!);
    expect(counts[3]!).toBeLessThan(0.1 * counts[0]!);
  });
});
