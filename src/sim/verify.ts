import { FixynnError } from "../core/index.js";
import {
  type Bit,
  bitName,
  GATE_WORDS,
  gateInputs,
  gateKinds,
  gateOutputs,
  ONE,
  type SimModule,
} from "./ir.js";

function broken(module: SimModule, message: string, hint?: string): never {
  throw new FixynnError("FX6003", message, { place: module.name, ...(hint === undefined ? {} : { hint }) });
}

/** Mark the driven bits; every bit may have one driver. */
function driversOf(module: SimModule): Uint8Array {
  const driven = new Uint8Array(module.bitCount);
  driven[0] = 1;
  driven[1] = 1;
  const drive = (bit: number, by: string): void => {
    if (!(bit >= 0 && bit < module.bitCount)) broken(module, `${by} drives bit ${bit} of ${module.bitCount}`);
    if (driven[bit] !== 0) broken(module, `${bitName(module, bit as Bit)} has two drivers, one is ${by}`);
    driven[bit] = 1;
  };
  for (const port of module.ports) {
    if (port.direction === "input") for (const bit of port.bits) drive(bit, port.name);
  }
  const { gates } = module;
  for (let i = 0; i < gates.length; i += GATE_WORDS) {
    const code = gates[i]!;
    if (gateKinds[code] === undefined) broken(module, `gate code ${code}`);
    for (let j = 0; j < gateOutputs[code]!; j++) drive(gates[i + 1 + j]!, gateKinds[code]!);
  }
  for (const r of module.registers) {
    if (r.d.length !== r.q.length || r.resetValue.length !== r.q.length) {
      broken(
        module,
        `register ${r.name}: ${r.d.length} bits in, ${r.q.length} out, ${r.resetValue.length} to reset`,
      );
    }
    for (const bit of r.q) drive(bit, r.name);
  }
  for (const ram of module.rams) {
    for (const port of ram.reads) {
      if (port.q.length !== ram.width)
        broken(module, `memory ${ram.name}: read port of ${port.q.length} bits`);
      for (const bit of port.q) drive(bit, ram.name);
    }
    if (ram.contents !== null) {
      if (ram.writes.length > 0) broken(module, `rom ${ram.name} is written`);
      const words = ram.contents.filter((word) => word.length === ram.width);
      if (words.length !== ram.depth || ram.contents.length !== ram.depth) {
        broken(module, `rom ${ram.name}: ${ram.depth} words of ${ram.width} bits expected`);
      }
    }
    for (const port of ram.writes) {
      if (port.data.length !== ram.width)
        broken(module, `memory ${ram.name}: write of ${port.data.length} bits`);
    }
  }
  for (const cell of module.instances) {
    for (const { bits } of cell.outputs) for (const bit of bits) drive(bit, cell.name);
  }
  return driven;
}

function checkReads(module: SimModule, driven: Uint8Array): void {
  const open = new Set<number>();
  const read = (bit: number): void => {
    if (driven[bit] !== 1) open.add(bit);
  };
  const { gates } = module;
  for (let i = 0; i < gates.length; i += GATE_WORDS) {
    const inputs = gateInputs[gates[i]!]!;
    for (let j = 0; j < inputs; j++) read(gates[i + 3 + j]!);
  }
  const words: (readonly Bit[])[] = [];
  for (const port of module.ports) if (port.direction === "output") words.push(port.bits);
  for (const r of module.registers) words.push(r.d, [r.enable, r.resetN]);
  for (const ram of module.rams) {
    for (const port of ram.reads) words.push([port.enable], port.address);
    for (const port of ram.writes) words.push([port.enable], port.address, port.data);
  }
  for (const cell of module.instances) for (const { bits } of cell.inputs) words.push(bits);
  for (const word of words) for (const bit of word) read(bit);
  if (open.size > 0) {
    const names = [...open].slice(0, 8).map((bit) => bitName(module, bit as Bit));
    broken(module, `${open.size} bits have no driver: ${names.join(", ")}`);
  }
}

/** For each bit the gate that drives it, or −1. */
export function gateDrivers(module: SimModule): Int32Array {
  const drivers = new Int32Array(module.bitCount).fill(-1);
  const { gates } = module;
  for (let i = 0, g = 0; i < gates.length; i += GATE_WORDS, g++) {
    drivers[gates[i + 1]!] = g;
    if (gateOutputs[gates[i]!] === 2) drivers[gates[i + 2]!] = g;
  }
  return drivers;
}

/**
 * Order the gates so that each comes after those that feed it.
 *
 * @throws FixynnError FX6004 with the nets along a combinational loop
 */
export function topologicalOrder(module: SimModule): Int32Array {
  const drivers = gateDrivers(module);
  const { gates } = module;
  const count = gates.length / GATE_WORDS;
  const order = new Int32Array(count);
  const state = new Uint8Array(count);
  const next = new Uint8Array(count);
  const stack = new Int32Array(count + 1);
  let placed = 0;
  for (let start = 0; start < count; start++) {
    if (state[start] !== 0) continue;
    let depth = 0;
    stack[0] = start;
    state[start] = 1;
    while (depth >= 0) {
      const g = stack[depth]!;
      const inputs = gateInputs[gates[g * GATE_WORDS]!]!;
      if (next[g]! < inputs) {
        const from = drivers[gates[g * GATE_WORDS + 3 + next[g]!]!]!;
        next[g]! += 1;
        if (from < 0 || state[from] === 2) continue;
        if (state[from] === 1) {
          const path = [...stack.subarray(stack.indexOf(from), depth + 1)];
          const names = path.map((at) => bitName(module, gates[at * GATE_WORDS + 1]! as Bit));
          throw new FixynnError("FX6004", `combinational loop: ${names.slice(0, 20).join(" ← ")}`, {
            place: module.name,
          });
        }
        state[from] = 1;
        stack[++depth] = from;
      } else {
        state[g] = 2;
        order[placed++] = g;
        depth--;
      }
    }
  }
  return order;
}

/**
 * Check a module: each bit that is read has exactly one driver, widths agree, the clock is an input that nothing reads as
 * data, and no gate feeds itself.
 *
 * @throws FixynnError FX6003 naming the fault, FX6004 for a combinational loop
 */
export function verifySimModule(module: SimModule): SimModule {
  const driven = driversOf(module);
  checkReads(module, driven);
  const { clock } = module;
  const isInput = module.ports.some((port) => port.direction === "input" && port.bits.includes(clock as Bit));
  if (clock !== null && (clock <= ONE || !isInput)) broken(module, "the clock is not an input port");
  if (clock === null && module.registers.length + module.rams.length > 0)
    broken(module, "registers without a clock");
  if (clock !== null) {
    const { gates } = module;
    for (let i = 0; i < gates.length; i += GATE_WORDS) {
      for (let j = 0; j < gateInputs[gates[i]!]!; j++) {
        if (gates[i + 3 + j] === clock) broken(module, "the clock is gated or read as data");
      }
    }
  }
  topologicalOrder(module);
  return module;
}
