import { invariant } from "../core/index.js";
import type { AdderNodeId, SumNode, Term } from "./adder-graph.js";
import { type Interval, type WordFormat, wordFormat } from "./interval.js";

/**
 * A bit of a tree: 0 is the constant zero, 1 the constant one; then two for each source bit, as it is and inverted
 * (2 + 2·bit + inverted, bits numbered through the sources in order); then two for each cell, sum and carry, level by level,
 * a level's full adders before its half adders.
 */
export type BitRef = number;

/** A word that the tree adds. */
export type TreeSource = WordFormat & { readonly node: AdderNodeId };

/** Cells that work side by side. A carry out of the last column is dropped. */
export type TreeLevel = {
  /** Column, a, b, c of each full adder. */
  readonly fullAdders: readonly number[];
  /** Column, a, b of each half adder. */
  readonly halfAdders: readonly number[];
};

/**
 * A multi-operand sum as bit-level cells: columns of bits of equal weight, levels of full and half adders until no column
 * has more than two bits, and one carry-propagate adder over the columns from `adderLow` up. All modulo 2^width.
 */
export type CompressorTree = WordFormat & {
  readonly kind: "compressorTree";
  readonly name: string;
  readonly sources: readonly TreeSource[];
  /** All constants in one, in 0 … 2^width − 1: the sum's own, the negations' and the sign extensions'. */
  readonly constant: bigint;
  /** Bits of each column before the first level, constant included. */
  readonly dots: readonly (readonly BitRef[])[];
  readonly levels: readonly TreeLevel[];
  /** What is left of each column: one or two bits (0 where there is none). */
  readonly rows: readonly [readonly BitRef[], readonly BitRef[]];
  /** First column with two bits left; `width` when no adder is needed. */
  readonly adderLow: number;
};

/** Heights that k more levels can reduce to two: 2, 3, 4, 6, 9, 13, … (Dadda 1965). */
function daddaTarget(height: number): number {
  let target = 2;
  while (Math.floor((target * 3) / 2) < height) target = Math.floor((target * 3) / 2);
  return target;
}

/** First reference of a cell output. */
export function firstCellRef(sources: readonly WordFormat[]): BitRef {
  return 2 + 2 * sources.reduce((bits, { width }) => bits + width, 0);
}

/** Order terms so that three neighbours, which one row of full adders takes, mostly start at the same column. */
function threesOfOneShift(terms: readonly Term[]): readonly Term[] {
  const classes = new Map<number, Term[]>();
  for (const term of terms) classes.set(term.shift, [...(classes.get(term.shift) ?? []), term]);
  const groups = [...classes].sort(([a], [b]) => a - b).map(([, group]) => group);
  const whole = (group: readonly Term[]): number => group.length - (group.length % 3);
  return [
    ...groups.flatMap((group) => group.slice(0, whole(group))),
    ...groups.flatMap((group) => group.slice(whole(group))),
  ];
}

/**
 * Spread a sum over columns. A signed word's top bit b weighs −2^(n−1): −b = ~b − 1, so it enters inverted and the −1 goes
 * to the constant; a negated word enters with all other bits inverted, −x = ~x + 1 − 2^n. Hence no sign is ever extended.
 */
function spread(sum: SumNode, formats: (id: AdderNodeId) => WordFormat, width: number) {
  const sources: TreeSource[] = [];
  const offsets = new Map<AdderNodeId, { readonly first: number; readonly format: WordFormat }>();
  let bits = 0;
  const dots = Array.from({ length: width }, (): BitRef[] => []);
  const lanes = Array.from({ length: width }, (): number[] => []);
  const add = (column: number, ref: BitRef, lane: number): void => {
    dots[column]!.push(ref);
    lanes[column]!.push(lane);
  };
  let constant = sum.constant;
  for (const [lane, { source, shift, negative }] of threesOfOneShift(sum.terms).entries()) {
    let entry = offsets.get(source);
    if (entry === undefined) {
      entry = { first: bits, format: formats(source) };
      offsets.set(source, entry);
      sources.push({ node: source, ...entry.format });
      bits += entry.format.width;
    }
    const { first, format } = entry;
    let correction = 0n;
    for (let i = 0; i < format.width; i++) {
      const minus = negative !== (format.signed && i === format.width - 1);
      if (minus) correction -= 1n << BigInt(i);
      if (shift + i < width) add(shift + i, 2 + 2 * (first + i) + (minus ? 1 : 0), lane);
    }
    constant += correction << BigInt(shift);
  }
  constant = BigInt.asUintN(width, constant);
  for (let c = 0; c < width; c++) if ((constant >> BigInt(c)) & 1n) add(c, 1, sum.terms.length);
  return { sources, dots, lanes, constant };
}

type Strategy = "dadda" | "wallace";
type Dot = { readonly ref: BitRef; readonly lane: number };

/** Reduce columns to two bits. `dadda` does as little as late as possible, `wallace` as many full adders as early as possible. */
function reduce(
  { dots, lanes }: Pick<ReturnType<typeof spread>, "dots" | "lanes">,
  firstRef: BitRef,
  strategy: Strategy,
) {
  const width = dots.length;
  // A lane is a bit's place among the words of its level: a term at first, then its place in the column. It only orders the
  // cells of a level, so that words stay together in the netlist.
  let columns = dots.map((column, c) => column.map((ref, i): Dot => ({ ref, lane: lanes[c]![i]! })));
  const levels: TreeLevel[] = [];
  let nextRef = firstRef;
  for (;;) {
    const height = columns.reduce((most, column) => Math.max(most, column.length), 0);
    if (height <= 2) return { columns: columns.map((column) => column.map(({ ref }) => ref)), levels };
    const target = daddaTarget(height);
    const full: { readonly column: number; readonly lane: number; readonly refs: readonly BitRef[] }[] = [];
    const half: typeof full = [];
    const rest: Dot[][] = [];
    let carries = 0;
    for (let c = 0; c < width; c++) {
      const column = columns[c]!;
      let used = 0;
      let made = 0;
      let count = column.length + carries;
      const take = (cells: typeof full, inputs: number): void => {
        const dotsTaken = column.slice(used, used + inputs);
        const { lane } = dotsTaken[0]!;
        cells.push({ column: c, lane, refs: dotsTaken.map(({ ref }) => ref) });
        used += inputs;
        count -= inputs - 1;
        made++;
      };
      while (column.length - used >= 3 && (strategy === "wallace" || count > target + 1)) take(full, 3);
      while (column.length - used >= 2 && count > target) take(half, 2);
      rest.push(column.slice(used));
      carries = made;
    }
    const byLane = (x: (typeof full)[number], y: typeof x): number => x.lane - y.lane || x.column - y.column;
    const next = Array.from({ length: width }, (): BitRef[] => []);
    for (const { column: c } of [...full.sort(byLane), ...half.sort(byLane)]) {
      next[c]!.push(nextRef);
      if (c + 1 < width) next[c + 1]!.push(nextRef + 1);
      nextRef += 2;
    }
    const flat = (cells: typeof full): number[] => cells.flatMap(({ column, refs }) => [column, ...refs]);
    levels.push({ fullAdders: flat(full), halfAdders: flat(half) });
    // What no cell took comes last: then the cells' outputs have equal places in neighbouring columns.
    columns = next.map((refs, c) =>
      [...refs, ...rest[c]!.map(({ ref }) => ref)].map((ref, lane): Dot => ({ ref, lane })),
    );
  }
}

/** What a tree is made of. */
export type TreeCounts = {
  /** Full adders with three variable inputs. */
  readonly fullAdders: number;
  /** Half adders, and full adders with a constant one, which cost about the same. */
  readonly halfAdders: number;
  /** Cells of the last column: exclusive ors only, their carry is dropped. */
  readonly topXors: number;
  /** Distinct source bits that are needed inverted. */
  readonly inverters: number;
  /** Columns of the carry-propagate adder. */
  readonly finalAdderBits: number;
};

/** Count the cells of a tree. */
export function treeCounts(tree: CompressorTree): TreeCounts {
  let fullAdders = 0;
  let halfAdders = 0;
  let topXors = 0;
  for (const { fullAdders: full, halfAdders: half } of tree.levels) {
    for (let i = 0; i < full.length; i += 4) {
      if (full[i] === tree.width - 1) topXors++;
      else if (full[i + 1] === 1 || full[i + 2] === 1 || full[i + 3] === 1) halfAdders++;
      else fullAdders++;
    }
    for (let i = 0; i < half.length; i += 3) half[i] === tree.width - 1 ? topXors++ : halfAdders++;
  }
  const firstCell = firstCellRef(tree.sources);
  const inverted = new Set(tree.dots.flat().filter((ref) => ref > 1 && ref < firstCell && ref % 2 === 1));
  const finalAdderBits = tree.width - tree.adderLow;
  return { fullAdders, halfAdders, topXors, inverters: inverted.size, finalAdderBits };
}

/** Count the distinct bits that live after each level: entry k is after k levels; the constants are free. */
export function liveBits(tree: CompressorTree): readonly (readonly BitRef[])[] {
  const lastUse = new Map<BitRef, number>();
  const born = new Map<BitRef, number>();
  let next = firstCellRef(tree.sources);
  for (const column of tree.dots) for (const ref of column) if (ref > 1) born.set(ref, 0);
  for (const [k, { fullAdders: full, halfAdders: half }] of tree.levels.entries()) {
    for (let i = 0; i < full.length; i += 4) for (let j = 1; j < 4; j++) lastUse.set(full[i + j]!, k);
    for (let i = 0; i < half.length; i += 3) for (let j = 1; j < 3; j++) lastUse.set(half[i + j]!, k);
    for (let i = 0; i < full.length / 4 + half.length / 3; i++, next += 2) {
      born.set(next, k + 1);
      born.set(next + 1, k + 1);
    }
  }
  for (const row of tree.rows) for (const ref of row) lastUse.set(ref, tree.levels.length);
  const live = Array.from({ length: tree.levels.length + 1 }, (): BitRef[] => []);
  for (const [ref, from] of born) {
    const to = lastUse.get(ref);
    if (to !== undefined) for (let k = from; k <= to; k++) live[k]!.push(ref);
  }
  return live;
}

/** Choices of {@link compressorTree}. */
export type CompressorTreeOptions = {
  /** Pipeline registers after every so many levels enter the comparison of the strategies; default 6. */
  readonly levelsPerStage?: number;
};

/**
 * Turn a sum into a compressor tree. Width and sign of the result come from the sum's interval. Two strategies are tried,
 * Dadda's and a reduced Wallace; the one with fewer cells and pipeline registers wins (a half adder counts a half).
 */
export function compressorTree(
  sum: SumNode,
  intervalOfSource: (id: AdderNodeId) => Interval,
  options: CompressorTreeOptions = {},
): CompressorTree {
  const stage = options.levelsPerStage ?? 6;
  const { width, signed } = wordFormat(sum.interval);
  const { sources, dots, lanes, constant } = spread(sum, (id) => wordFormat(intervalOfSource(id)), width);
  const firstRef = firstCellRef(sources);
  const candidates = (["wallace", "dadda"] as const).map((strategy) => {
    const { columns, levels } = reduce({ dots, lanes }, firstRef, strategy);
    const low = columns.findIndex((column) => column.length > 1);
    const rows = [columns.map((column) => column[0] ?? 0), columns.map((column) => column[1] ?? 0)] as const;
    const adderLow = low < 0 ? width : low;
    const kind = "compressorTree" as const;
    const tree = { kind, name: sum.name, width, signed, sources, constant, dots, levels, rows, adderLow };
    const counts = treeCounts(tree);
    let cost = counts.fullAdders + (counts.halfAdders + counts.topXors) / 2 + counts.finalAdderBits;
    const live = levels.length > stage ? liveBits(tree) : [];
    for (let k = stage; k < live.length - 1; k += stage) cost += live[k]!.length;
    return { tree, cost };
  });
  const [wallace, dadda] = candidates;
  invariant(wallace !== undefined && dadda !== undefined, "two strategies");
  return dadda.cost < wallace.cost ? dadda.tree : wallace.tree;
}
