import type { Range, Technology } from "./technology.js";

/**
 * Area of a ROM as synthesized logic, in two-input NAND gates a bit: random words of 16×64, 64×64, 256×64 and 1024×32 bits through
 * Yosys 0.23 and ABC (`strash; dc2; dch; map -B 0.9; topo`) with sky130_fd_sc_hd take 1.14 to 1.31 µm² a bit, without the register of the word
 * read; a NAND gate takes 3.7536. Trained weights are not random and come out a little smaller. Mask-ROM macros of the same node are
 * denser in the cell array alone; none with an open data sheet was at hand, so nothing smaller than logic is claimed.
 */
const nandsPerBit: Range = { low: 0.303, nominal: 0.333, high: 0.348 };

/** Area of a ROM bit, µm². */
export function romAreaUm2PerBit(technology: Technology): Range {
  const { areaUm2 } = technology.cells.nand2;
  const { low, nominal, high } = nandsPerBit;
  return { low: low * areaUm2, nominal: nominal * areaUm2, high: high * areaUm2 };
}

/** Energy of a ROM bit read, pJ: taken like an SRAM's, whose bit lines swing as well; an assumption of ours, on the safe side. */
export function romEnergyPjPerAccessedBit(technology: Technology): Range {
  return technology.sram.energyPjPerAccessedBit;
}

/** Leakage of a ROM bit, nW: that of its share of NAND gates. */
export function romLeakageNwPerBit(technology: Technology): number {
  return nandsPerBit.nominal * technology.cells.nand2.leakageNw;
}
