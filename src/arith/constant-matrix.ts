import { type AdderGraph, AdderGraphBuilder, type AdderNodeId, type Term } from "./adder-graph.js";
import { csd } from "./csd.js";
import type { Interval } from "./interval.js";

/** y[o] = Σ_i weights[o][i] · x[i] + constants[o]. */
export type ConstantMatrix = {
  readonly name: string;
  /** One row of integers an output. */
  readonly weights: readonly ArrayLike<number>[];
  readonly inputs: readonly { readonly name: string; readonly interval: Interval }[];
  readonly outputs: readonly string[];
  /** Default zeros. */
  readonly constants?: readonly bigint[];
};

/** List the terms of factor · source, one a signed digit. */
export function scaledTerms(source: AdderNodeId, factor: number): readonly Term[] {
  return csd(factor).map(({ shift, negative }) => ({ source, shift, negative }));
}

/** Add the sums of a constant matrix to a graph; zero weights vanish. Returns one node an output. */
export function addConstantMatrix(
  builder: AdderGraphBuilder,
  matrix: Omit<ConstantMatrix, "inputs">,
  inputs: readonly AdderNodeId[],
): readonly AdderNodeId[] {
  return matrix.weights.map((row, o) => {
    const terms = inputs.flatMap((source, i) => (row[i] === 0 ? [] : scaledTerms(source, row[i]!)));
    return builder.sum(matrix.outputs[o]!, terms, matrix.constants?.[o] ?? 0n);
  });
}

/** Recode a constant matrix in canonical signed digits: one multi-operand sum an output, nothing shared yet. */
export function constantMatrix(matrix: ConstantMatrix): AdderGraph {
  const builder = new AdderGraphBuilder();
  const inputs = matrix.inputs.map(({ name, interval }) => builder.input(name, interval));
  return builder.build(matrix.name, addConstantMatrix(builder, matrix, inputs));
}
