import type { Rng } from "../../src/core/index.js";
import {
  biasRegisterRange,
  type IntegerRange,
  multiplierRegisterRange,
  type ProgrammableRequantization,
  type QuantNetwork,
  type QuantNode,
  verifyQuantNetwork,
} from "../../src/quant/index.js";
import { tensor } from "../../src/tensor/index.js";

type Weighted = Extract<QuantNode, { kind: "conv2d" | "depthwiseConv2d" | "dense" }>;

const isWeighted = (node: QuantNode): node is Weighted => "bias" in node;

/** Any integer of a range, its ends more often than others. */
function anyOf(rng: Rng, { low, high }: IntegerRange): number {
  const ends = rng.integer(6);
  if (ends === 0) return low;
  return ends === 1 ? high : low + rng.integer(high - low + 1);
}

/** The node with other values in its registers: mostly useful ones, sometimes any that fit. */
function fill(rng: Rng, node: Weighted, requantization: ProgrammableRequantization): Weighted {
  const channels = node.bias.data.length;
  const multipliers = multiplierRegisterRange(requantization);
  const biases = biasRegisterRange(requantization);
  const { multiplierBits, signed } = requantization;
  const usual = 2 ** (multiplierBits - (signed ? 2 : 1));
  const wild = rng.integer(3) === 0;
  const draw = (): number => (wild ? anyOf(rng, multipliers) : Math.max(1, usual - rng.integer(usual)));
  return {
    ...node,
    bias: tensor(
      "int32",
      [channels],
      Int32Array.from({ length: channels }, () =>
        wild ? anyOf(rng, biases) : Math.trunc(anyOf(rng, biases) / 4),
      ),
    ),
    requantization: { ...requantization, multipliers: Int32Array.from({ length: channels }, draw) },
  };
}

/** Give the weighted layers of a network registers of random format and values; some layers keep their constants. */
export function withRandomRegisters(rng: Rng, network: QuantNetwork): QuantNetwork {
  const weighted = network.nodes.filter(isWeighted);
  const kept =
    weighted.length > 1 && rng.integer(3) === 0 ? weighted[rng.integer(weighted.length)] : undefined;
  const nodes = network.nodes.map((node) => {
    if (!isWeighted(node) || node === kept) return node;
    const channels = node.bias.data.length;
    const taps = node.weights.data.length / channels;
    const multiplierBits = 2 + rng.integer(8);
    const sum = Math.ceil(Math.log2(Math.sqrt(taps) * 127 * 255));
    // Brings usual sums into about 8 bits; channels may differ.
    const shift = Math.max(1, sum + multiplierBits - 9);
    return fill(rng, node, {
      mode: "programmable",
      multipliers: new Int32Array(channels),
      shifts: Int32Array.from({ length: channels }, () => Math.max(1, shift - rng.integer(4))),
      multiplierBits,
      signed: rng.integer(2) === 1,
      biasBits: 8 + rng.integer(10),
    });
  });
  return verifyQuantNetwork({ ...network, nodes });
}

/** The same silicon with other values in the registers. */
export function withOtherValues(rng: Rng, network: QuantNetwork): QuantNetwork {
  const nodes = network.nodes.map((node) =>
    isWeighted(node) && node.requantization.mode === "programmable"
      ? fill(rng, node, node.requantization)
      : node,
  );
  return verifyQuantNetwork({ ...network, nodes });
}
