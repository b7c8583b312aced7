import { assertNever, invariant } from "../../core/index.js";
import {
  type AdderGraph,
  type AdderNode,
  type AdderNodeId,
  type SumNode,
  saturated,
} from "../adder-graph.js";
import { type CompressorTree, compressorTree, firstCellRef } from "../compressor-tree.js";
import { wordFormat } from "../interval.js";
import { Arrivals } from "./arrival.js";
import { type BitFormat, bitFormats, openColumns } from "./bit-format.js";
import { type CellTable, type ClockTarget, combinational } from "./cell-table.js";
import { innerSums } from "./offset-sums.js";

/**
 * A bit as a cell sees it: 2·bit, or 2·bit + 1 inverted. Bit 0 is the constant zero, so that pin 0 is zero and pin 1 is one.
 */
export type Pin = number;
export const ZERO: Pin = 0;
export const ONE: Pin = 1;

/** Kinds of cells: sum and carry of three or two bits, and sums alone where the carry is dropped. */
export const cellKinds = ["fullAdder", "halfAdder", "xor3", "xor2"] as const;
export type BitCellKind = (typeof cellKinds)[number];

/** Delays of a cell of each kind to its sum and to its carry, in the order of {@link cellKinds}. */
export function cellDelays({ fullAdder, halfAdder, xor2 }: CellTable): readonly CellDelays[] {
  const { delayPs } = xor2;
  return [fullAdder, halfAdder, { sumPs: 2 * delayPs, carryPs: 0 }, { sumPs: delayPs, carryPs: 0 }];
}
type CellDelays = { readonly sumPs: number; readonly carryPs: number };

/** Cells side by side, one an index; a node's cells follow each other, its tree first, then its adder from the lowest column up. */
export type BitCells = {
  /** Index into {@link cellKinds}. */
  readonly kind: Uint8Array;
  readonly node: Int32Array;
  readonly column: Int32Array;
  readonly a: Int32Array;
  readonly b: Int32Array;
  /** {@link ZERO} for kinds of two inputs. */
  readonly c: Int32Array;
  /** Bit driven, and the bit of the carry or −1. */
  readonly sum: Int32Array;
  readonly carry: Int32Array;
};

/** Where a node's cells are: [first, adder) is its tree, [adder, end) its carry-propagate adder. */
export type NodeCells = { readonly first: number; readonly adder: number; readonly end: number };

/** Nodes that are gates of their own: a saturation reads a whole word, a sign its last bit. */
type MacroNode = Extract<AdderNode, { readonly kind: "saturate" | "nonNegative" }>;

/** Narrow a node that {@link BitNetlist.macros} lists. */
export function macroNode(node: AdderNode): MacroNode {
  invariant(node.kind === "saturate" || node.kind === "nonNegative", "a gate of its own");
  return node;
}

/** Pins that a saturation or a sign reads. */
export function macroPins(node: MacroNode, source: readonly Pin[]): readonly Pin[] {
  return node.kind === "saturate" ? source : source.slice(-1);
}

/** Delay of a saturation (a look at the bits above, an or and an and) or a sign. */
export function macroDelayPs(node: MacroNode, sourceWidth: number, { cells }: ClockTarget): number {
  if (node.kind === "nonNegative") return cells.inverter.delayPs;
  const levels = Math.ceil(Math.log2(Math.max(1, sourceWidth - node.width)));
  return (levels + 1) * cells.or2.delayPs + cells.and2.delayPs + cells.inverter.delayPs;
}

/**
 * A graph as single bits: full and half adders with exact widths, sign extension and negations as constants and inverted pins. No
 * registers yet; see {@link scheduleBits}.
 */
export type BitNetlist = {
  readonly kind: "bitNetlist";
  readonly graph: AdderGraph;
  /** Number of bits, the constant zero included. */
  readonly bits: number;
  /** Each node's word as pins, in the columns of its format. */
  readonly words: readonly (readonly Pin[])[];
  readonly formats: readonly BitFormat[];
  readonly cells: BitCells;
  readonly nodeCells: readonly NodeCells[];
  /** Each sum's constant, of which single bits are pins {@link ONE} of its cells. */
  readonly trees: readonly (CompressorTree | undefined)[];
  /** Bits that saturations and signs drive, in the order of the nodes; those with one possible value are constants. */
  readonly macros: ReadonlyMap<AdderNodeId, readonly number[]>;
};

/** Collects cells, each placed as early as it can be, so that later trees know when their bits come. */
class CellList {
  readonly arrivals: Arrivals;
  readonly #delays: readonly CellDelays[];
  readonly lists = {
    kind: [] as number[],
    node: [] as number[],
    column: [] as number[],
    a: [] as number[],
    b: [] as number[],
    c: [] as number[],
    sum: [] as number[],
    carry: [] as number[],
  };
  bits = 1;

  constructor(clock: ClockTarget) {
    this.#delays = cellDelays(clock.cells);
    this.arrivals = new Arrivals(clock);
  }

  /** Make a bit that no adder drives. */
  bit(stage: number, time: number): number {
    this.arrivals.set(this.bits, stage, time);
    return this.bits++;
  }

  get count(): number {
    return this.lists.kind.length;
  }

  /** Add up two or three pins of a column; returns the pins of sum and carry. What constants decide needs no cell. */
  add(node: number, column: number, all: readonly Pin[], hasCarry: boolean): readonly [Pin, Pin] {
    const { lists } = this;
    const variable = all.filter((pin) => pin > ONE);
    const ones = all.filter((pin) => pin === ONE).length;
    const [first = ZERO, ...rest] = variable;
    if (rest.length === 0) {
      const carry = ones > 1 ? ONE : ones === 1 ? first : ZERO;
      return [first ^ (ones & 1), hasCarry ? carry : ZERO];
    }
    const keepsOne = ones === 1 && hasCarry;
    const pins = keepsOne ? [...variable, ONE] : [first ^ ones, ...rest];
    const three = pins.length === 3;
    const kind = (hasCarry ? 0 : 2) + (three ? 0 : 1);
    lists.kind.push(kind);
    lists.node.push(node);
    lists.column.push(column);
    lists.a.push(pins[0]!);
    lists.b.push(pins[1]!);
    lists.c.push(three ? pins[2]! : ZERO);
    lists.sum.push(this.bits);
    lists.carry.push(hasCarry ? this.bits + 1 : -1);
    const { sumPs, carryPs } = this.#delays[kind]!;
    const [stage, time] = this.arrivals.begin(pins, Math.max(sumPs, carryPs));
    this.bit(stage, time + sumPs);
    if (hasCarry) this.bit(stage, time + carryPs);
    return [2 * lists.sum.at(-1)!, hasCarry ? 2 * lists.carry.at(-1)! : ZERO];
  }

  freeze(): BitCells {
    const { kind, ...others } = this.lists;
    const { node, column, a, b, c, sum, carry } = others;
    return {
      kind: Uint8Array.from(kind),
      node: Int32Array.from(node),
      column: Int32Array.from(column),
      a: Int32Array.from(a),
      b: Int32Array.from(b),
      c: Int32Array.from(c),
      sum: Int32Array.from(sum),
      carry: Int32Array.from(carry),
    };
  }
}

/** Add a tree's cells and its adder, which leaves carries of their own if the sum is open; returns the word. */
function addTree(
  list: CellList,
  node: number,
  tree: CompressorTree,
  { words, isOpen }: { readonly words: readonly (readonly Pin[])[]; readonly isOpen: boolean },
) {
  const pins = new Int32Array(firstCellRef(tree.sources) + 2 * cellsOf(tree)).fill(-1);
  pins[0] = ZERO;
  pins[1] = ONE;
  let ref = 2;
  for (const source of tree.sources) {
    const word = words[source.node]!;
    for (let bit = 0; bit < source.width; bit++, ref += 2) {
      pins[ref] = word[bit]!;
      pins[ref + 1] = word[bit]! ^ 1;
    }
  }
  const first = list.count;
  const last = tree.width - 1;
  for (const { fullAdders } of tree.levels) {
    for (let i = 0; i < fullAdders.length; i += 4, ref += 2) {
      const column = fullAdders[i]!;
      const taken = [1, 2, 3].map((j) => pins[fullAdders[i + j]!]!);
      const [sum, carry] = list.add(node, column, taken, column < last);
      pins[ref] = sum;
      pins[ref + 1] = carry;
    }
  }
  const adder = list.count;
  const word: Pin[] = [];
  const rows = tree.rows[0].map((low, c) => [low, tree.rows[1][c]!].filter((ref) => ref !== 0));
  const adds = isOpen ? openColumns(rows.map(({ length }) => length)) : undefined;
  let carry: Pin = ZERO;
  let carries = false;
  for (const [column, refs] of rows.entries()) {
    const bits = refs.map((ref) => pins[ref]!);
    if (adds === undefined || adds[column]) {
      const [sum, next] = list.add(node, column, [...bits, carry], column < last);
      word.push(sum);
      carry = next;
    } else {
      word.push(...bits, ...(carries ? [carry] : []));
      carry = ZERO;
    }
    carries = adds?.[column] === true;
  }
  return { word, cells: { first, adder, end: list.count } };
}

const cellsOf = (tree: CompressorTree): number =>
  tree.levels.reduce((n, level) => n + level.fullAdders.length / 4, 0);

/** Turn every sum of a graph into cells. With a clock, trees take bits in the order in which they come at that clock. */
export function bitNetlist(graph: AdderGraph, clock: ClockTarget = combinational): BitNetlist {
  const formats = bitFormats(graph, innerSums(graph));
  const list = new CellList(clock);
  const { arrivals } = list;
  const words: (readonly Pin[])[] = [];
  const trees: (CompressorTree | undefined)[] = [];
  const nodeCells: NodeCells[] = [];
  const macros = new Map<AdderNodeId, readonly number[]>();
  const widthOf = (id: number): number => wordFormat(graph.nodes[id]!.interval).width;
  const fresh = (count: number, stage: number, time: number): number[] =>
    Array.from({ length: count }, () => list.bit(stage, time));
  const macro = (node: MacroNode, i: number): readonly Pin[] => {
    const { low, high } = node.interval;
    if (low === high)
      return Array.from({ length: widthOf(i) }, (_, k) => ((low >> BigInt(k)) & 1n ? ONE : ZERO));
    const read = macroPins(node, words[node.source]!);
    const delay = macroDelayPs(node, words[node.source]!.length, clock);
    const [stage, time] = arrivals.begin(read, delay);
    const bits = fresh(widthOf(i), stage, time + delay);
    macros.set(i as AdderNodeId, bits);
    return bits.map((bit) => 2 * bit);
  };
  /** Bits of a word from `low` up; beyond its end its sign, or zeros. */
  const slice = (source: number, low: number, width: number): readonly Pin[] => {
    const word = words[source]!;
    const fill = wordFormat(graph.nodes[source]!.interval).signed ? word.at(-1)! : ZERO;
    return Array.from({ length: width }, (_, k) => word[low + k] ?? fill);
  };
  const made = (node: SumNode, i: number): readonly Pin[] => {
    const tree = compressorTree(node, (source) => graph.nodes[source]!.interval, {
      cells: clock.cells,
      formatOf: (source) => formats[source]!,
      arrivalPs: (source, bit) => arrivals.absolute(words[source]![bit]!),
    });
    trees[i] = tree;
    const { columns } = formats[i]!;
    const isOpen = columns.some((column, k) => column !== k);
    const { word, cells } = addTree(list, i, tree, { words, isOpen });
    invariant(word.length === columns.length, `sum ${i} has the bits of its format`);
    nodeCells[i] = cells;
    return word;
  };
  for (const [i, node] of graph.nodes.entries()) {
    trees.push(undefined);
    nodeCells.push({ first: list.count, adder: list.count, end: list.count });
    switch (node.kind) {
      case "input":
        words.push(fresh(widthOf(i), 0, arrivals.startPs).map((bit) => 2 * bit));
        break;
      case "sum":
        words.push(made(node, i));
        break;
      case "floorShift":
        words.push(slice(node.source, node.shift, widthOf(i)));
        break;
      case "lowBits":
        words.push(slice(node.source, 0, widthOf(i)));
        break;
      case "nonNegative":
      case "saturate":
        words.push(macro(node, i));
        break;
      default:
        assertNever(node);
    }
  }
  return {
    kind: "bitNetlist",
    graph,
    bits: list.bits,
    words,
    formats,
    cells: list.freeze(),
    nodeCells,
    trees,
    macros,
  };
}

/** Tell which pins are read in which stage by what is no cell: saturations, signs, and the outputs, all in the last stage. */
export function readElsewhere(
  { graph, words, macros }: BitNetlist,
  { stage, latencyCycles }: { readonly stage: Int32Array; readonly latencyCycles: number },
  use: (pin: Pin, stage: number) => void,
): void {
  for (const [node, bits] of macros) {
    const gate = macroNode(graph.nodes[node]!);
    for (const pin of macroPins(gate, words[gate.source]!)) use(pin, stage[bits[0]!]!);
  }
  for (const output of graph.outputs) for (const pin of words[output]!) use(pin, latencyCycles);
}

/** Compute every bit for one input vector; returns the nodes' words as integers, as {@link evaluateAdderGraph} does. */
export function evaluateBits(netlist: BitNetlist, inputs: readonly bigint[]): readonly bigint[] {
  const { graph, cells, words, formats, nodeCells, macros } = netlist;
  const bits = new Uint8Array(netlist.bits);
  const at = (pin: Pin): number => bits[pin >> 1]! ^ (pin & 1);
  const integerOf = (i: number): bigint => {
    const { columns, signed } = formats[i]!;
    const raw = words[i]!.reduce((sum, pin, k) => sum + (BigInt(at(pin)) << BigInt(columns[k]!)), 0n);
    return signed ? BigInt.asIntN(columns.length, raw) : raw;
  };
  const store = (made: readonly number[] | undefined, value: bigint): void => {
    for (const [k, bit] of (made ?? []).entries()) bits[bit] = Number((value >> BigInt(k)) & 1n);
  };
  let next = 0;
  const values: bigint[] = [];
  for (const [i, node] of graph.nodes.entries()) {
    if (node.kind === "input")
      store(
        words[i]!.map((pin) => pin >> 1),
        inputs[next++]!,
      );
    if (node.kind === "nonNegative")
      store(macros.get(i as AdderNodeId), values[node.source]! >= 0n ? 1n : 0n);
    if (node.kind === "saturate")
      store(macros.get(i as AdderNodeId), saturated(values[node.source]!, node.width));
    for (let k = nodeCells[i]!.first; k < nodeCells[i]!.end; k++) {
      const total = at(cells.a[k]!) + at(cells.b[k]!) + at(cells.c[k]!);
      bits[cells.sum[k]!] = total & 1;
      if (cells.carry[k]! >= 0) bits[cells.carry[k]!] = total >> 1;
    }
    values.push(integerOf(i));
  }
  return values;
}

/** Cells of a netlist by kind, as synthesis sees them. */
export type BitCounts = {
  /** Full adders with three variable inputs. */
  readonly fullAdders: number;
  /** Half adders, and full adders with a constant input, which cost about the same. */
  readonly halfAdders: number;
  /** Two-input exclusive ors of last columns, whose carry is dropped. */
  readonly xors: number;
  /** Distinct bits that are needed inverted. */
  readonly inverters: number;
};

/** A run of cells, [from, to). */
export type CellRange = readonly [from: number, to: number];

/** Count the cells of some ranges; default all. */
export function countBits({ cells }: BitNetlist, ranges?: Iterable<CellRange>): BitCounts {
  let [fullAdders, halfAdders, xors] = [0, 0, 0];
  const inverted = new Set<Pin>();
  for (const [from, to] of ranges ?? [[0, cells.kind.length]]) {
    for (let k = from; k < to; k++) {
      const pins = [cells.a[k]!, cells.b[k]!, cells.c[k]!];
      const variable = pins.filter((pin) => pin > ONE).length;
      for (const pin of pins) if (pin > ONE && (pin & 1) === 1) inverted.add(pin);
      switch (cellKinds[cells.kind[k]!]!) {
        case "fullAdder":
          if (variable === 3) fullAdders++;
          else halfAdders++;
          break;
        case "halfAdder":
          halfAdders++;
          break;
        default:
          xors += Math.max(0, variable - 1);
      }
    }
  }
  return { fullAdders, halfAdders, xors, inverters: inverted.size };
}
