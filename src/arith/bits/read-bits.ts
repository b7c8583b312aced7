import type { AdderNodeId } from "../adder-graph.js";
import { type BitNetlist, macroNode, macroPins, type Pin } from "./bit-netlist.js";

/** Tell which bits something reads that an output depends on: 1 for each. Low bits that a shift drops are read by nobody. */
export function readBits(netlist: BitNetlist): Uint8Array {
  const { graph, cells, words, macros } = netlist;
  const driver = new Int32Array(netlist.bits).fill(-1);
  for (let k = 0; k < cells.kind.length; k++) {
    driver[cells.sum[k]!] = k;
    if (cells.carry[k]! >= 0) driver[cells.carry[k]!] = k;
  }
  const macroOf = new Map<number, AdderNodeId>();
  for (const [node, bits] of macros) for (const bit of bits) macroOf.set(bit, node);
  const read = new Uint8Array(netlist.bits);
  const done = new Uint8Array(cells.kind.length);
  const doneMacros = new Set<AdderNodeId>();
  const pending: number[] = [];
  const use = (pin: Pin): void => {
    const bit = pin >> 1;
    if (bit === 0 || read[bit] === 1) return;
    read[bit] = 1;
    pending.push(bit);
  };
  for (const output of graph.outputs) for (const pin of words[output]!) use(pin);
  for (let bit = pending.pop(); bit !== undefined; bit = pending.pop()) {
    const k = driver[bit]!;
    if (k >= 0) {
      if (done[k] === 1) continue;
      done[k] = 1;
      for (const pin of [cells.a[k]!, cells.b[k]!, cells.c[k]!]) use(pin);
      continue;
    }
    const node = macroOf.get(bit);
    if (node === undefined || doneMacros.has(node)) continue;
    doneMacros.add(node);
    const gate = macroNode(graph.nodes[node]!);
    for (const pin of macroPins(gate, words[gate.source]!)) use(pin);
  }
  return read;
}
