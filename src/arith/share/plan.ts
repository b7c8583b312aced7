import { csd } from "../csd.js";
import { type ColumnParent, decomposeColumns } from "./columns.js";
import { DigitMatrix, type Pattern } from "./digit-matrix.js";
import { type Bounds, boundsWidth, patternBounds, shareGreedily } from "./greedy.js";

/** One digit of an output: ± variable · 2^shift; variables are the inputs, then the patterns. */
export type PlannedTerm = { readonly variable: number; readonly shift: number; readonly negative: boolean };

/** How a matrix is computed: shared patterns, then each output from what is left of its digits and perhaps another output. */
export type SharingPlan = {
  readonly patterns: readonly Pattern[];
  readonly outputs: readonly {
    readonly parent: ColumnParent | undefined;
    readonly terms: readonly PlannedTerm[];
  }[];
};

/** One way to search. */
export type PlanOptions = {
  /** See {@link decomposeColumns}; infinite for no decomposition. */
  readonly parentDigits: number;
  readonly perColumn: number;
  readonly perAddition: number;
  readonly jitter: number;
  /** Most additions on a path; infinite for no bound. */
  readonly maxDepth: number;
  /** Patterns to begin with, of another plan with the same parents; what the matrix no longer shows twice is left out. */
  readonly kept?: readonly Pattern[];
};

/** Split an integer's canonical digits into masks. */
function masksOf(value: number): readonly [positive: number, negative: number] {
  let positive = 0;
  let negative = 0;
  for (const { shift, negative: minus } of csd(value)) {
    if (minus) negative |= 1 << shift;
    else positive |= 1 << shift;
  }
  return [positive, negative];
}

/** Levels that each output may take, so that those built on it keep theirs: D less the longest chain of outputs behind it. */
function levelsOf(parents: readonly (ColumnParent | undefined)[], maxDepth: number): number[] {
  const height = parents.map(() => 0);
  for (const start of parents.keys()) {
    let above = 1;
    for (let o = parents[start]; o !== undefined; o = parents[o.output], above++) {
      height[o.output] = Math.max(height[o.output]!, above);
    }
  }
  return height.map((h) => maxDepth - h);
}

/** Cut parents until every output's digits fit its levels. */
function feasibleParents(
  weights: readonly Float64Array[],
  digits: (row: Float64Array) => number,
  options: PlanOptions,
): readonly (ColumnParent | undefined)[] {
  const alone = weights.map(digits);
  const parents = Number.isFinite(options.parentDigits)
    ? [...decomposeColumns(weights, { parentDigits: options.parentDigits, maxLevel: options.maxDepth })]
    : weights.map(() => undefined as ColumnParent | undefined);
  if (!Number.isFinite(options.maxDepth)) return parents;
  for (;;) {
    const levels = levelsOf(parents, options.maxDepth);
    let cut = false;
    for (const [o, parent] of parents.entries()) {
      const load =
        parent === undefined
          ? alone[o]!
          : digits(difference(weights, o, parent)) + 2 ** levels[parent.output]!;
      if (load <= 2 ** levels[o]!) continue;
      cut = true;
      if (parent !== undefined) parents[o] = undefined;
      else for (const [c, child] of parents.entries()) if (child?.output === o) parents[c] = undefined;
      break;
    }
    if (!cut) return parents;
  }
}

function difference(weights: readonly Float64Array[], output: number, parent: ColumnParent): Float64Array {
  const base = weights[parent.output]!;
  return weights[output]!.map((w, i) => w - parent.factor * base[i]!);
}

/** Take another plan's patterns in their order, but for those that do not occur twice any more and what is built on them. */
function takeAgain(matrix: DigitMatrix, bounds: Bounds[], patterns: readonly Pattern[]): readonly Pattern[] {
  const inputs = matrix.variables;
  const renamed: (number | undefined)[] = Array.from({ length: inputs }, (_, i) => i);
  const taken: Pattern[] = [];
  for (const pattern of patterns) {
    const [a, b] = [renamed[pattern.a], renamed[pattern.b]];
    const own = a === undefined || b === undefined ? undefined : { ...pattern, a, b };
    if (own === undefined || matrix.count(own) < 2) {
      renamed.push(undefined);
      continue;
    }
    bounds.push(patternBounds(bounds[own.a]!, bounds[own.b]!, own));
    renamed.push(matrix.take(own));
    taken.push(own);
  }
  return taken;
}

/**
 * Full adders that a plan takes in silicon, half adders included by their area: trees pay bits in − bits out, two-operand sums
 * also a half adder for each column that only one operand reaches. Widths from bounds of independent terms, outputs' from their own.
 *
 * @param outputBounds of the outputs
 */
export function planSize(
  { patterns, outputs }: SharingPlan,
  inputs: readonly Bounds[],
  outputBounds: readonly Bounds[],
): number {
  const bounds = [...inputs];
  for (const pattern of patterns) bounds.push(patternBounds(bounds[pattern.a]!, bounds[pattern.b]!, pattern));
  const widths = bounds.map(boundsWidth);
  let size = 0;
  for (const [k, { a, b, distance }] of patterns.entries()) {
    const full = widths[a]! + widths[b]! - widths[inputs.length + k]!;
    const columns = Math.max(widths[a]!, widths[b]! + distance) - distance;
    size += full + HALF_ADDER * Math.max(0, columns - full);
  }
  for (const [o, { parent, terms }] of outputs.entries()) {
    for (const { variable } of terms) size += widths[variable]!;
    if (parent !== undefined) size += boundsWidth(outputBounds[parent.output]!);
    size -= boundsWidth(outputBounds[o]!);
  }
  return size;
}

/** Area of a half adder in full adders (sky130: 12.51 and 20.02 µm²). */
const HALF_ADDER = 0.62;

/**
 * Plan shared sums for a matrix.
 *
 * @param weights one row an output; integers below 2^26 in magnitude
 * @param inputs bounds of the inputs
 */
export function planSharing(
  weights: readonly Float64Array[],
  inputs: readonly Bounds[],
  options: PlanOptions,
): SharingPlan {
  const digitsOf = (row: Float64Array): number => row.reduce((sum, w) => sum + csd(w).length, 0);
  const parents = feasibleParents(weights, digitsOf, options);
  const rows = weights.map((row, o) => {
    const parent = parents[o];
    return parent === undefined ? row : difference(weights, o, parent);
  });
  const matrix = new DigitMatrix(rows.length);
  for (const i of inputs.keys()) {
    const used = [...rows.keys()].filter((o) => rows[o]![i] !== 0);
    const masks = used.map((o) => masksOf(rows[o]![i]!));
    matrix.addVariable(
      used,
      masks.map(([p]) => p),
      masks.map(([, n]) => n),
      0,
    );
  }
  if (Number.isFinite(options.maxDepth)) {
    const levels = levelsOf(parents, options.maxDepth);
    matrix.limitDepth(
      levels,
      parents.map((parent) => (parent === undefined ? 0 : 2 ** levels[parent.output]!)),
    );
  }
  const bounds = [...inputs];
  const kept = takeAgain(matrix, bounds, options.kept ?? []);
  const patterns = [...kept, ...shareGreedily(matrix, bounds, options)];
  const outputs = rows.map((_, o) => ({
    parent: parents[o],
    terms: matrix.compactRow(o).flatMap((e) => {
      const variable = matrix.entryVariable[e]!;
      const terms: PlannedTerm[] = [];
      for (let shift = 0; shift < 31; shift++) {
        if ((matrix.positive[e]! >>> shift) & 1) terms.push({ variable, shift, negative: false });
        if ((matrix.negative[e]! >>> shift) & 1) terms.push({ variable, shift, negative: true });
      }
      return terms;
    }),
  }));
  return { patterns, outputs };
}
