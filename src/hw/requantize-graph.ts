import {
  type AdderGraphBuilder,
  type AdderNodeId,
  type Requantizer,
  type ScaledRequantizer,
  scaledTerms,
  searchRequantizer,
  stepFunction,
} from "../arith/index.js";
import { assertNever, FixynnError } from "../core/index.js";
import { type Clamp, type ConstantRequantization, requantize } from "../quant/index.js";

/** How one channel is requantized: the cheapest exact form found, or the definition itself. */
export type RequantizationPlan =
  | Requantizer
  | { readonly kind: "defined"; readonly offset: 0; readonly value?: never };

/** What a channel's accumulator must become. */
export type RequantizationTask = {
  readonly requantization: ConstantRequantization;
  readonly channel: number;
  readonly zeroPoint: number;
  readonly clamp: Clamp;
  /** Accumulators that can occur. */
  readonly low: number;
  readonly high: number;
};

/** Output steps up to which the cheapest form is searched (more than 8 bits of output are not worth the time). */
const MOST_STEPS = 4096;

/**
 * Plan a channel's requantization before its sum is made, so that the plan's `offset` can join the sum's constant.
 */
export function planRequantization(task: RequantizationTask): RequantizationPlan {
  const { requantization, channel, zeroPoint, clamp, low, high } = task;
  if (clamp.high - clamp.low > MOST_STEPS) return { kind: "defined", offset: 0 };
  const f = stepFunction((a) => requantize(requantization, channel, a) + zeroPoint, { low, high }, clamp);
  return searchRequantizer(f) ?? { kind: "defined", offset: 0 };
}

/** What the constant of the accumulator's sum must grow by; with `always` the sum has no other terms. */
export function planOffset(plan: RequantizationPlan): number {
  return plan.kind === "always" ? plan.value : plan.offset;
}

/**
 * Add a planned requantization to a graph: the output integer before the clamp, zero point included.
 *
 * @param acc accumulator plus {@link planOffset}
 */
export function addPlannedRequantization(
  graph: AdderGraphBuilder,
  acc: AdderNodeId,
  plan: RequantizationPlan,
  task: RequantizationTask & { readonly name: string },
): AdderNodeId {
  return plan.kind === "defined"
    ? addRequantization(graph, acc, task)
    : addRequantizer(graph, acc, plan, task.name);
}

/** Add a form that a search has found; see {@link addPlannedRequantization}. */
export function addRequantizer(
  graph: AdderGraphBuilder,
  acc: AdderNodeId,
  plan: Requantizer,
  name: string,
): AdderNodeId {
  switch (plan.kind) {
    case "always":
      return acc;
    case "shifted":
      return graph.floorShift(acc, plan.shift);
    case "scaled":
      return addScaled(graph, acc, plan, name);
    default:
      return assertNever(plan);
  }
}

/**
 * Σ ± floor(u / 2^drop) · 2^shift as sums of disjoint slices of u: slices are independent words, so that the interval of
 * their sum is exact.
 */
function addScaled(
  graph: AdderGraphBuilder,
  acc: AdderNodeId,
  { bits, saturates, terms, constant, step, shift }: ScaledRequantizer,
  name: string,
): AdderNodeId {
  const u = saturates ? graph.saturate(acc, bits) : acc;
  const cuts = new Set([0, ...terms.map(({ drop }) => drop).filter((drop) => drop < bits), bits]);
  if (step !== 0) cuts.add(bits - 1);
  const sorted = [...cuts].sort((a, b) => a - b);
  const slices = sorted.slice(0, -1).map((low, i) => ({
    low,
    // The top slice keeps the sign.
    source:
      i + 2 === sorted.length
        ? graph.floorShift(u, low)
        : graph.lowBits(graph.floorShift(u, low), sorted[i + 1]! - low),
  }));
  const words = terms.flatMap(({ drop, shift: column, negative }) =>
    slices
      .filter(({ low }) => low >= drop)
      .map(({ low, source }) => ({ source, shift: column + low - drop, negative })),
  );
  const sign = step === 0 ? [] : scaledTerms(slices[slices.length - 1]!.source, step);
  return graph.floorShift(graph.sum(`${name}_scaled`, [...words, ...sign], BigInt(constant)), shift);
}

/**
 * Add a requantization to a graph as it is defined: the output integer before the clamp, zero point included. The rounding constants and the
 * zero point join the constants of the sums, so they cost nothing.
 *
 * - `lean`: floor((acc·m + 2^(s−1) + z·2^s) / 2^s).
 * - `tflite`: the doubling high multiplication is h = floor((acc·2^left·m + 2^30) / 2^31) for both signs (see
 *   {@link roundingDoublingHighMul} in the quant room); the rounding division by 2^e, ties away from zero, is
 *   floor((h + 2^(e−1) − [h < 0]) / 2^e) = floor((h + [h ≥ 0] + 2^(e−1) − 1 + z·2^e) / 2^e);
 *   with ties going up it is floor((h + 2^(e−1) + z·2^e) / 2^e).
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
    readonly requantization: ConstantRequantization;
    readonly channel: number;
    readonly zeroPoint: number;
  },
): AdderNodeId {
  const entry = requantization.multipliers.length === 1 ? 0 : channel;
  const multiplier = requantization.multipliers[entry]!;
  const shift = requantization.shifts[entry]!;
  const zero = BigInt(zeroPoint);
  switch (requantization.mode) {
    case "lean":
    case "shift": {
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
      const tiesUp = requantization.ties === "up";
      const isVariable = !tiesUp && range.low < 0n && range.high >= 0n;
      const terms = isVariable
        ? [term, { source: graph.nonNegative(head), shift: 0, negative: false }]
        : [term];
      const constant = tiesUp || range.low >= 0n ? half + 1n : half;
      return graph.floorShift(graph.sum(`${name}_rounded`, terms, constant), right);
    }
    default:
      return assertNever(requantization);
  }
}
