import type { TimedNetlist } from "./ir.js";

/** Where things lie in the kernel's memory, as byte addresses. */
export type TimedLayout = {
  readonly bytes: number;
  readonly table: number;
  readonly value: number;
  readonly pending: number;
  readonly rises: number;
  readonly falls: number;
  readonly settled: number;
  readonly cellState: number;
  /** Cells that read each net: those of net n are `fanouts[from[n]]` … `fanouts[from[n + 1] − 1]`, cell · 8 + pin. */
  readonly fanoutFrom: Int32Array;
  readonly fanouts: Int32Array;
  /** Write the constant parts into the kernel's memory. */
  readonly write: (memory: ArrayBuffer) => void;
};

const START = 1 << 16;
const NONE = -1;

function fanoutsOf({ cells, netCount }: TimedNetlist): { from: Int32Array; entries: Int32Array } {
  const from = new Int32Array(netCount + 1);
  for (const { inputs } of cells) for (const net of inputs) from[net + 1]! += 1;
  for (let n = 0; n < netCount; n++) from[n + 1]! += from[n]!;
  const entries = new Int32Array(from[netCount]!);
  const next = from.slice();
  for (const [c, { inputs }] of cells.entries())
    for (const [pin, net] of inputs.entries()) entries[next[net]!++] = c * 8 + pin;
  return { from, entries };
}

function longestDelay({ cells, flipFlops, memories, inputDelayPs }: TimedNetlist): number {
  let most = inputDelayPs;
  for (const { delaysPs } of cells) for (const ps of delaysPs) most = Math.max(most, ps);
  for (const { delayPs } of flipFlops) most = Math.max(most, ...delayPs);
  for (const { accessPs } of memories) most = Math.max(most, accessPs);
  return most;
}

/** Place a verified netlist in the kernel's memory. */
export function layOutTimed(netlist: TimedNetlist): TimedLayout {
  const { netCount, cells, types, flipFlops, groups } = netlist;
  const { from: fanoutFrom, entries: fanouts } = fanoutsOf(netlist);
  const wheel = 2 ** Math.max(6, Math.ceil(Math.log2(longestDelay(netlist) + 1)));
  let end = START;
  const take = (bytes: number): number => {
    const at = end;
    end += (bytes + 15) & ~15;
    return at;
  };
  const table = take(128);
  const words = (count: number): number => take(4 * count);
  const at = {
    value: take(netCount),
    pending: words(netCount),
    next: words(netCount),
    previous: words(netCount),
    rises: words(netCount),
    falls: words(netCount),
    settled: words(netCount),
    parity: take(netCount),
    touched: words(netCount),
    fanoutFrom: words(netCount + 1),
    fanouts: words(fanouts.length),
    cellState: take(cells.length),
    cellMark: take(cells.length),
    cellTables: take(16 * cells.length),
    cellOutputs: words(2 * cells.length),
    cellDelays: words(cells.length),
    delays: take(2 * cells.reduce((sum, { delaysPs }) => sum + delaysPs.length, 0)),
    marked: words(cells.length),
    heads: words(wheel),
  };
  const bitmap = take(wheel / 8);
  const flops = words(5 * flipFlops.length);
  const write = (memory: ArrayBuffer): void => {
    const int32 = new Int32Array(memory);
    const uint32 = new Uint32Array(memory);
    const uint16 = new Uint16Array(memory);
    int32.set(
      [
        netCount,
        ...[at.value, at.pending, at.next, at.previous, at.rises, at.falls, at.settled, at.parity],
        ...[at.touched, at.fanoutFrom, at.fanouts, at.cellState, at.cellMark, at.cellTables],
        ...[at.cellOutputs, at.cellDelays, at.delays, at.marked, at.heads],
        ...[wheel, bitmap, flipFlops.length, flops, 0],
      ],
      table >>> 2,
    );
    int32.fill(NONE, at.pending >>> 2, (at.pending >>> 2) + netCount);
    int32.fill(NONE, at.heads >>> 2, (at.heads >>> 2) + wheel);
    int32.set(fanoutFrom, at.fanoutFrom >>> 2);
    int32.set(fanouts, at.fanouts >>> 2);
    let delay = 0;
    for (const [c, cell] of cells.entries()) {
      const { outputs } = types[cell.type]!;
      for (const [o, { table: truth }] of outputs.entries())
        uint32.set(truth, (at.cellTables + 16 * c + 8 * o) >>> 2);
      for (let o = 0; o < 2; o++) int32[(at.cellOutputs >>> 2) + 2 * c + o] = cell.outputs[o] ?? NONE;
      int32[(at.cellDelays >>> 2) + c] = delay;
      uint16.set(cell.delaysPs, (at.delays >>> 1) + delay);
      delay += cell.delaysPs.length;
    }
    for (const [i, { d, q, group, delayPs }] of flipFlops.entries())
      int32.set([d, q, groups[group]!.enable, ...delayPs], (flops >>> 2) + 5 * i);
  };
  const { value, pending, rises, falls, settled, cellState } = at;
  return { bytes: end, table, value, pending, rises, falls, settled, cellState, fanoutFrom, fanouts, write };
}
