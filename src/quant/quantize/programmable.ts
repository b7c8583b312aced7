import { FixynnError } from "../../core/index.js";
import type { NodeName } from "../../graph/index.js";
import type { ProgrammableRequantization, QuantNetwork, QuantNode } from "../nodes.js";
import { requantizationFactor } from "../requantize.js";
import { verifyQuantNetwork } from "../verify.js";
import type { WeightedQuant } from "./weighted.js";

/** How the registers of programmable normalization are made. */
export type RegisterOptions = {
  /** Bits of a multiplier, sign included; default {@link DEFAULT_REGISTER_BITS}. */
  readonly multiplierBits?: number;
  /** Multipliers may be negative, so that a task may turn a channel's sign; default false. */
  readonly signed?: boolean;
  /** Bits that the reference's multipliers leave free at the top: a task may scale a channel by 2^headroom at least; default 1. */
  readonly headroomBits?: number;
  /**
   * Bits that a bias may have beyond those of the layer's largest, and beyond one that moves the output of the layer's median channel
   * through its whole range; default 1.
   */
  readonly biasHeadroomBits?: number;
  /** Which layers; default all with weights. */
  readonly layers?: ReadonlySet<NodeName>;
};

export const DEFAULT_REGISTER_BITS = 8;
const DEFAULT_HEADROOM_BITS = 1;
const DEFAULT_BIAS_HEADROOM_BITS = 1;

/**
 * Significant bits that multipliers of the reference have: without sign and headroom.
 *
 * @throws FixynnError FX4008 when there are none
 */
export function referenceMultiplierBits(options: RegisterOptions, place: string): number {
  const { multiplierBits = DEFAULT_REGISTER_BITS, signed = false } = options;
  const { headroomBits = DEFAULT_HEADROOM_BITS, biasHeadroomBits = DEFAULT_BIAS_HEADROOM_BITS } = options;
  const bits = multiplierBits - (signed ? 1 : 0) - headroomBits;
  const naturals = [headroomBits, biasHeadroomBits].every((n) => Number.isInteger(n) && n >= 0);
  if (!naturals || !Number.isInteger(bits) || bits < 1 || multiplierBits > 16)
    throw new FixynnError(
      "FX4008",
      `multipliers of ${multiplierBits} bits with ${headroomBits} of headroom`,
      {
        place,
        hint: "give 2 to 16 bits, more than sign and headroom",
      },
    );
  return bits;
}

/** Whether a layer has weights, so that a batch norm may have been folded into it. */
export function isWeighted(node: QuantNode): node is WeightedQuant {
  return node.kind === "conv2d" || node.kind === "depthwiseConv2d" || node.kind === "dense";
}

/** Bits of an integer in two's complement. */
function signedBits(value: number): number {
  return 1 + (value < 0 ? -value - 1 : value).toString(2).length;
}

/** The multiplier of `bits` significant bits next to a factor, and its shift; `undefined` for a factor of 0. */
function registerFactor(
  factor: number,
  bits: number,
  complain: (message: string) => never,
): { readonly multiplier: number; readonly shift: number } | undefined {
  if (factor === 0) return undefined;
  let shift = bits - 1 - Math.floor(Math.log2(factor));
  if (Math.round(factor * 2 ** shift) >= 2 ** bits) shift -= 1;
  if (shift < 1 && Number.isInteger(factor)) return { multiplier: factor * 2, shift: 1 };
  if (shift < 1 || shift > 52) complain(`a factor of ${factor} is too ${shift < 1 ? "large" : "small"}`);
  return { multiplier: Math.round(factor * 2 ** shift), shift };
}

function withRegisters(node: WeightedQuant, options: RegisterOptions, place: string): WeightedQuant {
  const { multiplierBits = DEFAULT_REGISTER_BITS, signed = false } = options;
  const { biasHeadroomBits = DEFAULT_BIAS_HEADROOM_BITS } = options;
  const bits = referenceMultiplierBits(options, place);
  const complain = (message: string): never => {
    throw new FixynnError("FX4012", message, { place, hint: "give the multipliers more bits" });
  };
  const channels = node.bias.data.length;
  const factors = Array.from({ length: channels }, (_, c) =>
    registerFactor(requantizationFactor(node.requantization, c), bits, complain),
  );
  // A bias of this size moves an output from one end of its range to the other. Dead channels have tiny scales, which must not count.
  const { low, high } = node.clamp;
  const spans = factors.flatMap((factor) =>
    factor === undefined ? [] : Math.ceil(((high - low) * 2 ** factor.shift) / factor.multiplier),
  );
  const span = spans.sort((a, b) => a - b)[spans.length >> 1] ?? 0;
  const last = Math.max(1, ...factors.flatMap((factor) => factor?.shift ?? []));
  const requantization: ProgrammableRequantization = {
    mode: "programmable",
    multipliers: Int32Array.from(factors, (factor) => factor?.multiplier ?? 0),
    shifts: Int32Array.from(factors, (factor) => factor?.shift ?? last),
    multiplierBits,
    signed,
    biasBits: Math.max(2, ...[...node.bias.data, span].map(signedBits)) + biasHeadroomBits,
  };
  return { ...node, requantization };
}

/**
 * Give layers with weights registers for multiplier and bias of each channel, so that one chip serves tasks with other batch norms. The
 * multipliers are those of the network in the register's format, with headroom: exact if they have few enough significant bits (1 in `shift`
 * mode, any that `quantize` with `programmable` makes), else rounded. Shifts, weights, clamps and types are constants, as before.
 *
 * @throws FixynnError FX4008 for impossible bits, FX4012 for a factor that no multiplier and shift give, FX4004 when the accumulators of
 *   all possible biases exceed 32 bits
 */
export function makeProgrammable(network: QuantNetwork, options: RegisterOptions = {}): QuantNetwork {
  const nodes = network.nodes.map((node) => {
    const wanted = options.layers === undefined || options.layers.has(node.name);
    if (!wanted || !isWeighted(node) || node.requantization.mode === "programmable") return node;
    return withRegisters(node, options, `layer ${node.name} of integer network ${network.name}`);
  });
  return verifyQuantNetwork({ ...network, nodes });
}
