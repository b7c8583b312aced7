import type { CellTable } from "./cell-table.js";

/** How a carry-propagate adder is built. */
export const adderArchitectures = ["ripple", "select", "prefix"] as const;
export type AdderArchitecture = (typeof adderArchitectures)[number];

/** Columns of the first block of a carry-select adder; each later block is one longer, as its carry-in comes later. */
export const FIRST_SELECT_BLOCK = 3;

/** Sizes of a carry-select adder's blocks, lowest first. */
export function selectBlocks(width: number): readonly number[] {
  const blocks: number[] = [];
  for (let left = width, size = FIRST_SELECT_BLOCK; left > 0; left -= size, size++)
    blocks.push(Math.min(size, left));
  return blocks;
}

/** Delay in ps from the last operand bit to the last bit of the sum. */
export function adderDelayPs(architecture: AdderArchitecture, width: number, cells: CellTable): number {
  const { fullAdder, xor2, or2, mux2 } = cells;
  switch (architecture) {
    case "ripple":
      return Math.max(0, width - 1) * fullAdder.carryPs + fullAdder.sumPs;
    case "select": {
      const blocks = selectBlocks(width);
      const ends = blocks.map((size) => size * fullAdder.carryPs);
      const carry = ends.slice(1).reduce((at, end) => Math.max(at, end) + mux2.delayPs, ends[0] ?? 0);
      return blocks.length === 1 ? adderDelayPs("ripple", width, cells) : carry;
    }
    case "prefix":
      return 2 * xor2.delayPs + Math.ceil(Math.log2(Math.max(2, width))) * or2.delayPs;
  }
}

/** Area in µm²: full adders and multiplexers, or generate/propagate pairs, a prefix tree of Sklansky 1960 and the sums. */
export function adderAreaUm2(architecture: AdderArchitecture, width: number, cells: CellTable): number {
  const { fullAdder, mux2, xor2, and2, or2 } = cells;
  switch (architecture) {
    case "ripple":
      return width * fullAdder.areaUm2;
    case "select": {
      const first = Math.min(width, FIRST_SELECT_BLOCK);
      return first * fullAdder.areaUm2 + (width - first) * (2 * fullAdder.areaUm2 + mux2.areaUm2);
    }
    case "prefix": {
      const nodes = (width / 2) * Math.ceil(Math.log2(Math.max(2, width)));
      return width * (2 * xor2.areaUm2 + and2.areaUm2) + nodes * (2 * and2.areaUm2 + or2.areaUm2);
    }
  }
}

/** Choose the smallest adder that is done within a time; the fastest if none is. */
export function chooseAdder(width: number, availablePs: number, cells: CellTable): AdderArchitecture {
  const fits = adderArchitectures.filter((kind) => adderDelayPs(kind, width, cells) <= availablePs);
  const by = (cost: (kind: AdderArchitecture) => number) => (a: AdderArchitecture, b: AdderArchitecture) =>
    cost(a) - cost(b);
  if (fits.length > 0) return [...fits].sort(by((kind) => adderAreaUm2(kind, width, cells)))[0]!;
  return [...adderArchitectures].sort(by((kind) => adderDelayPs(kind, width, cells)))[0]!;
}

/** Library cells of an adder by role. */
export type FastAdderCells = {
  readonly fullAdder: number;
  readonly halfAdder: number;
  readonly xor2: number;
  readonly nand2: number;
  readonly or2: number;
  readonly mux2: number;
};

const NO_FAST_CELLS: FastAdderCells = { fullAdder: 0, halfAdder: 0, xor2: 0, nand2: 0, or2: 0, mux2: 0 };

/**
 * Count the cells of a carry-select or prefix adder of whose last carry nothing reads.
 *
 * @param columns lowest first: whether two operand bits meet there, or one is a constant 0
 */
export function fastAdderCells(
  architecture: Exclude<AdderArchitecture, "ripple">,
  columns: readonly boolean[],
): FastAdderCells {
  return architecture === "select" ? selectCells(columns) : prefixCells(columns);
}

/** Blocks for a carry of 0 and, but for the lowest, of 1: their first columns are a half adder, and an exclusive nor and an or. */
function selectCells(columns: readonly boolean[]): FastAdderCells {
  const cells = { ...NO_FAST_CELLS };
  let from = 0;
  for (const [block, size] of selectBlocks(columns.length).entries()) {
    const last = from + size === columns.length;
    for (const carryIn of block === 0 ? [false] : [false, true]) {
      for (const [i, both] of columns.slice(from, from + size).entries()) {
        const top = last && i === size - 1;
        const operands = (both ? 2 : 1) + (i > 0 ? 1 : 0);
        if (top) cells.xor2 += operands - 1;
        else if (i === 0 && carryIn && both) {
          cells.xor2++;
          cells.or2++;
        } else if (operands === 3) cells.fullAdder++;
        else if (operands === 2) cells.halfAdder++;
      }
    }
    // Sums and the carry out are chosen.
    if (block > 0) cells.mux2 += size + (last ? 0 : 1);
    from += size;
  }
  return cells;
}

/**
 * Sklansky's tree without what is constant or unread. Levels alternate in polarity: a lone and is a nand or nor, an and that feeds an or one complex
 * gate about as large as an or.
 */
function prefixCells(columns: readonly boolean[]): FastAdderCells {
  const cells = { ...NO_FAST_CELLS };
  const width = columns.length;
  /** Whether a carry can arise in the columns that lie between `from` and `to`. */
  const carries = (from: number, to: number): boolean => columns.slice(from, to + 1).some(Boolean);
  for (const [i, both] of columns.entries()) {
    if (both) cells.xor2++;
    if (both && i < width - 1) cells.nand2++;
    if (i > 0 && carries(0, i - 1)) cells.xor2++;
  }
  for (let size = 1; size < width; size *= 2) {
    for (let i = 0; i < width - 1; i++) {
      if (Math.floor(i / size) % 2 === 0) continue;
      const above = Math.floor(i / size) * size;
      const below = above - size;
      if (carries(below, above - 1)) {
        if (carries(above, i)) cells.or2++;
        else cells.nand2++;
      }
      if (below > 0) cells.nand2++;
    }
  }
  return cells;
}
