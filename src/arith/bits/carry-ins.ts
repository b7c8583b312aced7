import type { AdderGraph } from "../adder-graph.js";
import { wordFormat } from "../interval.js";
import { bitFormats, treeConstant } from "./bit-format.js";

/** Passes of {@link chooseCarryIns}. */
const PASSES = 4;
/** A carry-in costs little, but not nothing: a half adder becomes a full adder with a constant input. */
const PENALTY = 0.1;

/** How much of each inner sum is in each output, by output: c in y = … + c · s. Only outputs that it reaches. */
function sharesOf(graph: AdderGraph, inner: readonly boolean[]): readonly ReadonlyMap<number, bigint>[] {
  const shares: Map<number, bigint>[] = graph.nodes.map(() => new Map());
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i]!;
    if (node.kind !== "sum") continue;
    const own = inner[i] ? [...shares[i]!] : [[i, 1n] as const];
    for (const { source, shift, negative } of node.terms) {
      if (!inner[source]) continue;
      for (const [output, share] of own) {
        const more = (negative ? -share : share) << BigInt(shift);
        shares[source]!.set(output, (shares[source]!.get(output) ?? 0n) + more);
      }
    }
  }
  return shares;
}

function ones(value: bigint): number {
  let count = 0;
  for (let rest = value; rest > 0n; rest &= rest - 1n) count++;
  return count;
}

/**
 * Choose carries into the adders of inner sums so that outputs have constants with fewer ones. The lowest column of a two-operand
 * adder is a half adder, so that adding 2^column to its sum costs next to nothing, while every one bit of an output's constant costs about
 * a half adder. Local search; a pass costs the outputs that the sums reach, and the paths from each sum taken to the inner sums above it.
 *
 * @param graph after the offsets: inner sums are unsigned words without constants
 * @returns for each node what to add to it, 0 for most
 */
export function chooseCarryIns(graph: AdderGraph, inner: readonly boolean[]): readonly bigint[] {
  const shares = sharesOf(graph, inner);
  const carryIns = graph.nodes.map(() => 0n);
  const formats = bitFormats(graph, inner);
  const constants = graph.nodes.map((node, i) =>
    node.kind === "sum" && !inner[i] ? treeConstant(node, (source) => formats[source]!) : 0n,
  );
  const widths = graph.nodes.map(({ interval }) => wordFormat(interval).width);
  const counts = constants.map((constant, i) => ones(BigInt.asUintN(widths[i]!, constant)));
  // An inner sum may grow by no more than its word has room for, all carries before it included.
  const room = graph.nodes.map(({ interval: { high } }, i) => (1n << BigInt(widths[i]!)) - 1n - high);
  const readers = readersOf(graph, inner);
  for (let pass = 0; pass < PASSES; pass++) {
    let changed = false;
    for (const [i, node] of graph.nodes.entries()) {
      if (!inner[i] || node.kind !== "sum" || node.terms.length !== 2) continue;
      const column = Math.max(...node.terms.map(({ shift }) => shift));
      const step = carryIns[i] === 0n ? 1n << BigInt(column) : -carryIns[i]!;
      let gain = step > 0n ? -PENALTY : PENALTY;
      for (const [output, share] of shares[i]!) {
        const after = ones(BigInt.asUintN(widths[output]!, constants[output]! - share * step));
        gain += counts[output]! - after;
      }
      if (gain <= 0 || !grow(i, step, room, readers)) continue;
      changed = true;
      carryIns[i] = carryIns[i]! + step;
      for (const [output, share] of shares[i]!) {
        constants[output] = constants[output]! - share * step;
        counts[output] = ones(BigInt.asUintN(widths[output]!, constants[output]!));
      }
    }
    if (!changed) break;
  }
  return carryIns;
}

type Reader = { readonly reader: number; readonly factor: bigint };

/** Inner readers of each inner sum. */
function readersOf(graph: AdderGraph, inner: readonly boolean[]): readonly (readonly Reader[])[] {
  const readers: Reader[][] = graph.nodes.map(() => []);
  for (const [i, node] of graph.nodes.entries()) {
    if (!inner[i] || node.kind !== "sum") continue;
    for (const { source, shift, negative } of node.terms)
      if (inner[source]) readers[source]!.push({ reader: i, factor: (negative ? -1n : 1n) << BigInt(shift) });
  }
  return readers;
}

/** Take a step out of the rooms of a sum and of all inner sums above it; false, and nothing taken, where there is none. */
function grow(i: number, step: bigint, room: bigint[], readers: readonly (readonly Reader[])[]): boolean {
  const taken: (readonly [number, bigint])[] = [];
  const visit = (at: number, by: bigint): boolean => {
    // A subtracted word enters inverted, 2^n − 1 less it: what it gains the reader loses.
    room[at] = room[at]! - by;
    taken.push([at, by]);
    if (room[at]! < 0n) return false;
    return readers[at]!.every(({ reader, factor }) => visit(reader, by * factor));
  };
  if (visit(i, step) && taken.every(([at]) => room[at]! >= 0n)) return true;
  for (const [at, by] of taken) room[at] = room[at]! + by;
  return false;
}
