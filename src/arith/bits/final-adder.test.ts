import { expect, test } from "vitest";
import { fastAdderCells } from "./final-adder.js";

const full = (width: number): boolean[] => new Array<boolean>(width).fill(true);

/** Joins of Sklansky's tree whose carry something reads: one for each 1 in a column's number. */
const joins = (width: number): number =>
  Array.from({ length: Math.max(0, width - 1) }, (_, i) => i.toString(2).replaceAll("0", "").length).reduce(
    (a, b) => a + b,
    0,
  );

test("a prefix adder has two exclusive ors a column but the lowest, and a join for each 1 in a column's number", () => {
  for (const width of [2, 5, 8, 15, 32]) {
    const { xor2, nand2, or2 } = fastAdderCells("prefix", full(width));
    expect(xor2).toBe(2 * width - 1);
    expect(or2).toBe(joins(width));
    // Generates, and propagates of joins that do not reach column 0: all but one a column.
    expect(nand2).toBe(width - 1 + joins(width) - (width - 2));
  }
});

test("constant columns leave a prefix adder an incrementer", () => {
  const { xor2, nand2, or2 } = fastAdderCells("prefix", [true, ...full(7).fill(false)]);
  expect([xor2, or2]).toEqual([8, 0]);
  expect(nand2).toBeGreaterThanOrEqual(7);
  const none = Object.values(fastAdderCells("prefix", full(6).fill(false)));
  expect(none.slice(0, 3)).toEqual([0, 0, 0]);
});

test("a carry-select adder has two adders a block but the lowest, and chooses their sums and carries", () => {
  // Blocks of 3, 4 and 2 columns.
  expect(fastAdderCells("select", full(9))).toEqual({
    fullAdder: 2 + 3 + 3,
    halfAdder: 1 + 1 + 1,
    // Top sums of three bits, and first columns with a carry of 1.
    xor2: 2 + 2 + 2,
    or2: 2,
    nand2: 0,
    mux2: 5 + 2,
  });
});
