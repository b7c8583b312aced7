import { invariant } from "../../core/index.js";
import { type AdderGraph, AdderGraphBuilder, type AdderNodeId, type SumNode } from "../adder-graph.js";
import { type Interval, wordFormat } from "../interval.js";

/** An operand while a sum is being added up: ± node · 2^shift. */
type Operand = {
  readonly node: AdderNodeId;
  readonly shift: number;
  readonly negative: boolean;
  readonly width: number;
  readonly depth: number;
};

/** Columns of the addition of two shifted words: from the coarser lowest bit to the top of the wider word, sign included. */
export function additionColumns(a: { readonly shift: number; readonly width: number }, b: typeof a): number {
  return Math.max(a.shift + a.width, b.shift + b.width) - Math.max(a.shift, b.shift);
}

/** Choices of {@link binaryGraph}. */
export type BinaryGraphOptions = {
  /** Most additions on a path; a sum that needs more takes the fewest that it can. Default: no bound. */
  readonly maxDepth?: number;
};

/**
 * Add up every sum two operands at a time, the pair with the fewest columns first (then the shallower pair, then the earlier
 * one), so that no sum has more than two terms. Under a bound a pair is taken only if the rest still fits: operands of depths d_i
 * fit D levels exactly when Σ 2^d_i ≤ 2^D. A sum that other sums read takes the fewest levels possible. A sum's constant goes
 * into its last addition. Quadratic in the terms of a sum, cubic at worst.
 */
export function binaryGraph(
  graph: AdderGraph,
  { maxDepth = Number.POSITIVE_INFINITY }: BinaryGraphOptions = {},
): AdderGraph {
  const builder = new AdderGraphBuilder();
  const mapped: AdderNodeId[] = [];
  const depths: number[] = [];
  const read = new Set(
    graph.nodes.flatMap((node) => (node.kind === "sum" ? node.terms.map((t) => t.source) : [])),
  );
  const make = (id: AdderNodeId, depth: number): AdderNodeId => {
    depths[id] = depth;
    return id;
  };
  for (const [i, node] of graph.nodes.entries()) {
    switch (node.kind) {
      case "input":
        mapped.push(make(builder.input(node.name, node.interval), 0));
        break;
      case "floorShift":
        mapped.push(
          make(builder.floorShift(mapped[node.source]!, node.shift), depths[mapped[node.source]!]!),
        );
        break;
      case "nonNegative":
        mapped.push(make(builder.nonNegative(mapped[node.source]!), depths[mapped[node.source]!]!));
        break;
      case "sum": {
        const operands = node.terms.map(({ source, shift, negative }): Operand => {
          const id = mapped[source]!;
          return {
            node: id,
            shift,
            negative,
            width: wordFormat(builder.interval(id)).width,
            depth: depths[id]!,
          };
        });
        const load = operands.reduce((sum, { depth }) => sum + 2 ** depth, 0);
        const fewest = Math.ceil(Math.log2(Math.max(1, load)));
        const levels =
          Number.isFinite(maxDepth) && read.has(i as AdderNodeId) ? fewest : Math.max(maxDepth, fewest);
        const [id, depth] = addUp(builder, node, operands, 2 ** levels - load);
        mapped.push(make(id, depth));
        break;
      }
    }
  }
  return builder.build(
    graph.name,
    graph.outputs.map((output) => mapped[output]!),
  );
}

/** Best partner of each operand among those after it. */
type Partner = { readonly at: number; readonly cost: number };

function addUp(
  builder: AdderGraphBuilder,
  sum: SumNode,
  operands: readonly Operand[],
  spare: number,
): readonly [AdderNodeId, number] {
  const list: (Operand | undefined)[] = [...operands];
  let slack = spare;
  const growth = (a: Operand, b: Operand): number =>
    2 ** (Math.max(a.depth, b.depth) + 1) - 2 ** a.depth - 2 ** b.depth;
  const cost = (a: Operand, b: Operand): number =>
    growth(a, b) > slack
      ? Number.POSITIVE_INFINITY
      : additionColumns(a, b) * 4096 + span(a, b) * 64 + Math.max(a.depth, b.depth);
  const span = (a: Operand, b: Operand): number =>
    Math.max(a.shift + a.width, b.shift + b.width) - Math.min(a.shift, b.shift);
  const partnerOf = (i: number): Partner => {
    let best: Partner = { at: -1, cost: Number.POSITIVE_INFINITY };
    for (let j = i + 1; j < list.length; j++) {
      const other = list[j];
      if (other === undefined) continue;
      const c = cost(list[i]!, other);
      if (c < best.cost) best = { at: j, cost: c };
    }
    return best;
  };
  let partners = list.map((_, i) => partnerOf(i));
  for (let left = operands.length; left > 2 || (left === 2 && sum.constant === 0n); left--) {
    let first = -1;
    for (let i = 0; i < list.length; i++) {
      if (
        list[i] !== undefined &&
        partners[i]!.at >= 0 &&
        (first < 0 || partners[i]!.cost < partners[first]!.cost)
      )
        first = i;
    }
    invariant(first >= 0, "some pair always fits a feasible sum");
    const second = partners[first]!.at;
    const [a, b] = [list[first]!, list[second]!];
    slack -= growth(a, b);
    const low = Math.min(a.shift, b.shift);
    const flip = a.negative && b.negative;
    const terms = [a, b].map(({ node, shift, negative }) => ({
      source: node,
      shift: shift - low,
      negative: negative !== flip,
    }));
    const node = builder.sum(left === 2 ? sum.name : `${sum.name}_${operands.length - left}`, terms, 0n);
    const width = wordFormat(builder.interval(node)).width;
    list[first] = undefined;
    list[second] = undefined;
    list.push({ node, shift: low, negative: flip, width, depth: Math.max(a.depth, b.depth) + 1 });
    if (growth(a, b) > 0)
      partners = list.map((o, i) => (o === undefined ? { at: -1, cost: 0 } : partnerOf(i)));
    else {
      const made = list.length - 1;
      for (let i = 0; i < made; i++) {
        if (list[i] === undefined) continue;
        if (partners[i]!.at === first || partners[i]!.at === second) partners[i] = partnerOf(i);
        else {
          const c = cost(list[i]!, list[made]!);
          if (c < partners[i]!.cost) partners[i] = { at: made, cost: c };
        }
      }
      partners[made] = { at: -1, cost: Number.POSITIVE_INFINITY };
    }
  }
  const rest = list.filter((o) => o !== undefined);
  const [only] = rest;
  const isPlain = rest.length === 1 && sum.constant === 0n && only!.shift === 0 && !only!.negative;
  if (isPlain) return [only!.node, only!.depth];
  const terms = rest.map(({ node, shift, negative }) => ({ source: node, shift, negative }));
  const depth = rest.reduce((most, o) => Math.max(most, o.depth), 0) + (rest.length > 1 ? 1 : 0);
  return [builder.sum(sum.name, terms, sum.constant), depth];
}

/** Size of a graph by the usual measures. */
export type AdderGraphMetrics = {
  /** Two-operand additions and subtractions; constants are not counted. */
  readonly adders: number;
  /** Their columns, summed; see {@link additionColumns}. */
  readonly bits: number;
  /** Most additions on a path. */
  readonly depth: number;
};

/**
 * Measure a graph whose sums have two terms at most, as {@link binaryGraph} makes it; exact operand ranges.
 * A sum of one term is wiring.
 */
export function adderGraphMetrics(graph: AdderGraph): AdderGraphMetrics {
  const depths: number[] = [];
  let adders = 0;
  let bits = 0;
  const widthOf = (range: Interval): number => wordFormat(range).width;
  for (const node of graph.nodes) {
    if (node.kind === "input") depths.push(0);
    else if (node.kind === "sum") {
      const below = node.terms.reduce((most, { source }) => Math.max(most, depths[source]!), 0);
      depths.push(below + (node.terms.length > 1 ? 1 : 0));
      invariant(node.terms.length <= 2, "only two-term sums are measured");
      const [a, b] = node.terms.map(({ source, shift }) => ({
        shift,
        width: widthOf(graph.nodes[source]!.interval),
      }));
      if (a === undefined || b === undefined) continue;
      adders++;
      bits += additionColumns(a, b);
    } else depths.push(depths[node.source]!);
  }
  return { adders, bits, depth: graph.outputs.reduce((most, output) => Math.max(most, depths[output]!), 0) };
}
