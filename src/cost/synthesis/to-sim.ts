import { invariant } from "../../core/index.js";
import { type Bit, ONE, type SimModule, SimModuleBuilder, ZERO } from "../../sim/index.js";
import { type BooleanExpression, type CellLibrary, outputsOf } from "../cell-library/index.js";
import {
  HIGH,
  LOW,
  type MappedInstance,
  type MappedMemory,
  type MappedNet,
  type MappedNetlist,
} from "./mapped-netlist.js";

type Net = (net: MappedNet) => Bit;

function evaluate(b: SimModuleBuilder, e: BooleanExpression, pin: (name: string) => Bit): Bit {
  switch (e.kind) {
    case "constant":
      return e.value === 1 ? ONE : ZERO;
    case "pin":
      return pin(e.name);
    case "not":
      return b.not(evaluate(b, e.operand, pin));
    default:
      return e.operands.map((operand) => evaluate(b, operand, pin)).reduce((x, y) => b[e.kind](x, y));
  }
}

/** A ROM as a tree of multiplexers. */
function romWord(
  b: SimModuleBuilder,
  memory: Extract<MappedMemory, { type: "rom" }>,
  address: readonly Bit[],
): Bit[] {
  const wordAt = (i: number): Bit[] =>
    Array.from({ length: memory.width }, (_, k) => (memory.contents[i]?.[k] === "1" ? ONE : ZERO));
  let level = Array.from({ length: 2 ** address.length }, (_, i) => wordAt(i));
  for (const bit of address)
    level = Array.from({ length: level.length / 2 }, (_, i) =>
      b.muxWord(bit, level[2 * i + 1]!, level[2 * i]!),
    );
  return level[0]!;
}

/**
 * Turn a mapped netlist back into gates for the cycle-by-cycle simulator, each cell by the library's own function: what mapping did wrong shows
 * in the bytes. Flip-flops behind a clock gate become registers with the gate's enable.
 */
export function mappedToSim(netlist: MappedNetlist, library: CellLibrary): SimModule {
  const b = new SimModuleBuilder(netlist.name);
  const bits = new Map<MappedNet, Bit>([
    [LOW, ZERO],
    [HIGH, ONE],
  ]);
  const at: Net = (net) => {
    let bit = bits.get(net);
    if (bit === undefined) {
      bit = b.bit();
      bits.set(net, bit);
    }
    return bit;
  };
  for (const { name, direction, nets } of netlist.ports) b.port({ name, direction, bits: nets.map(at) });
  if (netlist.clock !== null) b.clock(at(netlist.clock));
  const cellOf = (instance: MappedInstance) => library.cells.get(instance.cell)!;
  const enables = new Map<MappedNet, Bit>();
  for (const instance of netlist.instances) {
    const gate = cellOf(instance).sequential;
    if (gate?.kind !== "clockGate") continue;
    enables.set(instance.pins[gate.output]!, at(instance.pins[gate.enable]!));
  }
  for (const instance of netlist.instances) {
    const cell = cellOf(instance);
    const { pins } = instance;
    const pin = (name: string): Bit => {
      const net = pins[name];
      invariant(net !== undefined, `${instance.name} has no pin ${name}`);
      return at(net);
    };
    const { sequential } = cell;
    if (sequential?.kind === "clockGate") continue;
    if (sequential === null) {
      for (const output of outputsOf(cell)) {
        const net = pins[output.name];
        if (net !== undefined) b.connect(at(net), evaluate(b, output.function!, pin));
      }
      continue;
    }
    invariant(
      sequential.kind === "flipFlop" && sequential.clockedOn.kind === "pin",
      `${cell.name} is no flip-flop`,
    );
    const q = b.bit();
    const state = (name: string): Bit =>
      name === sequential.state ? q : name === sequential.stateInverted ? b.not(q) : pin(name);
    const clock = pins[sequential.clockedOn.name]!;
    invariant(clock === netlist.clock || enables.has(clock), `${instance.name} has no clock`);
    b.register({
      name: instance.name,
      d: [evaluate(b, sequential.next, state)],
      q: [q],
      enable: enables.get(clock) ?? ONE,
      resetN: ONE,
      resetValue: "0",
    });
    for (const output of outputsOf(cell)) {
      const net = pins[output.name];
      if (net !== undefined) b.connect(at(net), evaluate(b, output.function!, state));
    }
  }
  for (const memory of netlist.memories) {
    const address = memory.readAddress.map(at);
    const q = memory.readData.map(at);
    if (memory.type === "rom") {
      b.connectWord(q, romWord(b, memory, address));
      continue;
    }
    const { name, depth, width } = memory;
    b.ram({
      name,
      depth,
      width,
      reads: [{ enable: at(memory.readEnable), address, q }],
      writes: [
        {
          enable: at(memory.writeEnable),
          address: memory.writeAddress.map(at),
          data: memory.writeData.map(at),
        },
      ],
      contents: null,
    });
  }
  return b.build();
}
