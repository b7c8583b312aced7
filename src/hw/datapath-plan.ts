import {
  type AdderArchitecture,
  type AdderGraph,
  type AdderNodeId,
  adderSources,
  type BitNetlist,
  type BitSchedule,
  bitNetlist,
  type CellRange,
  type CellTable,
  type ClockTarget,
  countBits,
  type FastAdderCells,
  fastAdderCells,
  innerSums,
  macroNode,
  macroPins,
  ONE,
  offsetSums,
  type Pin,
  readBits,
  type ScheduleOptions,
  scheduleBits,
} from "../arith/index.js";
import { sum } from "../core/index.js";
import { countBuffers } from "./buffers.js";

/** Cells of a datapath, counted. */
export type DatapathCounts = {
  readonly fullAdders: number;
  readonly halfAdders: number;
  readonly topXors: number;
  readonly inverters: number;
  /** Full adders of the carry-propagate adders; faster ones count as the full adders of their area. */
  readonly finalAdderBits: number;
  /** Of the full adders above, those of which only the carry is read: bits below a shift. */
  readonly fullCarries?: number;
  /** The same of the half adders. */
  readonly halfCarries?: number;
  /** Of the half adders, those that also add a constant 1, sum and carry read: an exclusive nor and an or. */
  readonly increments?: number;
  /** Buffers behind cells with many readers, and behind registers and inputs. */
  readonly buffers?: number;
  readonly registerBuffers?: number;
  /** Cells and buffers of which mapping takes a larger size, for their many readers. */
  readonly largerCells?: number;
};

/** Nothing counted yet. */
export const NO_CELLS: DatapathCounts = {
  fullAdders: 0,
  halfAdders: 0,
  topXors: 0,
  inverters: 0,
  finalAdderBits: 0,
};

/** Add up counts. */
export function addCounts(a: DatapathCounts, b: DatapathCounts): DatapathCounts {
  return {
    fullAdders: a.fullAdders + b.fullAdders,
    halfAdders: a.halfAdders + b.halfAdders,
    topXors: a.topXors + b.topXors,
    inverters: a.inverters + b.inverters,
    finalAdderBits: a.finalAdderBits + b.finalAdderBits,
    fullCarries: (a.fullCarries ?? 0) + (b.fullCarries ?? 0),
    halfCarries: (a.halfCarries ?? 0) + (b.halfCarries ?? 0),
    increments: (a.increments ?? 0) + (b.increments ?? 0),
    buffers: (a.buffers ?? 0) + (b.buffers ?? 0),
    registerBuffers: (a.registerBuffers ?? 0) + (b.registerBuffers ?? 0),
    largerCells: (a.largerCells ?? 0) + (b.largerCells ?? 0),
  };
}

/** A graph as bits in clock cycles, ready to be lowered. */
export type DatapathPlan = {
  readonly graph: AdderGraph;
  readonly netlist: BitNetlist;
  readonly schedule: BitSchedule;
  /** Sums that are read by sums alone: parts of a layer may share them. */
  readonly inner: ReadonlySet<AdderNodeId>;
  readonly cells: CellTable;
};

/** Put a graph into bits and bits into clock cycles. Nodes keep their numbers. */
export function planDatapath(
  graph: AdderGraph,
  clock: ClockTarget,
  options: ScheduleOptions = {},
): DatapathPlan {
  const rewritten = offsetSums(graph);
  const netlist = bitNetlist(rewritten, clock);
  const inner = new Set(innerSums(graph).flatMap((is, i) => (is ? [i as AdderNodeId] : [])));
  const schedule = scheduleBits(netlist, clock, options);
  return { graph: rewritten, netlist, schedule, inner, cells: clock.cells };
}

/** A part of a plan that is lowered on its own. */
export type PlanPart = {
  readonly nodes: ReadonlySet<AdderNodeId>;
  /** Words that come from outside, ascending. */
  readonly inputs: readonly AdderNodeId[];
  readonly outputs: readonly AdderNodeId[];
};

/** Keep only what some outputs need of a plan. Other words than these outputs may come from elsewhere. */
export function restrictPlan(
  { graph }: Pick<DatapathPlan, "graph">,
  outputs: readonly AdderNodeId[],
  elsewhere: ReadonlySet<AdderNodeId>,
): PlanPart {
  const nodes = new Set<AdderNodeId>();
  const inputs = new Set<AdderNodeId>();
  const own = new Set(outputs);
  const pending = [...outputs];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (graph.nodes[id]!.kind === "input" || (elsewhere.has(id) && !own.has(id))) {
      inputs.add(id);
      continue;
    }
    if (nodes.has(id)) continue;
    nodes.add(id);
    pending.push(...adderSources(graph.nodes[id]!));
  }
  return { nodes, inputs: [...inputs].sort((a, b) => a - b), outputs };
}

/** Everything that a plan's outputs depend on, and all of its inputs. */
export function wholePlan(plan: DatapathPlan): PlanPart {
  const part = restrictPlan(plan, plan.graph.outputs, new Set());
  const inputs = plan.graph.nodes.flatMap((node, i) => (node.kind === "input" ? [i as AdderNodeId] : []));
  return { ...part, inputs };
}

/** Whether a part needs registers: some bit is read in a later stage than it comes in. */
export function isClocked({ netlist, schedule, graph }: DatapathPlan, { nodes }: PlanPart): boolean {
  const { cells, nodeCells, words, macros } = netlist;
  const { stage } = schedule;
  for (const id of nodes) {
    const { first, end } = nodeCells[id]!;
    for (let k = first; k < end; k++) {
      const at = stage[cells.sum[k]!]!;
      for (const pin of [cells.a[k]!, cells.b[k]!, cells.c[k]!])
        if (pin > 1 && stage[pin >> 1]! < at) return true;
    }
    const [bit] = macros.get(id) ?? [];
    if (bit === undefined) continue;
    const gate = macroNode(graph.nodes[id]!);
    if (macroPins(gate, words[gate.source]!).some((pin) => pin > 1 && stage[pin >> 1]! < stage[bit]!))
      return true;
  }
  return false;
}

/** Whether a part's outputs are the graph's, which come together in the last stage; words for other parts come when they are made. */
export function isAligned({ graph }: DatapathPlan, { outputs }: PlanPart): boolean {
  const all = new Set(graph.outputs);
  return outputs.every((id) => all.has(id));
}

/** Inverters of a part: one for each bit in each stage in which it is read inverted, and one for each sign. */
function countInverters(plan: DatapathPlan, part: PlanPart, picks: (id: AdderNodeId) => boolean): number {
  const { netlist, schedule, graph } = plan;
  const { cells, nodeCells, words, macros } = netlist;
  const { stage, latencyCycles } = schedule;
  const AT_THE_END = -1;
  const inverted = new Set<number>();
  const read = (pins: readonly Pin[], at: number): void => {
    for (const pin of pins) if (pin > ONE && (pin & 1) === 1) inverted.add(pin + 2 * at * netlist.bits);
  };
  let others = 0;
  for (const id of part.nodes) {
    if (!picks(id)) continue;
    const { first, end } = nodeCells[id]!;
    for (let k = first; k < end; k++) read([cells.a[k]!, cells.b[k]!, cells.c[k]!], stage[cells.sum[k]!]!);
    const [bit] = macros.get(id) ?? [];
    if (bit === undefined) continue;
    const gate = macroNode(graph.nodes[id]!);
    read(macroPins(gate, words[gate.source]!), stage[bit]!);
    if (gate.kind === "nonNegative") others++;
  }
  const end = isAligned(plan, part) ? latencyCycles : AT_THE_END;
  for (const id of part.outputs) if (picks(id)) read(words[id]!, end);
  // Bits of other parts' words that come inverted are turned back.
  for (const id of part.inputs)
    if (picks(id)) others += words[id]!.filter((pin) => pin > ONE && (pin & 1) === 1).length;
  return inverted.size + others;
}

/** Bits that something reads, by plan: every part of a plan asks. */
const knownReads = new WeakMap<BitNetlist, Uint8Array>();

/** Count cells of which only the carry is read, and half adders that also add a constant 1. */
function countSpecial(
  netlist: BitNetlist,
  ranges: readonly CellRange[],
): { readonly fullCarries: number; readonly halfCarries: number; readonly increments: number } {
  const reads = knownReads.get(netlist) ?? readBits(netlist);
  knownReads.set(netlist, reads);
  const { cells } = netlist;
  let [fullCarries, halfCarries, increments] = [0, 0, 0];
  for (const [from, to] of ranges) {
    for (let k = from; k < to; k++) {
      if (cells.carry[k]! < 0) continue;
      const pins = [cells.a[k]!, cells.b[k]!, cells.c[k]!];
      const isFull = pins.every((pin) => pin > ONE);
      if (reads[cells.sum[k]!] === 0) {
        if (isFull) fullCarries++;
        else halfCarries++;
      } else if (pins.includes(ONE)) increments++;
    }
  }
  return { fullCarries, halfCarries, increments };
}

/** Area of a carry-select or prefix adder over columns that are cells of the netlist. */
function fastAdderAreaUm2(
  { netlist, cells }: DatapathPlan,
  kind: Exclude<AdderArchitecture, "ripple">,
  [from, to]: CellRange,
): number {
  const { a, b, c } = netlist.cells;
  // A column's carry in is one of its pins, but for the lowest.
  const columns = Array.from({ length: to - from }, (_, i) => {
    const bits = [a[from + i]!, b[from + i]!, c[from + i]!].filter((pin) => pin > ONE);
    return bits.length > (i === 0 ? 1 : 2);
  });
  const counts = Object.entries(fastAdderCells(kind, columns));
  return sum(counts.map(([role, count]) => count * cells[role as keyof FastAdderCells].areaUm2));
}

/** Count a part's cells, of the nodes that a test picks. */
export function datapathCounts(
  plan: DatapathPlan,
  part: PlanPart,
  picks: (id: AdderNodeId) => boolean = () => true,
): DatapathCounts {
  const { netlist, schedule, cells } = plan;
  const inTrees: CellRange[] = [];
  const rippling: CellRange[] = [];
  let fastAreaUm2 = 0;
  for (const id of part.nodes) {
    if (!picks(id)) continue;
    const { first, adder, end } = netlist.nodeCells[id]!;
    inTrees.push([first, adder]);
    const kind = schedule.adders[id]!;
    if (kind === "ripple") rippling.push([adder, end]);
    else fastAreaUm2 += fastAdderAreaUm2(plan, kind, [adder, end]);
  }
  const [trees, ripple] = [inTrees, rippling].map((ranges) => countBits(netlist, ranges));
  const { own, registers, larger } = countBuffers(plan, part, picks);
  return {
    ...countSpecial(netlist, [...inTrees, ...rippling]),
    buffers: own,
    registerBuffers: registers,
    largerCells: larger,
    fullAdders: trees!.fullAdders,
    halfAdders: trees!.halfAdders + ripple!.halfAdders,
    topXors: trees!.xors + ripple!.xors,
    inverters: countInverters(plan, part, picks),
    finalAdderBits: ripple!.fullAdders + Math.round(fastAreaUm2 / cells.fullAdder.areaUm2),
  };
}
