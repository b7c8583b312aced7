import { FixynnError } from "../core/index.js";
import type { Range, Technology } from "./technology.js";

/**
 * Area of a ROM as synthesized logic, in two-input NAND gates a bit: random words of 16×64, 64×64, 256×64 and 1024×32 bits through
 * Yosys 0.23 and ABC (`strash; dc2; dch; map -B 0.9; topo`) with sky130_fd_sc_hd take 1.14 to 1.31 µm² a bit, without the register of the word
 * read; a NAND gate takes 3.7536. Trained weights are not random and come out a little smaller. Mask-ROM macros of the same node are
 * denser in the cell array alone; none with an open data sheet was at hand, so nothing smaller than logic is claimed.
 */
const nandsPerBit: Range = { low: 0.303, nominal: 0.333, high: 0.348 };

/** Area of a ROM bit, µm². */
function areaUm2PerBit(technology: Technology): Range {
  const { areaUm2 } = technology.cells.nand2;
  const { low, nominal, high } = nandsPerBit;
  return { low: low * areaUm2, nominal: nominal * areaUm2, high: high * areaUm2 };
}

/** Share of a ROM's gates whose output toggles when another word is read; ours, as for other logic, a range. */
const romToggleRate: Range = { low: 0.1, nominal: 0.2, high: 0.35 };

/** Cost of one ROM as synthesized logic, without the register of the word read. */
export type RomCost = {
  readonly areaUm2: Range;
  readonly readPj: Range;
  readonly leakageNw: number;
  readonly accessPs: number;
  readonly source: string;
};

/**
 * Price a ROM of constants as logic: gates a bit as measured; a read toggles a share of all its gates (0.2, 0.1 to
 * 0.35), so that a deep ROM costs more a bit read; two gates in a row for each address bit.
 *
 * @throws FixynnError FX7022 for a ROM without words or bits
 */
export function romCost(
  { words, bits }: { readonly words: number; readonly bits: number },
  technology: Technology,
): RomCost {
  if (!(words >= 1 && bits >= 1)) throw new FixynnError("FX7022", `no ROM of ${words} words of ${bits} bits`);
  const { nand2 } = technology.cells;
  const size = words * bits;
  const perBit = areaUm2PerBit(technology);
  const togglesPj = size * nandsPerBit.nominal * nand2.energyPerTogglePj;
  return {
    areaUm2: { low: perBit.low * size, nominal: perBit.nominal * size, high: perBit.high * size },
    readPj: {
      low: togglesPj * romToggleRate.low,
      nominal: togglesPj * romToggleRate.nominal,
      high: togglesPj * romToggleRate.high,
    },
    leakageNw: size * nandsPerBit.nominal * nand2.leakageNw,
    accessPs: 2 * Math.max(1, Math.ceil(Math.log2(words))) * nand2.delayPs,
    source:
      "synthesized logic, 0.303 to 0.348 NAND gates a bit (measured on random words), toggle rate assumed",
  };
}
