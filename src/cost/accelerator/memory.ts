import { exactly, scaleRange } from "../range.js";
import type { Technology } from "../technology.js";
import type { MemoryFigures } from "./types.js";

/** Figures of an SRAM of a technology by its size: area and leakage by bits, an access by the bits of a word. */
export function memoryOf(technology: Technology): (bits: number, wordBits: number) => MemoryFigures {
  const { areaUm2PerBit, energyPjPerAccessedBit, leakageNwPerBit } = technology.sram;
  return (bits, wordBits) => ({
    areaUm2: scaleRange(areaUm2PerBit, bits),
    readPj: scaleRange(energyPjPerAccessedBit, wordBits),
    writePj: scaleRange(energyPjPerAccessedBit, wordBits),
    leakageNw: exactly(leakageNwPerBit * bits),
  });
}
