import { MAXIMUM_FANOUT } from "../../hw/index.js";
import type { CellLibrary, CellRoles } from "../cell-library/index.js";
import {
  HIGH,
  type MappedComponent,
  type MappedInstance,
  type MappedMemory,
  type MappedNet,
  type MappedNetlist,
} from "./mapped-netlist.js";
import { mapMemoryInputs } from "./memory-pins.js";

type Sink =
  | { readonly kind: "pin"; readonly instance: number; readonly pin: string }
  | { readonly kind: "memory"; readonly memory: number; readonly index: number }
  | { readonly kind: "port"; readonly port: number; readonly bit: number };

/** Nets that clock something: input ports named as the clock, and outputs of clock gates. They get a clock tree later, not buffers. */
function clockNets(netlist: MappedNetlist, library: CellLibrary): ReadonlySet<MappedNet> {
  const clocks = new Set<MappedNet>(netlist.clock === null ? [] : [netlist.clock]);
  for (const { cell, pins } of netlist.instances) {
    const gate = library.cells.get(cell)!.sequential;
    if (gate?.kind !== "clockGate") continue;
    const output = pins[gate.output];
    if (output !== undefined) clocks.add(output);
  }
  return clocks;
}

/**
 * Put trees of the smallest buffer behind nets with more sinks than {@link MAXIMUM_FANOUT}. Buffers belong to the component of the net's
 * driver (control for input ports). Clocks are left alone: what drives them is a clock tree, which is not built here.
 */
export function bufferNets(netlist: MappedNetlist, library: CellLibrary, roles: CellRoles): MappedNetlist {
  const clocks = clockNets(netlist, library);
  const sinks = new Map<MappedNet, Sink[]>();
  const drivers = new Map<MappedNet, MappedComponent>();
  const add = (net: MappedNet, sink: Sink): void => {
    if (net <= HIGH || clocks.has(net)) return;
    const list = sinks.get(net);
    if (list === undefined) sinks.set(net, [sink]);
    else list.push(sink);
  };
  for (const [i, { cell, pins, component }] of netlist.instances.entries()) {
    for (const { name, direction } of library.cells.get(cell)!.pins) {
      const net = pins[name];
      if (net === undefined) continue;
      if (direction === "input") add(net, { kind: "pin", instance: i, pin: name });
      else drivers.set(net, component === "registers" || component === "clockGating" ? "control" : component);
    }
  }
  for (const [memory, own] of netlist.memories.entries())
    mapMemoryInputs(own, (net, index) => {
      add(net, { kind: "memory", memory, index });
      return net;
    });
  for (const [port, { direction, nets }] of netlist.ports.entries()) {
    if (direction === "output")
      for (const [bit, net] of nets.entries()) add(net, { kind: "port", port, bit });
  }
  const crowded = [...sinks].filter(([, list]) => list.length > MAXIMUM_FANOUT);
  if (crowded.length === 0) return netlist;
  const { buffer } = roles;
  let { netCount } = netlist;
  const added: MappedInstance[] = [];
  /** New net of each sink that moves. */
  const moved = new Map<Sink, MappedNet>();
  for (const [net, list] of crowded) {
    const component = drivers.get(net) ?? "control";
    const size = Math.ceil(list.length / MAXIMUM_FANOUT);
    const groups = Array.from({ length: size }, (_, g) =>
      list.slice(Math.floor((g * list.length) / size), Math.floor(((g + 1) * list.length) / size)),
    );
    let count = 0;
    const put = (input: MappedNet): MappedNet => {
      const output = netCount++ as MappedNet;
      const pins = { [buffer.inputs[0]!]: input, [buffer.output]: output };
      added.push({
        kind: "instance",
        name: `buffer_${net}_${count++}`,
        cell: buffer.cell.name,
        pins,
        component,
      });
      return output;
    };
    // From the driver down: each buffer's input is a net of the level above.
    const sizes = [groups.length];
    while (sizes[0]! > MAXIMUM_FANOUT) sizes.unshift(Math.ceil(sizes[0]! / MAXIMUM_FANOUT));
    let above: MappedNet[] = [net];
    for (const wide of sizes) {
      const from = above;
      above = Array.from({ length: wide }, (_, i) => put(from[Math.floor((i * from.length) / wide)]!));
    }
    for (const [g, group] of groups.entries()) for (const sink of group) moved.set(sink, above[g]!);
  }
  const pinMoves = new Map<number, Record<string, MappedNet>>();
  const memoryMoves = new Map<number, Map<number, MappedNet>>();
  const portMoves = new Map<number, Map<number, MappedNet>>();
  for (const [sink, net] of moved) {
    if (sink.kind === "pin") pinMoves.set(sink.instance, { ...pinMoves.get(sink.instance), [sink.pin]: net });
    else {
      const [moves, key, index] =
        sink.kind === "memory"
          ? ([memoryMoves, sink.memory, sink.index] as const)
          : ([portMoves, sink.port, sink.bit] as const);
      moves.set(key, (moves.get(key) ?? new Map<number, MappedNet>()).set(index, net));
    }
  }
  const instances = netlist.instances.map((instance, i) => {
    const move = pinMoves.get(i);
    return move === undefined ? instance : { ...instance, pins: { ...instance.pins, ...move } };
  });
  const memories = netlist.memories.map((memory, i): MappedMemory => {
    const move = memoryMoves.get(i);
    return move === undefined ? memory : mapMemoryInputs(memory, (net, index) => move.get(index) ?? net);
  });
  const ports = netlist.ports.map((port, i) => {
    const move = portMoves.get(i);
    return move === undefined ? port : { ...port, nets: port.nets.map((net, bit) => move.get(bit) ?? net) };
  });
  return { ...netlist, netCount, instances: [...instances, ...added], memories, ports };
}
