import { type MappedNet, type MappedNetlist, mappedNetName } from "./mapped-netlist.js";

/** Print a mapped netlist as text, one line a port, instance and memory, e.g. `u_lane0/s0_l1_0 fa_1 A=x[0] B=x[1] … (datapath)`. */
export function printMappedNetlist(netlist: MappedNetlist): string {
  const one = (net: MappedNet): string => mappedNetName(netlist, net);
  const word = (nets: readonly MappedNet[]): string => nets.map(one).join(" ");
  const lines = [`mapped ${netlist.name}, cells of ${netlist.libraries.join(", ")}`];
  for (const { name, direction, nets } of netlist.ports) {
    const clock = nets[0] === netlist.clock ? " clock" : "";
    lines.push(`  ${direction}${clock} ${name}[${nets.length}] ${word(nets)}`);
  }
  for (const { name, cell, pins, component } of netlist.instances) {
    const own = Object.entries(pins).map(([pin, net]) => `${pin}=${one(net)}`);
    lines.push(`  ${name} ${cell} ${own.join(" ")} (${component})`);
  }
  for (const memory of netlist.memories) {
    lines.push(`  ${memory.type} ${memory.name}: ${memory.depth} × ${memory.width}`);
    if (memory.type === "rom") {
      lines.push(`    ${word(memory.readData)} = [${word(memory.readAddress)}]`);
      continue;
    }
    lines.push(
      `    ${word(memory.readData)} <= [${word(memory.readAddress)}] if ${one(memory.readEnable)}`,
      `    [${word(memory.writeAddress)}] <= ${word(memory.writeData)} if ${one(memory.writeEnable)}`,
    );
  }
  return `${lines.join("\n")}\n`;
}
