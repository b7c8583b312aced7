import { AdderGraphBuilder, type ClockTarget, interval } from "../../arith/index.js";
import {
  concat,
  enablePorts,
  lowerDatapath,
  type Module,
  ModuleBuilder,
  planDatapath,
  repeat,
  sliceOf,
} from "../../hw/index.js";
import { type EngineConfig, engineShape } from "../config.js";

/** Rows of a window; the columns follow from the lane's size. */
export const WINDOW_ROWS = 4;

/** Bits of a lane's sum: cPar products of a signed weight and a byte, exact. */
export const sumBitsOf = ({ cPar, weightBits }: Pick<EngineConfig, "cPar" | "weightBits">): number =>
  weightBits + 8 + Math.log2(cPar);

/** A lane of the array, the same for all output channels. */
export type ArrayLane = {
  readonly module: Module;
  /** Stages with registers behind them, the last one's being the sum's; each has a port `advanceS`. */
  readonly stages: number;
};

/**
 * Build `fxa_lane`: two sets of weights, a window, cPar multipliers and one tree of their partial products (each bit of a weight gates its
 * byte; recoded digits would cost more). Weights and operands are registers here, so they stand still unless a fetch comes.
 */
export function buildLane(config: EngineConfig, clock: ClockTarget): ArrayLane {
  const { cPar, weightBits } = config;
  const { cells } = clock;
  const slots = WINDOW_ROWS * engineShape(config).windowColumns;
  const b = new ModuleBuilder("fxa_lane", [
    `Lane of the array: sum of ${cPar} products of bytes and signed weights of ${weightBits} bits.`,
    "The weights at work are replaced in one cycle by those loaded meanwhile.",
  ]);
  b.clock("aclk");
  const word = b.input("word", 8 * cPar, "operands that all lanes share, in a register");
  const column = b.input("column", 8 * WINDOW_ROWS, "the lane's channel in four rows");
  const take = b.input("take", 1, "a fetch is there");
  const windowed = b.input("windowed", 1, "it goes into the window");
  const swap = b.input("swap", 1, "the loaded weights take over");
  const load = b.input("load", 1, "weights come for this lane");
  const weightWord = b.input("weight_word", cPar * weightBits, "a weight a slot");

  const shadow = b.register("shadow", weightWord, { enable: load, role: "buffer" });
  const active = b.register("active", shadow, { enable: swap, role: "buffer" });
  const shift = b.logic("and", "shift", [take, windowed]);
  const windowNet = b.net("window", 8 * slots, "four rows a column, the newest column lowest");
  const window = b.signal(windowNet);
  const shifted = concat([column, sliceOf(window, 0, 8 * (slots - WINDOW_ROWS))]);
  b.registerInto(windowNet, "window", shifted, { enable: shift, role: "window" });
  const isWindowed = b.register("is_windowed", windowed, { enable: take, role: "datapath" });
  const low = b.mux("operand", isWindowed, window, sliceOf(word, 0, 8 * slots));
  const operands = concat([low, sliceOf(word, 8 * slots, 8 * (cPar - slots))]);

  const range = Array.from({ length: cPar }, (_, slot) => slot);
  const graph = new AdderGraphBuilder();
  const rows = Array.from({ length: weightBits }, (_, bit) => {
    const gates = concat(range.map((slot) => repeat(sliceOf(active, slot * weightBits + bit, 1), 8)));
    const row = b.logic("and", `row${bit}`, [operands, gates]);
    return range.map((slot) => ({
      word: sliceOf(row, 8 * slot, 8),
      term: {
        source: graph.input(`product${slot}_${bit}`, interval(0n, 255n)),
        shift: bit,
        negative: bit === weightBits - 1,
      },
    }));
  }).flat();
  const total = graph.sum(
    "total",
    rows.map(({ term }) => term),
    0n,
  );
  // The choice of the operand has as many readers as the lane has bits: a second multiplexer's delay stands for its buffers.
  const plan = planDatapath(graph.build("lane", [total]), clock, {
    inputArrivalPs: cells.register.clockToOutputPs + 2 * cells.mux2.delayPs + cells.and2.delayPs,
  });
  const enable = enablePorts(b);
  const [sum] = lowerDatapath(
    b,
    plan,
    rows.map((row) => row.word),
    { enable },
  );
  const last = plan.schedule.latencyCycles;
  b.output("sum", b.register("sum_taken", sum!, { enable: enable(last), role: "datapath" }));
  return { module: b.build(), stages: last + 1 };
}
