import { invariant } from "../../core/index.js";
import type { AdderNode, AdderNodeId } from "../adder-graph.js";
import { Arrivals } from "./arrival.js";
import {
  type BitCells,
  type BitNetlist,
  cellDelays,
  cellKinds,
  macroDelayPs,
  macroNode,
  macroPins,
  type Pin,
  readElsewhere,
} from "./bit-netlist.js";
import type { CellTable, ClockTarget } from "./cell-table.js";
import { delayCells } from "./delay-cells.js";
import { type AdderArchitecture, adderAreaUm2, adderDelayPs } from "./final-adder.js";

/** In which clock cycle each bit of a netlist is made, counted from the inputs, and in what order within the cycle. */
export type BitSchedule = {
  /** Registers between the inputs and the outputs: outputs are combinational in this stage. */
  readonly latencyCycles: number;
  /** Stage of each bit. */
  readonly stage: Int32Array;
  /** Logic level of each bit within its stage, 0 for what comes from a register; cells of one level do not depend on each other. */
  readonly level: Int32Array;
  /** How each node's carry-propagate adder is built. */
  readonly adders: readonly AdderArchitecture[];
  /** Register bits, shared by all readers of a bit. */
  readonly registerBits: number;
  /** Longest path between two registers, without their own delays. */
  readonly longestPathPs: number;
};

/** Choices of {@link scheduleBits}. */
export type ScheduleOptions = {
  /** When inputs are there, after the clock edge; default a register's delay. */
  readonly inputArrivalPs?: number;
  /** What outputs need before the next edge beyond a register's set-up, e.g. for clamps; default nothing. */
  readonly outputDelayPs?: number;
};

/** Delay of an adder in ps, by how it is built. */
type DelayOf = (architecture: AdderArchitecture) => number;

type Attempt = Omit<BitSchedule, "registerBits"> & { readonly doneBy: Int32Array };

/**
 * Place every cell as early as its bits and the clock allow (bits that come late start late: a ripple adder may run on through several
 * stages, its low bits ahead of its high ones). Linear in the cells.
 *
 * @param architectureOf how to build a node's adder of such delays, when its last operand comes so long before the next edge
 */
function place(
  netlist: BitNetlist,
  clock: ClockTarget,
  options: ScheduleOptions,
  architectureOf: (node: number, delayOf: DelayOf, leftPs: number, stage: number) => AdderArchitecture,
): Attempt {
  const { cells, nodeCells, graph, words, macros } = netlist;
  const delays = cellDelays(clock.cells);
  const level = new Int32Array(netlist.bits);
  const doneBy = new Int32Array(graph.nodes.length);
  const adders = graph.nodes.map((): AdderArchitecture => "ripple");
  const arrivals = new Arrivals(clock);
  const { stage, startPs } = arrivals;
  const levelAt = (pin: Pin, at: number): number => (stage[pin >> 1]! === at ? level[pin >> 1]! : 0);
  const pinsOf = (k: number): readonly Pin[] => [cells.a[k]!, cells.b[k]!, cells.c[k]!];
  const placeCell = (k: number): void => {
    const { sumPs, carryPs } = delays[cells.kind[k]!]!;
    const [at, when] = arrivals.begin(pinsOf(k), Math.max(sumPs, carryPs));
    arrivals.set(cells.sum[k]!, at, when + sumPs);
    if (cells.carry[k]! >= 0) arrivals.set(cells.carry[k]!, at, when + carryPs);
  };
  const setLevels = (k: number, deep: number): void => {
    level[cells.sum[k]!] = deep;
    if (cells.carry[k]! >= 0) level[cells.carry[k]!] = deep;
  };
  const levelFor = (k: number): number => {
    const at = stage[cells.sum[k]!]!;
    return 1 + Math.max(levelAt(cells.a[k]!, at), levelAt(cells.b[k]!, at), levelAt(cells.c[k]!, at));
  };
  /** A run's level is behind all bits from elsewhere. */
  const levelAdder = (from: number, to: number): void => {
    for (const [first, last] of adderRuns(cells, from, to, stage)) {
      let deep = 0;
      for (let k = first; k < last; k++) deep = Math.max(deep, levelFor(k));
      for (let k = first; k < last; k++) setLevels(k, deep);
    }
  };
  /** Pins that an adder reads from elsewhere. */
  const operandsOf = (from: number, to: number): readonly Pin[] => {
    const pins: Pin[] = [];
    for (let k = from; k < to; k++)
      for (const pin of pinsOf(k)) if (!drives(netlist, from, to, pin)) pins.push(pin);
    return pins;
  };
  const placeAdder = (i: number, from: number, to: number): void => {
    const operands = operandsOf(from, to);
    const [at, last] = arrivals.begin(operands, 0);
    const delayOf: DelayOf = (built) => delayOfRuns(cells, from, to, built, clock.cells);
    const kind = architectureOf(i, delayOf, arrivals.endPs - last, at);
    adders[i] = kind;
    if (kind === "ripple") for (let k = from; k < to; k++) placeCell(k);
    else {
      const delay = delayOf(kind);
      const [when, begin] = arrivals.begin(operands, delay);
      for (let k = from; k < to; k++) {
        arrivals.set(cells.sum[k]!, when, begin + delay);
        if (cells.carry[k]! >= 0) arrivals.set(cells.carry[k]!, when, begin + delay);
      }
    }
    levelAdder(from, to);
  };
  const placeMacro = (given: AdderNode, i: number): void => {
    const node = macroNode(given);
    const source = words[node.source]!;
    const read = macroPins(node, source);
    const delay = macroDelayPs(node, source.length, clock);
    const [at, begin] = arrivals.begin(read, delay);
    const deep = 1 + read.reduce((most, pin) => Math.max(most, levelAt(pin, at)), 0);
    for (const pin of words[i]!) {
      arrivals.set(pin >> 1, at, begin + delay);
      level[pin >> 1] = deep;
    }
  };
  for (const [i, node] of graph.nodes.entries()) {
    if (node.kind === "input")
      for (const pin of words[i]!) arrivals.set(pin >> 1, 0, options.inputArrivalPs ?? startPs);
    if (macros.has(i as AdderNodeId)) placeMacro(node, i);
    const { first, adder, end: last } = nodeCells[i]!;
    for (let k = first; k < adder; k++) {
      placeCell(k);
      setLevels(k, levelFor(k));
    }
    if (last > adder) placeAdder(i, adder, last);
    doneBy[i] = words[i]!.reduce((most, pin) => Math.max(most, arrivals.stageOf(pin)), 0);
  }
  let latencyCycles = 0;
  const latest = arrivals.endPs - (options.outputDelayPs ?? 0);
  for (const output of graph.outputs) {
    for (const pin of words[output]!) {
      const at = arrivals.stageOf(pin);
      latencyCycles = Math.max(latencyCycles, arrivals.at(pin, at) > latest ? at + 1 : at);
    }
  }
  const { longestPathPs } = arrivals;
  return { latencyCycles, stage: Int32Array.from(stage), level, adders, longestPathPs, doneBy };
}

/** Delay of a node's adder [from, to) built one way, run behind run where one reads the other's carry. */
function delayOfRuns(
  cells: BitCells,
  from: number,
  to: number,
  architecture: AdderArchitecture,
  table: CellTable,
): number {
  if (architecture === "ripple") return adderDelayPs(architecture, to - from, table);
  let [delay, end] = [0, 0];
  for (const [first, last] of adderRuns(cells, from, to)) {
    const isBehind = first > from && readsCarry(cells, first);
    end = (isBehind ? end : 0) + adderDelayPs(architecture, last - first, table);
    delay = Math.max(delay, end);
  }
  return delay;
}

const readsCarry = (cells: BitCells, k: number): boolean => {
  const pin = 2 * cells.carry[k - 1]!;
  return cells.a[k] === pin || cells.b[k] === pin || cells.c[k] === pin;
};

/**
 * Cut an adder's cells [from, to) where the next does not read the carry of the column below: above an open carry, and above a column that
 * holds nothing but a constant one, which hands the carry on without a cell. With stages, also where the stage changes.
 */
export function adderRuns(
  cells: BitCells,
  from: number,
  to: number,
  stage?: ArrayLike<number>,
): readonly (readonly [from: number, to: number])[] {
  const runs: (readonly [number, number])[] = [];
  for (let first = from, k = from + 1; first < to; k++) {
    const goesOn =
      k < to &&
      cells.column[k] === cells.column[k - 1]! + 1 &&
      readsCarry(cells, k) &&
      (stage === undefined || stage[cells.sum[k]!] === stage[cells.sum[first]!]);
    if (goesOn) continue;
    runs.push([first, k]);
    first = k;
  }
  return runs;
}

/** Whether a pin is a carry of the adder itself: carries run upwards, from a cell of the same range. */
function drives({ cells }: BitNetlist, from: number, to: number, pin: Pin): boolean {
  const bit = pin >> 1;
  return to > from && bit >= cells.sum[from]! && bit <= Math.max(cells.sum[to - 1]!, cells.carry[to - 1]!);
}

/** Last stage in which each bit is read; −1 where it never is. Outputs are read in the last stage. */
export function lastUses(
  netlist: BitNetlist,
  schedule: Pick<BitSchedule, "stage" | "latencyCycles">,
): Int32Array {
  const { cells } = netlist;
  const { stage } = schedule;
  const last = new Int32Array(netlist.bits).fill(-1);
  const use = (pin: Pin, at: number): void => {
    const bit = pin >> 1;
    if (bit > 0 && at > last[bit]!) last[bit] = at;
  };
  for (let k = 0; k < cells.kind.length; k++) {
    const at = stage[cells.sum[k]!]!;
    use(cells.a[k]!, at);
    use(cells.b[k]!, at);
    use(cells.c[k]!, at);
  }
  readElsewhere(netlist, schedule, use);
  return last;
}

function registersOf(netlist: BitNetlist, attempt: Pick<BitSchedule, "stage" | "latencyCycles">): number {
  const last = lastUses(netlist, attempt);
  let bits = 0;
  for (let bit = 1; bit < last.length; bit++)
    if (last[bit]! > attempt.stage[bit]!) bits += last[bit]! - attempt.stage[bit]!;
  return bits;
}

/** Stage in which each node's word is first read as a whole: the earliest of its readers' last bits. */
function neededBy({ graph }: BitNetlist, attempt: Attempt): Int32Array {
  const needed = new Int32Array(graph.nodes.length).fill(attempt.latencyCycles);
  for (const [i, node] of graph.nodes.entries()) {
    if (node.kind === "input") continue;
    for (const source of node.kind === "sum" ? node.terms.map((t) => t.source) : [node.source])
      needed[source] = Math.min(needed[source]!, attempt.doneBy[i]!);
  }
  return needed;
}

function totalArea(netlist: BitNetlist, attempt: Attempt, registers: number, { cells }: ClockTarget): number {
  let area = registers * cells.register.areaUm2;
  for (const [i, { adder, end }] of netlist.nodeCells.entries())
    if (end > adder) area += adderAreaUm2(attempt.adders[i]!, end - adder, cells);
  return area;
}

/**
 * Put a netlist into clock cycles. Carry-propagate adders are chosen by slack: first all of them ripple; then, where that runs past the end of
 * a cycle, the smallest that does not (carry-select, prefix) is tried; then the ones whose word nobody reads before a ripple adder
 * would be done ripple again. The schedule with the least area, registers included, is kept, and its cells are moved to later stages where
 * that saves registers.
 */
export function scheduleBits(
  netlist: BitNetlist,
  clock: ClockTarget,
  options: ScheduleOptions = {},
): BitSchedule {
  const { cells } = clock;
  const ripple = place(netlist, clock, options, () => "ripple");
  const finish = (attempt: Attempt): BitSchedule & { readonly area: number } => {
    const registerBits = registersOf(netlist, attempt);
    const { latencyCycles, stage, level, adders, longestPathPs } = attempt;
    const area = totalArea(netlist, attempt, registerBits, clock);
    return { latencyCycles, stage, level, adders, longestPathPs, registerBits, area };
  };
  let best = finish(ripple);
  if (ripple.latencyCycles > 0) {
    const { setupPs, clockToOutputPs } = cells.register;
    const whole = clock.periodPs - setupPs - clockToOutputPs - cells.inverter.delayPs;
    const fitting = (delayOf: DelayOf, leftPs: number): AdderArchitecture => {
      if (delayOf("ripple") <= leftPs) return "ripple";
      const fast = (["select", "prefix"] as const).filter((kind) => delayOf(kind) <= Math.max(leftPs, whole));
      return fast.find((kind) => delayOf(kind) <= leftPs) ?? fast[0] ?? "ripple";
    };
    const fast = place(netlist, clock, options, (_, delayOf, leftPs) => fitting(delayOf, leftPs));
    const needed = neededBy(netlist, fast);
    const slack = place(netlist, clock, options, (i, delayOf, leftPs, at) => {
      const kind = fitting(delayOf, leftPs);
      const time = leftPs + (needed[i]! - at) * whole;
      return kind !== "ripple" && delayOf("ripple") <= time ? "ripple" : kind;
    });
    for (const attempt of [fast, slack].map(finish)) if (attempt.area < best.area) best = attempt;
  }
  const { area: _, ...schedule } = best;
  if (schedule.latencyCycles === 0) return schedule;
  const stage = delayCells(netlist, schedule);
  return {
    ...schedule,
    stage,
    registerBits: registersOf(netlist, { latencyCycles: schedule.latencyCycles, stage }),
  };
}

/**
 * Check that no bit is read before it is made, and that levels order the cells of a stage.
 */
export function verifySchedule(netlist: BitNetlist, { stage, level }: BitSchedule): void {
  const { cells, nodeCells } = netlist;
  for (const { first, adder, end } of nodeCells) {
    const starts = new Set(adderRuns(cells, adder, end, stage).map(([from]) => from));
    for (let k = first; k < end; k++) {
      const at = stage[cells.sum[k]!]!;
      for (const pin of [cells.a[k]!, cells.b[k]!, cells.c[k]!]) {
        const bit = pin >> 1;
        invariant(stage[bit]! <= at, `cell ${k} (${cellKinds[cells.kind[k]!]}) reads bit ${bit} too early`);
        const own = k > adder && !starts.has(k) && pin === 2 * cells.carry[k - 1]!;
        invariant(
          bit === 0 || stage[bit]! < at || own || level[bit]! < level[cells.sum[k]!]!,
          `cell ${k} is not behind what it reads`,
        );
      }
    }
  }
}
