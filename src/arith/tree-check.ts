import { FixynnError } from "../core/index.js";
import { type CompressorTree, firstCellRef, treeCounts } from "./compressor-tree.js";
import { wordValue } from "./interval.js";

/**
 * Check that a tree adds exactly its columns: every cell takes three bits that are in its own column at that level and
 * each bit is taken once, nothing but the dropped carries is lost, and the rows are what remains.
 *
 * @throws FixynnError FX5011 naming the tree and the fault
 */
export function verifyCompressorTree(tree: CompressorTree): CompressorTree {
  const fail = (message: string): never => {
    throw new FixynnError("FX5011", message, { place: `compressor tree ${tree.name}` });
  };
  const { width } = tree;
  if (tree.dots.length !== width) fail(`${tree.dots.length} columns, not ${width}`);
  const firstRef = firstCellRef(tree.sources);
  let constant = 0n;
  for (const [c, column] of tree.dots.entries()) {
    for (const ref of column) {
      if (ref === 1) constant += 1n << BigInt(c);
      else if (!Number.isInteger(ref) || ref < 2 || ref >= firstRef)
        fail(`column ${c} starts with bit ${ref}`);
    }
  }
  if (constant !== tree.constant) fail(`the constant's bits give ${constant}, not ${tree.constant}`);
  let columns = tree.dots.map((column) => [...column]);
  let next = firstRef;
  const take = (column: number, ref: number): void => {
    const at = columns[column]?.indexOf(ref) ?? -1;
    if (at < 0) fail(`bit ${ref} is not in column ${column}`);
    columns[column]!.splice(at, 1);
  };
  for (const { fullAdders } of tree.levels) {
    const made: [number, number][] = [];
    const cell = (column: number, refs: readonly number[]): void => {
      for (const ref of refs) take(column, ref);
      made.push([column, next]);
      if (column + 1 < width) made.push([column + 1, next + 1]);
      next += 2;
    };
    if (fullAdders.length % 4 !== 0) fail("a level's list is cut short");
    for (let i = 0; i < fullAdders.length; i += 4) cell(fullAdders[i]!, fullAdders.slice(i + 1, i + 4));
    columns = columns.map((column) => [...column]);
    for (const [column, ref] of made) columns[column]!.push(ref);
  }
  for (let c = 0; c < width; c++) {
    const rows = [tree.rows[0][c], tree.rows[1][c]].filter((ref) => ref !== 0);
    for (const ref of rows) take(c, ref!);
    if (columns[c]!.length > 0) fail(`column ${c} has bits left over`);
    if (rows.length > 1 && c < tree.adderLow) fail(`column ${c} has two bits below the adder`);
  }
  return tree;
}

/** Run a tree's cells on one value a source; returns the result as the integer it stands for. */
export function evaluateCompressorTree(tree: CompressorTree, words: readonly bigint[]): bigint {
  const bits: number[] = [0, 1];
  for (const [i, source] of tree.sources.entries()) {
    for (let b = 0; b < source.width; b++) {
      const bit = Number((words[i]! >> BigInt(b)) & 1n);
      bits.push(bit, 1 - bit);
    }
  }
  for (const { fullAdders } of tree.levels) {
    const made: number[] = [];
    const emit = (total: number): void => {
      made.push(total & 1, total >> 1);
    };
    for (let i = 0; i < fullAdders.length; i += 4) {
      emit(bits[fullAdders[i + 1]!]! + bits[fullAdders[i + 2]!]! + bits[fullAdders[i + 3]!]!);
    }
    for (const bit of made) bits.push(bit);
  }
  let total = 0n;
  for (const row of tree.rows) {
    for (const [c, ref] of row.entries()) total += BigInt(bits[ref]!) << BigInt(c);
  }
  return wordValue(BigInt.asUintN(tree.width, total), tree);
}

/** Print a tree: its columns, levels and counts. */
export function printCompressorTree(tree: CompressorTree): string {
  const { fullAdders, halfAdders, topXors, inverters, finalAdderBits } = treeCounts(tree);
  const lines = [
    `compressorTree ${tree.name} : ${tree.signed ? "s" : "u"}${tree.width}, constant ${tree.constant}`,
    `  sources ${tree.sources.map((s) => `%${s.node}:${s.signed ? "s" : "u"}${s.width}`).join(" ")}`,
    `  heights ${tree.dots.map((column) => column.length).join(" ")}`,
  ];
  for (const [k, level] of tree.levels.entries()) {
    lines.push(`  level ${k + 1}: full ${level.fullAdders.join(",")}`);
  }
  lines.push(`  rows ${tree.rows[0].join(",")} + ${tree.rows[1].join(",")} from column ${tree.adderLow}`);
  lines.push(
    `  ${fullAdders} full adders, ${halfAdders} half adders, ${topXors} top exclusive ors, ${inverters} inverters, ` +
      `${finalAdderBits} bits of final adder`,
  );
  return `${lines.join("\n")}\n`;
}
