import { FixynnError } from "../../core/index.js";
import { type BoundModule, mapMemory } from "./bind-module.js";
import {
  HIGH,
  LOW,
  type MappedInstance,
  type MappedMemory,
  type MappedNet,
  type MappedNetlist,
} from "./mapped-netlist.js";

type Rename = (net: MappedNet) => MappedNet;

const renamePins = (pins: Readonly<Record<string, MappedNet>>, f: Rename): Record<string, MappedNet> => {
  const own: Record<string, MappedNet> = {};
  for (const pin of Object.keys(pins)) own[pin] = f(pins[pin]!);
  return own;
};

/** Copies modules into one another. */
class Linker {
  readonly instances: MappedInstance[] = [];
  readonly memories: MappedMemory[] = [];
  readonly netNames = new Map<MappedNet, string>();
  /** Nets that are only another name of a net: outputs of a module that are constants, inputs or other outputs. */
  readonly wires = new Map<MappedNet, MappedNet>();
  netCount = 2;

  constructor(private readonly modules: ReadonlyMap<string, BoundModule>) {}

  /** @returns where the module's nets are now */
  copy(module: BoundModule, path: string, bound: ReadonlyMap<MappedNet, MappedNet>): Rename {
    const nets = new Int32Array(module.netCount).fill(-1);
    nets[LOW] = LOW;
    nets[HIGH] = HIGH;
    for (const [own, outer] of bound) nets[own] = outer;
    const place: Rename = (net) => {
      if (nets[net]! < 0) nets[net] = this.netCount++;
      return nets[net] as MappedNet;
    };
    for (const instance of module.instances) {
      const { name, pins } = instance;
      this.instances.push({ ...instance, name: path + name, pins: renamePins(pins, place) });
    }
    for (const memory of module.memories) {
      this.memories.push({ ...mapMemory(memory, place), name: path + memory.name });
    }
    for (const { name, module: type, pins } of module.children) {
      const child = this.modules.get(type);
      if (child === undefined) throw new FixynnError("FX7065", "no such module", { place: `${path}${type}` });
      this.copy(child, `${path}${name}/`, this.#bind(child, pins, place));
    }
    for (const [net, name] of module.netNames) {
      const at = nets[net]! as MappedNet;
      if (at > HIGH && !this.netNames.has(at)) this.netNames.set(at, path + name);
    }
    return place;
  }

  /** Tie a child's port nets to those of the parent, inputs first. */
  #bind(
    child: BoundModule,
    pins: Readonly<Record<string, readonly MappedNet[]>>,
    place: Rename,
  ): ReadonlyMap<MappedNet, MappedNet> {
    const bound = new Map<MappedNet, MappedNet>([
      [LOW, LOW],
      [HIGH, HIGH],
    ]);
    for (const direction of ["input", "output"] as const) {
      for (const port of child.ports) {
        if (port.direction !== direction) continue;
        for (const [i, net] of port.nets.entries()) {
          const outer = pins[port.name]?.[i];
          if (outer === undefined) continue;
          const known = bound.get(net);
          if (known === undefined) bound.set(net, place(outer));
          else this.wires.set(place(outer), known);
        }
      }
    }
    return bound;
  }
}

/**
 * Put bound modules together into one flat netlist; instances are named by their path, `u_lane0/stage1_3`.
 *
 * @param modules instantiated ones before those that use them; the top is the last
 * @throws FixynnError FX7065 for a module that is not there
 */
export function linkModules(
  modules: readonly BoundModule[],
  {
    libraries,
    clock: clockPort = "aclk",
  }: {
    /** Names of the libraries. */
    readonly libraries: readonly string[];
    /** Name of the clock's port. */
    readonly clock?: string;
  },
): MappedNetlist {
  const linker = new Linker(new Map(modules.map((module) => [module.module, module])));
  const top = modules.at(-1)!;
  const place = linker.copy(top, "", new Map());
  const { wires, netNames } = linker;
  const resolve: Rename = (net) => {
    let at = net;
    for (let next = wires.get(at); next !== undefined; next = wires.get(at)) at = next;
    return at;
  };
  const ports = top.ports.map((port) => ({ ...port, nets: port.nets.map((net) => resolve(place(net))) }));
  const instances =
    wires.size === 0
      ? linker.instances
      : linker.instances.map((instance) => ({ ...instance, pins: renamePins(instance.pins, resolve) }));
  const memories = linker.memories.map((memory) => mapMemory(memory, resolve));
  const clock = ports.find(({ name, direction }) => name === clockPort && direction === "input")?.nets[0];
  return {
    kind: "mappedNetlist",
    name: top.module,
    libraries,
    netCount: linker.netCount,
    ports,
    clock: clock ?? null,
    instances,
    memories,
    netNames,
  };
}
