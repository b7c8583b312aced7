import {
  AdderGraphBuilder,
  adderDelayPs,
  type ClockTarget,
  chooseAdder,
  type Interval,
  interval,
  wordFormat,
} from "../../arith/index.js";
import { concat, literal, ModuleBuilder, repeat, sliceOf } from "../builder.js";
import { type CellCounts, countCells } from "../cell-counts.js";
import { lowerDatapath } from "../datapath.js";
import { type DatapathCounts, datapathCounts, planDatapath, wholePlan } from "../datapath-plan.js";
import { type Module, type Signal, signalWidth } from "../netlist.js";
import { enablePorts } from "../stage-enables.js";
import { largest, smallest } from "./extremes.js";

/** What all lanes of a folded layer have in common. */
export type LaneShape = {
  /** Multipliers of a lane. */
  readonly inputs: number;
  readonly inputBits: number;
  /** Integers that an operand can take. */
  readonly inputRange: Interval;
  /** Bits of a weight in the ROM, two's complement when signed. */
  readonly weightBits: number;
  readonly signedWeights: boolean;
  readonly slices: number;
  /** Multiplexers in a row between a register and the operands. */
  readonly operandLevels: number;
  /** Hull of all channels' accumulators. */
  readonly accumulator: Interval;
  readonly clock: ClockTarget;
};

/** A lane and what is in it. */
export type Lane = {
  readonly module: Module;
  /** Clock cycles from operands to the combinational sum that is accumulated. */
  readonly latencyCycles: number;
  readonly sums: DatapathCounts;
  /** Partial products and accumulator. */
  readonly selectionCells: CellCounts;
  /** Longest path between two registers, in full adders in a row. */
  readonly longestPath: number;
};

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Bring a word to a width: cut, or extended with its sign. */
export function resize(word: Signal, width: number, signed: boolean): Signal {
  const have = signalWidth(word);
  if (have >= width) return sliceOf(word, 0, width);
  const fill = signed ? sliceOf(word, have - 1, 1) : literal(0, 1);
  return concat([word, repeat(fill, width - have)]);
}

/**
 * Build a lane: partial products (each bit of a weight gates its operand), their sum as a tree of full adders, and the accumulator, which
 * begins with the bias. All arithmetic is modulo 2^width, so partial sums may wrap.
 */
export function buildLane(name: string, doc: readonly string[], shape: LaneShape): Lane {
  const { inputs, inputBits, weightBits, clock } = shape;
  const b = new ModuleBuilder(name, doc);
  b.clock("aclk");
  const enable = enablePorts(b);
  const x = b.input("x", inputs * inputBits, `${inputs} operands of ${inputBits} bits`);
  const w = b.input(
    "w",
    inputs * weightBits,
    `${weightBits} bit planes of ${inputs} weights, lowest plane first`,
  );
  const { width } = wordFormat(shape.accumulator);
  const bias = b.input("bias", width, "what the sum begins with");
  const first = shape.slices > 1 ? b.input("first", 1, "the sum begins with the bias") : literal(1, 1);
  const accumulate = b.input("accumulate", 1, "the accumulator takes the sum");
  const rows = range(weightBits).flatMap((i) => {
    const gates = concat(range(inputs).map((p) => repeat(sliceOf(w, i * inputs + p, 1), inputBits)));
    const note = i === 0 ? "partial products, one row a bit of the weights" : undefined;
    const row = b.logic("and", `row${i}`, [x, gates], note);
    return range(inputs).map((p) => sliceOf(row, p * inputBits, inputBits));
  });
  const partial = interval(smallest([shape.inputRange.low, 0n]), largest([shape.inputRange.high, 0n]));
  const graph = new AdderGraphBuilder();
  const terms = range(weightBits).flatMap((i) =>
    range(inputs).map((p) => ({
      source: graph.input(`x${p}_${i}`, partial),
      shift: i,
      negative: shape.signedWeights && i === weightBits - 1,
    })),
  );
  const total = graph.sum("total", terms, 0n);
  const { signed } = wordFormat(graph.interval(total));
  const { cells, periodPs } = clock;
  const { clockToOutputPs, setupPs } = cells.register;
  // The accumulator's addition is the one that cannot be pipelined: it gets a whole cycle, and the smallest adder that fits.
  const adder = chooseAdder(width, periodPs - setupPs - clockToOutputPs - cells.mux2.delayPs, cells);
  const accumulation = cells.mux2.delayPs + adderDelayPs(adder, width, cells);
  const choice = shape.operandLevels * cells.mux2.delayPs;
  const plan = planDatapath(graph.build(name, [total]), clock, {
    inputArrivalPs: clockToOutputPs + choice + cells.and2.delayPs,
    outputDelayPs: accumulation,
  });
  const [sum] = lowerDatapath(b, plan, rows, { enable });
  const net = b.net("accumulator", width, "the channel's sum so far");
  const base = shape.slices > 1 ? b.mux("base", first, bias, b.signal(net)) : bias;
  const next = b.arithmetic("add", "accumulator_next", base, resize(sum!, width, signed), adder);
  b.registerInto(net, "accumulator", next, { enable: accumulate, role: "datapath" });
  b.output("a", b.signal(net));
  const module = b.build();
  const own = module.cells.filter(({ name: cell }) => /^row\d+$|^base$|^accumulator_next$/.test(cell));
  return {
    module,
    latencyCycles: plan.schedule.latencyCycles,
    sums: datapathCounts(plan, wholePlan(plan)),
    selectionCells: countCells(own),
    longestPath: Math.max(plan.schedule.longestPathPs, accumulation) / cells.fullAdder.sumPs,
  };
}
