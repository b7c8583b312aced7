import { type AdderGraphBuilder, type AdderNodeId, scaledTerms } from "../arith/index.js";
import { assertNever, FixynnError } from "../core/index.js";
import type { Requantization } from "../quant/index.js";

/**
 * Add a requantization to a graph: the output integer before the clamp, zero point included. The rounding constants and the
 * zero point join the constants of the sums, so they cost nothing.
 *
 * - `lean`: floor((acc·m + 2^(s−1) + z·2^s) / 2^s).
 * - `tflite`: the doubling high multiplication is h = floor((acc·2^left·m + 2^30) / 2^31) for both signs (see
 *   {@link roundingDoublingHighMul} in the quant room); the rounding division by 2^e, ties away from zero, is
 *   floor((h + 2^(e−1) − [h < 0]) / 2^e) = floor((h + [h ≥ 0] + 2^(e−1) − 1 + z·2^e) / 2^e).
 *
 * @throws FixynnError FX5021 when acc·2^left leaves int32, where TensorFlow Lite itself would overflow
 */
export function addRequantization(
  graph: AdderGraphBuilder,
  acc: AdderNodeId,
  {
    name,
    requantization,
    channel,
    zeroPoint,
  }: {
    readonly name: string;
    readonly requantization: Requantization;
    readonly channel: number;
    readonly zeroPoint: number;
  },
): AdderNodeId {
  const entry = requantization.multipliers.length === 1 ? 0 : channel;
  const multiplier = requantization.multipliers[entry]!;
  const shift = requantization.shifts[entry]!;
  const zero = BigInt(zeroPoint);
  switch (requantization.mode) {
    case "lean": {
      const constant = (1n << BigInt(shift - 1)) + (zero << BigInt(shift));
      return graph.floorShift(graph.sum(`${name}_scaled`, scaledTerms(acc, multiplier), constant), shift);
    }
    case "tflite": {
      const left = Math.max(shift, 0);
      const right = Math.max(-shift, 0);
      const { low, high } = graph.interval(acc);
      if (low << BigInt(left) < -(2n ** 31n) || high << BigInt(left) >= 2n ** 31n) {
        throw new FixynnError("FX5021", `accumulator ${low}..${high} · 2^${left} leaves int32`, {
          place: name,
        });
      }
      const product = graph.sum(`${name}_product`, scaledTerms(acc, multiplier * 2 ** left), 2n ** 30n);
      const head = graph.floorShift(product, 31);
      const term = { source: head, shift: 0, negative: false };
      if (right === 0) return graph.sum(`${name}_rounded`, [term], zero);
      const range = graph.interval(head);
      const half = (1n << BigInt(right - 1)) - 1n + (zero << BigInt(right));
      const isVariable = range.low < 0n && range.high >= 0n;
      const terms = isVariable
        ? [term, { source: graph.nonNegative(head), shift: 0, negative: false }]
        : [term];
      const constant = !isVariable && range.low >= 0n ? half + 1n : half;
      return graph.floorShift(graph.sum(`${name}_rounded`, terms, constant), right);
    }
    default:
      return assertNever(requantization);
  }
}
