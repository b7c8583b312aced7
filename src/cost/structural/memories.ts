import type { LayerMemory } from "../../hw/index.js";
import { memoryCost } from "../memory/index.js";
import { exactly } from "../range.js";
import { romCost } from "../rom.js";
import type { Range, Technology } from "../technology.js";
import type { LayerCounts } from "./counts.js";

/** One memory by the laws of size: macros, an array of latches where that is smaller, or a ROM of logic. */
export type PricedMemory = {
  readonly areaUm2: number;
  /** Part of the area that is macros, which are placed as they are; the rest is cells. */
  readonly macroUm2: number;
  readonly leakageNw: number;
  /** Of one access to a word. */
  readonly readPj: Range;
  readonly writePj: Range;
  /** A cycle without access. */
  readonly idlePj: number;
  /** Shortest clock period: address to register, set-up included. */
  readonly periodPs: number;
};

const known = new WeakMap<Technology, Map<string, PricedMemory>>();

function price({ kind, words, bits, ports }: LayerMemory, technology: Technology): PricedMemory {
  const { flipFlop, enableFlipFlop } = technology.cells;
  if (kind === "rom") {
    const { areaUm2, leakageNw, readPj, accessPs } = romCost({ words, bits }, technology);
    return {
      ...{ areaUm2: areaUm2.nominal, macroUm2: 0, leakageNw, readPj, writePj: exactly(0), idlePj: 0 },
      // Logic between the counter and the register of the word.
      periodPs: flipFlop.delayPs + accessPs + enableFlipFlop.setupPs,
    };
  }
  const cost = memoryCost({ words, bits, ports }, technology);
  const { form, areaUm2, wrapperUm2, leakageNw, readPj, writePj, idlePjPerCycle, accessPs } = cost;
  return {
    areaUm2: areaUm2.nominal,
    macroUm2: form.kind === "macros" ? areaUm2.nominal - wrapperUm2 : 0,
    leakageNw: leakageNw.nominal,
    readPj,
    writePj,
    idlePj: idlePjPerCycle,
    periodPs: accessPs.nominal + enableFlipFlop.setupPs,
  };
}

/** Price a memory; each size once for a technology. */
export function priceMemory(memory: LayerMemory, technology: Technology): PricedMemory {
  const sizes = known.get(technology) ?? new Map<string, PricedMemory>();
  known.set(technology, sizes);
  const key = `${memory.kind} ${memory.words} ${memory.bits} ${memory.ports}`;
  const found = sizes.get(key) ?? price(memory, technology);
  sizes.set(key, found);
  return found;
}

/** Area and leakage of a layer's memories of a kind. */
export function memoryArea(
  { memories }: LayerCounts,
  kind: LayerMemory["kind"],
  technology: Technology,
): Pick<PricedMemory, "areaUm2" | "macroUm2" | "leakageNw"> {
  const total = { areaUm2: 0, macroUm2: 0, leakageNw: 0 };
  for (const memory of memories) {
    if (memory.kind !== kind) continue;
    const { areaUm2, macroUm2, leakageNw } = priceMemory(memory, technology);
    total.areaUm2 += areaUm2;
    total.macroUm2 += macroUm2;
    total.leakageNw += leakageNw;
  }
  return total;
}

/** Energy of a layer's memories of a kind in a frame of so many cycles, pJ: reads, writes, and cycles without either. */
export function memoryEnergyPj(
  { memories }: LayerCounts,
  kind: LayerMemory["kind"],
  technology: Technology,
  { cycles, level }: { readonly cycles: number; readonly level: keyof Range },
): number {
  let total = 0;
  for (const memory of memories) {
    if (memory.kind !== kind) continue;
    const { readsPerFrame: reads, writesPerFrame: writes } = memory;
    const { readPj, writePj, idlePj } = priceMemory(memory, technology);
    total += reads * readPj[level] + writes * writePj[level];
    total += Math.max(0, cycles - Math.max(reads, writes)) * idlePj;
  }
  return total;
}

/** The slowest memory of a layer and the clock that it allows; undefined without memories. */
export function slowestMemory(
  { memories }: LayerCounts,
  technology: Technology,
): { readonly name: string; readonly clockMhz: number } | undefined {
  return memories
    .map((memory) => ({ name: memory.name, clockMhz: 1e6 / priceMemory(memory, technology).periodPs }))
    .sort((a, b) => a.clockMhz - b.clockMhz)[0];
}
