import { FixynnError } from "../core/index.js";
import type { NodeName } from "../graph/index.js";
import { sameShape, type Tensor } from "../tensor/index.js";
import { type AccumulatorInterval, accumulatorInterval, outputRange } from "./interval.js";
import {
  type Clamp,
  inputsOfQuantNode,
  type ProgrammableRequantization,
  type QuantNetwork,
  type QuantNode,
  type QuantType,
  type Requantization,
  type StepRequantization,
} from "./nodes.js";
import { biasRegisterRange, multiplierRegisterRange } from "./registers.js";
import { type Complaint, quantShape } from "./shapes.js";
import { type IntegerRange, typeRange } from "./types.js";

const INT32: IntegerRange = { low: -(2 ** 31), high: 2 ** 31 - 1 };
/** Doubles hold every integer up to here. */
const EXACT = 2 ** 53;

function inside(value: number, range: IntegerRange): boolean {
  return Number.isInteger(value) && value >= range.low && value <= range.high;
}

function verifyType(type: QuantType, complain: Complaint): void {
  if (type.shape.length === 0 || type.shape.some((extent) => !Number.isInteger(extent) || extent < 1)) {
    complain(`shape ${type.shape.join("x")} is not made of positive integers`);
  }
  if (!inside(type.bits, { low: 1, high: 16 })) complain(`${type.bits} bits: 1 to 16 are supported`);
  if (!(type.scale > 0 && Number.isFinite(type.scale))) complain(`scale ${type.scale} is no positive number`);
  if (!inside(type.zeroPoint, typeRange(type))) {
    complain(`zero point ${type.zeroPoint} does not fit ${type.bits} bits`, "padding inserts the zero point");
  }
}

function verifyClamp(clamp: Clamp, type: QuantType, complain: Complaint): void {
  const range = typeRange(type);
  if (!inside(clamp.low, range) || !inside(clamp.high, range) || clamp.low > clamp.high) {
    complain(`clamp [${clamp.low}, ${clamp.high}] is no part of [${range.low}, ${range.high}]`);
  }
  if (type.zeroPoint < clamp.low || type.zeroPoint > clamp.high) {
    complain(`zero point ${type.zeroPoint} lies outside the clamp [${clamp.low}, ${clamp.high}]`);
  }
}

function verifyAccumulators(interval: AccumulatorInterval, complain: Complaint): void {
  for (let c = 0; c < interval.low.length; c++) {
    const low = interval.low[c]!;
    const high = interval.high[c]!;
    if (low < INT32.low || high > INT32.high) {
      complain(`the accumulator of channel ${c} reaches [${low}, ${high}], beyond 32 bits`);
    }
  }
}

function verifySteps({ thresholds }: StepRequantization, clamp: Clamp, complain: Complaint): void {
  if (thresholds.length !== clamp.high - clamp.low) {
    complain(`${thresholds.length} thresholds for outputs from ${clamp.low} to ${clamp.high}`);
  }
  if (thresholds.some((threshold, i) => i > 0 && threshold < thresholds[i - 1]!)) {
    complain("thresholds must ascend");
  }
}

/** Multipliers and biases must fit their registers. That no value of these can overflow follows from the accumulators' interval. */
function verifyRegisters(
  requantization: ProgrammableRequantization,
  bias: Int32Array,
  complain: Complaint,
): void {
  const { multiplierBits, biasBits, multipliers } = requantization;
  if (!inside(multiplierBits, { low: 2, high: 16 }))
    complain(`multipliers of ${multiplierBits} bits: 2 to 16`);
  if (!inside(biasBits, { low: 2, high: 31 })) complain(`biases of ${biasBits} bits: 2 to 31`);
  if (multipliers.length !== bias.length)
    complain(`${multipliers.length} multipliers for ${bias.length} channels: registers are there for each`);
  const ranges = [
    { what: "multiplier", values: multipliers, range: multiplierRegisterRange(requantization) },
    { what: "bias", values: bias, range: biasRegisterRange(requantization) },
  ];
  for (const { what, values, range } of ranges) {
    const c = values.findIndex((value) => !inside(value, range));
    if (c >= 0)
      complain(
        `${what} ${values[c]} of channel ${c} does not fit its register: ${range.low} to ${range.high}`,
      );
  }
}

/** `low` and `high` bound the accumulators; one entry for all channels, or one each. */
function verifyRequantization(
  requantization: Requantization,
  channels: number,
  interval: AccumulatorInterval,
  complain: Complaint,
): void {
  const { mode, multipliers, shifts } = requantization;
  if (multipliers.length !== shifts.length || (multipliers.length !== 1 && multipliers.length !== channels)) {
    complain(`${multipliers.length} multipliers and ${shifts.length} shifts for ${channels} channels`);
  }
  verifyAccumulators(interval, complain);
  for (let c = 0; c < channels; c++) {
    const own = multipliers[multipliers.length === 1 ? 0 : c]!;
    const multiplier = mode === "programmable" ? largestMagnitude(requantization) : own;
    const shift = shifts[shifts.length === 1 ? 0 : c]!;
    const entry = interval.low.length === 1 ? 0 : c;
    const largest = Math.max(Math.abs(interval.low[entry]!), Math.abs(interval.high[entry]!));
    if (multiplier < 0) complain(`multiplier ${multiplier} of channel ${c} is negative`);
    if (mode === "shift" && !(multiplier > 0 && Number.isInteger(Math.log2(multiplier)))) {
      complain(`multiplier ${multiplier} of channel ${c} is no power of two`);
    }
    if (mode !== "tflite") {
      if (shift < 1 || shift > 52) complain(`shift ${shift} of channel ${c} is not in 1 to 52`);
      if (largest * multiplier + 2 ** (shift - 1) >= EXACT) {
        complain(`accumulator · multiplier of channel ${c} exceeds 53 bits`, "use fewer multiplier bits");
      }
    } else {
      if (shift < -31 || shift > 30) complain(`shift ${shift} of channel ${c} is not in -31 to 30`);
      if (largest * 2 ** Math.max(shift, 0) > INT32.high) {
        complain(`accumulator · 2^${shift} of channel ${c} exceeds 32 bits`);
      }
    }
  }
}

function largestMagnitude(requantization: ProgrammableRequantization): number {
  const { low, high } = multiplierRegisterRange(requantization);
  return Math.max(-low, high);
}

function verifyIntegers(
  role: string,
  value: Tensor,
  dtype: string,
  length: number,
  complain: Complaint,
): void {
  if (value.dtype !== dtype) complain(`${role} are ${value.dtype}, not ${dtype}`);
  if (value.data.length !== length) complain(`${value.data.length} ${role}, expected ${length}`);
}

function verifyArithmetic(node: QuantNode, inputs: readonly TypeAndRange[], complain: Complaint): void {
  const first = inputs[0];
  if (node.kind === "input" || first === undefined) return;
  const source = { ...first.type, range: first.range };
  switch (node.kind) {
    case "conv2d":
    case "depthwiseConv2d":
    case "dense": {
      const channels = node.output.shape[node.output.shape.length - 1]!;
      verifyIntegers("weights", node.weights, "int16", node.weights.data.length, complain);
      verifyIntegers("bias values", node.bias, "int32", channels, complain);
      if (node.weights.data.length === 0) complain("has no weights");
      if (node.weightScales.length !== 1 && node.weightScales.length !== channels) {
        complain(`${node.weightScales.length} weight scales for ${channels} channels`);
      }
      if (node.weightScales.some((scale) => !(scale > 0 && Number.isFinite(scale)))) {
        complain("a weight scale is no positive number");
      }
      verifyClamp(node.clamp, node.output, complain);
      if (node.requantization.mode === "programmable")
        verifyRegisters(node.requantization, node.bias.data, complain);
      const interval = accumulatorInterval(node, source);
      verifyRequantization(node.requantization, channels, interval, complain);
      return;
    }
    case "globalAveragePool2d": {
      const channels = node.output.shape[node.output.shape.length - 1]!;
      verifyClamp(node.clamp, node.output, complain);
      const interval = accumulatorInterval(node, source);
      if (node.requantization.mode === "steps") {
        verifyAccumulators(interval, complain);
        verifySteps(node.requantization, node.clamp, complain);
      } else verifyRequantization(node.requantization, channels, interval, complain);
      return;
    }
    case "add": {
      const channels = node.output.shape[node.output.shape.length - 1]!;
      const second = inputs[1]!;
      if (node.operandMultipliers.some((multiplier) => !inside(multiplier, { low: 0, high: INT32.high }))) {
        complain("operand multipliers must be natural numbers of at most 31 bits");
      }
      if (node.operandShifts?.some((shift) => !inside(shift, { low: -31, high: 0 }))) {
        complain("operand shifts must be -31 to 0");
      }
      if (node.operandShifts !== undefined && inputs.some(({ type }) => type.bits > 8)) {
        complain("operands with shifts must have 8 bits at most");
      }
      verifyClamp(node.clamp, node.output, complain);
      const interval = accumulatorInterval(node, source, { ...second.type, range: second.range });
      verifyRequantization(node.requantization, channels, interval, complain);
      return;
    }
    default: {
      const { bits, signed, scale, zeroPoint } = node.output;
      const { type } = first;
      if (
        bits !== type.bits ||
        signed !== type.signed ||
        scale !== type.scale ||
        zeroPoint !== type.zeroPoint
      ) {
        complain("input and output must share bits, sign, scale and zero point");
      }
    }
  }
}

type TypeAndRange = { readonly type: QuantType; readonly range: IntegerRange };

/**
 * Check an integer network: topology, names, shapes, integer ranges, and by exact interval analysis that no accumulator
 * and no product of the requantization can overflow, for any image.
 *
 * @returns the network itself
 * @throws FixynnError FX4002 (topology), FX4004 (a layer) with the layer's name
 */
export function verifyQuantNetwork(network: QuantNetwork): QuantNetwork {
  const place = `integer network ${network.name}`;
  const known = new Map<NodeName, TypeAndRange>();
  network.nodes.forEach((node, index) => {
    const complain: Complaint = (message, hint) => {
      throw new FixynnError("FX4004", message, {
        place: `layer ${node.name} of ${place}`,
        ...(hint === undefined ? {} : { hint }),
      });
    };
    if (known.has(node.name)) throw new FixynnError("FX4002", `two layers named "${node.name}"`, { place });
    if ((node.kind === "input") !== (index === 0)) {
      throw new FixynnError("FX4002", "the input must be the first layer and the only input", { place });
    }
    const inputs = inputsOfQuantNode(node).map((name) => {
      const input = known.get(name);
      if (input === undefined) {
        throw new FixynnError("FX4002", `"${node.name}" reads "${name}", which is no earlier layer`, {
          place,
        });
      }
      return input;
    });
    verifyType(node.output, complain);
    if (node.kind === "input" && (node.output.bits !== 8 || node.output.signed)) {
      complain("the input must be unsigned bytes");
    }
    const shape = quantShape(
      node,
      inputs.map(({ type }) => type.shape),
      complain,
    );
    if (!sameShape(shape, node.output.shape)) {
      complain(`output shape ${node.output.shape.join("x")}, expected ${shape.join("x")}`);
    }
    verifyArithmetic(node, inputs, complain);
    const range = outputRange(node, inputs[0]?.range ?? typeRange(node.output));
    known.set(node.name, { type: node.output, range });
  });
  if (!known.has(network.output)) {
    throw new FixynnError("FX4002", `no layer "${network.output}", the output`, { place });
  }
  if (!(network.encoding.scale > 0) || !Number.isFinite(network.encoding.offset)) {
    throw new FixynnError("FX4002", "the image encoding needs a positive scale and a finite offset", {
      place,
    });
  }
  return network;
}
