import { createRng, type Rng } from "../../core/index.js";
import { type AdderGraph, AdderGraphBuilder, type AdderNodeId, type Term } from "../adder-graph.js";
import { addConstantMatrix, type ConstantMatrix } from "../constant-matrix.js";
import { csdDigitCount } from "../csd.js";
import type { Interval } from "../interval.js";
import { adderGraphMetrics, binaryGraph } from "./binary-graph.js";
import type { Pattern } from "./digit-matrix.js";
import type { Bounds } from "./greedy.js";
import { type PlanOptions, planSharing, planSize, type SharingPlan } from "./plan.js";

/** Choices of {@link shareMatrix}. */
export type SharingOptions = {
  /** Most additions on any path from an input to an output, or as few as possible; default no bound. */
  readonly maxDepth?: number | "minimum";
  /** Whether outputs may be made from other outputs, which then come later; default true. */
  readonly columns?: boolean;
  /** Searches tried on a small matrix; large ones get fewer, down to one. Default {@link DEFAULT_TRIES}. */
  readonly tries?: number;
};

const DEFAULT_TRIES = 160;
/** Signed digits in all tries together, roughly what a few seconds take. */
const DIGITS_OF_ALL_TRIES = 120_000;
/** Matrices with more digits are searched once. */
const DIGITS_OF_ONE_TRY = 16_000;
/** Weights from here on are added digit by digit: masks of digits have 31 bits. */
const LARGEST_WEIGHT = 2 ** 26;
/** Share of the patterns that a new try gives up, at most. */
const MOST_GIVEN_UP = 0.3;

type Way = Pick<PlanOptions, "parentDigits" | "perColumn" | "perAddition">;
const NO_PARENTS = Number.POSITIVE_INFINITY;
const WAYS: readonly Way[] = [
  { parentDigits: 4, perColumn: 0, perAddition: 4 },
  { parentDigits: NO_PARENTS, perColumn: 0, perAddition: 4 },
  { parentDigits: NO_PARENTS, perColumn: 0, perAddition: 0 },
  { parentDigits: 4, perColumn: 1, perAddition: 4 },
  { parentDigits: NO_PARENTS, perColumn: 1, perAddition: 4 },
  { parentDigits: 3, perColumn: 1, perAddition: 8 },
  { parentDigits: 5, perColumn: 0.5, perAddition: 2 },
  { parentDigits: 2, perColumn: 1, perAddition: 4 },
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
 * tried on small matrices and the cheapest plan is kept, see {@link planCost}. Same matrix, same graph.
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

/**
 * Search for the best plan: each way once, then again and again from the best one, a random part of its patterns given up (large
 * neighbourhood search, Shaw 1998).
 */
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
  const isLarge = digits > DIGITS_OF_ONE_TRY;
  // Few digits leave little to choose, and depthwise layers have very many small matrices.
  const useful = Math.max(WAYS.length, digits);
  const count = isLarge ? 1 : Math.min(tries, useful, Math.ceil(DIGITS_OF_ALL_TRIES / Math.max(1, digits)));
  const ways = columns ? WAYS : WAYS.filter(({ parentDigits }) => parentDigits === NO_PARENTS);
  const bounds = ranges.map(boundsOf);
  const rng = createRng(digits);
  let best: { readonly plan: SharingPlan; readonly cost: number; readonly way: Way } | undefined;
  for (let t = 0; t < count; t++) {
    const again =
      t < ways.length || best === undefined
        ? { way: ways[t]!, jitter: 0 }
        : { way: best.way, jitter: t, kept: someOf(best.plan.patterns, bounds.length, rng) };
    const { way, ...options } = again;
    const plan = planSharing(weights, bounds, { ...way, ...options, maxDepth });
    if (count === 1) return plan;
    const cost = planCost(plan, weights, ranges, maxDepth);
    if (best === undefined || cost <= best.cost) best = { plan, cost, way };
  }
  return best!.plan;
}

/** Keep most of a plan's patterns, and nothing that is built on the others; renumbered. */
function someOf(patterns: readonly Pattern[], inputs: number, rng: Rng): readonly Pattern[] {
  const givenUp = Math.min(MOST_GIVEN_UP, (2 + rng.integer(16)) / patterns.length);
  const renamed: (number | undefined)[] = Array.from({ length: inputs }, (_, i) => i);
  const kept: Pattern[] = [];
  for (const pattern of patterns) {
    const [a, b] = [renamed[pattern.a], renamed[pattern.b]];
    if (a === undefined || b === undefined || rng.next() < givenUp) renamed.push(undefined);
    else {
      renamed.push(inputs + kept.length);
      kept.push({ ...pattern, a, b });
    }
  }
  return kept;
}

/** What the full adders of silicon count beside the columns of two-operand additions. */
const SILICON = 3;

/** What tries are compared by: bits + 2·adders of two-operand additions, and the full adders of the trees. */
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
  const outputBounds = outputs.map((output) => boundsOf(builder.interval(output)));
  return bits + 2 * adders + SILICON * planSize(plan, ranges.map(boundsOf), outputBounds);
}

/** Turn a constant matrix into an adder graph with shared sub-expressions; see {@link addSharedMatrix}. */
export function shareMatrix(matrix: ConstantMatrix, options: SharingOptions = {}): AdderGraph {
  const builder = new AdderGraphBuilder();
  const inputs = matrix.inputs.map(({ name, interval }) => builder.input(name, interval));
  return builder.build(matrix.name, addSharedMatrix(builder, matrix, inputs, options));
}
