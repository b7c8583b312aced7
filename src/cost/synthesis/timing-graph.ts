import {
  type CellLibrary,
  type DelayArc,
  inputsOf,
  type LibraryCell,
  outputsOf,
} from "../cell-library/index.js";
import { HIGH, type MappedNet, type MappedNetlist } from "./mapped-netlist.js";
import { memoryInputs } from "./memory-pins.js";

/** Capacitance of a net's wire by its fan-out, fF. */
export type WireModel = (fanOut: number) => number;

/** A net without wire. */
export const noWires: WireModel = () => 0;

/** Loads of all nets, fF: input pins of cells, and the wire. Ports and memories count as fan-out; their pins have no capacitance here. */
export function netLoadsFf(netlist: MappedNetlist, library: CellLibrary, wire: WireModel): Float64Array {
  const loads = new Float64Array(netlist.netCount);
  const fanOuts = new Int32Array(netlist.netCount);
  const pins = new Map<string, readonly (readonly [string, number])[]>();
  for (const { cell, pins: own } of netlist.instances) {
    let inputs = pins.get(cell);
    if (inputs === undefined) {
      inputs = inputsOf(library.cells.get(cell)!).map((pin) => [pin.name, pin.capacitanceFf] as const);
      pins.set(cell, inputs);
    }
    for (const [name, capacitanceFf] of inputs) {
      const net = own[name];
      if (net === undefined) continue;
      loads[net]! += capacitanceFf;
      fanOuts[net]!++;
    }
  }
  for (const memory of netlist.memories) for (const net of memoryInputs(memory)) fanOuts[net]!++;
  for (const { direction, nets } of netlist.ports)
    if (direction === "output") for (const net of nets) fanOuts[net]!++;
  for (let net = HIGH + 1; net < loads.length; net++)
    if (fanOuts[net]! > 0) loads[net]! += wire(fanOuts[net]!);
  return loads;
}

/** Delay arcs of a cell's combinational outputs, by output pin. */
export type CellArcs = readonly { readonly output: string; readonly arcs: readonly DelayArc[] }[];

/** The arcs that carry data through a cell: from inputs to outputs of combinational cells. */
export function dataArcs(cell: LibraryCell): CellArcs {
  if (cell.sequential !== null) return [];
  return outputsOf(cell).map(({ name }) => ({
    output: name,
    arcs: cell.delays.filter((arc) => arc.to === name && arc.kind === "combinational"),
  }));
}

/**
 * Order the combinational instances and ROMs so that each comes after what drives it; numbers from `instances.length` on are memories.
 *
 * @returns the order, and those that stand in a loop
 */
export function timingOrder(
  netlist: MappedNetlist,
  library: CellLibrary,
): { readonly order: Int32Array; readonly loops: number } {
  const { instances, memories } = netlist;
  const driver = new Int32Array(netlist.netCount).fill(-1);
  const isData = (i: number): boolean =>
    i < instances.length
      ? library.cells.get(instances[i]!.cell)!.sequential === null
      : memories[i - instances.length]!.type === "rom";
  const total = instances.length + memories.length;
  const outputs = (i: number): readonly MappedNet[] => {
    if (i >= instances.length) return memories[i - instances.length]!.readData;
    const { cell, pins } = instances[i]!;
    return outputsOf(library.cells.get(cell)!).flatMap(({ name }) => pins[name] ?? []);
  };
  const inputs = (i: number): readonly MappedNet[] => {
    if (i >= instances.length) return memories[i - instances.length]!.readAddress;
    const { cell, pins } = instances[i]!;
    return inputsOf(library.cells.get(cell)!).flatMap(({ name }) => pins[name] ?? []);
  };
  const data = Array.from({ length: total }, (_, i) => isData(i));
  for (let i = 0; i < total; i++) if (data[i]) for (const net of outputs(i)) driver[net] = i;
  const missing = new Int32Array(total);
  const readers = new Map<number, number[]>();
  for (let i = 0; i < total; i++) {
    if (!data[i]) continue;
    for (const net of inputs(i)) {
      const from = driver[net]!;
      if (from < 0) continue;
      missing[i]!++;
      const list = readers.get(from);
      if (list === undefined) readers.set(from, [i]);
      else list.push(i);
    }
  }
  const order = new Int32Array(total);
  let count = 0;
  for (let i = 0; i < total; i++) if (data[i] && missing[i] === 0) order[count++] = i;
  for (let at = 0; at < count; at++) {
    for (const reader of readers.get(order[at]!) ?? []) {
      missing[reader]!--;
      if (missing[reader] === 0) order[count++] = reader;
    }
  }
  return { order: order.slice(0, count), loops: data.filter((is) => is).length - count };
}
