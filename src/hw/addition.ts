import {
  type AdderGraph,
  AdderGraphBuilder,
  type AdderNodeId,
  csdDigitCount,
  hull,
  interval,
  scaledTerms,
  type Term,
} from "../arith/index.js";
import {
  ADD_LEFT_SHIFT,
  type Clamp,
  type QuantAdd,
  type QuantType,
  requantizationFactor,
  requantize,
  scaledOperand,
} from "../quant/index.js";
import {
  addPlannedRequantization,
  addRequantization,
  planOffset,
  planRequantization,
} from "./requantize-graph.js";

/** clamp((multipliers[0] · a + multipliers[1] · b + constant) >> shift): a residual sum of the operands' integers in one go. */
export type LinearAddition = {
  readonly multipliers: readonly [number, number];
  readonly constant: number;
  readonly shift: number;
};

/** What a channel of a residual sum must compute, for all integers that its operands can take. */
export type AdditionTask = {
  readonly node: QuantAdd;
  readonly channel: number;
  readonly zeroPoints: readonly [number, number];
  readonly ranges: readonly [Clamp, Clamp];
};

/** Shifts up to which a linear form is sought, and how far its multipliers may lie from the nominal ones. */
const MOST_SHIFT = 30;
const NEIGHBOURS = 4;
/** Pairs of operands beyond which the definition is built: a proof looks at all of them. */
const MOST_PAIRS = 2 ** 20;

/** Evaluate a residual sum as the network defines it, clamp included. */
function defined({ node, channel, zeroPoints }: AdditionTask): (a: number, b: number) => number {
  const { low, high } = node.clamp;
  return (a, b) => {
    const acc = scaledOperand(node, 0, a - zeroPoints[0]) + scaledOperand(node, 1, b - zeroPoints[1]);
    const value = requantize(node.requantization, channel, acc) + node.output.zeroPoint;
    return Math.max(low, Math.min(value, high));
  };
}

/** Points (a, b) at which the value must reach y, or stay below y + 1. */
type Corner = { readonly a: number; readonly b: number; readonly y: number };

/**
 * List what bounds a plane p·a + q·b + c: for each a, the first b of each value above the clamp's low end (the plane must reach it) and the
 * last b of each value below the high end (the plane must miss the next one), and of these only the corners of the row's convex hull.
 */
function cornersOf(task: AdditionTask): {
  readonly reach: readonly Corner[];
  readonly miss: readonly Corner[];
} {
  const f = defined(task);
  const { low, high } = task.node.clamp;
  const [rows, columns] = task.ranges;
  const reach: Corner[] = [];
  const miss: Corner[] = [];
  for (let a = rows.low; a <= rows.high; a++) {
    const firsts: Corner[] = [];
    const lasts: Corner[] = [];
    let before: number | undefined;
    for (let b = columns.low; b <= columns.high; b++) {
      const y = f(a, b);
      if (y !== before && y > low) firsts.push({ a, b, y });
      if (before !== undefined && y !== before && before < high) lasts.push({ a, b: b - 1, y: before });
      before = y;
    }
    if (before !== undefined && before < high) lasts.push({ a, b: columns.high, y: before });
    const keep = (corners: readonly Corner[], sign: 1 | -1): readonly Corner[] => {
      const points = {
        a: Float64Array.from(corners, ({ b }) => b),
        y: Float64Array.from(corners, ({ y }) => y),
      };
      return hull(points, sign).map((i) => corners[i]!);
    };
    reach.push(...keep(firsts, 1));
    miss.push(...keep(lasts, -1));
  }
  return { reach, miss };
}

/**
 * Find a linear form that equals a residual sum on every pair of operands that can occur: for given
 * multipliers the constant is bounded by all corners, and the form is exact if these bounds leave an integer.
 *
 * O(a's · b's) for the corners, then O(corners) for each of 81 pairs of multipliers a shift.
 *
 * @param prefer the form with the fewest signed digits of all, for multipliers that are hardware, or of those with the smallest shift, for
 * multipliers of few bits
 * @returns undefined when there is none (rounding twice, or ties away from zero, can leave the plane)
 */
export function linearAddition(
  task: AdditionTask,
  prefer: "fewestDigits" | "smallestShift" = "fewestDigits",
): LinearAddition | undefined {
  const { node, channel, ranges } = task;
  const sizes = ranges.map(({ low, high }) => high - low + 1);
  if (sizes[0]! * sizes[1]! > MOST_PAIRS) return undefined;
  const factor = requantizationFactor(node.requantization, channel);
  const slopes = ranges.map(({ low, high }, i) => {
    const operand = i === 0 ? 0 : 1;
    const rise = high > low ? scaledOperand(node, operand, high) - scaledOperand(node, operand, low) : 0;
    return (rise / Math.max(1, high - low)) * factor;
  });
  const { reach, miss } = cornersOf(task);
  let best: LinearAddition | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (let shift = 0; shift <= MOST_SHIFT; shift++) {
    if (best !== undefined && prefer === "smallestShift") break;
    const scale = 2 ** shift;
    const around = (slope: number): number[] => {
      const nominal = Math.floor(slope * scale);
      return Array.from({ length: 2 * NEIGHBOURS + 1 }, (_, i) => nominal - NEIGHBOURS + i).filter(
        (m) => m >= 0,
      );
    };
    for (const p of around(slopes[0]!)) {
      for (const q of around(slopes[1]!)) {
        const digits = csdDigitCount(p) + csdDigitCount(q);
        if (digits >= fewest) continue;
        const constant = constantFor(p, q, scale, { reach, miss });
        if (constant === undefined) continue;
        fewest = digits;
        best = { multipliers: [p, q], constant, shift };
      }
    }
  }
  return best;
}

/** The constant of a plane that reaches and misses all corners, with the most trailing zeros. */
function constantFor(
  p: number,
  q: number,
  scale: number,
  { reach, miss }: { readonly reach: readonly Corner[]; readonly miss: readonly Corner[] },
): number | undefined {
  let low = Number.NEGATIVE_INFINITY;
  let high = Number.POSITIVE_INFINITY;
  for (const { a, b, y } of reach) {
    low = Math.max(low, y * scale - p * a - q * b);
    if (low > high) return undefined;
  }
  for (const { a, b, y } of miss) {
    high = Math.min(high, (y + 1) * scale - 1 - p * a - q * b);
    if (low > high) return undefined;
  }
  if (low === Number.NEGATIVE_INFINITY) return Number.isFinite(high) ? high : 0;
  return low;
}

const word = (source: AdderNodeId, shift = 0): Term => ({ source, shift, negative: false });

/** Add an operand scaled as TensorFlow Lite defines it: rounding doubling high product, then rounding shift. */
function scaledOperandSum(
  graph: AdderGraphBuilder,
  x: AdderNodeId,
  { node, zeroPoints }: AdditionTask,
  operand: 0 | 1,
  name: string,
): AdderNodeId {
  const shift = node.operandShifts![operand];
  const zero = BigInt(zeroPoints[operand]) << BigInt(ADD_LEFT_SHIFT);
  const centred = graph.sum(`${name}_centred`, [word(x, ADD_LEFT_SHIFT)], -zero);
  const requantization = {
    mode: "tflite",
    multipliers: Int32Array.of(node.operandMultipliers[operand]),
    shifts: Int32Array.of(shift),
  } as const;
  return addRequantization(graph, centred, { name, requantization, channel: 0, zeroPoint: 0 });
}

/** Add a residual sum as it is defined: scale both operands, add, requantize. */
function addDefinedAddition(
  graph: AdderGraphBuilder,
  operands: readonly [AdderNodeId, AdderNodeId],
  task: AdditionTask,
  name: string,
): AdderNodeId {
  const { node, channel, zeroPoints, ranges } = task;
  const end = (side: "low" | "high"): number =>
    scaledOperand(node, 0, ranges[0][side] - zeroPoints[0]) +
    scaledOperand(node, 1, ranges[1][side] - zeroPoints[1]);
  const { zeroPoint } = node.output;
  const { requantization, clamp } = node;
  const what = { requantization, channel, zeroPoint, clamp, low: end("low"), high: end("high") };
  const plan = planRequantization(what);
  if (plan.kind === "always") return graph.sum(name, [], BigInt(plan.value));
  const offset = BigInt(planOffset(plan));
  const { operandShifts, operandMultipliers: factors } = node;
  const acc =
    operandShifts === undefined
      ? graph.sum(
          `${name}_acc`,
          operands.flatMap((x, i) => scaledTerms(x, factors[i]!)),
          offset - BigInt(factors[0] * zeroPoints[0]) - BigInt(factors[1] * zeroPoints[1]),
        )
      : graph.sum(
          `${name}_acc`,
          operands.map((x, i) => word(scaledOperandSum(graph, x, task, i === 0 ? 0 : 1, `${name}_x${i}`))),
          offset,
        );
  return addPlannedRequantization(graph, acc, plan, { ...what, name });
}

/**
 * Adder graph of a residual sum. Inputs are the channels of the first operand, then those of the second. Channels that are requantized
 * alike have the same form; where no linear form is exact the definition is built.
 *
 * @param ranges integers that the operands can be
 */
export function additionGraph(
  name: string,
  node: QuantAdd,
  inputs: readonly [QuantType, QuantType],
  ranges: readonly [Clamp, Clamp],
): AdderGraph {
  const channels = inputs[0].shape.at(-1)!;
  const graph = new AdderGraphBuilder();
  const words = inputs.map((_, i) =>
    Array.from({ length: channels }, (_c, c) =>
      graph.input(`x${i}_${c}`, interval(ranges[i]!.low, ranges[i]!.high)),
    ),
  );
  const zeroPoints = [inputs[0].zeroPoint, inputs[1].zeroPoint] as const;
  const { multipliers, shifts } = node.requantization;
  const forms = new Map<string, LinearAddition | undefined>();
  const outputs = Array.from({ length: channels }, (_, c) => {
    const task: AdditionTask = { node, channel: c, zeroPoints, ranges };
    const entry = multipliers.length === 1 ? 0 : c;
    const key = `${multipliers[entry]},${shifts[entry]}`;
    if (!forms.has(key)) forms.set(key, linearAddition(task));
    const form = forms.get(key);
    const operands = [words[0]![c]!, words[1]![c]!] as const;
    if (form === undefined) return addDefinedAddition(graph, operands, task, `c${c}`);
    const terms = operands.flatMap((x, i) => scaledTerms(x, form.multipliers[i]!));
    return graph.floorShift(graph.sum(`c${c}_scaled`, terms, BigInt(form.constant)), form.shift);
  });
  return graph.build(name, outputs);
}
