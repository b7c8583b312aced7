import { FixynnError } from "../../core/index.js";
import type { NodeName } from "../../graph/index.js";
import type { QuantNetwork } from "../nodes.js";
import type { CalibrationImages } from "../quantize/quantize.js";
import { requantizationFactor } from "../requantize.js";
import { constantLimit, digitTable, roundToDigits } from "./digit-table.js";
import { weightDigits } from "./layer.js";
import { isWeighted, rewriteConstants } from "./rewrite.js";
import { inputStatistics } from "./statistics.js";

/** Digits of a layer's constants. */
export type LayerDigits = {
  readonly layer: NodeName;
  readonly weights: number;
  readonly zeroWeights: number;
  /** Canonical signed digits of all weights. */
  readonly digits: number;
};

/** Count the signed digits of the weights of every layer that has some. */
export function constantDigits(network: QuantNetwork): readonly LayerDigits[] {
  return network.nodes.filter(isWeighted).map(({ name, weights: { data } }) => ({
    layer: name,
    weights: data.length,
    zeroWeights: data.reduce((zeros, weight) => zeros + (weight === 0 ? 1 : 0), 0),
    digits: weightDigits(data),
  }));
}

/** Complain about an option of a pass. */
export function badOption(front: QuantNetwork, message: string): never {
  throw new FixynnError("FX4008", message, { place: `constants of ${front.name}` });
}

/** Options of {@link roundWeights}. */
export type RoundOptions = {
  /** Most canonical signed digits of a weight, at least 0. */
  readonly maxDigits: number;
  /** Images whose channel means the biases keep; without them the biases stay. */
  readonly calibration?: CalibrationImages;
};

/**
 * Round each weight of a front to the nearest integer of at most so many canonical signed digits; ties go to fewer digits. Magnitudes may
 * grow up to the next power of two.
 *
 * @throws FixynnError FX4008 for a wrong option; as {@link rewriteConstants}
 */
export function roundWeights(front: QuantNetwork, { maxDigits, calibration }: RoundOptions): QuantNetwork {
  if (!Number.isInteger(maxDigits) || maxDigits < 0)
    badOption(front, `maxDigits ${maxDigits} is no natural number`);
  return rewriteConstants(
    front,
    ({ weights: { data } }) => {
      const table = digitTable(constantLimit(data));
      return data.map((weight) => roundToDigits(table, weight, maxDigits));
    },
    calibration,
  );
}

/** How much {@link pruneWeights} prunes: a share of each output's weights, or all weights whose products have a smaller RMS, in output steps. */
export type PruneOptions = { readonly calibration: CalibrationImages } & (
  | { readonly share: number; readonly threshold?: never }
  | { readonly threshold: number; readonly share?: never }
);

/**
 * Set the least important weights of a front to zero: importance = |w| · (RMS of what it multiplies on calibration images), compared
 * within each output (Wanda, Sun 2023), or, with a threshold, in output steps over all layers. Biases keep the channels' means.
 *
 * @throws FixynnError FX4008 for a wrong option; as {@link rewriteConstants}
 */
export function pruneWeights(front: QuantNetwork, options: PruneOptions): QuantNetwork {
  const { share, threshold } = options;
  if (share !== undefined && !(share >= 0 && share <= 1)) badOption(front, `share ${share} is not in 0 to 1`);
  if (threshold !== undefined && !(threshold >= 0)) badOption(front, `threshold ${threshold} is negative`);
  return rewriteConstants(
    front,
    (node, input) => {
      const { data } = node.weights;
      const outputs = node.bias.data.length;
      const importance = new Float64Array(data.length);
      for (const { block, rms } of inputStatistics(node, input!.type, input!.values, input!.count)) {
        for (let t = 0; t < block.taps; t++) {
          for (let k = 0; k < block.outputs; k++) {
            const at = (block.firstTap + t) * outputs + block.firstOutput + k;
            importance[at] = Math.abs(data[at]!) * rms[t]!;
          }
        }
      }
      const kept = data.slice();
      for (let o = 0; o < outputs; o++) {
        const own = Array.from({ length: data.length / outputs }, (_, t) => t * outputs + o);
        const factor = requantizationFactor(node.requantization, o);
        const pruned =
          threshold === undefined
            ? own
                .sort((a, b) => importance[a]! - importance[b]! || a - b)
                .slice(0, Math.round(share! * own.length))
            : own.filter((at) => importance[at]! * factor < threshold);
        for (const at of pruned) kept[at] = 0;
      }
      return kept;
    },
    options.calibration,
  );
}
