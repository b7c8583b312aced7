import { assertNever, type Brand, FixynnError } from "../core/index.js";
import { addIntervals, floorShiftInterval, type Interval, sameInterval, scaleInterval } from "./interval.js";
import { formInterval, type LinearForm, rootForm, sumForm } from "./linear-form.js";

/** Index of a node in its graph. */
export type AdderNodeId = Brand<number, "adderNode">;

/** ± source · 2^shift. */
export type Term = { readonly source: AdderNodeId; readonly shift: number; readonly negative: boolean };

/** A word from outside; every integer of the interval may come. */
export type InputWord = { readonly kind: "input"; readonly name: string; readonly interval: Interval };
/** Σ terms + constant, exact; so is its interval. */
export type SumNode = {
  readonly kind: "sum";
  readonly name: string;
  readonly terms: readonly Term[];
  readonly constant: bigint;
  readonly interval: Interval;
};
/** floor(source / 2^shift): drops bits, costs nothing. */
export type FloorShiftNode = {
  readonly kind: "floorShift";
  readonly source: AdderNodeId;
  readonly shift: number;
  readonly interval: Interval;
};
/** 1 if source ≥ 0, else 0: the inverted sign bit. */
export type NonNegativeNode = {
  readonly kind: "nonNegative";
  readonly source: AdderNodeId;
  readonly interval: Interval;
};
/** source modulo 2^width, not negative: its low bits, costs nothing. */
export type LowBitsNode = {
  readonly kind: "lowBits";
  readonly source: AdderNodeId;
  readonly width: number;
  readonly interval: Interval;
};
/** min(max(source, 0), 2^width − 1): two gates a bit where the source exceeds it. */
export type SaturateNode = {
  readonly kind: "saturate";
  readonly source: AdderNodeId;
  readonly width: number;
  readonly interval: Interval;
};
export type AdderNode = InputWord | SumNode | FloorShiftNode | NonNegativeNode | LowBitsNode | SaturateNode;

/** Sums of shifted words, in topological order; what a constant datapath computes, before any bit of it is decided. */
export type AdderGraph = {
  readonly kind: "adderGraph";
  readonly name: string;
  readonly nodes: readonly AdderNode[];
  readonly outputs: readonly AdderNodeId[];
};

/** Return the nodes that a node reads. */
export function adderSources(node: AdderNode): readonly AdderNodeId[] {
  if (node.kind === "input") return [];
  return node.kind === "sum" ? node.terms.map((term) => term.source) : [node.source];
}

/**
 * Computes the intervals of nodes that are added in order. Sums are expanded over the inputs (and over nodes that are not linear), so
 * their intervals are exact, however much their terms have in common; a root's interval is what its own source's gives.
 */
class IntervalAnalysis {
  readonly #forms: LinearForm[] = [];
  readonly #intervals: Interval[] = [];

  add(node: AdderNode): Interval {
    const id = this.#forms.length as AdderNodeId;
    // A sum whose factors leave 2^53 becomes a root of its own: its interval is exact, that of what reads it is sound.
    const form = node.kind === "sum" ? sumForm(node, (source) => this.#forms[source]!) : undefined;
    const range =
      form === undefined ? this.#rootInterval(node) : formInterval(form, (root) => this.#intervals[root]!);
    this.#forms.push(form ?? rootForm(id));
    this.#intervals.push(range);
    return range;
  }

  #rootInterval(node: AdderNode): Interval {
    switch (node.kind) {
      case "input":
        return node.interval;
      case "sum": {
        let sum: Interval = { low: node.constant, high: node.constant };
        for (const { source, shift, negative } of node.terms) {
          const weight = 1n << BigInt(shift);
          sum = addIntervals(sum, scaleInterval(this.#intervals[source]!, negative ? -weight : weight));
        }
        return sum;
      }
      case "floorShift":
        return floorShiftInterval(this.#intervals[node.source]!, node.shift);
      case "nonNegative": {
        const { low, high } = this.#intervals[node.source]!;
        return { low: low >= 0n ? 1n : 0n, high: high >= 0n ? 1n : 0n };
      }
      case "lowBits": {
        const { low, high } = this.#intervals[node.source]!;
        const width = BigInt(node.width);
        if (low >> width === high >> width) {
          return { low: BigInt.asUintN(node.width, low), high: BigInt.asUintN(node.width, high) };
        }
        return { low: 0n, high: (1n << width) - 1n };
      }
      case "saturate": {
        const { low, high } = this.#intervals[node.source]!;
        return { low: saturated(low, node.width), high: saturated(high, node.width) };
      }
      default:
        return assertNever(node);
    }
  }
}

/** min(max(n, 0), 2^width − 1). */
export function saturated(n: bigint, width: number): bigint {
  const top = (1n << BigInt(width)) - 1n;
  return n < 0n ? 0n : n > top ? top : n;
}

/** Builds an {@link AdderGraph}, computing intervals. */
export class AdderGraphBuilder {
  readonly #nodes: AdderNode[] = [];
  readonly #analysis = new IntervalAnalysis();

  #push(node: AdderNode): AdderNodeId {
    this.#nodes.push({ ...node, interval: this.#analysis.add(node) });
    return (this.#nodes.length - 1) as AdderNodeId;
  }

  node(id: AdderNodeId): AdderNode {
    return this.#nodes[id]!;
  }

  interval(id: AdderNodeId): Interval {
    return this.#nodes[id]!.interval;
  }

  input(name: string, range: Interval): AdderNodeId {
    return this.#push({ kind: "input", name, interval: range });
  }

  sum(name: string, terms: readonly Term[], constant: bigint): AdderNodeId {
    return this.#push({ kind: "sum", name, terms, constant, interval: UNKNOWN });
  }

  floorShift(source: AdderNodeId, shift: number): AdderNodeId {
    return shift === 0 ? source : this.#push({ kind: "floorShift", source, shift, interval: UNKNOWN });
  }

  nonNegative(source: AdderNodeId): AdderNodeId {
    return this.#push({ kind: "nonNegative", source, interval: UNKNOWN });
  }

  /** The source's low bits; the source itself when it has no others. */
  lowBits(source: AdderNodeId, width: number): AdderNodeId {
    const { low, high } = this.interval(source);
    if (low >= 0n && high < 1n << BigInt(width)) return source;
    return this.#push({ kind: "lowBits", source, width, interval: UNKNOWN });
  }

  /** The source, saturated to an unsigned word; the source itself when it is never outside. */
  saturate(source: AdderNodeId, width: number): AdderNodeId {
    const { low, high } = this.interval(source);
    if (low >= 0n && high < 1n << BigInt(width)) return source;
    return this.#push({ kind: "saturate", source, width, interval: UNKNOWN });
  }

  build(name: string, outputs: readonly AdderNodeId[]): AdderGraph {
    return verifyAdderGraph({ kind: "adderGraph", name, nodes: this.#nodes, outputs });
  }
}

const UNKNOWN: Interval = { low: 0n, high: 0n };

/**
 * Check order, shifts and intervals of a graph.
 *
 * @throws FixynnError FX5010 naming the graph and the first bad node
 */
export function verifyAdderGraph(graph: AdderGraph): AdderGraph {
  const fail = (i: number, message: string): never => {
    throw new FixynnError("FX5010", `node ${i}: ${message}`, { place: `adder graph ${graph.name}` });
  };
  const analysis = new IntervalAnalysis();
  for (const [i, node] of graph.nodes.entries()) {
    for (const source of adderSources(node)) {
      if (!(Number.isInteger(source) && source >= 0 && source < i))
        fail(i, `reads ${source}, not an earlier node`);
    }
    const shifts =
      node.kind === "sum" ? node.terms.map((t) => t.shift) : node.kind === "floorShift" ? [node.shift] : [];
    if ("width" in node && !(Number.isInteger(node.width) && node.width > 0)) fail(i, "has a bad width");
    if (shifts.some((shift) => !Number.isInteger(shift) || shift < 0)) fail(i, "has a bad shift");
    if (node.interval.low > node.interval.high) fail(i, "has an empty interval");
    const computed = analysis.add(node);
    if (!sameInterval(computed, node.interval)) {
      fail(
        i,
        `interval is ${computed.low}..${computed.high}, not ${node.interval.low}..${node.interval.high}`,
      );
    }
  }
  for (const output of graph.outputs) {
    if (graph.nodes[output] === undefined) fail(output, "is an output but does not exist");
  }
  return graph;
}

/** Compute every node for one input vector, in the order of the input nodes. */
export function evaluateAdderGraph(graph: AdderGraph, inputs: readonly bigint[]): readonly bigint[] {
  const values: bigint[] = [];
  let next = 0;
  for (const node of graph.nodes) {
    switch (node.kind) {
      case "input":
        values.push(inputs[next++]!);
        break;
      case "sum": {
        let sum = node.constant;
        for (const { source, shift, negative } of node.terms) {
          const word = values[source]! << BigInt(shift);
          sum += negative ? -word : word;
        }
        values.push(sum);
        break;
      }
      case "floorShift":
        values.push(values[node.source]! >> BigInt(node.shift));
        break;
      case "nonNegative":
        values.push(values[node.source]! >= 0n ? 1n : 0n);
        break;
      case "lowBits":
        values.push(BigInt.asUintN(node.width, values[node.source]!));
        break;
      case "saturate":
        values.push(saturated(values[node.source]!, node.width));
        break;
      default:
        assertNever(node);
    }
  }
  return values;
}

/** Print a graph, one node a line: `%7 = sum acc3 %0<<2 - %1 + 5 : -12..300`. */
export function printAdderGraph(graph: AdderGraph): string {
  const lines = graph.nodes.map((node, i) => {
    const range = `${node.interval.low}..${node.interval.high}`;
    switch (node.kind) {
      case "input":
        return `%${i} = input ${node.name} : ${range}`;
      case "sum": {
        const terms = node.terms.map((t) => `${t.negative ? "- " : "+ "}%${t.source}<<${t.shift}`).join(" ");
        return `%${i} = sum ${node.name} ${terms} + ${node.constant} : ${range}`;
      }
      case "floorShift":
        return `%${i} = floorShift %${node.source} >> ${node.shift} : ${range}`;
      case "nonNegative":
        return `%${i} = nonNegative %${node.source} : ${range}`;
      case "lowBits":
      case "saturate":
        return `%${i} = ${node.kind} %${node.source} to ${node.width} bits : ${range}`;
      default:
        return assertNever(node);
    }
  });
  return [
    `adderGraph ${graph.name}`,
    ...lines,
    `return ${graph.outputs.map((o) => `%${o}`).join(" ")}`,
    "",
  ].join("\n");
}
