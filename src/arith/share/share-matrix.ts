import { type AdderGraph, AdderGraphBuilder, type AdderNodeId, type Term } from "../adder-graph.js";
import { addConstantMatrix, type ConstantMatrix } from "../constant-matrix.js";
import { csdDigitCount } from "../csd.js";
import type { Interval } from "../interval.js";
import { adderGraphMetrics, binaryGraph } from "./binary-graph.js";
import type { Bounds } from "./greedy.js";
import { type PlanOptions, planSharing, type SharingPlan } from "./plan.js";

/** Choices of {@link shareMatrix}. */
export type SharingOptions = {
  /** Most additions on any path from an input to an output, or as few as possible; default no bound. */
  readonly maxDepth?: number | "minimum";
  /** Whether outputs may be made from other outputs, which then come later; default true. */
  readonly columns?: boolean;
  /** Searches tried on a small matrix; large ones get fewer, down to one. Default {@link DEFAULT_TRIES}. */
  readonly tries?: number;
};

const DEFAULT_TRIES = 32;
/** Signed digits in all tries together, roughly what a second or two takes. */
const DIGITS_OF_ALL_TRIES = 24_000;
/** Weights from here on are added digit by digit: masks of digits have 31 bits. */
const LARGEST_WEIGHT = 2 ** 26;

const WAYS: readonly Pick<PlanOptions, "parentDigits" | "perAddition">[] = [
  { parentDigits: 4, perAddition: 4 },
  { parentDigits: Number.POSITIVE_INFINITY, perAddition: 4 },
  { parentDigits: 3, perAddition: 8 },
  { parentDigits: 5, perAddition: 0 },
  { parentDigits: 2, perAddition: 4 },
];

/** Fewest additions that a path must have: no output can be added up in fewer levels than its digits need. */
export function minimumDepth(weights: readonly ArrayLike<number>[]): number {
  const digits = weights.map((row) => Array.from(row, csdDigitCount).reduce((sum, n) => sum + n, 0));
  return Math.max(0, ...digits.map((n) => Math.ceil(Math.log2(Math.max(1, n)))));
}

const boundsOf = ({ low, high }: Interval): Bounds => ({ low: Number(low), high: Number(high) });

/** Put a plan into a graph. */
function addPlan(
  builder: AdderGraphBuilder,
  plan: SharingPlan,
  matrix: Omit<ConstantMatrix, "inputs">,
  inputs: readonly AdderNodeId[],
): readonly AdderNodeId[] {
  const variables = [...inputs];
  for (const [k, { a, b, distance, opposite }] of plan.patterns.entries()) {
    const terms: Term[] = [
      { source: variables[a]!, shift: 0, negative: false },
      { source: variables[b]!, shift: distance, negative: opposite },
    ];
    variables.push(builder.sum(`${matrix.name}_s${k}`, terms, 0n));
  }
  const made: AdderNodeId[] = [];
  const constantOf = (o: number): bigint => matrix.constants?.[o] ?? 0n;
  const make = (o: number): AdderNodeId => {
    const known = made[o];
    if (known !== undefined) return known;
    const { parent, terms } = plan.outputs[o]!;
    const own = terms.map(
      ({ variable, shift, negative }): Term => ({ source: variables[variable]!, shift, negative }),
    );
    let constant = constantOf(o);
    if (parent !== undefined) {
      const { output, factor } = parent;
      own.unshift({ source: make(output), shift: Math.abs(factor) - 1, negative: factor < 0 });
      constant -= BigInt(factor) * constantOf(output);
    }
    const node = builder.sum(matrix.outputs[o]!, own, constant);
    made[o] = node;
    return node;
  };
  return plan.outputs.map((_, o) => make(o));
}

/**
 * Add the sums of a constant matrix to a graph, with sub-expressions shared between them; zero weights vanish. Several searches are
 * tried on small matrices and the one with the fewest columns of two-operand additions is kept. Same matrix, same graph.
 *
 * @returns one node an output
 */
export function addSharedMatrix(
  builder: AdderGraphBuilder,
  matrix: Omit<ConstantMatrix, "inputs">,
  inputs: readonly AdderNodeId[],
  options: SharingOptions = {},
): readonly AdderNodeId[] {
  const weights = matrix.weights.map((row) => Float64Array.from(inputs, (_, i) => row[i]!));
  if (weights.some((row) => row.some((w) => Math.abs(w) >= LARGEST_WEIGHT)))
    return addConstantMatrix(builder, matrix, inputs);
  const maxDepth =
    options.maxDepth === "minimum" ? minimumDepth(weights) : (options.maxDepth ?? Number.POSITIVE_INFINITY);
  const ranges = inputs.map((id) => builder.interval(id));
  const { tries = DEFAULT_TRIES, columns = true } = options;
  const plan = bestPlan(weights, ranges, { maxDepth, tries, columns });
  return addPlan(builder, plan, matrix, inputs);
}

function bestPlan(
  weights: readonly Float64Array[],
  ranges: readonly Interval[],
  {
    maxDepth,
    tries,
    columns,
  }: { readonly maxDepth: number; readonly tries: number; readonly columns: boolean },
): SharingPlan {
  const digits = weights.reduce((sum, row) => sum + row.reduce((n, w) => n + csdDigitCount(w), 0), 0);
  const count = Math.max(1, Math.min(tries, Math.floor(DIGITS_OF_ALL_TRIES / Math.max(1, digits))));
  let best: { readonly plan: SharingPlan; readonly cost: number } | undefined;
  for (let t = 0; t < count; t++) {
    const way = WAYS[t % WAYS.length]!;
    const parentDigits = columns ? way.parentDigits : Number.POSITIVE_INFINITY;
    const options = { ...way, parentDigits, jitter: t < WAYS.length ? 0 : t, maxDepth };
    const plan = planSharing(weights, ranges.map(boundsOf), options);
    if (count === 1) return plan;
    const cost = planCost(plan, weights, ranges, maxDepth);
    if (best === undefined || cost < best.cost) best = { plan, cost };
  }
  return best!.plan;
}

function planCost(
  plan: SharingPlan,
  weights: readonly Float64Array[],
  ranges: readonly Interval[],
  maxDepth: number,
): number {
  const builder = new AdderGraphBuilder();
  const inputs = ranges.map((range, i) => builder.input(`x${i}`, range));
  const outputs = addPlan(
    builder,
    plan,
    { name: "try", weights, outputs: weights.map((_, o) => `y${o}`) },
    inputs,
  );
  const { adders, bits } = adderGraphMetrics(binaryGraph(builder.build("try", outputs), { maxDepth }));
  return bits + 2 * adders;
}

/** Turn a constant matrix into an adder graph with shared sub-expressions; see {@link addSharedMatrix}. */
export function shareMatrix(matrix: ConstantMatrix, options: SharingOptions = {}): AdderGraph {
  const builder = new AdderGraphBuilder();
  const inputs = matrix.inputs.map(({ name, interval }) => builder.input(name, interval));
  return builder.build(matrix.name, addSharedMatrix(builder, matrix, inputs, options));
}
