import { memoryCost } from "../memory/index.js";
import type { Technology } from "../technology.js";
import type { MemoryFigures } from "./types.js";

/**
 * Figures of a buffer of a technology by its size and the bits of an access: one-port macros, since a buffer is split into banks of which
 * one is read while another is filled.
 */
export function memoryOf(technology: Technology): (bits: number, wordBits: number) => MemoryFigures {
  const known = new Map<string, MemoryFigures>();
  return (bits, wordBits) => {
    const words = Math.ceil(bits / wordBits);
    const key = `${words} ${wordBits}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const { areaUm2, readPj, writePj, leakageNw } = memoryCost(
      { words, bits: wordBits, ports: 1 },
      technology,
    );
    const figures = { areaUm2, readPj, writePj, leakageNw };
    known.set(key, figures);
    return figures;
  };
}
