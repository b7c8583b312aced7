import {
  type AdderGraph,
  type AdderNode,
  type AdderNodeId,
  adderSources,
  type BitRef,
  type CompressorTree,
  compressorTree,
  firstCellRef,
  liveBits,
  treeCounts,
  wordFormat,
} from "../arith/index.js";
import { invariant } from "../core/index.js";
import { concat, literal, type ModuleBuilder, repeat, sliceOf } from "./builder.js";
import { type Cell, type NetId, type Signal, type Slice, signalWidth } from "./netlist.js";

/** Cells of a datapath, counted. */
export type DatapathCounts = {
  readonly fullAdders: number;
  readonly halfAdders: number;
  readonly topXors: number;
  readonly inverters: number;
  readonly finalAdderBits: number;
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
  };
}

/** A graph whose sums have become trees, phase by phase; a phase adds what depends only on earlier phases. */
export type TreePlan = {
  readonly graph: AdderGraph;
  readonly phases: readonly {
    readonly sums: readonly AdderNodeId[];
    readonly trees: readonly CompressorTree[];
  }[];
  /** Phase that makes each node; inputs are 0, and so are plain additions of them. */
  readonly phaseOf: readonly number[];
  /** Shared sums of two words that are added where they are read, without a register. */
  readonly additions: ReadonlySet<AdderNodeId>;
};

/**
 * Find the shared sums that only add inputs or each other. Ripple adders in a row take little longer than one, since the low
 * bits of a sum are there first; so these feed the trees in the same cycle.
 */
function plainAdditions(graph: AdderGraph): ReadonlySet<AdderNodeId> {
  const additions = new Set<AdderNodeId>();
  const outputs = new Set(graph.outputs);
  const read = new Set(graph.nodes.flatMap(adderSources));
  for (const [i, node] of graph.nodes.entries()) {
    const id = i as AdderNodeId;
    if (node.kind !== "sum" || node.constant !== 0n || node.terms.length !== 2 || node.terms[0]!.negative)
      continue;
    const isEarly = ({ source }: { readonly source: AdderNodeId }): boolean =>
      graph.nodes[source]!.kind === "input" || additions.has(source);
    if (read.has(id) && !outputs.has(id) && node.terms.every(isEarly)) additions.add(id);
  }
  return additions;
}

/** Turn every sum of a graph but plain additions into a compressor tree and group them by depth. */
export function planTrees(graph: AdderGraph, levelsPerStage: number): TreePlan {
  const additions = plainAdditions(graph);
  const phaseOf: number[] = [];
  const sums: AdderNodeId[][] = [];
  for (const [i, node] of graph.nodes.entries()) {
    const before = adderSources(node).reduce((most, source) => Math.max(most, phaseOf[source]!), 0);
    const isTree = node.kind === "sum" && !additions.has(i as AdderNodeId);
    phaseOf.push(isTree ? before + 1 : before);
    if (isTree) {
      sums[before] ??= [];
      sums[before].push(i as AdderNodeId);
    }
  }
  const phases = sums.map((ids) => ({
    sums: ids,
    trees: ids.map((id) => {
      const node = graph.nodes[id]!;
      invariant(node.kind === "sum", "phases hold sums");
      return compressorTree(node, (source) => graph.nodes[source]!.interval, { levelsPerStage });
    }),
  }));
  return { graph, phases, phaseOf, additions };
}

/** Keep only what some outputs need of a plan, words from elsewhere excepted. */
export function restrictPlan(
  plan: TreePlan,
  outputs: readonly AdderNodeId[],
  elsewhere: ReadonlySet<AdderNodeId>,
): PlanPart {
  const nodes = new Set<AdderNodeId>();
  const inputs = new Set<AdderNodeId>();
  const pending = [...outputs];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (elsewhere.has(id) || plan.graph.nodes[id]!.kind === "input") {
      inputs.add(id);
      continue;
    }
    if (nodes.has(id)) continue;
    nodes.add(id);
    pending.push(...adderSources(plan.graph.nodes[id]!));
  }
  return { nodes, inputs: [...inputs].sort((a, b) => a - b), outputs };
}

/** A part of a plan that is lowered on its own. */
export type PlanPart = {
  readonly nodes: ReadonlySet<AdderNodeId>;
  /** Words that come from outside, ascending. */
  readonly inputs: readonly AdderNodeId[];
  readonly outputs: readonly AdderNodeId[];
};

/** Everything that a plan's outputs depend on, and all of its inputs. */
export function wholePlan(plan: TreePlan): PlanPart {
  const part = restrictPlan(plan, plan.graph.outputs, new Set());
  const inputs = plan.graph.nodes.flatMap((node, i) => (node.kind === "input" ? [i as AdderNodeId] : []));
  return { ...part, inputs };
}

/** Pipeline stages that each phase's trees need: one per `levelsPerStage` levels, at least one. */
export function treeStages(plan: TreePlan, levelsPerStage: number): readonly number[] {
  return plan.phases.map(({ trees }) => {
    const levels = trees.reduce((most, tree) => Math.max(most, tree.levels.length), 0);
    return Math.max(1, Math.ceil(levels / levelsPerStage));
  });
}

/**
 * Choose after which levels to cut so that the fewest bits cross: `stages − 1` cuts, at most `levelsPerStage` levels between
 * two of them. Dynamic programming over the level boundaries.
 */
export function chooseCuts(
  live: readonly number[],
  stages: number,
  levelsPerStage: number,
): readonly number[] {
  const levels = live.length - 1;
  let best = new Map<number, { cost: number; cuts: readonly number[] }>([[0, { cost: 0, cuts: [] }]]);
  for (let stage = 1; stage < stages; stage++) {
    const next = new Map<number, { cost: number; cuts: readonly number[] }>();
    for (const [from, { cost, cuts }] of best) {
      for (let to = from; to <= Math.min(from + levelsPerStage, levels); to++) {
        const total = cost + live[to]!;
        if (total < (next.get(to)?.cost ?? Number.POSITIVE_INFINITY))
          next.set(to, { cost: total, cuts: [...cuts, to] });
      }
    }
    best = next;
  }
  let answer: { cost: number; cuts: readonly number[] } | undefined;
  for (const [from, candidate] of best) {
    if (levels - from <= levelsPerStage && (answer === undefined || candidate.cost < answer.cost))
      answer = candidate;
  }
  invariant(answer !== undefined, `${levels} levels do not fit ${stages} stages`);
  return answer.cuts;
}

/** Collects single bits into slices of nets. */
function gather(bits: readonly (readonly [NetId, number])[]): Signal {
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

/** Where a bit is: a net and a bit of it. */
type Place = readonly [NetId, number];

function placesOf(signal: Signal): readonly Place[] {
  return signal.flatMap((slice) => {
    invariant(slice.kind === "net", "a variable word has no constant bits");
    return Array.from({ length: slice.width }, (_, i): Place => [slice.net, slice.low + i]);
  });
}

/** What {@link lowerDatapath} needs beyond the plan. */
export type LowerOptions = {
  readonly enable: Signal;
  /** Stages of each phase's trees, common to all parts of a layer. */
  readonly stages: readonly number[];
  readonly levelsPerStage: number;
  /** Begins the names, so that a module can hold two datapaths; default none. */
  readonly prefix?: string;
  /** What to lower; default everything. */
  readonly part?: PlanPart;
};

/**
 * Lower a planned graph to cells. Each phase: tree stages with registers between, a register for the last two rows, then the
 * carry-propagate adders; their results are registered when another phase follows. So a phase takes `stages` clock
 * cycles, plus one for each following phase, and the last adders' outputs are combinational.
 *
 * @param inputs one word for each input of the part, registered by the caller
 * @returns the outputs' words (as wide as their intervals need), the latency in cycles and the cells counted
 */
export function lowerDatapath(
  b: ModuleBuilder,
  plan: TreePlan,
  inputs: readonly Signal[],
  options: LowerOptions,
): {
  readonly outputs: readonly Signal[];
  readonly latency: number;
  readonly counts: readonly DatapathCounts[];
} {
  const { graph } = plan;
  const { prefix = "", part = wholePlan(plan) } = options;
  const words = new Map<AdderNodeId, Signal>();
  const widthOf = (id: AdderNodeId): number => wordFormat(graph.nodes[id]!.interval).width;
  for (const [i, id] of part.inputs.entries()) words.set(id, sliceOf(inputs[i]!, 0, widthOf(id)));
  const nodes = [...part.nodes].sort((a, b2) => a - b2);
  const passOn = (phase: number): void => {
    for (const id of nodes) {
      if (plan.phaseOf[id] !== phase || words.has(id)) continue;
      const word = plan.additions.has(id)
        ? addition(b, `${prefix}s${id}`, graph, id, words)
        : wiring(b, graph, graph.nodes[id]!, words);
      if (word !== undefined) words.set(id, sliceOf(word, 0, widthOf(id)));
    }
  };
  const neededAfter = (phase: number): ReadonlySet<AdderNodeId> =>
    new Set([
      ...nodes.flatMap((id) => (plan.phaseOf[id]! > phase ? adderSources(graph.nodes[id]!) : [])),
      ...part.outputs,
    ]);
  passOn(0);
  const additionColumns = nodes.reduce(
    (sum, id) => sum + (plan.additions.has(id) ? additionBits(graph, id) : 0),
    0,
  );
  // A part without trees is combinational; any other takes as long as the whole plan.
  const hasTrees = plan.phases.some(({ sums }) => sums.some((id) => part.nodes.has(id)));
  const phases = (hasTrees ? plan.phases : []).map(({ sums, trees }) => {
    const kept = [...sums.keys()].filter((i) => part.nodes.has(sums[i]!));
    return { sums: kept.map((i) => sums[i]!), trees: kept.map((i) => trees[i]!) };
  });
  let latency = 0;
  const counts: DatapathCounts[] = [];
  for (const [p, phase] of phases.entries()) {
    const stages = options.stages[p]!;
    const lowered = lowerPhase(b, `${prefix}p${p + 1}`, phase.trees, words, options, stages);
    counts.push(lowered.counts);
    latency += stages;
    for (const [t, id] of phase.sums.entries()) words.set(id, lowered.results[t]!);
    passOn(p + 1);
    // Results are registered when another phase follows; words of earlier phases that are still needed travel along.
    const isLast = p + 1 === phases.length;
    const registered = isLast ? 0 : 1;
    latency += registered;
    const needed = neededAfter(p + 1);
    for (const [id, word] of [...words]) {
      if (!needed.has(id)) {
        words.delete(id);
        continue;
      }
      const cycles = plan.phaseOf[id] === p + 1 ? registered : stages + registered;
      let delayed = word;
      for (let cycle = 0; cycle < cycles; cycle++) {
        delayed = b.register(`${prefix}p${p + 1}_word${id}`, delayed, {
          enable: options.enable,
          role: "datapath",
        });
      }
      words.set(id, delayed);
    }
  }
  const [first = NO_CELLS, ...rest] = counts;
  return {
    outputs: part.outputs.map((id) => words.get(id)!),
    latency,
    counts: [{ ...first, finalAdderBits: first.finalAdderBits + additionColumns }, ...rest],
  };
}

/** Columns of a plain addition's adder: from the second word's lowest bit to the top. */
export function additionBits(graph: AdderGraph, id: AdderNodeId): number {
  const node = graph.nodes[id]!;
  invariant(node.kind === "sum", "additions are sums");
  return wordFormat(node.interval).width - node.terms[1]!.shift;
}

/** Add two words with one carry-propagate adder; the bits below the coarser one pass. */
function addition(
  b: ModuleBuilder,
  name: string,
  graph: AdderGraph,
  id: AdderNodeId,
  words: ReadonlyMap<AdderNodeId, Signal>,
): Signal {
  const node = graph.nodes[id]!;
  invariant(node.kind === "sum", "additions are sums");
  const { width } = wordFormat(node.interval);
  const [first, second] = node.terms;
  const extended = ({ source, shift }: { readonly source: AdderNodeId; readonly shift: number }): Signal => {
    const word = concat([literal(0, shift), words.get(source)!]);
    const size = signalWidth(word);
    if (size >= width) return sliceOf(word, 0, width);
    const fill = wordFormat(graph.nodes[source]!.interval).signed
      ? sliceOf(word, size - 1, 1)
      : literal(0, 1);
    return concat([word, repeat(fill, width - size)]);
  };
  const [x, y] = [extended(first!), extended(second!)];
  // Below the second word nothing is added; below the first one there is nothing to pass, so a subtraction starts there.
  const low = second!.shift;
  const high = b.arithmetic(
    second!.negative ? "sub" : "add",
    name,
    sliceOf(x, low, width - low),
    sliceOf(y, low, width - low),
  );
  return named(b, `${name}_word`, concat([sliceOf(x, 0, low), high]));
}

/** The word of a node that costs no adder. */
function wiring(
  b: ModuleBuilder,
  graph: AdderGraph,
  node: AdderNode,
  words: ReadonlyMap<AdderNodeId, Signal>,
): Signal | undefined {
  if (node.kind === "floorShift") {
    const source = words.get(node.source)!;
    const width = signalWidth(source);
    const kept = wordFormat(node.interval).width;
    if (node.shift >= width) return repeat(sliceOf(source, width - 1, 1), kept);
    return sliceOf(source, node.shift, Math.min(kept, width - node.shift));
  }
  if (node.kind === "nonNegative") {
    const source = words.get(node.source)!;
    invariant(graph.nodes[node.source]!.interval.low < 0n, "a sign that is never negative is a constant");
    return b.not(`not_sign${node.source}`, sliceOf(source, signalWidth(source) - 1, 1));
  }
  if (node.kind === "lowBits") {
    const source = words.get(node.source)!;
    const width = signalWidth(source);
    if (width >= node.width) return sliceOf(source, 0, node.width);
    // Narrower than asked for, so signed: the sign fills the rest.
    return concat([source, repeat(sliceOf(source, width - 1, 1), node.width - width)]);
  }
  if (node.kind === "saturate") return saturation(b, words.get(node.source)!, graph, node);
  return undefined;
}

/** Names of the cells that saturate accumulators begin so. */
const SATURATION = "saturate";

/** Whether a cell saturates an accumulator: it belongs to the clamps, not to the trees. */
export function isSaturation(cell: Cell): boolean {
  return cell.name.startsWith(SATURATION);
}

/**
 * Saturate a word to 0 … 2^width − 1: where it overflows all bits are forced to one, where it is negative to zero. The window's
 * bounds are powers of two, so a look at the bits above is enough.
 */
function saturation(
  b: ModuleBuilder,
  source: Signal,
  graph: AdderGraph,
  node: Extract<AdderNode, { readonly kind: "saturate" }>,
): Signal {
  const name = `${SATURATION}${node.source}`;
  const range = graph.nodes[node.source]!.interval;
  const kept = wordFormat(node.interval).width;
  const isSigned = range.low < 0n;
  const magnitude = signalWidth(source) - (isSigned ? 1 : 0);
  let word = sliceOf(source, 0, Math.min(kept, magnitude));
  if (range.high >= 1n << BigInt(node.width)) {
    const above = Array.from({ length: magnitude - node.width }, (_, i) =>
      sliceOf(source, node.width + i, 1),
    );
    const over = b.logic("or", `${name}_over`, above);
    word = b.logic("or", `${name}_ones`, [word, repeat(over, kept)]);
  }
  if (isSigned) {
    const inside = b.not(`${name}_inside`, sliceOf(source, magnitude, 1));
    word = b.logic("and", `${name}_zeros`, [word, repeat(inside, signalWidth(word))]);
  }
  return word;
}

/** Maps the bits of one tree to nets. */
class TreePlaces {
  readonly #net: Int32Array;
  readonly #bit: Int32Array;

  constructor(tree: CompressorTree) {
    const cells = tree.levels.reduce((n, l) => n + l.fullAdders.length / 4 + l.halfAdders.length / 3, 0);
    this.#net = new Int32Array(firstCellRef(tree.sources) + 2 * cells).fill(-1);
    this.#bit = new Int32Array(this.#net.length);
  }

  get(ref: BitRef): Place {
    invariant(this.#net[ref]! >= 0, `bit ${ref} has no place`);
    return [this.#net[ref]! as NetId, this.#bit[ref]!];
  }

  set(ref: BitRef, [net, bit]: Place): void {
    this.#net[ref] = net;
    this.#bit[ref] = bit;
  }
}

/** A bit to be registered: which tree's, or which shared input bit. */
function lowerPhase(
  b: ModuleBuilder,
  prefix: string,
  trees: readonly CompressorTree[],
  words: ReadonlyMap<AdderNodeId, Signal>,
  options: LowerOptions,
  stages: number,
): { readonly results: readonly Signal[]; readonly counts: DatapathCounts } {
  const inverted = new Map<AdderNodeId, readonly Place[]>();
  const invertedBits = new Set<string>();
  const constants = trees.map((tree) =>
    tree.constant === 0n
      ? undefined
      : placesOf(
          b.constant(
            `${prefix}_constant_${tree.name}`,
            tree.constant,
            tree.width,
            `${tree.name}: all constants of the sum`,
          ),
        ),
  );
  const places = trees.map((tree) => {
    const map = new TreePlaces(tree);
    const used = new Set(tree.dots.flat());
    let ref = 2;
    for (const source of tree.sources) {
      const word = words.get(source.node)!;
      const plain = placesOf(word);
      for (let bit = 0; bit < source.width; bit++, ref += 2) {
        map.set(ref, plain[bit]!);
        if (!used.has(ref + 1)) continue;
        let nots = inverted.get(source.node);
        if (nots === undefined) {
          nots = placesOf(b.not(`${prefix}_not${source.node}`, word));
          inverted.set(source.node, nots);
        }
        invertedBits.add(`${source.node}.${bit}`);
        map.set(ref + 1, nots[bit]!);
      }
    }
    return map;
  });
  const live = trees.map(liveBits);
  const depth = trees.reduce((most, tree) => Math.max(most, tree.levels.length), 0);
  const distinct = (k: number): { readonly tree: number; readonly ref: BitRef; readonly place: Place }[] => {
    const seen = new Set<number>();
    return trees.flatMap((tree, t) =>
      live[t]![Math.min(k, tree.levels.length)]!.flatMap((ref) => {
        const place = places[t]!.get(ref);
        return [{ tree: t, ref, place, key: place[0] * 2 ** 24 + place[1] }].filter(({ key }) => {
          if (ref < firstCellRef(tree.sources) && seen.has(key)) return false;
          seen.add(key);
          return true;
        });
      }),
    );
  };
  // How many bits cross each boundary; source bits are shared between the trees.
  const crossing = Array.from({ length: depth + 1 }, (_, k) => {
    const sources = new Set<string>();
    let own = 0;
    for (const [t, tree] of trees.entries()) {
      const first = firstCellRef(tree.sources);
      const names = tree.sources.flatMap((s) => Array.from({ length: s.width }, (_u, i) => `${s.node}.${i}`));
      for (const ref of live[t]![Math.min(k, tree.levels.length)]!) {
        if (ref >= first) own++;
        else sources.add(`${names[(ref - 2) >> 1]}.${ref & 1}`);
      }
    }
    return own + sources.size;
  });
  const cuts = chooseCuts(crossing, stages, options.levelsPerStage);
  const cut = (k: number, name: string): void => {
    const bits = distinct(k);
    if (bits.length === 0) return;
    const d = gather(bits.map(({ place }) => place));
    const q = placesOf(
      b.register(name, d, { enable: options.enable, role: "datapath", doc: `${bits.length} bits` }),
    );
    const moved = new Map<number, Place>();
    for (const [i, { place }] of bits.entries()) moved.set(place[0] * 2 ** 24 + place[1], q[i]!);
    for (const [t, tree] of trees.entries()) {
      for (const ref of live[t]![Math.min(k, tree.levels.length)]!) {
        const [net, bit] = places[t]!.get(ref);
        places[t]!.set(ref, moved.get(net * 2 ** 24 + bit)!);
      }
    }
  };
  const nextRef = trees.map((tree) => firstCellRef(tree.sources));
  for (let k = 0; k <= depth; k++) {
    for (const [i, at] of cuts.entries()) if (at === k) cut(k, `${prefix}_stage${i + 1}`);
    if (k < depth) lowerLevel(b, `${prefix}_l${k + 1}`, k, { trees, places, constants, nextRef });
  }
  cut(depth, `${prefix}_rows`);
  const results = trees.map((tree, t) => {
    const bit = (ref: BitRef, column: number): Signal => {
      if (ref === 0) return literal(0, 1);
      return gather([ref === 1 ? constants[t]![column]! : places[t]!.get(ref)]);
    };
    const row = (r: 0 | 1, from: number, to: number): Signal =>
      concat(tree.rows[r].slice(from, to).map((ref, i) => bit(ref, from + i)));
    const low = row(0, 0, tree.adderLow);
    if (tree.adderLow === tree.width)
      return tree.width === signalWidth(low) ? named(b, `${prefix}_${tree.name}`, low) : low;
    const high = b.arithmetic(
      "add",
      `${prefix}_add_${tree.name}`,
      row(0, tree.adderLow, tree.width),
      row(1, tree.adderLow, tree.width),
    );
    return named(b, `${prefix}_${tree.name}`, concat([low, high]));
  });
  let counts = NO_CELLS;
  for (const tree of trees) counts = addCounts(counts, { ...treeCounts(tree), inverters: 0 });
  return { results, counts: { ...counts, inverters: invertedBits.size } };
}

/** Give a concatenation a name of its own, so that all of its bits are bits of nets. */
function named(b: ModuleBuilder, name: string, value: Signal): Signal {
  if (value.length === 1 && value[0]!.kind === "net") return value;
  const y = b.net(name, signalWidth(value));
  b.add({ kind: "assign", name, a: value, y });
  return b.signal(y);
}

type LevelContext = {
  readonly trees: readonly CompressorTree[];
  readonly places: readonly TreePlaces[];
  readonly constants: readonly (readonly Place[] | undefined)[];
  readonly nextRef: number[];
};

/** Emit one level of all trees as wide rows: full adders, half adders, and exclusive ors where the carry is dropped. */
function lowerLevel(b: ModuleBuilder, prefix: string, k: number, context: LevelContext): void {
  type Row = { readonly refs: { tree: number; ref: BitRef }[]; readonly pins: Place[][] };
  const empty = (pins: number): Row => ({ refs: [], pins: Array.from({ length: pins }, () => []) });
  const rows = { full: empty(3), half: empty(2), xor3: empty(3), xor2: empty(2) };
  for (const [t, tree] of context.trees.entries()) {
    const level = tree.levels[k];
    if (level === undefined) continue;
    const visit = (cells: readonly number[], pins: number): void => {
      for (let i = 0; i < cells.length; i += pins + 1) {
        const column = cells[i]!;
        const top = column === tree.width - 1;
        const row = pins === 3 ? (top ? rows.xor3 : rows.full) : top ? rows.xor2 : rows.half;
        row.refs.push({ tree: t, ref: context.nextRef[t]! });
        for (let j = 0; j < pins; j++) {
          const ref = cells[i + 1 + j]!;
          row.pins[j]!.push(ref === 1 ? context.constants[t]![column]! : context.places[t]!.get(ref));
        }
        context.nextRef[t] = context.nextRef[t]! + 2;
      }
    };
    visit(level.fullAdders, 3);
    visit(level.halfAdders, 2);
  }
  const place = (row: Row, sum: NetId, carry: NetId | undefined): void => {
    for (const [i, { tree, ref }] of row.refs.entries()) {
      context.places[tree]!.set(ref, [sum, i]);
      if (carry !== undefined) context.places[tree]!.set(ref + 1, [carry, i]);
    }
  };
  for (const [kind, row] of [
    ["full", rows.full],
    ["half", rows.half],
  ] as const) {
    const width = row.refs.length;
    if (width === 0) continue;
    const letter = kind === "full" ? "f" : "h";
    const sum = b.net(`${prefix}_${letter}s`, width);
    const carry = b.net(`${prefix}_${letter}c`, width);
    const [a, second, c] = row.pins.map((pin) => gather(pin));
    const name = `u_${prefix}_${kind}`;
    if (kind === "full") {
      const doc = `level ${k + 1}: ${width} full adders`;
      b.add({ kind: "fullAdders", name, doc, a: a!, b: second!, c: c!, sum, carry });
    } else b.add({ kind: "halfAdders", name, a: a!, b: second!, sum, carry });
    place(row, sum, carry);
  }
  for (const [letter, row] of [
    ["x", rows.xor3],
    ["y", rows.xor2],
  ] as const) {
    if (row.refs.length === 0) continue;
    const y = b.net(`${prefix}_${letter}`, row.refs.length);
    b.add({ kind: "xor", name: `${prefix}_${letter}`, operands: row.pins.map((pin) => gather(pin)), y });
    place(row, y, undefined);
  }
}
