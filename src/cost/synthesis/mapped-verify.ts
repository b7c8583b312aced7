import { FixynnError } from "../../core/index.js";
import { type CellLibrary, outputsOf } from "../cell-library/index.js";
import { HIGH, type MappedNet, type MappedNetlist, mappedNetName } from "./mapped-netlist.js";
import { memoryInputs } from "./memory-pins.js";
import { timingOrder } from "./timing-graph.js";

/**
 * Check a mapped netlist against its library: known cells and pins, every input connected, every net that is read driven exactly once, no
 * combinational loop, unique names.
 *
 * @throws FixynnError FX7073 naming the first break
 */
export function verifyMappedNetlist(netlist: MappedNetlist, library: CellLibrary): void {
  const broken = (message: string): never => {
    throw new FixynnError("FX7073", `malformed mapped netlist: ${message}`, { place: netlist.name });
  };
  const drivers = new Uint8Array(netlist.netCount);
  const drive = (net: MappedNet, by: string): void => {
    if (!(net > HIGH && net < netlist.netCount)) broken(`${by} drives net ${net}`);
    if (drivers[net] === 1) broken(`${mappedNetName(netlist, net)} is driven twice, by ${by} too`);
    drivers[net] = 1;
  };
  const names = new Set<string>();
  for (const { name, direction, nets } of netlist.ports) {
    if (direction === "input") for (const net of nets) drive(net, `port ${name}`);
  }
  for (const { name, cell, pins } of netlist.instances) {
    if (names.has(name)) broken(`two instances named ${name}`);
    names.add(name);
    const known = library.cells.get(cell) ?? broken(`${name} is a ${cell}, which the library does not have`);
    for (const { name: pin, direction } of known.pins) {
      const net = pins[pin];
      if (direction === "input" && net === undefined) broken(`${name}.${pin} is not connected`);
      if (direction === "output" && net !== undefined) drive(net, `${name}.${pin}`);
    }
    const foreign = Object.keys(pins).find((pin) => !known.pins.some((own) => own.name === pin));
    if (foreign !== undefined) broken(`${name} has a pin ${foreign}`);
  }
  for (const memory of netlist.memories) {
    if (memory.readData.length !== memory.width)
      broken(`${memory.name} has ${memory.readData.length} data bits`);
    for (const net of memory.readData) drive(net, memory.name);
  }
  const read = (net: MappedNet, by: string): void => {
    if (net > HIGH && (net >= netlist.netCount || drivers[net] !== 1))
      broken(`${by} reads ${mappedNetName(netlist, net)}, which nothing drives`);
  };
  for (const { name, direction, nets } of netlist.ports)
    if (direction === "output") for (const net of nets) read(net, `port ${name}`);
  for (const { name, cell, pins } of netlist.instances) {
    const outputs = new Set(outputsOf(library.cells.get(cell)!).map((pin) => pin.name));
    for (const [pin, net] of Object.entries(pins)) if (!outputs.has(pin)) read(net, `${name}.${pin}`);
  }
  for (const memory of netlist.memories) for (const net of memoryInputs(memory)) read(net, memory.name);
  const { loops } = timingOrder(netlist, library);
  if (loops > 0) broken(`${loops} cells stand in combinational loops`);
}
