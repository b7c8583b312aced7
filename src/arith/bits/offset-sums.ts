import { type AdderGraph, AdderGraphBuilder, type AdderNodeId, type Term } from "../adder-graph.js";
import { type BitFormat, formatOfNode, invertedWeight } from "./bit-format.js";
import { chooseCarryIns } from "./carry-ins.js";

/**
 * Whether each sum is read by sums alone and is no output: then any word that determines it will do. A sum that an output merely shifts
 * is as good as an output itself.
 */
export function innerSums(graph: AdderGraph): readonly boolean[] {
  const inner = graph.nodes.map(({ kind }) => kind === "sum");
  const read = graph.nodes.map(() => false);
  for (const node of graph.nodes) {
    if (node.kind === "input") continue;
    if (node.kind === "sum") for (const { source } of node.terms) read[source] = true;
    else inner[node.source] = false;
  }
  for (const output of graph.outputs) {
    inner[output] = false;
    const node = graph.nodes[output]!;
    if (node.kind === "sum" && node.terms.length === 1) inner[node.terms[0]!.source] = false;
  }
  return inner.map((is, i) => is && read[i]!);
}

/** Passes of {@link chooseSigns} over the graph; few sums still change after the third. */
const SIGN_PASSES = 8;

/**
 * Choose which inner sums to negate so that the fewest bits are needed inverted. A word is inverted where a reader subtracts it, and
 * once for all readers; negating a sum turns its own terms and its readers'. Local search, the youngest sum first; linear in the terms
 * of a pass.
 *
 * @returns 1 or −1 for each node
 */
export function chooseSigns(graph: AdderGraph): readonly (1 | -1)[] {
  const inner = innerSums(graph);
  const signs = graph.nodes.map((): 1 | -1 => 1);
  const widths = graph.nodes.map(({ interval: { low, high } }) => (high - low).toString(2).length);
  const readers = graph.nodes.map((): { readonly reader: number; readonly sign: 1 | -1 }[] => []);
  for (const [i, node] of graph.nodes.entries()) {
    if (node.kind !== "sum") continue;
    for (const { source, negative } of node.terms)
      readers[source]!.push({ reader: i, sign: negative ? -1 : 1 });
  }
  const inverted = (source: number): number =>
    readers[source]!.some(({ reader, sign }) => signs[source]! * sign * signs[reader]! < 0)
      ? widths[source]!
      : 0;
  for (let pass = 0; pass < SIGN_PASSES; pass++) {
    let changed = false;
    for (let i = graph.nodes.length - 1; i >= 0; i--) {
      const node = graph.nodes[i]!;
      if (!inner[i] || node.kind !== "sum") continue;
      const words = [...new Set([i, ...node.terms.map(({ source }) => source)])];
      const cost = (): number => words.reduce((sum, word) => sum + inverted(word), 0);
      const before = cost();
      signs[i] = signs[i] === 1 ? -1 : 1;
      if (cost() < before) changed = true;
      else signs[i] = signs[i] === 1 ? -1 : 1;
    }
    if (!changed) break;
  }
  return signs;
}

/**
 * Rewrite inner sums so that their trees need no constants: each becomes ± itself plus an offset, the one at which all corrections for
 * subtracted words and signed inputs (−x = ~x + 1 − 2^n) cancel; so it is an unsigned word without a sign bit. Readers take the offset out
 * again in their own constant, so that in the end each output has one constant, where its bias is. Signs are {@link chooseSigns}'. Outputs
 * and what is not linear keep their values, and nodes keep their numbers. Some two-operand sums get a carry in, see {@link chooseCarryIns}.
 *
 * Example: s = a − b of two signed bytes becomes s' = (a + 128) + (127 − b) = a − b + 255 in 0 … 510: two inverted bits, seven full
 * adders and a half adder; as a signed word it would also pay for two constant ones.
 */
export function offsetSums(graph: AdderGraph): AdderGraph {
  const inner = innerSums(graph);
  const signs = chooseSigns(graph);
  const none = graph.nodes.map(() => 0n);
  const plain = rewrite(graph, { inner, signs, carryIns: none });
  const carryIns = chooseCarryIns(plain, inner);
  return carryIns.every((carry) => carry === 0n) ? plain : rewrite(graph, { inner, signs, carryIns });
}

/** {@link offsetSums} with what has been chosen. */
function rewrite(
  graph: AdderGraph,
  {
    inner,
    signs,
    carryIns,
  }: {
    readonly inner: readonly boolean[];
    readonly signs: readonly (1 | -1)[];
    readonly carryIns: readonly bigint[];
  },
): AdderGraph {
  const offsets: bigint[] = [];
  const formats: BitFormat[] = [];
  const builder = new AdderGraphBuilder();
  const ids: AdderNodeId[] = [];
  for (const [i, node] of graph.nodes.entries()) {
    offsets.push(0n);
    switch (node.kind) {
      case "input":
        ids.push(builder.input(node.name, node.interval));
        break;
      case "floorShift":
        ids.push(builder.floorShift(ids[node.source]!, node.shift));
        break;
      case "nonNegative":
        ids.push(builder.nonNegative(ids[node.source]!));
        break;
      case "lowBits":
        ids.push(builder.lowBits(ids[node.source]!, node.width));
        break;
      case "saturate":
        ids.push(builder.saturate(ids[node.source]!, node.width));
        break;
      case "sum": {
        const sign = signs[i]!;
        let carried = 0n;
        let corrections = 0n;
        const terms = node.terms.map(({ source, shift, negative }): Term => {
          const minus = negative !== sign * signs[source]! < 0;
          const word = ids[source]!;
          corrections += invertedWeight(formats[source]!, minus) << BigInt(shift);
          carried += (minus ? -offsets[source]! : offsets[source]!) << BigInt(shift);
          return { source: word, shift, negative: minus };
        });
        const constant = BigInt(sign) * node.constant - carried;
        const own = corrections + carryIns[i]!;
        if (inner[i]) offsets[i] = own - constant;
        ids.push(builder.sum(node.name, terms, inner[i] ? own : constant));
        break;
      }
    }
    const made = builder.node(ids[i]!);
    formats.push(formatOfNode(made, inner[i]!, (source) => formats[source]!));
  }
  return builder.build(
    graph.name,
    graph.outputs.map((output) => ids[output]!),
  );
}
