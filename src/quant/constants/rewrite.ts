import { FixynnError } from "../../core/index.js";
import { tensor } from "../../tensor/index.js";
import { executeLayer } from "../execute/execute.js";
import { inputsOfQuantNode, type QuantNetwork, type QuantNode, type QuantType } from "../nodes.js";
import type { CalibrationImages } from "../quantize/quantize.js";
import { meanAccumulators, type WeightedQuant } from "../quantize/weighted.js";
import { type QuantValues, quantInput, valuesPerImage } from "../types.js";
import { verifyQuantNetwork } from "../verify.js";

/** What a layer reads on calibration images. */
export type LayerInput = {
  readonly type: QuantType;
  /** From the layers as they are now. */
  readonly values: QuantValues;
  readonly count: number;
};

/** Chooses new weights for a layer; the same array leaves it as it is. */
export type ChooseWeights = (node: WeightedQuant, input: LayerInput | undefined) => Int16Array;

/** Whether a layer has constants to choose. */
export function isWeighted(node: QuantNode): node is WeightedQuant {
  return node.kind === "conv2d" || node.kind === "depthwiseConv2d" || node.kind === "dense";
}

/** Replace a layer's weights and, when the means of its accumulators are given, its bias. */
export function withConstants(node: WeightedQuant, weights: Int16Array, bias?: Int32Array): WeightedQuant {
  return {
    ...node,
    weights: tensor("int16", node.weights.shape, weights),
    ...(bias !== undefined && { bias: tensor("int32", node.bias.shape, bias) }),
  };
}

/**
 * Move the bias of a changed layer so that each channel's mean accumulator over calibration images is that of the original layer behind
 * the original layers (Nagel 2019, section 4.2, empirical form).
 */
export function meanKept(
  changed: WeightedQuant,
  now: LayerInput,
  original: WeightedQuant,
  before: LayerInput,
): WeightedQuant {
  const wanted = meanAccumulators(original, before.type, before.values, before.count);
  const means = meanAccumulators(changed, now.type, now.values, now.count);
  const bias = changed.bias.data.map((value, o) => value + Math.round(wanted[o]! - means[o]!));
  return withConstants(changed, changed.weights.data, bias);
}

/** A front on calibration images, layer by layer: as it was, and as it becomes. */
class Rewriter {
  readonly #before = new Map<string, { readonly type: QuantType; readonly values: QuantValues }>();
  readonly #now = new Map<string, { readonly type: QuantType; readonly values: QuantValues }>();

  constructor(readonly calibration: CalibrationImages) {}

  start(node: QuantNode): void {
    const entry = { type: node.output, values: this.calibration.pixels };
    this.#before.set(node.name, entry);
    this.#now.set(node.name, entry);
  }

  rewrite(node: Exclude<QuantNode, { kind: "input" }>, choose: ChooseWeights): QuantNode {
    const { count } = this.calibration;
    const names = inputsOfQuantNode(node);
    const before = names.map((name) => this.#before.get(name)!);
    const now = names.map((name) => this.#now.get(name)!);
    const isUntouched = before.every(({ values }, i) => values === now[i]!.values);
    const run = (one: typeof node, inputs: typeof now): QuantValues =>
      executeLayer(
        one,
        inputs.map(({ type }) => type),
        inputs.map(({ values }) => values),
        count,
      );
    let changed = node;
    if (isWeighted(node)) {
      const input = { ...now[0]!, count };
      const weights = choose(node, input);
      if (weights !== node.weights.data || !isUntouched)
        changed = meanKept(withConstants(node, weights), input, node, { ...before[0]!, count });
    }
    const values = run(node, before);
    this.#before.set(node.name, { type: node.output, values });
    const isSame = changed === node && isUntouched;
    this.#now.set(node.name, { type: node.output, values: isSame ? values : run(changed, now) });
    return changed;
  }
}

/**
 * Replace the weights of every layer of a front, in order. With calibration images each layer sees what the layers before it have
 * become, and the biases keep the channels' means. Shapes, scales, clamps and requantizations stay.
 *
 * @throws FixynnError FX4016 when the images do not fit, FX4004 when a sum could overflow under the new weights
 */
export function rewriteConstants(
  front: QuantNetwork,
  choose: ChooseWeights,
  calibration?: CalibrationImages,
): QuantNetwork {
  if (calibration !== undefined) checkImages(front, calibration);
  const rewriter = calibration && new Rewriter(calibration);
  const nodes = front.nodes.map((node): QuantNode => {
    if (node.kind === "input") {
      rewriter?.start(node);
      return node;
    }
    if (rewriter !== undefined) return rewriter.rewrite(node, choose);
    return isWeighted(node) ? withConstants(node, choose(node, undefined)) : node;
  });
  return verifyQuantNetwork({ ...front, nodes });
}

/** Check that calibration images are images of the network's input. */
export function checkImages(front: QuantNetwork, { pixels, count }: CalibrationImages): void {
  const perImage = valuesPerImage(quantInput(front));
  if (count >= 1 && pixels.length === count * perImage) return;
  throw new FixynnError("FX4016", `${pixels.length} bytes are not ${count} calibration images`, {
    place: `integer network ${front.name}`,
    hint: `each image has ${perImage} bytes, and there must be one at least`,
  });
}
