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
