import { FixynnError } from "../core/index.js";
import { type FrontEnd, registerBits } from "../hw/index.js";
import { costFrontEnd, countsOf, type FrontEndCost } from "./structural/index.js";
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
  return {
    plain: before,
    programmable: after,
    layers: registers.layers.length,
    channels: registers.layers.reduce((sum, { addresses }) => sum + addresses.length, 0),
    registerBits: registers.layers.reduce((sum, layer) => sum + registerBits(layer), 0),
    areaRatio: after.areaMm2.total / before.areaMm2.total,
    energyRatio: after.energyPerFrameUj.total / before.energyPerFrameUj.total,
  };
}
