import type { AdderNodeId } from "../arith/index.js";
import { macroNode, macroPins, ONE, type Pin } from "../arith/index.js";
import type { DatapathPlan, PlanPart } from "./datapath-plan.js";

/**
 * Most sinks of a net; beyond, synthesis puts a tree of buffers behind it. Usual limit of open sky130 flows (OpenLane's `SYNTH_MAX_FANOUT` is
 * set to 4 to 10 in published configurations; 10 adds the least area).
 */
export const MAXIMUM_FANOUT = 10;

/** Buffers of the tree behind a net with so many sinks. */
export function buffersFor(sinks: number): number {
  if (sinks <= MAXIMUM_FANOUT) return 0;
  let level = Math.ceil(sinks / MAXIMUM_FANOUT);
  let total = level;
  while (level > MAXIMUM_FANOUT) {
    level = Math.ceil(level / MAXIMUM_FANOUT);
    total += level;
  }
  return total;
}

/** Sinks, with their wire, at which a cell of the smallest size gets too slow and mapping takes a larger one. */
const HEAVY_SINKS = 6;

/** Cells of a larger size behind a net with so many sinks: its driver, or the last buffers of its tree. */
function largerFor(sinks: number): number {
  if (sinks <= MAXIMUM_FANOUT) return sinks >= HEAVY_SINKS ? 1 : 0;
  return Math.ceil(sinks / MAXIMUM_FANOUT);
}

/** Buffers behind a part's cells that a test picks, and behind registers and inputs that these read; cells that a larger size is taken of. */
export type BufferCounts = { readonly own: number; readonly registers: number; readonly larger: number };

/** Count the buffers behind a part's bits, stage by stage: a bit that waits is read from another register in each stage. */
export function countBuffers(
  { netlist, schedule, graph }: DatapathPlan,
  part: PlanPart,
  picks: (id: AdderNodeId) => boolean,
): BufferCounts {
  const { cells, nodeCells, words, macros } = netlist;
  const { stage, latencyCycles } = schedule;
  const stages = latencyCycles + 1;
  const sinks = new Map<number, number>();
  const inverted = new Map<number, { count: number; readonly node: AdderNodeId }>();
  const last = new Map<number, number>();
  const reader = new Map<number, AdderNodeId>();
  const driver = new Map<number, AdderNodeId>();
  const add = (key: number): void => {
    sinks.set(key, (sinks.get(key) ?? 0) + 1);
  };
  const read = (pin: Pin, at: number, node: AdderNodeId): void => {
    if (pin <= ONE) return;
    const bit = pin >> 1;
    const key = bit * stages + at;
    if (!reader.has(key)) reader.set(key, node);
    last.set(bit, Math.max(at, last.get(bit) ?? 0));
    if ((pin & 1) === 0) {
      add(key);
      return;
    }
    const known = inverted.get(key);
    if (known !== undefined) {
      known.count++;
      return;
    }
    inverted.set(key, { count: 1, node });
    add(key);
  };
  for (const id of part.nodes) {
    const { first, end } = nodeCells[id]!;
    for (let k = first; k < end; k++) {
      driver.set(cells.sum[k]!, id);
      if (cells.carry[k]! >= 0) driver.set(cells.carry[k]!, id);
      for (const pin of [cells.a[k]!, cells.b[k]!, cells.c[k]!]) read(pin, stage[cells.sum[k]!]!, id);
    }
    const made = macros.get(id);
    if (made === undefined) continue;
    for (const bit of made) driver.set(bit, id);
    const gate = macroNode(graph.nodes[id]!);
    for (const pin of macroPins(gate, words[gate.source]!)) read(pin, stage[made[0]!]!, id);
  }
  for (const id of part.outputs) for (const pin of words[id]!) read(pin, latencyCycles, id);
  for (const [bit, end] of last) for (let at = stage[bit]!; at < end; at++) add(bit * stages + at);
  let [own, registers, larger] = [0, 0, 0];
  for (const [key, count] of sinks) {
    const bit = Math.floor(key / stages);
    const from = key % stages === stage[bit]! ? driver.get(bit) : undefined;
    if (from === undefined) {
      const by = reader.get(key);
      if (by !== undefined && picks(by)) registers += buffersFor(count);
    } else if (picks(from)) {
      own += buffersFor(count);
      larger += largerFor(count);
    }
  }
  for (const { count, node } of inverted.values()) {
    if (!picks(node)) continue;
    own += buffersFor(count);
    larger += largerFor(count);
  }
  return { own, registers, larger };
}
