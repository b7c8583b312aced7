import { FixynnError } from "../../core/index.js";
import { type CellLibrary, type CellRoles, outputsOf } from "../cell-library/index.js";
import { bindAdder } from "./bind-adders.js";
import { bindRegisters } from "./bind-registers.js";
import { componentOfModule, componentOfNet } from "./component-names.js";
import type { Draft, DraftChild } from "./draft.js";
import {
  HIGH,
  type MappedComponent,
  type MappedInstance,
  type MappedMemory,
  type MappedNet,
  type MappedPort,
} from "./mapped-netlist.js";
import { type SimpleAdder, simplifyAdders } from "./simplify-adders.js";

/** A module of library cells and instances of other modules. */
export type BoundModule = {
  readonly module: string;
  readonly netCount: number;
  readonly ports: readonly MappedPort[];
  readonly instances: readonly MappedInstance[];
  readonly memories: readonly MappedMemory[];
  readonly children: readonly DraftChild[];
  readonly netNames: ReadonlyMap<MappedNet, string>;
};

/** A draft's cells after constants and unread outputs were used. */
type Live = {
  readonly gates: Draft["gates"];
  readonly adders: readonly SimpleAdder[];
};

/** Rename the nets of a memory. */
export const mapMemory = (memory: MappedMemory, f: (net: MappedNet) => MappedNet): MappedMemory => {
  const all = (nets: readonly MappedNet[]): readonly MappedNet[] => nets.map(f);
  const { readAddress, readData } = memory;
  const common = { readAddress: all(readAddress), readData: all(readData) };
  if (memory.type === "rom") return { ...memory, ...common };
  return {
    ...memory,
    ...common,
    clock: f(memory.clock),
    writeEnable: f(memory.writeEnable),
    writeAddress: all(memory.writeAddress),
    writeData: all(memory.writeData),
    readEnable: f(memory.readEnable),
  };
};

/** Remove what nothing reads, and the outputs of adders that nothing reads. */
function keepRead(draft: Draft, adders: readonly SimpleAdder[], library: CellLibrary): Live {
  const reads = new Int32Array(draft.netCount);
  const read = (net: MappedNet): void => {
    reads[net]!++;
  };
  for (const port of draft.ports) if (port.direction === "output") port.nets.forEach(read);
  for (const { d, enable, clock } of draft.flipFlops) {
    read(d);
    read(clock);
    if (enable !== null) read(enable);
  }
  for (const memory of draft.memories) {
    memory.readAddress.forEach(read);
    if (memory.type === "rom") continue;
    for (const net of [memory.writeEnable, memory.readEnable, ...memory.writeAddress, ...memory.writeData])
      read(net);
  }
  for (const { pins } of draft.children) for (const nets of Object.values(pins)) nets.forEach(read);
  const outputs = new Map<string, ReadonlySet<string>>();
  const outputsOfCell = (cell: string): ReadonlySet<string> => {
    let known = outputs.get(cell);
    if (known === undefined) {
      known = new Set(outputsOf(library.cells.get(cell)!).map(({ name }) => name));
      outputs.set(cell, known);
    }
    return known;
  };
  type Item = { readonly ins: readonly MappedNet[]; readonly outs: readonly (MappedNet | null)[] };
  const items: Item[] = [
    ...draft.gates.map(({ cell, pins }): Item => {
      const own = outputsOfCell(cell);
      const entries = Object.entries(pins);
      return {
        ins: entries.filter(([pin]) => !own.has(pin)).map(([, net]) => net),
        outs: entries.filter(([pin]) => own.has(pin)).map(([, net]) => net),
      };
    }),
    ...adders.map(({ inputs, sum, carry }): Item => ({ ins: inputs, outs: [sum, carry] })),
  ];
  const driver = new Map<MappedNet, number>();
  for (const [i, { ins, outs }] of items.entries()) {
    ins.forEach(read);
    for (const net of outs) if (net !== null) driver.set(net, i);
  }
  const dead = new Uint8Array(items.length);
  const isRead = (net: MappedNet | null): boolean => net !== null && reads[net]! > 0;
  const queue = items.map((_, i) => i);
  for (let i = queue.pop(); i !== undefined; i = queue.pop()) {
    const { ins, outs } = items[i]!;
    if (dead[i] === 1 || outs.some(isRead)) continue;
    dead[i] = 1;
    for (const net of ins) {
      reads[net]!--;
      const from = reads[net] === 0 ? driver.get(net) : undefined;
      if (from !== undefined) queue.push(from);
    }
  }
  const alive = <T>(list: readonly T[], offset: number): T[] => list.filter((_, i) => dead[offset + i] === 0);
  return {
    gates: alive(draft.gates, 0),
    adders: alive(adders, draft.gates.length).map((adder) =>
      adder.kind === "inverter"
        ? adder
        : {
            ...adder,
            sum: isRead(adder.sum) ? adder.sum : null,
            carry: isRead(adder.carry) ? adder.carry : null,
          },
    ),
  };
}

/** Give gates without a telling name the component of what reads them. */
function settleComponents(
  instances: readonly {
    cell: string;
    pins: Readonly<Record<string, MappedNet>>;
    component: MappedComponent | null;
  }[],
  library: CellLibrary,
  fallback: MappedComponent,
): void {
  const readers = new Map<MappedNet, number>();
  for (const [i, { cell, pins }] of instances.entries()) {
    for (const { name, direction } of library.cells.get(cell)!.pins) {
      const net = pins[name];
      if (direction === "input" && net !== undefined && net > HIGH && !readers.has(net)) readers.set(net, i);
    }
  }
  const outputs = (i: number): readonly MappedNet[] =>
    outputsOf(library.cells.get(instances[i]!.cell)!).flatMap(({ name }) => instances[i]!.pins[name] ?? []);
  for (const start of instances.keys()) {
    const chain: number[] = [];
    let at: number | undefined = start;
    while (at !== undefined && instances[at]!.component === null && chain.length < 1000) {
      chain.push(at);
      at = outputs(at)
        .map((net) => readers.get(net))
        .find((reader) => reader !== undefined);
    }
    const end = at === undefined ? null : instances[at]!.component;
    const found = end === null || end === "registers" || end === "clockGating" ? fallback : end;
    for (const i of chain) instances[i]!.component = found;
  }
}

/**
 * Bind a draft to library cells: adders, flip-flops and clock gates; every instance gets the component that it belongs to.
 *
 * @throws FixynnError FX7064 for a gate that the library does not have
 */
export function bindModule(draft: Draft, library: CellLibrary, roles: CellRoles): BoundModule {
  const missing = draft.gates.find(({ cell }) => !library.cells.has(cell));
  if (missing !== undefined)
    throw new FixynnError("FX7064", `no cell ${missing.cell} in the library`, { place: draft.module });
  const { adders, resolve } = simplifyAdders(draft);
  const resolved: Draft = {
    ...draft,
    ports: draft.ports.map((port) => ({ ...port, nets: port.nets.map(resolve) })),
    gates: draft.gates.map((gate) => ({
      ...gate,
      pins: Object.fromEntries(Object.entries(gate.pins).map(([pin, net]) => [pin, resolve(net)])),
    })),
    flipFlops: draft.flipFlops.map((flop) => ({
      ...flop,
      clock: resolve(flop.clock),
      d: resolve(flop.d),
      enable: flop.enable === null ? null : resolve(flop.enable),
    })),
    memories: draft.memories.map((memory) => mapMemory(memory, resolve)),
    children: draft.children.map((child) => ({
      ...child,
      pins: Object.fromEntries(Object.entries(child.pins).map(([port, nets]) => [port, nets.map(resolve)])),
    })),
  };
  const live = keepRead(resolved, adders, library);
  const own = componentOfModule(draft.module);
  const byName = own === "datapath" && !draft.module.endsWith("_lane");
  let netCount = draft.netCount;
  type Open = {
    -readonly [K in keyof MappedInstance]: K extends "component" ? MappedComponent | null : MappedInstance[K];
  };
  const instances: Open[] = [];
  const names = new Set<string>();
  const unique = (name: string): string => {
    let own = name;
    for (let i = 1; names.has(own); i++) own = `${name}_${i}`;
    names.add(own);
    return own;
  };
  let component: MappedComponent | null = own;
  const put = (name: string, cell: string, pins: Readonly<Record<string, MappedNet>>): void => {
    instances.push({ kind: "instance", name: unique(name), cell, pins, component });
  };
  const newNet = (): MappedNet => netCount++ as MappedNet;
  const nameOf = (net: MappedNet): string => draft.netNames.get(net) ?? `n${net}`;
  const namedComponent = (nets: readonly (MappedNet | null)[]): MappedComponent | null => {
    for (const net of nets) {
      const name = net === null ? undefined : draft.netNames.get(net);
      const found = name === undefined ? null : componentOfNet(name);
      if (found !== null) return found;
    }
    return null;
  };
  for (const { name, cell, pins } of live.gates) {
    const outs = outputsOf(library.cells.get(cell)!).map((pin) => pins[pin.name] ?? null);
    component = byName ? namedComponent(outs) : own;
    put(name, cell, pins);
  }
  for (const adder of live.adders) {
    component = byName ? (componentOfNet(adder.name) ?? namedComponent([adder.sum, adder.carry])) : own;
    bindAdder({ roles, newNet, put }, adder);
  }
  component = "registers";
  const putClockGate: typeof put = (name, cell, pins) => {
    instances.push({ kind: "instance", name: unique(name), cell, pins, component: "clockGating" });
  };
  bindRegisters({ roles, newNet, put, putClockGate }, resolved.flipFlops, nameOf);
  if (byName) settleComponents(instances, library, "datapath");
  return {
    module: draft.module,
    netCount,
    ports: resolved.ports,
    instances: instances as MappedInstance[],
    memories: resolved.memories,
    children: resolved.children,
    netNames: draft.netNames,
  };
}
