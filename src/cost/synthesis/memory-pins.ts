import type { MappedMemory, MappedNet } from "./mapped-netlist.js";

/** Rename the nets that a memory reads, its clock excepted; each is counted, in a fixed order. */
export function mapMemoryInputs(
  memory: MappedMemory,
  f: (net: MappedNet, index: number) => MappedNet,
): MappedMemory {
  let index = 0;
  const one = (net: MappedNet): MappedNet => f(net, index++);
  const all = (nets: readonly MappedNet[]): readonly MappedNet[] => nets.map(one);
  if (memory.type === "rom") return { ...memory, readAddress: all(memory.readAddress) };
  return {
    ...memory,
    writeEnable: one(memory.writeEnable),
    readEnable: one(memory.readEnable),
    writeAddress: all(memory.writeAddress),
    writeData: all(memory.writeData),
    readAddress: all(memory.readAddress),
  };
}

/** The nets that a memory reads, its clock excepted. */
export function memoryInputs(memory: MappedMemory): readonly MappedNet[] {
  const nets: MappedNet[] = [];
  mapMemoryInputs(memory, (net) => {
    nets.push(net);
    return net;
  });
  return nets;
}
