import type { AdderNodeId, SumNode, Term } from "./adder-graph.js";
import { type BitFormat, plainFormat, treeConstant } from "./bits/bit-format.js";
import { type CellTable, sky130Cells } from "./bits/cell-table.js";
import { type Interval, type WordFormat, wordFormat } from "./interval.js";

/**
 * A bit of a tree: 0 is the constant zero, 1 the constant one; then two for each source bit, as it is and inverted
 * (2 + 2·bit + inverted, bits numbered through the sources in order); then two for each cell, sum and carry, level by level.
 */
export type BitRef = number;

/** A word that the tree adds: so many bits, and the column of each. */
export type TreeSource = WordFormat & { readonly node: AdderNodeId; readonly columns: readonly number[] };

/** Cells that work side by side. A carry out of the last column is dropped. */
export type TreeLevel = {
  /** Column, a, b, c of each full adder. */
  readonly fullAdders: readonly number[];
};

/**
 * A multi-operand sum as bit-level cells: columns of bits of equal weight, levels of full adders until no column
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

/** First reference of a cell output. */
export function firstCellRef(sources: readonly WordFormat[]): BitRef {
  return 2 + 2 * sources.reduce((bits, { width }) => bits + width, 0);
}

/** Order terms so that three neighbours, which one row of full adders takes, mostly start at the same column. */
function threesOfOneShift(terms: readonly Term[]): readonly Term[] {
  const classes = new Map<number, Term[]>();
  for (const term of terms) {
    const group = classes.get(term.shift);
    if (group === undefined) classes.set(term.shift, [term]);
    else group.push(term);
  }
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
function spread(sum: SumNode, formats: (id: AdderNodeId) => BitFormat, width: number) {
  const sources: TreeSource[] = [];
  const offsets = new Map<AdderNodeId, { readonly first: number; readonly format: BitFormat }>();
  let bits = 0;
  const dots = Array.from({ length: width }, (): BitRef[] => []);
  const lanes = Array.from({ length: width }, (): number[] => []);
  const add = (column: number, ref: BitRef, lane: number): void => {
    dots[column]!.push(ref);
    lanes[column]!.push(lane);
  };
  for (const [lane, { source, shift, negative }] of threesOfOneShift(sum.terms).entries()) {
    let entry = offsets.get(source);
    if (entry === undefined) {
      entry = { first: bits, format: formats(source) };
      offsets.set(source, entry);
      const { columns, signed } = entry.format;
      sources.push({ node: source, width: columns.length, signed, columns });
      bits += columns.length;
    }
    const { first, format } = entry;
    const last = format.columns.length - 1;
    for (const [i, column] of format.columns.entries()) {
      const minus = negative !== (format.signed && i === last);
      if (shift + column < width) add(shift + column, 2 + 2 * (first + i) + (minus ? 1 : 0), lane);
    }
  }
  const constant = BigInt.asUintN(width, treeConstant(sum, formats));
  for (let c = 0; c < width; c++) if ((constant >> BigInt(c)) & 1n) add(c, 1, sum.terms.length);
  return { sources, dots, lanes, constant };
}

/** A bit on its way down: when it is there, and where it stands in its word, so that neighbours stay together. */
type Dot = { readonly ref: BitRef; readonly time: number; readonly lane: number; readonly level: number };
type Cell = {
  readonly column: number;
  readonly lane: number;
  readonly level: number;
  readonly refs: readonly BitRef[];
};

/**
 * Reduce columns to two bits with full adders alone, in each column the three bits that come first (Oklobdzija, Villeger, Liu 1996).
 * A half adder takes no bit away, so this is the least area, and bits that come early do not wait for those that come late. Cells'
 * references are provisional: cell k has −1 − 2k and −2 − 2k.
 */
function reduce(
  { dots, lanes }: Pick<ReturnType<typeof spread>, "dots" | "lanes">,
  arrival: (ref: BitRef) => number,
  { fullAdder }: CellTable,
) {
  const width = dots.length;
  const columns = dots.map((column, c) =>
    column.map((ref, i): Dot => ({ ref, time: arrival(ref), lane: lanes[c]![i]!, level: 0 })),
  );
  const before = (a: Dot, b: Dot): number => a.time - b.time || a.lane - b.lane;
  const insert = (list: Dot[], dot: Dot, from: number): void => {
    let at = list.length;
    while (at > from && before(dot, list[at - 1]!) < 0) at--;
    list.splice(at, 0, dot);
  };
  const cells: Cell[] = [];
  for (let c = 0; c < width; c++) {
    const list = columns[c]!.sort(before);
    let used = 0;
    while (list.length - used > 2) {
      const taken = list.slice(used, used + 3);
      used += 3;
      const [{ lane }, , { time }] = taken as [Dot, Dot, Dot];
      const level = 1 + Math.max(...taken.map((dot) => dot.level));
      const sum = -1 - 2 * cells.length;
      cells.push({ column: c, lane, level, refs: taken.map(({ ref }) => ref) });
      insert(list, { ref: sum, time: time + fullAdder.sumPs, lane, level }, used);
      if (c + 1 < width) columns[c + 1]!.push({ ref: sum - 1, time: time + fullAdder.carryPs, lane, level });
    }
    columns[c] = list.slice(used);
  }
  return { columns: columns.map((column) => column.map(({ ref }) => ref)), cells };
}

/** Gather cells in levels, words together, and number their bits in that order. */
function inLevels({ columns, cells }: ReturnType<typeof reduce>, firstRef: BitRef) {
  const order = [...cells.keys()].sort((x, y) => {
    const [a, b] = [cells[x]!, cells[y]!];
    return a.level - b.level || a.lane - b.lane || a.column - b.column;
  });
  const place = new Int32Array(cells.length);
  for (const [at, k] of order.entries()) place[k] = at;
  const final = (ref: BitRef): BitRef => {
    if (ref >= 0) return ref;
    const k = (-1 - ref) >> 1;
    return firstRef + 2 * place[k]! + ((-1 - ref) & 1);
  };
  const depth = order.length === 0 ? 0 : cells[order.at(-1)!]!.level;
  const levels = Array.from({ length: depth }, () => ({ fullAdders: [] as number[] }));
  for (const k of order) {
    const { level, column, refs } = cells[k]!;
    levels[level - 1]!.fullAdders.push(column, ...refs.map(final));
  }
  return { columns: columns.map((column) => column.map(final)), levels: levels as readonly TreeLevel[] };
}

/** What a tree is made of. */
export type TreeCounts = {
  /** Full adders with three variable inputs. */
  readonly fullAdders: number;
  /** Full adders with a constant one, which cost about as much as a half adder. */
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
  for (const { fullAdders: full } of tree.levels) {
    for (let i = 0; i < full.length; i += 4) {
      if (full[i] === tree.width - 1) topXors++;
      else if (full[i + 1] === 1 || full[i + 2] === 1 || full[i + 3] === 1) halfAdders++;
      else fullAdders++;
    }
  }
  const firstCell = firstCellRef(tree.sources);
  const inverted = new Set(tree.dots.flat().filter((ref) => ref > 1 && ref < firstCell && ref % 2 === 1));
  const finalAdderBits = tree.width - tree.adderLow;
  return { fullAdders, halfAdders, topXors, inverters: inverted.size, finalAdderBits };
}

/** Choices of {@link compressorTree}. */
export type CompressorTreeOptions = {
  /** When a bit of a source is there, ps; default all at once. */
  readonly arrivalPs?: (source: AdderNodeId, bit: number) => number;
  readonly cells?: CellTable;
  /** Where a source has its bits; default one a column, as many as its interval needs. */
  readonly formatOf?: (source: AdderNodeId) => BitFormat;
};

/** Turn a sum into a compressor tree. Width and sign of the result come from the sum's interval. */
export function compressorTree(
  sum: SumNode,
  intervalOfSource: (id: AdderNodeId) => Interval,
  { arrivalPs, cells = sky130Cells, formatOf }: CompressorTreeOptions = {},
): CompressorTree {
  const { width, signed } = wordFormat(sum.interval);
  const { sources, dots, lanes, constant } = spread(
    sum,
    formatOf ?? ((id) => plainFormat(wordFormat(intervalOfSource(id)))),
    width,
  );
  const times = [0, 0];
  for (const { node, width: bits } of sources) {
    for (let bit = 0; bit < bits; bit++) {
      const time = arrivalPs?.(node, bit) ?? 0;
      times.push(time, time + (arrivalPs === undefined ? 0 : cells.inverter.delayPs));
    }
  }
  const reduced = reduce({ dots, lanes }, (ref) => times[ref]!, cells);
  const { columns, levels } = inLevels(reduced, firstCellRef(sources));
  const low = columns.findIndex((column) => column.length > 1);
  const rows = [columns.map((column) => column[0] ?? 0), columns.map((column) => column[1] ?? 0)] as const;
  const adderLow = low < 0 ? width : low;
  return {
    kind: "compressorTree",
    name: sum.name,
    width,
    signed,
    sources,
    constant,
    dots,
    levels,
    rows,
    adderLow,
  };
}
