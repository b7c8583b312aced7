import { areaUm2Of } from "./memory/fit.js";
import { macroModel, writeThroughPj } from "./memory/laws.js";
import type { Range, SramModel } from "./technology.js";

/** Memory that the figures per bit are taken from: 8 Kbit, 32 bits a word, two ports, four words a row. */
const reference = { words: 256, bits: 32, columnMux: 4 } as const;

const scale = ({ low, nominal, high }: Range, factor: number): Range => ({
  low: low * factor,
  nominal: nominal * factor,
  high: high * factor,
});

/**
 * Model the memory macros of a technology: laws of size (`macros`, for `memoryCost`), and figures per bit of a two-port memory of 256 × 32
 * bits for who does not know the size. Smaller memories take more a bit, larger ones less.
 *
 * @param latchLeakageNw of a latch of the library; where no macro states leakage, it is taken from this
 * @throws FixynnError FX7021 for a node without scaling factors
 */
export function sramModel(name: string, nodeNm: number, latchLeakageNw: number): SramModel {
  const macros = macroModel(name, nodeNm, latchLeakageNw);
  const { dualPort } = macros;
  const { words, bits, columnMux } = reference;
  const array = { columns: bits * columnMux, rows: words / columnMux };
  const { energy } = dualPort;
  const accessPj = writeThroughPj(energy, array) * 0.5 * (energy.readShare + energy.writeShare);
  return {
    areaUm2PerBit: scale(dualPort.areaSpread, areaUm2Of(dualPort.area, array) / (words * bits)),
    energyPjPerAccessedBit: scale(dualPort.energySpread, accessPj / bits),
    minimumPeriodPs: dualPort.access.fixedPs + dualPort.access.perRowPs * array.rows,
    macros,
    source: macros.source,
  };
}
