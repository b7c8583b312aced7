import { type ProgressListener, silent } from "../../core/index.js";
import type { NodeName } from "../../graph/index.js";
import { executeFrom, executeQuantNetwork } from "../execute/execute.js";
import { inputsOfQuantNode, type QuantNetwork, type QuantNode } from "../nodes.js";
import type { CalibrationImages } from "../quantize/quantize.js";
import type { WeightedQuant } from "../quantize/weighted.js";
import { findQuantNode, type QuantValues, valuesPerImage } from "../types.js";
import {
  choiceWithin,
  highestPrice,
  type LayerProblem,
  layerProblem,
  plainChoice,
  pricedChoice,
  priceFor,
  weightDigits,
} from "./layer.js";
import { badOption } from "./passes.js";
import { checkImages, isWeighted, meanKept, rewriteConstants, withConstants } from "./rewrite.js";

/** Options of {@link compensateWeights}. */
export type CompensateOptions = {
  /** Share of the front's signed digits that may stay, above 0; from 1 on nothing is changed. */
  readonly share: number;
  readonly calibration: CalibrationImages;
  readonly onProgress?: ProgressListener;
};

/** Calibration images that the influence of layers on the output is measured on. */
const INFLUENCE_IMAGES = 64;
/** Digits of the rounding that it is measured with. */
const INFLUENCE_DIGITS = 2;

/** A layer of the front as it is. */
type Layer = {
  readonly node: WeightedQuant;
  readonly problem: LayerProblem;
  /** Squared error of the front's output for each squared error of this layer's. */
  readonly influence: number;
};

function meanSquare(a: QuantValues, b: QuantValues): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return sum / a.length;
}

/** Round one layer only, and compare what reaches the front's output with what its error should be by itself. */
function influenceOf(
  front: QuantNetwork,
  problem: LayerProblem,
  values: ReadonlyMap<NodeName, QuantValues>,
  count: number,
): number {
  const { node } = problem;
  const source = node.input;
  const { output: type } = findQuantNode(front, source);
  const own = (name: NodeName): QuantValues =>
    values.get(name)!.subarray(0, count * valuesPerImage(findQuantNode(front, name)));
  const input = { type, values: own(source), count };
  for (let digits = INFLUENCE_DIGITS; digits >= 0; digits--) {
    const rounded = plainChoice(problem, digits);
    if (rounded.error === 0) continue;
    const changed = meanKept(withConstants(node, rounded.weights), input, node, input);
    const nodes = front.nodes.map((other): QuantNode => (other.name === node.name ? changed : other));
    const reached =
      front.output === node.name || !isCut(front, source)
        ? executeQuantNetwork({ ...front, nodes }, own(front.nodes[0]!.name) as Uint8Array, count)
        : executeFrom({ ...front, nodes }, source, input.values);
    return meanSquare(reached.get(front.output)!, own(front.output)) / rounded.error;
  }
  return 0;
}

/** Whether everything behind a layer follows from its values alone. */
function isCut(front: QuantNetwork, name: NodeName): boolean {
  const at = front.nodes.findIndex((node) => node.name === name);
  const later = new Set(front.nodes.slice(at).map((node) => node.name));
  return front.nodes
    .slice(at + 1)
    .every((node) => inputsOfQuantNode(node).every((input) => later.has(input)));
}

/** Share the digits among the layers: one price for the error at the front's output rules all of them. */
function digitsPerLayer(layers: readonly Layer[], budget: number): ReadonlyMap<NodeName, number> {
  const choose = (price: number) =>
    layers.map(({ problem, influence }) => pricedChoice(problem, price / Math.max(influence, 1e-12)));
  const total = (price: number): number => choose(price).reduce((sum, { digits }) => sum + digits, 0);
  const highest = layers.reduce(
    (most, { problem, influence }) => Math.max(most, highestPrice(problem) * influence),
    1e-6,
  );
  const choices = choose(priceFor(total, budget, highest));
  return new Map(layers.map(({ node }, i) => [node.name, choices[i]!.digits]));
}

/**
 * Give a front cheaper constants: at most a share of its signed digits, chosen where they matter least for its output on calibration
 * images.
 *
 * 1. Each layer's influence on the front's output is measured by rounding it alone.
 * 2. One price for a digit, found by bisection, shares the digits among the layers.
 * 3. Layer by layer, on what the layers before it have become, each output's constants are chosen one after the other: the digits that
 *    are worth their price in output error, the error made good by the constants still to come (optimal brain quantization in the fast form
 *    of GPTQ, Frantar 2022, with the rounding to a fixed grid replaced by the choice of digits). Then single constants are changed as long as that helps.
 * 4. Biases keep the channels' means.
 *
 * @throws FixynnError FX4008 for a wrong share; as {@link rewriteConstants}
 */
export function compensateWeights(front: QuantNetwork, options: CompensateOptions): QuantNetwork {
  const { share, calibration, onProgress = silent } = options;
  if (!(share > 0)) badOption(front, `share ${share} is not positive`);
  checkImages(front, calibration);
  const weighted = front.nodes.filter(isWeighted);
  const digits = weighted.reduce((sum, { weights }) => sum + weightDigits(weights.data), 0);
  if (share >= 1 || digits === 0) return front;
  const job = `constants of ${front.name}`;
  const progress = (done: number): void =>
    onProgress({ job, done, total: 2 * weighted.length, unit: "layers" });

  const wanted = [...new Set([...weighted.map(({ input }) => input), front.nodes[0]!.name, front.output])];
  const values = executeQuantNetwork(front, calibration.pixels, calibration.count, { outputs: wanted });
  const images = Math.min(calibration.count, INFLUENCE_IMAGES);
  const layers = weighted.map((node, i): Layer => {
    const { output } = findQuantNode(front, node.input);
    const problem = layerProblem(node, output, values.get(node.input)!, calibration.count);
    const influence = influenceOf(front, problem, values, images);
    progress(i + 1);
    return { node, problem, influence };
  });
  const budgets = digitsPerLayer(layers, Math.floor(share * digits));
  let done = weighted.length;
  return rewriteConstants(
    front,
    (node, input) => {
      const problem = layerProblem(node, input!.type, input!.values, input!.count);
      const { weights } = choiceWithin(problem, budgets.get(node.name)!);
      progress(++done);
      return weights;
    },
    calibration,
  );
}
