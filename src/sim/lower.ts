import { assertNever, invariant } from "../core/index.js";
import type { Cell, Design, Module, NetId, Signal } from "../hw/index.js";
import { SimModuleBuilder } from "./build.js";
import { type Bit, ONE, type SimModule, type SimNetlist, ZERO } from "./ir.js";

/** Translate a netlist of words into bits, without Verilog in between: the short way for tests and mutations. */
export function lowerDesign(design: Design): SimNetlist {
  const clocks = new Map<string, string>();
  const modules = design.modules.map((module) => {
    const lowered = lowerModule(module, clocks);
    if (module.clock !== null) clocks.set(module.name, module.nets[module.clock]!.name);
    return lowered;
  });
  return {
    kind: "simNetlist",
    top: modules.at(-1)!.name,
    modules: new Map(modules.map((module) => [module.name, module])),
  };
}

function lowerModule(module: Module, clocks: ReadonlyMap<string, string>): SimModule {
  const b = new SimModuleBuilder(module.name);
  const nets = module.nets.map((net) => b.word(net.width));
  const word = (signal: Signal): Bit[] =>
    signal.flatMap((slice) =>
      slice.kind === "net"
        ? nets[slice.net]!.slice(slice.low, slice.low + slice.width)
        : [...slice.bits].reverse().map((bit) => (bit === "1" ? ONE : ZERO)),
    );
  for (const port of module.ports)
    b.port({ name: port.name, direction: port.direction, bits: nets[port.net]! });
  for (const net of module.nets) b.net({ name: net.name, bits: nets[net.id]! });
  if (module.clock !== null) b.clock(nets[module.clock]![0]!);
  const clock = module.clock === null ? [] : nets[module.clock]!;
  for (const cell of module.cells) lowerCell(b, cell, { word, net: (id) => nets[id]!, clock, clocks });
  return b.build();
}

type Context = {
  readonly word: (signal: Signal) => Bit[];
  readonly net: (id: NetId) => readonly Bit[];
  readonly clock: readonly Bit[];
  readonly clocks: ReadonlyMap<string, string>;
};

/** Kinds of cells with one combinational output y. */
type ValueCell = Extract<Cell, { readonly y: NetId }>;

function valueOfCell(b: SimModuleBuilder, cell: ValueCell, word: Context["word"]): Bit[] {
  switch (cell.kind) {
    case "not":
      return word(cell.a).map((bit) => b.not(bit));
    case "and":
    case "or":
    case "xor": {
      const { kind } = cell;
      return cell.operands.map(word).reduce((x, y) => b.map2(kind, x, y));
    }
    case "mux":
      return b.muxWord(word(cell.select)[0]!, word(cell.whenTrue), word(cell.whenFalse));
    case "add":
      return b.add(word(cell.a), word(cell.b), ZERO)[0];
    case "sub":
      return b.subtract(word(cell.a), word(cell.b))[0];
    case "equal":
      return [b.equal(word(cell.a), word(cell.b))];
    case "less":
      return [b.less(word(cell.a), word(cell.b), cell.signed)];
    case "constant":
      return [...cell.bits].reverse().map((bit) => (bit === "1" ? ONE : ZERO));
    case "assign":
      return word(cell.a);
    default:
      return assertNever(cell);
  }
}

function lowerAdders(
  b: SimModuleBuilder,
  cell: Extract<Cell, { readonly sum: NetId }>,
  context: Context,
): void {
  const { word, net } = context;
  const words = (cell.kind === "fullAdders" ? [cell.a, cell.b, cell.c] : [cell.a, cell.b]).map(word);
  const carry = net(cell.carry);
  for (const [i, sum] of net(cell.sum).entries()) {
    const inputs = words.map((bits) => bits[i]!);
    b.gate(cell.kind === "fullAdders" ? "fullAdder" : "halfAdder", [sum, carry[i]!], inputs);
  }
}

function lowerInstance(
  b: SimModuleBuilder,
  cell: Extract<Cell, { kind: "instance" }>,
  context: Context,
): void {
  const { word, net, clock, clocks } = context;
  const inputs = cell.inputs.map(({ port, signal }) => ({ port, bits: word(signal) }));
  const clockPort = clocks.get(cell.module);
  if (clockPort !== undefined) {
    invariant(clock.length === 1, `${cell.name} needs a clock`);
    inputs.push({ port: clockPort, bits: [...clock] });
  }
  const outputs = cell.outputs.map(({ port, net: id }) => ({ port, bits: net(id) }));
  b.instance({ name: cell.name, module: cell.module, inputs, outputs });
}

function lowerCell(b: SimModuleBuilder, cell: Cell, context: Context): void {
  const { word, net } = context;
  switch (cell.kind) {
    case "fullAdders":
    case "halfAdders":
      lowerAdders(b, cell, context);
      break;
    case "register":
      b.register({
        name: cell.name,
        d: word(cell.d),
        q: net(cell.q),
        enable: cell.enable === null ? ONE : word(cell.enable)[0]!,
        resetN: cell.resetN === null ? ONE : word(cell.resetN)[0]!,
        resetValue: [...(cell.resetValue ?? "0".repeat(net(cell.q).length))].reverse().join(""),
      });
      break;
    case "ram": {
      const { depth } = cell;
      const q = net(cell.readData);
      const read = { enable: word(cell.readEnable)[0]!, address: word(cell.readAddress), q };
      const data = word(cell.writeData);
      const write = { enable: word(cell.writeEnable)[0]!, address: word(cell.writeAddress), data };
      b.ram({ name: cell.name, depth, width: q.length, reads: [read], writes: [write], contents: null });
      break;
    }
    case "rom": {
      const { depth } = cell;
      const q = net(cell.readData);
      const read = { enable: word(cell.readEnable)[0]!, address: word(cell.readAddress), q };
      const contents = cell.contents.map((bits) => [...bits].reverse().join(""));
      b.ram({ name: cell.name, depth, width: q.length, reads: [read], writes: [], contents });
      break;
    }
    case "instance":
      lowerInstance(b, cell, context);
      break;
    default:
      b.connectWord(net(cell.y), valueOfCell(b, cell, word));
  }
}
