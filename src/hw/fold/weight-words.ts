import { toBits } from "../netlist.js";
import type { FoldedSteps, Folding } from "./parallelism.js";

/** Weight rows of a layer, one an output channel, all equally long. */
export type WeightRows = readonly (readonly number[])[];

/** Bits that hold every weight of a layer: two's complement if any is negative. */
export function weightFormat(rows: WeightRows): { readonly bits: number; readonly signed: boolean } {
  let low = 0;
  let high = 0;
  for (const row of rows) {
    for (const w of row) {
      if (w < low) low = w;
      if (w > high) high = w;
    }
  }
  const signed = low < 0;
  const bits = Math.max(1, ...[high, -low - 1].map((n) => (n <= 0 ? 0 : n.toString(2).length)));
  return { bits: signed ? bits + 1 : bits, signed };
}

/**
 * Words of the weight ROM, most significant bit first: word group · slices + slice holds, lane by lane, the bit planes of the lane's weights,
 * lowest lane and plane lowest. What lies beyond the last channel or tap is 0.
 */
export function weightWords(rows: WeightRows, folding: Folding, { groups, slices }: FoldedSteps): string[] {
  const { bits } = weightFormat(rows);
  const words: string[] = [];
  for (let group = 0; group < groups; group++) {
    for (let slice = 0; slice < slices; slice++) {
      let word = "";
      for (let lane = 0; lane < folding.lanes; lane++) {
        const row = rows[group * folding.lanes + lane] ?? [];
        const weights = Array.from({ length: folding.inputs }, (_, p) =>
          toBits(row[slice * folding.inputs + p] ?? 0, bits),
        );
        for (let plane = 0; plane < bits; plane++) {
          let text = "";
          for (const weight of weights) text = weight[bits - 1 - plane]! + text;
          word = text + word;
        }
      }
      words.push(word);
    }
  }
  return words;
}
