import type { AdderGraph, AdderNode, AdderNodeId, SumNode } from "../adder-graph.js";
import { type WordFormat, wordFormat } from "../interval.js";

/** In which columns a word has bits, lowest first, perhaps two in one; two's complement when signed, the last bit being the sign. */
export type BitFormat = { readonly columns: readonly number[]; readonly signed: boolean };

/** One bit a column. */
export function plainFormat({ width, signed }: WordFormat): BitFormat {
  return { columns: Array.from({ length: width }, (_, i) => i), signed };
}

/** Sum of a format's bits that enter a sum inverted: all but the sign of a subtracted word, else the sign alone. */
export function invertedWeight({ columns, signed }: BitFormat, negative: boolean): bigint {
  const sign = signed ? 1n << BigInt(columns.at(-1)!) : 0n;
  return negative ? columns.reduce((sum, column) => sum + (1n << BigInt(column)), -sign) : sign;
}

/** What a sum's tree adds beside its bits: its own constant, and −1 for each bit that enters inverted. */
export function treeConstant(sum: SumNode, formatOf: (source: AdderNodeId) => BitFormat): bigint {
  return sum.terms.reduce(
    (constant, { source, shift, negative }) =>
      constant - (invertedWeight(formatOf(source), negative) << BigInt(shift)),
    sum.constant,
  );
}

/**
 * Where the adder of a shared sum adds: in columns with three bits, and in those with two if the next column has two as well, so that a
 * full adder follows. A half adder takes no bit away; so where only half adders would carry on, the carry stays a bit of its own
 * (carry-save), and nobody who reads the sum has a bit more to add.
 *
 * @param heights rows in each column, 0 to 2
 */
export function openColumns(heights: readonly number[]): readonly boolean[] {
  let carry = false;
  return heights.map((height, c) => {
    const bits = height + (carry ? 1 : 0);
    carry = bits === 3 || (bits === 2 && heights[c + 1] === 2);
    return carry;
  });
}

/**
 * Columns of an inner sum that is left open; `undefined` if it is better resolved, because its range does not fill the column above its
 * operands, so that the last carry never comes, or because it adds nothing.
 */
function openFormat(sum: SumNode, formatOf: (source: AdderNodeId) => BitFormat): BitFormat | undefined {
  const { width, signed } = wordFormat(sum.interval);
  if (signed) return undefined;
  const heights: number[] = [];
  const put = (column: number): void => {
    heights[column] = (heights[column] ?? 0) + 1;
  };
  for (const { source, shift } of sum.terms)
    for (const column of formatOf(source).columns) put(column + shift);
  const constant = BigInt.asUintN(width, treeConstant(sum, formatOf));
  for (let c = 0; c < width; c++) if ((constant >> BigInt(c)) & 1n) put(c);
  if (heights.length === 0 || heights.length >= width) return undefined;
  const rows: number[] = [];
  for (let c = 0, carries = 0; c < heights.length || carries > 0; c++) {
    const bits = (heights[c] ?? 0) + carries;
    carries = Math.max(0, Math.floor((bits - 1) / 2));
    rows.push(bits - 2 * carries);
  }
  const adds = openColumns(rows);
  if (rows.length > width || adds[width - 1]) return undefined;
  const columns: number[] = [];
  for (let c = 0, carry = 0; c < rows.length || carry > 0; c++) {
    const bits = (rows[c] ?? 0) + carry;
    carry = adds[c] ? 1 : 0;
    for (let k = 0; k < (adds[c] ? 1 : bits); k++) columns.push(c);
  }
  return { columns, signed: false };
}

/** Format of a node's word, given those of what it reads. */
export function formatOfNode(
  node: AdderNode,
  isInner: boolean,
  formatOf: (source: AdderNodeId) => BitFormat,
): BitFormat {
  const open = isInner && node.kind === "sum" ? openFormat(node, formatOf) : undefined;
  return open ?? plainFormat(wordFormat(node.interval));
}

/** Formats of all nodes. */
export function bitFormats(graph: AdderGraph, inner: readonly boolean[]): readonly BitFormat[] {
  const formats: BitFormat[] = [];
  for (const [i, node] of graph.nodes.entries())
    formats.push(formatOfNode(node, inner[i]!, (source) => formats[source]!));
  return formats;
}
