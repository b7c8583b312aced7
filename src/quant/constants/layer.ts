import type { QuantType } from "../nodes.js";
import { signedDigitCount } from "../quantize/digits.js";
import type { WeightedQuant } from "../quantize/weighted.js";
import { requantizationFactor } from "../requantize.js";
import type { QuantValues } from "../types.js";
import { storeWeights, weightsOf } from "./blocks.js";
import {
  type Compensation,
  chooseInOrder,
  compensationOf,
  digitsOf,
  improve,
  outputError,
} from "./choose.js";
import { constantLimit, type DigitTable, digitTable, roundToDigits } from "./digit-table.js";
import { type BlockStatistics, inputStatistics } from "./statistics.js";

/** A layer whose constants are to be chosen. */
export type LayerProblem = {
  readonly node: WeightedQuant;
  readonly table: DigitTable;
  readonly blocks: readonly (BlockStatistics & { readonly compensation: Compensation })[];
  /** Output steps of one step of each output's accumulator. */
  readonly factors: Float64Array;
};

/** Constants for a layer. */
export type LayerChoice = {
  readonly weights: Int16Array;
  readonly digits: number;
  /** Squared error before rounding and clamp, in squared output steps, summed over the outputs, mean of the calibration windows. */
  readonly error: number;
};

/** Halvings of the price of a digit until a budget is met. */
const BISECTIONS = 26;

/** Count the signed digits of a layer's weights. */
export function weightDigits(weights: ArrayLike<number>): number {
  let digits = 0;
  for (let i = 0; i < weights.length; i++) digits += signedDigitCount(weights[i]!);
  return digits;
}

/** Prepare the choice of a layer's constants, given what the layer reads on calibration images. */
export function layerProblem(
  node: WeightedQuant,
  input: QuantType,
  values: QuantValues,
  count: number,
): LayerProblem {
  const blocks = inputStatistics(node, input, values, count).map((statistics) => ({
    ...statistics,
    compensation: compensationOf(statistics.covariance, statistics.block.taps),
  }));
  return {
    node,
    table: digitTable(constantLimit(node.weights.data)),
    blocks,
    factors: Float64Array.from(node.bias.data, (_, o) => requantizationFactor(node.requantization, o)),
  };
}

/** One output of one block. */
type OutputProblem = LayerProblem["blocks"][number] & {
  readonly weights: Float64Array;
  readonly output: number;
  /** Squared output steps of a squared accumulator step. */
  readonly unit: number;
};

function choiceOf(problem: LayerProblem, choose: (one: OutputProblem) => Int32Array): LayerChoice {
  const { node, table, blocks, factors } = problem;
  const outputsOfLayer = node.bias.data.length;
  const all = new Int16Array(node.weights.data.length);
  let digits = 0;
  let error = 0;
  for (const part of blocks) {
    const { block, covariance } = part;
    for (let output = 0; output < block.outputs; output++) {
      const weights = weightsOf(node.weights.data, block, { output, outputsOfLayer });
      const unit = factors[block.firstOutput + output]! ** 2;
      const chosen = choose({ ...part, weights, output, unit });
      digits += digitsOf(chosen, table);
      error += unit * outputError(chosen, weights, covariance);
      storeWeights(all, block, { output, outputsOfLayer, weights: chosen });
    }
  }
  return { weights: all, digits, error };
}

/** Round every weight to at most so many digits, by itself. */
export function plainChoice(problem: LayerProblem, mostDigits: number): LayerChoice {
  return choiceOf(problem, ({ weights }) =>
    Int32Array.from(weights, (weight) => roundToDigits(problem.table, weight, mostDigits)),
  );
}

/** Choose constants that make error + price · digits small. */
export function pricedChoice(problem: LayerProblem, price: number): LayerChoice {
  const { table } = problem;
  return choiceOf(problem, ({ weights, covariance, compensation, unit }) => {
    // A dead output moves nothing, whatever its constants.
    const terms = { table, price: price === 0 ? 0 : price / Math.max(unit, 1e-30) };
    const chosen = chooseInOrder(weights, compensation, terms);
    improve(chosen, weights, covariance, terms);
    return chosen;
  });
}

/** Lower the error of a choice further without giving any constant more digits than it has. */
function settled(problem: LayerProblem, { weights: given }: LayerChoice): LayerChoice {
  const { table, node } = problem;
  return choiceOf(problem, ({ weights, block, output, covariance }) => {
    const place = { output, outputsOfLayer: node.bias.data.length };
    const chosen = Int32Array.from(weightsOf(given, block, place));
    const digitsAllowed = Uint8Array.from(chosen, (value) => table.digits[Math.abs(value)]!);
    improve(chosen, weights, covariance, { table, price: 0, digitsAllowed });
    return chosen;
  });
}

/** Find the least price at which `digitsAt(price)` is within a budget, by bisection of its logarithm. */
export function priceFor(digitsAt: (price: number) => number, budget: number, highest: number): number {
  let low = Math.log(highest) - 60;
  let high = Math.log(highest);
  for (let i = 0; i < BISECTIONS; i++) {
    const middle = (low + high) / 2;
    if (digitsAt(Math.exp(middle)) <= budget) high = middle;
    else low = middle;
  }
  return Math.exp(high);
}

/** A price at which no digit is worth it: more than the error of dropping all weights. */
export function highestPrice(problem: LayerProblem): number {
  return 4 * plainChoice(problem, 0).error + 1e-6;
}

/**
 * Choose constants of at most so many digits: by price, and by rounding each weight to equally many digits where that fits; both are
 * improved, and the one with the smaller error is taken. So plain rounding is never better.
 */
export function choiceWithin(problem: LayerProblem, budget: number): LayerChoice {
  const digits = weightDigits(problem.node.weights.data);
  if (digits <= budget) return { weights: problem.node.weights.data, digits, error: 0 };
  const price = priceFor((p) => pricedChoice(problem, p).digits, budget, highestPrice(problem));
  let best = settled(problem, pricedChoice(problem, price));
  for (let most = 0; most < problem.table.mostDigits; most++) {
    const plain = plainChoice(problem, most);
    if (plain.digits > budget) break;
    const candidate = settled(problem, plain);
    if (best.digits > budget || candidate.error < best.error) best = candidate;
  }
  return best;
}
