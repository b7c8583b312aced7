import type { AdderNode, AdderNodeId } from "./adder-graph.js";
import type { Interval } from "./interval.js";

/**
 * A sum written over independent roots (inputs, and results of nodes that are not linear): Σ factors[k] · roots[k] + constant.
 * Roots ascend; factors are integers below 2^53 in magnitude.
 */
export type LinearForm = {
  readonly roots: readonly AdderNodeId[];
  readonly factors: readonly number[];
  readonly constant: bigint;
};

/** Form of a root. */
export function rootForm(id: AdderNodeId): LinearForm {
  return { roots: [id], factors: [1], constant: 0n };
}

/** Expand a sum over the roots of its terms; `undefined` when a factor leaves 2^53. */
export function sumForm(
  node: Extract<AdderNode, { kind: "sum" }>,
  formOf: (id: AdderNodeId) => LinearForm,
): LinearForm | undefined {
  const factors = new Map<AdderNodeId, number>();
  let constant = node.constant;
  for (const { source, shift, negative } of node.terms) {
    const form = formOf(source);
    const scale = (negative ? -1 : 1) * 2 ** shift;
    if (form.constant !== 0n) constant += form.constant * BigInt(scale);
    for (let k = 0; k < form.roots.length; k++) {
      const root = form.roots[k]!;
      const factor = (factors.get(root) ?? 0) + scale * form.factors[k]!;
      if (!Number.isSafeInteger(factor)) return undefined;
      factors.set(root, factor);
    }
  }
  const roots = [...factors.keys()].filter((root) => factors.get(root) !== 0).sort((a, b) => a - b);
  return { roots, factors: roots.map((root) => factors.get(root)!), constant };
}

/** Interval of a form over independent roots: exact, both ends are reached. */
export function formInterval(form: LinearForm, intervalOf: (id: AdderNodeId) => Interval): Interval {
  let low = 0;
  let high = 0;
  let magnitude = 0;
  for (let k = 0; k < form.roots.length; k++) {
    const range = intervalOf(form.roots[k]!);
    const factor = form.factors[k]!;
    const [a, b] = [factor * Number(range.low), factor * Number(range.high)];
    low += Math.min(a, b);
    high += Math.max(a, b);
    magnitude += Math.max(Math.abs(a), Math.abs(b));
  }
  if (magnitude < 2 ** 52) return { low: BigInt(low) + form.constant, high: BigInt(high) + form.constant };
  return wideInterval(form, intervalOf);
}

function wideInterval(form: LinearForm, intervalOf: (id: AdderNodeId) => Interval): Interval {
  let { constant: low, constant: high } = form;
  for (const [k, root] of form.roots.entries()) {
    const range = intervalOf(root);
    const factor = BigInt(form.factors[k]!);
    low += factor * (factor < 0n ? range.high : range.low);
    high += factor * (factor < 0n ? range.low : range.high);
  }
  return { low, high };
}
