import { memoryCost } from "../memory/index.js";
import type { Technology } from "../technology.js";
import type { MappedMemory } from "./mapped-netlist.js";
import type { MemoryTiming } from "./static-timing.js";

/**
 * Timing of a memory by the technology's memory model (slow end of its range); its inputs want the set-up of a flip-flop. A ROM is timed as
 * the logic that it is: a decoder and one or of two for each bit of the address.
 */
export function memoryTiming(technology: Technology): (memory: MappedMemory) => MemoryTiming {
  const { flipFlop, and2, or2 } = technology.cells;
  return (memory) => {
    const address = memory.readAddress.length;
    if (memory.type === "rom") return { delayPs: and2.delayPs + address * or2.delayPs, setupPs: 0 };
    const { accessPs } = memoryCost({ words: memory.depth, bits: memory.width, ports: 2 }, technology);
    return { delayPs: accessPs.high, setupPs: flipFlop.setupPs };
  };
}
