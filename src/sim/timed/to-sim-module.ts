import { type Bit, gateCode, ONE, type SimModule, type SimRegister, ZERO } from "../ir.js";
import { verifySimModule } from "../verify.js";
import { type TimedCellType, type TimedNet, type TimedNetlist, tableBit, tabulate } from "./ir.js";

type Table = readonly [number, number];

const sameTable = (a: Table, b: Table): boolean => a[0] === b[0] && a[1] === b[1];
const adderTables: readonly [kind: "fullAdder" | "halfAdder", sum: Table, carry: Table][] = [
  [
    "fullAdder",
    tabulate(3, (s) => (s ^ (s >> 1) ^ (s >> 2)) & 1),
    tabulate(3, (s) => ((s & 1) + ((s >> 1) & 1) + (s >> 2) > 1 ? 1 : 0)),
  ],
  ["halfAdder", tabulate(2, (s) => (s ^ (s >> 1)) & 1), tabulate(2, (s) => (s === 3 ? 1 : 0))],
];

/** Gates that a truth table is taken apart into. */
class Gates {
  readonly words: number[] = [];
  bitCount: number;

  constructor(bitCount: number) {
    this.bitCount = bitCount;
  }

  gate(code: number, inputs: readonly Bit[], y: Bit | null): Bit {
    const out = y ?? (this.bitCount++ as Bit);
    const [a = 0, b = 0, c = 0] = inputs;
    this.words.push(code, out, 0, a, b, c);
    return out;
  }

  /** Drive `y`, or a new bit, with a function of `inputs`: values[s] for input state s. */
  build(values: readonly number[], inputs: readonly Bit[], y: Bit | null): Bit {
    const first = values[0]!;
    if (values.every((v) => v === first)) return this.pass(first === 1 ? ONE : ZERO, y);
    const half = values.length / 2;
    // The last input that matters is the highest bit of the state.
    const [low, high] = [values.slice(0, half), values.slice(half)];
    const rest = inputs.slice(0, -1);
    const x = inputs.at(-1)!;
    if (low.every((v, s) => v === high[s])) return this.build(low, rest, y);
    const constant = (list: readonly number[]): number | undefined =>
      list.every((v) => v === list[0]) ? list[0] : undefined;
    const [l, h] = [constant(low), constant(high)];
    if (l === 0 && h === 1) return this.pass(x, y);
    if (l === 1 && h === 0) return this.gate(gateCode.not, [x], y);
    if (l === 0) return this.gate(gateCode.and, [x, this.build(high, rest, null)], y);
    if (h === 1) return this.gate(gateCode.or, [x, this.build(low, rest, null)], y);
    if (l === 1) {
      const not = this.gate(gateCode.not, [x], null);
      return this.gate(gateCode.or, [not, this.build(high, rest, null)], y);
    }
    if (h === 0) {
      const not = this.gate(gateCode.not, [x], null);
      return this.gate(gateCode.and, [not, this.build(low, rest, null)], y);
    }
    const one = this.build(low, rest, null);
    if (low.every((v, s) => v !== high[s])) return this.gate(gateCode.xor, [x, one], y);
    return this.gate(gateCode.mux, [x, this.build(high, rest, null), one], y);
  }

  /** Drive `y` with a bit. */
  pass(bit: Bit, y: Bit | null): Bit {
    return y === null ? bit : this.gate(gateCode.or, [bit, ZERO], y);
  }
}

function adderOf({ outputs }: TimedCellType): "fullAdder" | "halfAdder" | undefined {
  const [sum, carry] = outputs;
  if (sum === undefined || carry === undefined) return undefined;
  return adderTables.find(([, s, c]) => sameTable(s, sum.table) && sameTable(c, carry.table))?.[0];
}

/** An adder's outputs in the order carry, sum. */
function swappedAdderOf(type: TimedCellType): "fullAdder" | "halfAdder" | undefined {
  return adderOf({ ...type, outputs: [...type.outputs].reverse() });
}

/**
 * The same netlist without delays, for the bit-parallel simulator. Bit n is net n; bits beyond the nets are inside cells, and the last one is
 * the clock. A clock group's enable is the registers' enable.
 */
export function simModuleOf(netlist: TimedNetlist): SimModule {
  const bit = (net: TimedNet): Bit => net as unknown as Bit;
  const all = (nets: readonly TimedNet[]): Bit[] => nets.map(bit);
  const gates = new Gates(netlist.netCount);
  const tables = netlist.types.map(({ inputs, outputs }) =>
    outputs.map(({ table }) => Array.from({ length: 2 ** inputs.length }, (_, s) => tableBit(table, s))),
  );
  const adders = netlist.types.map((type) => ({ plain: adderOf(type), swapped: swappedAdderOf(type) }));
  for (const cell of netlist.cells) {
    const inputs = all(cell.inputs);
    const { plain, swapped } = adders[cell.type]!;
    const kind = plain ?? swapped;
    if (kind !== undefined) {
      const outputs = plain === undefined ? [...cell.outputs].reverse() : cell.outputs;
      const [sum, carry] = outputs.map((net) => (net === null ? (gates.bitCount++ as Bit) : bit(net)));
      const [a = 0, b = 0, c = 0] = inputs;
      gates.words.push(gateCode[kind], sum!, carry!, a, b, c);
      continue;
    }
    for (const [o, net] of cell.outputs.entries())
      if (net !== null) gates.build(tables[cell.type]![o]!, inputs, bit(net));
  }
  const registers = netlist.groups.map((group, g): SimRegister => {
    const members = netlist.flipFlops.filter((ff) => ff.group === g);
    return {
      name: `group${g}`,
      d: members.map(({ d }) => bit(d)),
      q: members.map(({ q }) => bit(q)),
      enable: bit(group.enable),
      resetN: ONE,
      resetValue: "0".repeat(members.length),
    };
  });
  const clock = gates.bitCount++ as Bit;
  return verifySimModule({
    kind: "simModule",
    name: netlist.name,
    bitCount: gates.bitCount,
    clock,
    ports: [
      { name: "aclk", direction: "input", bits: [clock] },
      ...netlist.ports.map(({ name, direction, nets }) => ({ name, direction, bits: all(nets) })),
    ],
    gates: Int32Array.from(gates.words),
    registers: registers.filter(({ q }) => q.length > 0),
    rams: netlist.memories.map(({ name, depth, width, reads, writes, contents }) => ({
      name,
      depth,
      width,
      reads: reads.map((port) => ({
        enable: bit(port.enable),
        address: all(port.address),
        q: all(port.q),
      })),
      writes: writes.map((port) => ({
        enable: bit(port.enable),
        address: all(port.address),
        data: all(port.data),
      })),
      contents:
        contents === null ? null : Array.from({ length: depth }, (_, i) => contents[i] ?? "0".repeat(width)),
    })),
    instances: [],
    nets: [],
  });
}
