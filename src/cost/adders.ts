import { compileFrontEnd, type LayerStats } from "../hw/index.js";
import type { QuantNetwork } from "../quant/index.js";

/** Adders of a frozen front in its parallel form. */
export type FrontAdders = {
  /** Full adders: trees, final adders a bit each, of sums and requantizations. */
  readonly fullAdders: number;
  /** Two-operand additions of the adder graphs. */
  readonly additions: number;
  /** Canonical signed digits of the weights. */
  readonly digits: number;
  readonly layers: readonly {
    readonly layer: string;
    readonly fullAdders: number;
    readonly additions: number;
    readonly digits: number;
  }[];
};

function fullAddersOf({ datapath, requantization }: LayerStats): number {
  const of = (counts: LayerStats["datapath"]): number => counts.fullAdders + counts.finalAdderBits;
  return of(datapath) + of(requantization);
}

/**
 * Count the adders of a front by compiling it whole, nothing folded: sub-expressions are shared as they will be in silicon, so that the
 * count is no estimate from digits.
 *
 * @throws FixynnError as `compileFrontEnd`
 */
export function countFrontAdders(front: QuantNetwork): FrontAdders {
  const layers = compileFrontEnd(front, front.output).layers.map(({ node, stats }) => ({
    layer: node.name,
    fullAdders: fullAddersOf(stats),
    additions: stats.additions,
    digits: stats.csdDigits,
  }));
  const sum = (of: "fullAdders" | "additions" | "digits"): number =>
    layers.reduce((total, layer) => total + layer[of], 0);
  return { fullAdders: sum("fullAdders"), additions: sum("additions"), digits: sum("digits"), layers };
}
