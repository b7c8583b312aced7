import { FixynnError } from "../core/index.js";
import {
  type Cell,
  cellInputs,
  cellOutputs,
  type Design,
  isSequential,
  type Module,
  type NetId,
  type Signal,
  signalWidth,
} from "./netlist.js";

/** A break of the netlist's rules. */
function broken(module: string, message: string): never {
  throw new FixynnError("FX5001", `malformed netlist: ${message}`, { place: module });
}

/** Which input ports reach which output ports without a register, by module; computed by the verifier bottom up. */
type CombinationalPaths = ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>;

function checkWidths(module: Module, cell: Cell): void {
  const expect = (what: string, found: number, wanted: number): void => {
    if (found !== wanted) broken(module.name, `${cell.name}.${what} has ${found} bits, not ${wanted}`);
  };
  const netWidth = (net: NetId): number => module.nets[net]!.width;
  switch (cell.kind) {
    case "fullAdders":
    case "halfAdders": {
      const n = netWidth(cell.sum);
      expect("carry", netWidth(cell.carry), n);
      for (const { pin, signal } of cellInputs(cell)) expect(pin, signalWidth(signal), n);
      return;
    }
    case "not":
    case "assign":
      expect("a", signalWidth(cell.a), netWidth(cell.y));
      return;
    case "and":
    case "or":
    case "xor":
      if (cell.operands.length < 2) broken(module.name, `${cell.name} needs two operands or more`);
      for (const operand of cell.operands) expect("operand", signalWidth(operand), netWidth(cell.y));
      return;
    case "mux":
      expect("select", signalWidth(cell.select), 1);
      expect("whenTrue", signalWidth(cell.whenTrue), netWidth(cell.y));
      expect("whenFalse", signalWidth(cell.whenFalse), netWidth(cell.y));
      return;
    case "add":
    case "sub":
      expect("a", signalWidth(cell.a), netWidth(cell.y));
      expect("b", signalWidth(cell.b), netWidth(cell.y));
      return;
    case "equal":
    case "less":
      expect("y", netWidth(cell.y), 1);
      expect("b", signalWidth(cell.b), signalWidth(cell.a));
      return;
    case "register":
      expect("d", signalWidth(cell.d), netWidth(cell.q));
      if (cell.enable !== null) expect("enable", signalWidth(cell.enable), 1);
      if (cell.resetN !== null) expect("resetN", signalWidth(cell.resetN), 1);
      if ((cell.resetN === null) !== (cell.resetValue === null))
        broken(module.name, `${cell.name}: half a reset`);
      if (cell.resetValue !== null) expect("resetValue", cell.resetValue.length, netWidth(cell.q));
      return;
    case "ram":
      expect("writeEnable", signalWidth(cell.writeEnable), 1);
      expect("readEnable", signalWidth(cell.readEnable), 1);
      expect("writeData", signalWidth(cell.writeData), netWidth(cell.readData));
      expect("readAddress", signalWidth(cell.readAddress), signalWidth(cell.writeAddress));
      if (2 ** signalWidth(cell.readAddress) < cell.depth)
        broken(module.name, `${cell.name}: address too narrow`);
      return;
    case "rom": {
      const width = netWidth(cell.readData);
      expect("readEnable", signalWidth(cell.readEnable), 1);
      if (cell.contents.length !== cell.depth)
        broken(module.name, `${cell.name} has ${cell.contents.length} words, not ${cell.depth}`);
      if (cell.depth < 1) broken(module.name, `${cell.name}: no words`);
      if (2 ** signalWidth(cell.readAddress) < cell.depth)
        broken(module.name, `${cell.name}: address too narrow`);
      for (const word of cell.contents) {
        if (!/^[01]+$/.test(word)) broken(module.name, `${cell.name}: bits are not binary`);
        expect("word", word.length, width);
      }
      return;
    }
    case "constant":
      if (!/^[01]+$/.test(cell.bits)) broken(module.name, `${cell.name}: bits are not binary`);
      expect("bits", cell.bits.length, netWidth(cell.y));
      return;
    case "instance":
      return;
  }
}

function checkInstance(module: Module, cell: Cell, earlier: ReadonlyMap<string, Module>): void {
  if (cell.kind !== "instance") return;
  const target = earlier.get(cell.module);
  if (target === undefined) broken(module.name, `${cell.name}: no module ${cell.module} before this one`);
  const connected = new Set<string>();
  const check = (port: string, direction: "input" | "output", width: number): void => {
    const found = target.ports.find((p) => p.name === port && p.direction === direction);
    if (found === undefined) broken(module.name, `${cell.name}: ${cell.module} has no ${direction} ${port}`);
    if (connected.has(port)) broken(module.name, `${cell.name}: ${port} is connected twice`);
    connected.add(port);
    const wanted = target.nets[found.net]!.width;
    if (width !== wanted) broken(module.name, `${cell.name}.${port} has ${width} bits, not ${wanted}`);
  };
  for (const { port, signal } of cell.inputs) check(port, "input", signalWidth(signal));
  for (const { port, net } of cell.outputs) check(port, "output", module.nets[net]!.width);
  for (const port of target.ports) {
    if (port.direction === "input" && port.net !== target.clock && !connected.has(port.name)) {
      broken(module.name, `${cell.name}: input ${port.name} is open`);
    }
  }
}

/** Nets that must be known before each output of a cell, within the same cycle. */
function dependencies(
  cell: Cell,
  paths: CombinationalPaths,
): readonly { net: NetId; reads: readonly NetId[] }[] {
  if (isSequential(cell)) return [];
  const netsOf = (signal: Signal): NetId[] => signal.flatMap((s) => (s.kind === "net" ? [s.net] : []));
  if (cell.kind === "instance") {
    const inner = paths.get(cell.module);
    return cell.outputs.map(({ port, net }) => ({
      net,
      reads: cell.inputs.flatMap((i) => (inner?.get(port)?.has(i.port) ? netsOf(i.signal) : [])),
    }));
  }
  const reads = cellInputs(cell).flatMap(({ signal }) => netsOf(signal));
  return cellOutputs(cell).map(({ net }) => ({ net, reads }));
}

/** Find a combinational loop, and return which inputs reach which outputs (names of ports). */
function traceModule(module: Module, paths: CombinationalPaths): ReadonlyMap<string, ReadonlySet<string>> {
  const sources = new Map<NetId, readonly NetId[]>();
  for (const cell of module.cells) {
    for (const { net, reads } of dependencies(cell, paths)) sources.set(net, [...new Set(reads)]);
  }
  const inputs = new Map(module.ports.filter((p) => p.direction === "input").map((p) => [p.net, p.name]));
  const reach = new Map<NetId, ReadonlySet<string>>();
  const open = new Set<NetId>();
  for (const { id: start } of module.nets) {
    const stack: { net: NetId; next: number }[] = [{ net: start, next: 0 }];
    while (stack.length > 0) {
      const frame = stack.at(-1)!;
      if (frame.next === 0) {
        if (reach.has(frame.net)) {
          stack.pop();
          continue;
        }
        open.add(frame.net);
      }
      const reads = sources.get(frame.net) ?? [];
      const child = reads[frame.next];
      if (child !== undefined) {
        frame.next++;
        if (open.has(child)) broken(module.name, `combinational loop through ${module.nets[child]!.name}`);
        if (!reach.has(child)) stack.push({ net: child, next: 0 });
        continue;
      }
      const own = inputs.get(frame.net);
      const set = new Set<string>(own === undefined ? [] : [own]);
      for (const net of reads) for (const name of reach.get(net)!) set.add(name);
      reach.set(frame.net, set);
      open.delete(frame.net);
      stack.pop();
    }
  }
  return new Map(
    module.ports.filter((p) => p.direction === "output").map((p) => [p.name, reach.get(p.net) ?? new Set()]),
  );
}

/**
 * Check a design: each net has one driver and a positive width, all slices are inside their nets, widths agree, instances
 * match a module that comes before them, and nothing feeds itself without a register, even through instances.
 *
 * @throws FixynnError FX5001 naming the module and the first fault
 */
export function verifyDesign(design: Design): Design {
  const earlier = new Map<string, Module>();
  const paths = new Map<string, ReadonlyMap<string, ReadonlySet<string>>>();
  for (const module of design.modules) {
    if (earlier.has(module.name)) broken(module.name, "two modules have this name");
    verifyModule(module, earlier);
    paths.set(module.name, traceModule(module, paths));
    earlier.set(module.name, module);
  }
  return design;
}

function verifyModule(module: Module, earlier: ReadonlyMap<string, Module>): void {
  const names = new Set<string>();
  for (const [i, net] of module.nets.entries()) {
    if (net.id !== i) broken(module.name, `net ${net.name} is at ${i} but numbered ${net.id}`);
    if (!(net.width > 0 && Number.isInteger(net.width)))
      broken(module.name, `net ${net.name} has width ${net.width}`);
    if (names.has(net.name)) broken(module.name, `two nets are named ${net.name}`);
    names.add(net.name);
  }
  const drivers = new Uint8Array(module.nets.length);
  const drive = (net: NetId, by: string): void => {
    if (net < 0 || net >= drivers.length) broken(module.name, `${by} drives no net`);
    if (drivers[net] !== 0) broken(module.name, `${module.nets[net]!.name} has two drivers, one is ${by}`);
    drivers[net] = 1;
  };
  for (const port of module.ports) {
    if (port.direction === "input") drive(port.net, port.name);
    if (module.nets[port.net]?.name !== port.name)
      broken(module.name, `port ${port.name} is not its net's name`);
  }
  for (const cell of module.cells) {
    for (const { net } of cellOutputs(cell)) drive(net, cell.name);
    for (const { pin, signal } of cellInputs(cell)) checkSlices(module, `${cell.name}.${pin}`, signal);
    checkWidths(module, cell);
    checkInstance(module, cell, earlier);
    if (isSequential(cell) && module.clock === null) broken(module.name, `${cell.name} has no clock`);
  }
  const open = module.nets.find((net) => drivers[net.id] === 0);
  if (open !== undefined) broken(module.name, `${open.name} has no driver`);
}

function checkSlices(module: Module, place: string, signal: Signal): void {
  for (const slice of signal) {
    if (slice.kind === "constant") {
      if (!/^[01]+$/.test(slice.bits)) broken(module.name, `${place}: bits are not binary`);
      continue;
    }
    const net = module.nets[slice.net];
    if (net === undefined) broken(module.name, `${place} reads no net`);
    if (slice.low < 0 || slice.width < 1 || slice.low + slice.width > net.width) {
      broken(module.name, `${place} reads ${net.name}[${slice.low} +: ${slice.width}] of ${net.width} bits`);
    }
  }
}
