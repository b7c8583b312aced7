import { FixynnError } from "../core/index.js";
import {
  type ConstantRequantization,
  isWeighted,
  leanFactors,
  leanValue,
  type QuantNetwork,
  type QuantNode,
  requantizationFactor,
  tfliteFactor,
  verifyQuantNetwork,
} from "../quant/index.js";
import { tensor } from "../tensor/index.js";

/** Requantizations that are explored: the network's own, and others that its layers are rewritten to. */
export const requantizationForms = ["own", "shift", "lean1", "lean2", "lean3", "tflite"] as const;
/** `own`, a shift, so many signed digits, or TensorFlow Lite's formula. */
export type RequantizationForm = (typeof requantizationForms)[number];

const digitsOf: { readonly [Form in Exclude<RequantizationForm, "own" | "tflite">]: number } = {
  shift: 1,
  lean1: 1,
  lean2: 2,
  lean3: 3,
};

type Weighted = Extract<QuantNode, { kind: "conv2d" | "depthwiseConv2d" | "dense" }>;
type Constant = Weighted & { readonly requantization: ConstantRequantization };

/**
 * Round each factor up to the next one of so few digits, and the weights and bias down in proportion, so that real outputs stay what
 * they were but for the rounding of weights: integers shrink, hence nothing overflows.
 */
function withFewDigits(node: Constant, digits: number, mode: "lean" | "shift"): Constant {
  const { requantization, weights, bias, weightScales } = node;
  const entries = requantization.multipliers.length;
  const outputs = bias.data.length;
  const factors = Array.from({ length: entries }, (_, c) => requantizationFactor(requantization, c));
  const lean = factors.map((factor) =>
    factor === 0 ? { multiplier: 0, shift: 1 } : leanFactors(factor, digits).above,
  );
  const shrink = factors.map((factor, c) => (factor === 0 ? 1 : factor / leanValue(lean[c]!)));
  const of = (channel: number): number => shrink[entries === 1 ? 0 : channel]!;
  return {
    ...node,
    weights: tensor(
      "int16",
      weights.shape,
      Int16Array.from(weights.data, (w, i) => Math.round(w * of(i % outputs))),
    ),
    bias: tensor(
      "int32",
      bias.shape,
      Int32Array.from(bias.data, (b, c) => Math.round(b * of(c))),
    ),
    weightScales: Float64Array.from(
      { length: Math.max(entries, weightScales.length) },
      (_, c) => weightScales[weightScales.length === 1 ? 0 : c]! / of(c),
    ),
    requantization: {
      mode,
      multipliers: Int32Array.from(lean, ({ multiplier }) => multiplier),
      shifts: Int32Array.from(lean, ({ shift }) => shift),
    },
  };
}

function asTflite(node: Constant): Constant {
  const { requantization } = node;
  if (requantization.mode === "tflite") return node;
  const factors = Array.from(requantization.multipliers, (_, c) =>
    tfliteFactor(requantizationFactor(requantization, c)),
  );
  return {
    ...node,
    requantization: {
      mode: "tflite",
      multipliers: Int32Array.from(factors, ({ multiplier }) => multiplier),
      shifts: Int32Array.from(factors, ({ shift }) => shift),
    },
  };
}

/** Name what a network's layers requantize by; `mixed` when they differ. */
export function ownRequantization(network: QuantNetwork): string {
  const modes = new Set(
    network.nodes.flatMap((node) => (isWeighted(node) ? [node.requantization.mode] : [])),
  );
  return modes.size === 1 ? [...modes][0]! : "mixed";
}

/**
 * Rewrite the layers with weights to another requantization; sums and pools keep theirs. The result computes nearly the same reals,
 * not the same bytes: its accuracy is that of no run.
 *
 * @throws FixynnError FX7090 when a layer's normalization is programmable: its multipliers are no constants
 * @throws FixynnError of the verifier when the rewritten network cannot be
 */
export function withRequantization(network: QuantNetwork, form: RequantizationForm): QuantNetwork {
  if (form === "own") return network;
  const rewrite = (node: QuantNode): QuantNode => {
    if (!isWeighted(node)) return node;
    const { requantization } = node;
    if (requantization.mode === "programmable")
      throw new FixynnError("FX7090", `programmable multipliers have no form "${form}"`, {
        place: node.name,
      });
    const constant: Constant = { ...node, requantization };
    if (form === "tflite") return asTflite(constant);
    return withFewDigits(constant, digitsOf[form], form === "shift" ? "shift" : "lean");
  };
  const rewritten = { ...network, nodes: network.nodes.map(rewrite) };
  verifyQuantNetwork(rewritten);
  return rewritten;
}
