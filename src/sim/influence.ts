import { type Bit, GATE_WORDS, gateInputs, gateOutputs, portOf, type SimModule } from "./ir.js";

/** From each bit the bits that it can change, through one gate, one register or one memory: targets of bit b are `to[from[b]]` … `to[from[b + 1] − 1]`. */
type Edges = { readonly from: Int32Array; readonly to: Int32Array };

/** Gather edges by their first bit. The list is walked twice, to count and to place. */
function edgesOf(bitCount: number, walk: (edge: (from: number, to: number) => void) => void): Edges {
  const from = new Int32Array(bitCount + 1);
  walk((a) => {
    from[a + 1]! += 1;
  });
  for (let b = 0; b < bitCount; b++) from[b + 1]! += from[b]!;
  const to = new Int32Array(from[bitCount]!);
  const next = from.slice();
  walk((a, b) => {
    to[next[a]!++] = b;
  });
  return { from, to };
}

const gateEdges = ({ gates, bitCount }: SimModule): Edges =>
  edgesOf(bitCount, (edge) => {
    for (let at = 0; at < gates.length; at += GATE_WORDS) {
      const code = gates[at]!;
      for (let i = 0; i < gateInputs[code]!; i++) {
        for (let o = 0; o < gateOutputs[code]!; o++) edge(gates[at + 3 + i]!, gates[at + 1 + o]!);
      }
    }
  });

/**
 * Mark the bits that data ports can influence: followed through gates, registers with their enables and resets, and memories until nothing new
 * is reached. Linear in the module.
 *
 * @param dataPorts inputs that differ between lanes
 */
export function findData(module: SimModule, dataPorts: readonly string[]): Uint8Array {
  const gates = gateEdges(module);
  const state = edgesOf(module.bitCount, (edge) => {
    for (const r of module.registers) {
      for (const [i, q] of r.q.entries()) for (const a of [r.d[i]!, r.enable, r.resetN]) edge(a, q);
    }
  });
  const storedIn = new Map<Bit, number[]>();
  for (const [m, ram] of module.rams.entries()) {
    for (const bit of ram.writes.flatMap(({ data }) => data)) {
      const list = storedIn.get(bit);
      if (list === undefined) storedIn.set(bit, [m]);
      else list.push(m);
    }
  }
  const isData = new Uint8Array(module.bitCount);
  const isDataRam = new Uint8Array(module.rams.length);
  const queue: number[] = [];
  const mark = (bit: number): void => {
    if (isData[bit] === 1) return;
    isData[bit] = 1;
    queue.push(bit);
  };
  for (const name of dataPorts) for (const bit of portOf(module, name)?.bits ?? []) mark(bit);
  for (let bit = queue.pop(); bit !== undefined; bit = queue.pop()) {
    for (const { from, to } of [gates, state]) {
      for (let i = from[bit]!; i < from[bit + 1]!; i++) mark(to[i]!);
    }
    for (const m of storedIn.get(bit as Bit) ?? []) {
      if (isDataRam[m] === 1) continue;
      // One data bit makes the whole memory data.
      isDataRam[m] = 1;
      for (const { q } of module.rams[m]!.reads) for (const read of q) mark(read);
    }
  }
  return isData;
}

const FAR = 0x3fffffff;

/** Count registers on the shortest path from any input or memory to each bit: breadth first, a gate costing nothing. */
export function distances(module: SimModule): Int32Array {
  const gates = gateEdges(module);
  const loads = edgesOf(module.bitCount, (edge) => {
    for (const r of module.registers) for (const [i, q] of r.q.entries()) edge(r.d[i]!, q);
  });
  const distance = new Int32Array(module.bitCount).fill(FAR);
  let near: number[] = [];
  for (const port of module.ports) if (port.direction === "input") near.push(...port.bits);
  for (const ram of module.rams) for (const { q } of ram.reads) for (const bit of q) near.push(bit);
  for (let depth = 0; near.length > 0; depth++) {
    const far: number[] = [];
    for (let bit = near.pop(); bit !== undefined; bit = near.pop()) {
      if (distance[bit]! <= depth) continue;
      distance[bit] = depth;
      for (let i = gates.from[bit]!; i < gates.from[bit + 1]!; i++) near.push(gates.to[i]!);
      for (let i = loads.from[bit]!; i < loads.from[bit + 1]!; i++) far.push(loads.to[i]!);
    }
    near = far;
  }
  return distance;
}
