import {
  type AdderGraphBuilder,
  type AdderNodeId,
  type Requantizer,
  type StepFunction,
  searchRequantizer,
  type Term,
} from "../arith/index.js";

/** How a step function is computed: the cheapest exact form found, or by one comparison a step. */
export type StepPlan =
  | Requantizer
  | { readonly kind: "compared"; readonly offset: 0; readonly f: StepFunction; readonly value?: never };

/** Plan a step function of a sum before the sum is made, so that the plan's offset can join what the sum begins with. */
export function planSteps(f: StepFunction): StepPlan {
  return searchRequantizer(f) ?? { kind: "compared", offset: 0, f };
}

/** Add comparisons with all thresholds: the value is where the function begins plus the number of thresholds that are reached. */
export function addComparisons(
  graph: AdderGraphBuilder,
  sum: AdderNodeId,
  { first, thresholds }: StepFunction,
  name: string,
): AdderNodeId {
  const terms = Array.from(thresholds, (threshold, i): Term => {
    const above = graph.sum(
      `${name}_above${i}`,
      [{ source: sum, shift: 0, negative: false }],
      -BigInt(threshold),
    );
    return { source: graph.nonNegative(above), shift: 0, negative: false };
  });
  return graph.sum(name, terms, BigInt(first));
}
