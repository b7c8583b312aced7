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

function lowerCell(b: SimModuleBuilder, cell: Cell, { word, net, clock, clocks }: Context): void {
  const drive = (id: NetId, value: readonly Bit[]): void => b.connectWord(net(id), value);
  switch (cell.kind) {
    case "fullAdders":
    case "halfAdders": {
      const inputs = cell.kind === "fullAdders" ? [cell.a, cell.b, cell.c] : [cell.a, cell.b];
      const words = inputs.map(word);
      const carry = net(cell.carry);
      for (const [i, sum] of net(cell.sum).entries()) {
        const kind = cell.kind === "fullAdders" ? "fullAdder" : "halfAdder";
        b.gate(
          kind,
          [sum, carry[i]!],
          words.map((bits) => bits[i]!),
        );
      }
      return;
    }
    case "not":
      return drive(
        cell.y,
        word(cell.a).map((bit) => b.not(bit)),
      );
    case "and":
    case "or":
    case "xor": {
      const { kind } = cell;
      return drive(
        cell.y,
        cell.operands.map(word).reduce((x, y) => b.map2(kind, x, y)),
      );
    }
    case "mux":
      return drive(cell.y, b.muxWord(word(cell.select)[0]!, word(cell.whenTrue), word(cell.whenFalse)));
    case "add":
      return drive(cell.y, b.add(word(cell.a), word(cell.b), ZERO)[0]);
    case "sub":
      return drive(cell.y, b.subtract(word(cell.a), word(cell.b))[0]);
    case "equal":
      return drive(cell.y, [b.equal(word(cell.a), word(cell.b))]);
    case "less":
      return drive(cell.y, [b.less(word(cell.a), word(cell.b), cell.signed)]);
    case "register":
      return b.register({
        name: cell.name,
        d: word(cell.d),
        q: net(cell.q),
        enable: cell.enable === null ? ONE : word(cell.enable)[0]!,
        resetN: cell.resetN === null ? ONE : word(cell.resetN)[0]!,
        resetValue: [...(cell.resetValue ?? "0".repeat(net(cell.q).length))].reverse().join(""),
      });
    case "ram":
      return b.ram({
        name: cell.name,
        depth: cell.depth,
        width: net(cell.readData).length,
        reads: [
          { enable: word(cell.readEnable)[0]!, address: word(cell.readAddress), q: net(cell.readData) },
        ],
        writes: [
          {
            enable: word(cell.writeEnable)[0]!,
            address: word(cell.writeAddress),
            data: word(cell.writeData),
          },
        ],
      });
    case "constant":
      return drive(
        cell.y,
        [...cell.bits].reverse().map((bit) => (bit === "1" ? ONE : ZERO)),
      );
    case "assign":
      return drive(cell.y, word(cell.a));
    case "instance": {
      const inputs = cell.inputs.map(({ port, signal }) => ({ port, bits: word(signal) }));
      const clockPort = clocks.get(cell.module);
      if (clockPort !== undefined) {
        invariant(clock.length === 1, `${cell.name} needs a clock`);
        inputs.push({ port: clockPort, bits: [...clock] });
      }
      const outputs = cell.outputs.map(({ port, net: id }) => ({ port, bits: net(id) }));
      return b.instance({ name: cell.name, module: cell.module, inputs, outputs });
    }
    default:
      assertNever(cell);
  }
}
