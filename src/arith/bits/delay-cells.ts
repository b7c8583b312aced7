import { type BitNetlist, readElsewhere } from "./bit-netlist.js";
import type { AdderArchitecture } from "./final-adder.js";

/** Later than any stage. */
const NEVER = 0x7fffffff;
/** Passes of {@link delayCells}; few cells still move after the second. */
const PASSES = 4;

/** A schedule as far as {@link delayCells} reads it. */
export type Placed = {
  readonly latencyCycles: number;
  readonly stage: Int32Array;
  readonly adders: readonly AdderArchitecture[];
};

/**
 * Move cells to later stages where that saves registers: where what they read is kept for other readers anyway, and nobody reads what they
 * make before the stage after the new one, so that no path gets longer. The last cells first, since they make room for those that they
 * read. Cells of carry-select and prefix adders stay together. Linear in the cells and their readers, of a pass.
 *
 * @returns the stage of each bit
 */
export function delayCells(
  netlist: BitNetlist,
  { latencyCycles, stage: placed, adders }: Placed,
): Int32Array {
  const { cells, nodeCells } = netlist;
  const stage = Int32Array.from(placed);
  const readers: number[][] = Array.from({ length: netlist.bits }, () => []);
  /** Stages of readers that do not move: outputs, saturations and signs. */
  const firstFixed = new Int32Array(netlist.bits).fill(NEVER);
  const lastFixed = new Int32Array(netlist.bits).fill(-1);
  const bitsRead = (k: number): readonly number[] => {
    const [a, b, c] = [cells.a[k]! >> 1, cells.b[k]! >> 1, cells.c[k]! >> 1];
    return [a, b, c].filter((bit, i, all) => bit > 0 && all.indexOf(bit) === i);
  };
  for (let k = 0; k < cells.kind.length; k++) for (const bit of bitsRead(k)) readers[bit]!.push(k);
  readElsewhere(netlist, { latencyCycles, stage }, (pin, at) => {
    firstFixed[pin >> 1] = Math.min(firstFixed[pin >> 1]!, at);
    lastFixed[pin >> 1] = Math.max(lastFixed[pin >> 1]!, at);
  });
  const at = (k: number): number => stage[cells.sum[k]!]!;
  const firstUse = (bit: number): number =>
    readers[bit]!.reduce((first, k) => Math.min(first, at(k)), firstFixed[bit]!);
  const lastUse = (bit: number): number =>
    readers[bit]!.reduce((last, k) => Math.max(last, at(k)), lastFixed[bit]!);
  const isBound = new Uint8Array(cells.kind.length);
  for (const [i, { adder, end }] of nodeCells.entries())
    if (adders[i] !== "ripple") isBound.fill(1, adder, end);

  /** Stages by which to move a cell, 0 for none. */
  const bestDelay = (k: number, made: readonly number[]): number => {
    const room = Math.min(...made.map((bit) => firstUse(bit) - stage[bit]!)) - 1;
    if (room < 1) return 0;
    const read = bitsRead(k).map(lastUse);
    const from = at(k);
    let best = { delay: 0, registers: 0 };
    for (let delay = 1; delay <= room; delay++) {
      const kept = read.reduce((sum, last) => sum + Math.max(0, from + delay - last), 0);
      const registers = kept - delay * made.length;
      if (registers < best.registers) best = { delay, registers };
    }
    return best.delay;
  };
  for (let pass = 0; pass < PASSES; pass++) {
    let moved = false;
    for (let k = cells.kind.length - 1; k >= 0; k--) {
      if (isBound[k] === 1) continue;
      const outputs = [cells.sum[k]!, ...(cells.carry[k]! >= 0 ? [cells.carry[k]!] : [])];
      const made = outputs.filter((bit) => lastUse(bit) >= 0);
      const delay = made.length === 0 ? 0 : bestDelay(k, made);
      if (delay === 0) continue;
      for (const bit of outputs) stage[bit] = stage[bit]! + delay;
      moved = true;
    }
    if (!moved) break;
  }
  return stage;
}
