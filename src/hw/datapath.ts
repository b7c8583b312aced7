import {
  type AdderNodeId,
  adderRuns,
  cellKinds,
  macroNode,
  macroPins,
  ONE,
  type Pin,
  wordFormat,
  ZERO,
} from "../arith/index.js";
import { invariant } from "../core/index.js";
import { concat, literal, type ModuleBuilder, repeat, sliceOf } from "./builder.js";
import { type DatapathPlan, isAligned, type PlanPart, wholePlan } from "./datapath-plan.js";
import type { Cell, NetId, Signal, Slice } from "./netlist.js";
import type { StageEnables } from "./stage-enables.js";

/** What {@link lowerDatapath} needs beyond the plan. */
export type LowerOptions = {
  /** Moves the registers behind each stage on; `null` when they always move. */
  readonly enable: StageEnables | null;
  /** Begins the names, so that a module can hold two datapaths; default none. */
  readonly prefix?: string;
  /** What to lower; default everything. */
  readonly part?: PlanPart;
  /** Last node of the weighted sums; rows of later nodes have a q in their names. Default: all nodes are sums. */
  readonly lastSum?: AdderNodeId;
};

/** Where a bit is: a net and a bit of it. */
type Place = readonly [NetId, number];

/** Collects single bits into slices of nets. */
function gather(bits: readonly Place[]): Signal {
  const out: Slice[] = [];
  let net = -1 as NetId;
  let low = 0;
  let width = 0;
  for (const [bitNet, bit] of bits) {
    if (bitNet === net && bit === low + width) width++;
    else {
      if (width > 0) out.push({ kind: "net", net, low, width });
      net = bitNet;
      low = bit;
      width = 1;
    }
  }
  if (width > 0) out.push({ kind: "net", net, low, width });
  return out;
}

/** Columns of a carry-propagate adder that are added in one stage: cells [from, to), see {@link adderRuns}. */
type Run = { readonly node: AdderNodeId; readonly from: number; readonly to: number };
/** What one logic level of a stage consists of. */
type Level = { readonly cells: number[]; readonly runs: Run[]; readonly macros: AdderNodeId[] };

/** Sort a part's cells by stage and level; runs of one cell are like any cell. */
function levelsOf({ netlist, schedule }: DatapathPlan, part: PlanPart): readonly (readonly Level[])[] {
  const { cells, nodeCells, macros } = netlist;
  const { stage, level } = schedule;
  const stages: Level[][] = [];
  const levelAt = (bit: number): Level => {
    stages[stage[bit]!] ??= [];
    const levels = stages[stage[bit]!]!;
    while (levels.length <= level[bit]!) levels.push({ cells: [], runs: [], macros: [] });
    return levels[level[bit]!]!;
  };
  for (const id of [...part.nodes].sort((a, b) => a - b)) {
    const [bit] = macros.get(id) ?? [];
    if (bit !== undefined) levelAt(bit).macros.push(id);
    const { first, adder, end } = nodeCells[id]!;
    for (let k = first; k < adder; k++) levelAt(cells.sum[k]!).cells.push(k);
    for (const [from, to] of adderRuns(cells, adder, end, stage)) {
      const { cells: single, runs } = levelAt(cells.sum[from]!);
      if (to === from + 1) single.push(from);
      else runs.push({ node: id, from, to });
    }
  }
  return Array.from(stages, (levels) => levels ?? []);
}

/** Names of the cells that saturate accumulators begin so. */
const SATURATION = "saturate";

/** Whether a cell saturates an accumulator: it belongs to the clamps, not to the trees. */
export function isSaturation(cell: Cell): boolean {
  return cell.name.startsWith(SATURATION);
}

/** Lowers one part of a plan, stage by stage. */
class Lowering {
  readonly #b: ModuleBuilder;
  readonly #plan: DatapathPlan;
  readonly #part: PlanPart;
  readonly #prefix: string;
  readonly #enable: StageEnables | null;
  readonly #lastSum: AdderNodeId;
  /** Where each bit is in the present stage, and where it was made. */
  readonly #places = new Map<number, Place>();
  readonly #born = new Map<number, Place>();
  readonly #constants = new Map<AdderNodeId, readonly Place[]>();
  #one: Place | undefined;
  /** Inverted bits of the present stage. */
  #inverted = new Map<number, Place>();
  /** Last stage in which this part reads each bit. */
  readonly #lastUse = new Map<number, number>();

  constructor(
    b: ModuleBuilder,
    plan: DatapathPlan,
    {
      prefix = "",
      enable,
      part = wholePlan(plan),
      lastSum = (plan.graph.nodes.length - 1) as AdderNodeId,
    }: LowerOptions,
  ) {
    this.#b = b;
    this.#plan = plan;
    this.#part = part;
    this.#prefix = prefix;
    this.#enable = enable;
    this.#lastSum = lastSum;
  }

  run(inputs: readonly Signal[]): readonly Signal[] {
    const { netlist, schedule } = this.#plan;
    const levels = levelsOf(this.#plan, this.#part);
    const aligned = isAligned(this.#plan, this.#part);
    this.#findLastUses(levels, aligned);
    const arriving = this.#readInputs(inputs);
    const last = aligned ? schedule.latencyCycles : Math.max(levels.length - 1, this.#outputStage());
    for (let stage = 0; stage <= last; stage++) {
      for (const [bit, place] of arriving.get(stage) ?? []) this.#set(bit, place);
      for (const [k, level] of (levels[stage] ?? []).entries())
        this.#lowerLevel(`${this.#prefix}s${stage}_l${k}`, level);
      if (stage < last) this.#advance(stage);
    }
    if (!aligned) {
      this.#inverted = new Map();
      for (const [bit, place] of this.#born) this.#places.set(bit, place);
    }
    return this.#part.outputs.map((id) => this.#output(netlist.words[id]!, id));
  }

  /** Stage in which the last bit of the output words is made. */
  #outputStage(): number {
    const { netlist, schedule } = this.#plan;
    const pins = this.#part.outputs.flatMap((id) => netlist.words[id]!);
    return pins.reduce((last, pin) => Math.max(last, schedule.stage[pin >> 1]!), 0);
  }

  #findLastUses(levels: readonly (readonly Level[])[], aligned: boolean): void {
    const { netlist, schedule } = this.#plan;
    const { cells, words } = netlist;
    const use = (pin: Pin, stage: number): void => {
      const bit = pin >> 1;
      if (bit > 0) this.#lastUse.set(bit, Math.max(stage, this.#lastUse.get(bit) ?? 0));
    };
    for (const [stage, all] of levels.entries()) {
      for (const level of all) {
        const runs = level.runs.flatMap(({ from, to }) =>
          Array.from({ length: to - from }, (_, i) => from + i),
        );
        for (const k of [...level.cells, ...runs])
          for (const pin of [cells.a[k]!, cells.b[k]!, cells.c[k]!]) use(pin, stage);
        for (const id of level.macros) for (const pin of this.#macroPins(id)) use(pin, stage);
      }
    }
    for (const id of this.#part.outputs)
      for (const pin of words[id]!) use(pin, aligned ? schedule.latencyCycles : schedule.stage[pin >> 1]!);
  }

  /** Bits of the part's input words by the stage in which they come. */
  #readInputs(inputs: readonly Signal[]): ReadonlyMap<number, readonly (readonly [number, Place])[]> {
    const { netlist, schedule } = this.#plan;
    const byStage = new Map<number, (readonly [number, Place])[]>();
    for (const [i, id] of this.#part.inputs.entries()) {
      const word = netlist.words[id]!;
      const places = placesOf(sliceOf(inputs[i]!, 0, word.length));
      for (const [k, pin] of word.entries()) {
        if (pin <= ONE) continue;
        const stage = schedule.stage[pin >> 1]!;
        const list = byStage.get(stage) ?? [];
        byStage.set(stage, list);
        const plain =
          (pin & 1) === 0
            ? places[k]!
            : placesOf(this.#b.not(`${this.#prefix}plain`, gather([places[k]!])))[0]!;
        list.push([pin >> 1, plain]);
      }
    }
    return byStage;
  }

  #macroPins(id: AdderNodeId): readonly Pin[] {
    const { graph, words } = this.#plan.netlist;
    const gate = macroNode(graph.nodes[id]!);
    return macroPins(gate, words[gate.source]!);
  }

  #set(bit: number, place: Place): void {
    this.#places.set(bit, place);
    this.#born.set(bit, place);
  }

  #constant(node: AdderNodeId, column: number): Place {
    let places = this.#constants.get(node);
    if (places === undefined) {
      const tree = this.#plan.netlist.trees[node]!;
      const doc = `${tree.name}: all constants of the sum`;
      places = placesOf(
        this.#b.constant(`${this.#prefix}constant_${tree.name}`, tree.constant, tree.width, doc),
      );
      this.#constants.set(node, places);
    }
    const isOwn = ((this.#plan.netlist.trees[node]!.constant >> BigInt(column)) & 1n) === 1n;
    if (isOwn) return places[column]!;
    // A constant bit of a word that the sum reads.
    this.#one ??= placesOf(this.#b.constant(`${this.#prefix}one`, 1, 1))[0]!;
    return this.#one;
  }

  #place(pin: Pin): Place {
    const bit = pin >> 1;
    const place = ((pin & 1) === 1 ? this.#inverted : this.#places).get(bit);
    invariant(place !== undefined, `bit ${bit} has no place`);
    return place;
  }

  /** Invert what a level needs inverted and is not yet. */
  #invert(name: string, pins: Iterable<Pin>): void {
    const missing = new Set<number>();
    for (const pin of pins)
      if (pin > ONE && (pin & 1) === 1 && !this.#inverted.has(pin >> 1)) missing.add(pin >> 1);
    if (missing.size === 0) return;
    const bits = [...missing].sort((x, y) => byPlace(this.#place(2 * x), this.#place(2 * y)));
    const nots = placesOf(this.#b.not(name, gather(bits.map((bit) => this.#place(2 * bit)))));
    for (const [i, bit] of bits.entries()) this.#inverted.set(bit, nots[i]!);
  }

  /** Lower the sums of a level, then its requantization, whose names differ, so that each can be told apart after synthesis. */
  #lowerLevel(name: string, { cells: all, runs, macros }: Level): void {
    const { cells } = this.#plan.netlist;
    const isSum = (node: number): boolean => node <= this.#lastSum;
    const [sums, others] = [(k: number) => isSum(cells.node[k]!), (k: number) => !isSum(cells.node[k]!)].map(
      (test) => all.filter(test),
    );
    this.#lowerRows(name, {
      cells: sums!,
      runs: runs.filter(({ node }) => isSum(node)),
      macros: macros.filter(isSum),
    });
    this.#lowerRows(`${name}q`, {
      cells: others!,
      runs: runs.filter(({ node }) => !isSum(node)),
      macros: macros.filter((node) => !isSum(node)),
    });
  }

  #lowerRows(name: string, { cells: all, runs, macros }: Level): void {
    const { netlist } = this.#plan;
    const { cells } = netlist;
    const pins: Pin[] = [];
    for (const k of all) pins.push(cells.a[k]!, cells.b[k]!, cells.c[k]!);
    for (const { from, to } of runs) {
      for (let k = from; k < to; k++) {
        const carry = k > from ? 2 * cells.carry[k - 1]! : -1;
        for (const pin of [cells.a[k]!, cells.b[k]!, cells.c[k]!]) if (pin !== carry) pins.push(pin);
      }
    }
    for (const id of macros) pins.push(...this.#macroPins(id));
    this.#invert(`${name}_not`, pins);
    for (const [index, kind] of cellKinds.entries()) {
      const row = all.filter((k) => cells.kind[k] === index);
      if (row.length > 0) this.#row(name, kind, row);
    }
    for (const run of runs) this.#adder(name, run);
    for (const id of macros) this.#macro(id);
  }

  #row(name: string, kind: (typeof cellKinds)[number], row: readonly number[]): void {
    const b = this.#b;
    const { cells } = this.#plan.netlist;
    const pin = (list: Int32Array): Signal =>
      gather(
        row.map((k) =>
          list[k] === ONE
            ? this.#constant(cells.node[k]! as AdderNodeId, cells.column[k]!)
            : this.#place(list[k]!),
        ),
      );
    const width = row.length;
    if (kind === "xor3" || kind === "xor2") {
      const letter = kind === "xor3" ? "x" : "y";
      const y = b.net(`${name}_${letter}`, width);
      const operands =
        kind === "xor3" ? [pin(cells.a), pin(cells.b), pin(cells.c)] : [pin(cells.a), pin(cells.b)];
      b.add({ kind: "xor", name: `${name}_${letter}`, operands, y });
      for (const [i, k] of row.entries()) this.#set(cells.sum[k]!, [y, i]);
      return;
    }
    const letter = kind === "fullAdder" ? "f" : "h";
    const sum = b.net(`${name}_${letter}s`, width);
    const carry = b.net(`${name}_${letter}c`, width);
    if (kind === "fullAdder") {
      const doc = `${width} full adders`;
      const cell = {
        name: `u_${name}_full`,
        doc,
        a: pin(cells.a),
        b: pin(cells.b),
        c: pin(cells.c),
        sum,
        carry,
      };
      b.add({ kind: "fullAdders", ...cell });
    } else
      b.add({ kind: "halfAdders", name: `u_${name}_half`, a: pin(cells.a), b: pin(cells.b), sum, carry });
    for (const [i, k] of row.entries()) {
      this.#set(cells.sum[k]!, [sum, i]);
      this.#set(cells.carry[k]!, [carry, i]);
    }
  }

  /** One carry-propagate addition; a carry that comes in is added in a column of its own below. */
  #adder(name: string, { node, from, to }: Run): void {
    const b = this.#b;
    const { netlist, schedule } = this.#plan;
    const { cells, graph } = netlist;
    const bitOf = (pin: Pin | undefined, column: number): Signal => {
      if (pin === undefined || pin === ZERO) return literal(0, 1);
      return gather([pin === ONE ? this.#constant(node, column) : this.#place(pin)]);
    };
    const rows: [Signal[], Signal[]] = [[], []];
    let carryIn: Signal | undefined;
    for (let k = from; k < to; k++) {
      const before = k > from ? 2 * cells.carry[k - 1]! : -1;
      const own = [cells.a[k]!, cells.b[k]!, cells.c[k]!].filter((pin) => pin !== before && pin !== ZERO);
      const column = cells.column[k]!;
      rows[0].push(bitOf(own[0], column));
      rows[1].push(bitOf(own[1], column));
      if (own.length === 3) {
        invariant(k === from, "only the lowest column takes three bits");
        carryIn = bitOf(own[2], column);
      }
    }
    const top = cells.carry[to - 1]! >= 0 ? [literal(0, 1)] : [];
    const below = carryIn === undefined ? [[], []] : [[carryIn], [literal(1, 1)]];
    const node2 = graph.nodes[node]!;
    const label = `${name}_add_${node2.kind === "sum" ? node2.name : node}`;
    const [x, y] = [0, 1].map((r) => concat([...below[r]!, ...rows[r as 0 | 1], ...top]));
    const sum = placesOf(b.arithmetic("add", label, x!, y!, schedule.adders[node]!));
    const low = carryIn === undefined ? 0 : 1;
    for (let k = from; k < to; k++) this.#set(cells.sum[k]!, sum[low + k - from]!);
    if (top.length > 0) this.#set(cells.carry[to - 1]!, sum[low + to - from]!);
  }

  /** A saturation to 0 … 2^width − 1: bits above force ones, the sign forces zeros; or a word's sign, inverted. */
  #macro(id: AdderNodeId): void {
    const b = this.#b;
    const { words, graph } = this.#plan.netlist;
    const gate = macroNode(graph.nodes[id]!);
    const source = this.#word(this.#macroPins(id), gate.source);
    const range = graph.nodes[gate.source]!.interval;
    const { width, signed } = wordFormat(range);
    let word: Signal;
    if (gate.kind === "nonNegative") word = b.not(`${this.#prefix}not_sign${gate.source}`, source);
    else {
      const name = `${SATURATION}${gate.source}`;
      const kept = wordFormat(gate.interval).width;
      const magnitude = width - (signed ? 1 : 0);
      word = sliceOf(source, 0, Math.min(kept, magnitude));
      if (range.high >= 1n << BigInt(gate.width)) {
        const above = Array.from({ length: magnitude - gate.width }, (_, i) =>
          sliceOf(source, gate.width + i, 1),
        );
        word = b.logic("or", `${name}_ones`, [word, repeat(b.logic("or", `${name}_over`, above), kept)]);
      }
      if (signed) {
        const inside = b.not(`${name}_inside`, sliceOf(source, magnitude, 1));
        word = b.logic("and", `${name}_zeros`, [word, repeat(inside, Math.min(kept, magnitude))]);
      }
    }
    const places = placesOf(named(b, `${this.#prefix}word${id}`, word));
    for (const [k, pin] of words[id]!.entries()) this.#set(pin >> 1, places[k]!);
  }

  /** A word in the present stage. */
  #word(pins: readonly Pin[], id: AdderNodeId): Signal {
    return concat(
      pins.map((pin, column) => {
        if (pin === ZERO) return literal(0, 1);
        if (pin === ONE)
          return this.#plan.netlist.trees[id] === undefined
            ? literal(1, 1)
            : gather([this.#constant(id, column)]);
        return gather([this.#place(pin)]);
      }),
    );
  }

  /** A word of the part's output, under one name. */
  #output(pins: readonly Pin[], id: AdderNodeId): Signal {
    const node = this.#plan.graph.nodes[id]!;
    const name = `${this.#prefix}word_${node.kind === "sum" ? node.name : id}`;
    this.#invert(`${name}_not`, pins);
    return named(this.#b, name, this.#word(pins, id));
  }

  /** Register what later stages read. */
  #advance(stage: number): void {
    const bits: number[] = [];
    for (const [bit] of this.#places) {
      if (this.#lastUse.get(bit)! > stage) bits.push(bit);
      else this.#places.delete(bit);
    }
    this.#inverted = new Map();
    if (bits.length === 0) return;
    bits.sort((x, y) => byPlace(this.#places.get(x)!, this.#places.get(y)!));
    const q = placesOf(
      this.#b.register(
        `${this.#prefix}stage${stage + 1}`,
        gather(bits.map((bit) => this.#places.get(bit)!)),
        {
          enable: this.#enable?.(stage),
          role: "datapath",
          doc: `${bits.length} bits`,
        },
      ),
    );
    for (const [i, bit] of bits.entries()) this.#places.set(bit, q[i]!);
  }
}

const byPlace = (a: Place, b: Place): number => a[0] - b[0] || a[1] - b[1];

function placesOf(signal: Signal): readonly Place[] {
  return signal.flatMap((slice) => {
    invariant(slice.kind === "net", "a variable word has no constant bits");
    return Array.from({ length: slice.width }, (_, i): Place => [slice.net, slice.low + i]);
  });
}

/** Give a concatenation a name of its own, so that all of its bits are bits of one net. */
function named(b: ModuleBuilder, name: string, value: Signal): Signal {
  if (value.length === 1 && value[0]!.kind === "net") return value;
  const y = b.net(
    name,
    value.reduce((n, slice) => n + (slice.kind === "net" ? slice.width : slice.bits.length), 0),
  );
  b.add({ kind: "assign", name, a: value, y });
  return b.signal(y);
}

/**
 * Lower a planned graph to cells: stage by stage, in each stage level by level, the cells of one kind side by side as one wide row. Names:
 * `sS_lL_…` is level L of stage S, `stageS` the registers in front of stage S.
 *
 * @param inputs one word for each input of the part: the graph's own are registered by the caller, words of other parts come bit by bit
 * in the stages in which they are made
 * @returns the outputs' words (as wide as their intervals need): combinational in stage `plan.schedule.latencyCycles`; or, if they are no
 * outputs of the graph, each bit in the stage in which it is made
 */
export function lowerDatapath(
  b: ModuleBuilder,
  plan: DatapathPlan,
  inputs: readonly Signal[],
  options: LowerOptions,
): readonly Signal[] {
  return new Lowering(b, plan, options).run(inputs);
}
