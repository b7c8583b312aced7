import { assertNever } from "../core/index.js";
import type { NodeName } from "../graph/index.js";
import type {
  QuantAdd,
  QuantConv2d,
  QuantDense,
  QuantDepthwiseConv2d,
  QuantGlobalAveragePool2d,
  QuantNetwork,
  QuantNode,
  QuantType,
} from "./nodes.js";
import { biasRegisterRange } from "./registers.js";
import { scaledOperand } from "./requantize.js";
import { type IntegerRange, typeRange } from "./types.js";

/** What an input can be: all that its type holds, or the narrower `range` that its producer's clamp leaves. */
export type IntervalInput = Pick<QuantType, "bits" | "signed" | "zeroPoint" | "shape"> & {
  readonly range?: IntegerRange;
};

/** Bounds of the accumulators, one entry per output channel; exact integers (below 2^53). */
export type AccumulatorInterval = { readonly low: Float64Array; readonly high: Float64Array };

type WithAccumulator = QuantConv2d | QuantDepthwiseConv2d | QuantDense | QuantGlobalAveragePool2d | QuantAdd;

/** The input's range with the zero point subtracted: what weights multiply. */
function centred(input: IntervalInput): IntegerRange {
  const { low, high } = input.range ?? typeRange(input);
  return { low: low - input.zeroPoint, high: high - input.zeroPoint };
}

type WithWeights = QuantConv2d | QuantDepthwiseConv2d | QuantDense;

/** Σ w·[low, high], the weights of output channel o at data[t · outputs + o]. */
function weightedInterval({ weights: { data: weights }, bias }: WithWeights, { low, high }: IntegerRange) {
  const outputs = bias.data.length;
  const result = { low: new Float64Array(outputs), high: new Float64Array(outputs) };
  for (let i = 0; i < weights.length; i++) {
    const w = weights[i]!;
    const o = i % outputs;
    result.low[o] = result.low[o]! + w * (w >= 0 ? low : high);
    result.high[o] = result.high[o]! + w * (w >= 0 ? high : low);
  }
  return result;
}

/** As {@link accumulatorInterval} for the weighted sums alone, which are there before the bias: 0 lies between the bounds. */
export function weightedSumInterval(node: WithWeights, input: IntervalInput): AccumulatorInterval {
  return weightedInterval(node, centred(input));
}

/**
 * Bound the accumulators of a layer, per output channel (one entry for an `add`): the smallest and the largest sum that
 * any input integers can give, both reached by an input unless a tap never sees the image. Taps in the padding add
 * nothing, which the bounds include as long as the zero point lies in the input's range. Since each product's range
 * contains 0, every partial sum that starts from the bias lies in the interval too, in any order. A bias in a register is any that fits it.
 *
 * @param second type of the second operand of an `add`
 */
export function accumulatorInterval(
  node: WithAccumulator,
  input: IntervalInput,
  second?: IntervalInput,
): AccumulatorInterval {
  const range = centred(input);
  switch (node.kind) {
    case "conv2d":
    case "dense":
    case "depthwiseConv2d":
      // [.., channels, multiplier] flattens to channel · multiplier + k, the output channel.
      return withBias(node, weightedInterval(node, range));
    case "globalAveragePool2d": {
      const [height, width, channels] = input.shape as [number, number, number];
      const pixels = height * width;
      return {
        low: new Float64Array(channels).fill(pixels * range.low),
        high: new Float64Array(channels).fill(pixels * range.high),
      };
    }
    case "add": {
      const other = centred(second ?? input);
      // Multipliers are natural numbers, so that an operand's scaling never falls.
      return {
        low: Float64Array.of(scaledOperand(node, 0, range.low) + scaledOperand(node, 1, other.low)),
        high: Float64Array.of(scaledOperand(node, 0, range.high) + scaledOperand(node, 1, other.high)),
      };
    }
    default:
      return assertNever(node);
  }
}

function withBias(
  { bias, requantization }: WithWeights,
  { low, high }: AccumulatorInterval,
): AccumulatorInterval {
  const any = requantization.mode === "programmable" ? biasRegisterRange(requantization) : undefined;
  return {
    low: low.map((sum, o) => sum + (any?.low ?? bias.data[o]!)),
    high: high.map((sum, o) => sum + (any?.high ?? bias.data[o]!)),
  };
}

/** Bound the output integers of a layer: its clamp, or the input's range where values pass through unchanged. */
export function outputRange(node: QuantNode, input: IntegerRange): IntegerRange {
  switch (node.kind) {
    case "input":
      return typeRange(node.output);
    case "conv2d":
    case "depthwiseConv2d":
    case "dense":
    case "globalAveragePool2d":
    case "add":
      return { low: node.clamp.low, high: node.clamp.high };
    case "maxPool2d":
    case "averagePool2d":
    case "reshape":
      return input;
    default:
      return assertNever(node);
  }
}

/** Bound the output integers of every layer of a network. */
export function networkRanges(network: QuantNetwork): Map<NodeName, IntegerRange> {
  const ranges = new Map<NodeName, IntegerRange>();
  for (const node of network.nodes) {
    const source = node.kind === "input" || node.kind === "add" ? undefined : ranges.get(node.input);
    ranges.set(node.name, outputRange(node, source ?? typeRange(node.output)));
  }
  return ranges;
}
