import { FixynnError } from "../core/index.js";
import type { FrontEnd } from "../hw/index.js";
import { countsOf } from "./layer-counts.js";
import { costFrontEnd, type FrontEndCost } from "./structural.js";
import type { Technology } from "./technology.js";

/** What programmable normalization costs: one front with constants, and with registers. */
export type NormalizationCost = {
  readonly plain: FrontEndCost;
  readonly programmable: FrontEndCost;
  /** Layers and channels that have registers, and the bits of these. */
  readonly layers: number;
  readonly channels: number;
  readonly registerBits: number;
  /** Programmable over plain. */
  readonly areaRatio: number;
  readonly energyRatio: number;
};

/**
 * Price programmable normalization beside plain freezing, by the structural tier without simulated activity: two fronts of one network
 * at one clock.
 *
 * @throws FixynnError FX7043 when the fronts are not of the same layers, or the second has no registers
 */
export function compareNormalization(
  plain: FrontEnd,
  programmable: FrontEnd,
  { technology, clockMhz }: { readonly technology: Technology; readonly clockMhz?: number },
): NormalizationCost {
  const { registers } = programmable;
  const names = (front: FrontEnd): string => front.layers.map(({ node }) => node.name).join();
  if (registers === undefined || plain.registers !== undefined || names(plain) !== names(programmable))
    throw new FixynnError("FX7043", "not a front with constants and the same front with registers", {
      place: programmable.network.name,
    });
  const cost = ({ layers }: FrontEnd): FrontEndCost =>
    costFrontEnd({
      layers: layers.map(({ node, stats }) => countsOf(node.name, stats)),
      technology,
      clockMhz,
    });
  const [before, after] = [cost(plain), cost(programmable)];
  const words = registers.layers.map(({ addresses, multiplierBits, offsetBits }) => ({
    channels: addresses.length,
    bits: addresses.length * (multiplierBits + offsetBits),
  }));
  return {
    plain: before,
    programmable: after,
    layers: words.length,
    channels: words.reduce((sum, { channels }) => sum + channels, 0),
    registerBits: words.reduce((sum, { bits }) => sum + bits, 0),
    areaRatio: after.areaMm2.total / before.areaMm2.total,
    energyRatio: after.energyPerFrameUj.total / before.energyPerFrameUj.total,
  };
}
