import { csdDigitCount } from "../../arith/index.js";
import { addCellCounts, type CellCounts, countCells, NO_CELL_COUNTS } from "../cell-counts.js";
import { addCounts, type DatapathCounts, NO_CELLS } from "../datapath-plan.js";
import type { LayerStats } from "../layer.js";
import { type MemoryUse, memoriesOf, storedBits } from "../layer-memories.js";
import { type Module, signalWidth } from "../netlist.js";
import { registerBanks } from "../register-banks.js";
import { tapsInside } from "../window-plan.js";
import { type CoreParts, requantizersOf } from "./core.js";
import type { FoldedJob } from "./parts.js";

const repeated = <T>(times: number, value: T, add: (a: T, b: T) => T, none: T): T =>
  Array.from({ length: times }, () => value).reduce(add, none);

/** Count what a folded layer consists of. */
export function foldedStats(
  { node, input, plan, folding }: FoldedJob,
  parts: CoreParts,
  top: Module,
  timing: {
    readonly latencyCycles: number;
    readonly cyclesPerFrame: number;
    /** Use of the memory that holds the pixels of the window. */
    readonly window: MemoryUse;
  },
): LayerStats {
  const { lane, requantizer, rows, steps } = parts;
  const flat = rows.flat();
  const windows = plan.output.height * plan.output.width;
  const requantizers = requantizersOf(folding, steps);
  const bits = { datapath: 0, window: 0, control: 0, buffer: 0, configuration: 0 };
  const modules = [
    [lane.module.cells, folding.lanes],
    [requantizer.module.cells, requantizers],
    [top.cells, 1],
  ] as const;
  for (const [cells, copies] of modules) {
    for (const cell of cells) {
      if (cell.kind === "register") bits[cell.role] += copies * signalWidth(cell.d);
      // A ROM of logic needs a register for the word read.
      if (cell.kind === "rom") bits.datapath += cell.contents[0]!.length;
    }
  }
  const { configuration, ...others } = bits;
  const registerBits = configuration > 0 ? bits : others;
  const pixels = plan.input.height * plan.input.width;
  const roms = new Set(top.cells.flatMap(({ kind, name }) => (kind === "rom" ? [name] : [])));
  const memories = memoriesOf([lane.module, requantizer.module, top], (name, words) => {
    if (name === "line_buffer" || name === "ring") return timing.window;
    // A pixel that waits is written and read once.
    if (name === "fifo") return { reads: pixels, writes: pixels };
    // A window walks once through each ROM, and through the registers of all channels if they are memories.
    const isWalked = roms.has(name) || /^(scales|biases)\d+$/.test(name);
    return isWalked ? { reads: windows * words, writes: 0 } : undefined;
  });
  const counts = (times: number, value: DatapathCounts): DatapathCounts =>
    repeated(times, value, addCounts, NO_CELLS);
  const cells = (times: number, value: CellCounts): CellCounts =>
    repeated(times, value, addCellCounts, NO_CELL_COUNTS);
  return {
    kind: node.kind,
    inputShape: input.shape,
    outputShape: node.output.shape,
    macs: (tapsInside(plan) * flat.length) / (plan.kernel.height * plan.kernel.width),
    weights: flat.length,
    zeroWeights: flat.filter((w) => w === 0).length,
    csdDigits: flat.reduce((sum, w) => sum + csdDigitCount(w), 0),
    additions: 0,
    datapath: counts(folding.lanes, lane.sums),
    requantization: counts(requantizers, requantizer.counts),
    clampCells: cells(requantizers, requantizer.otherCells),
    controlCells: countCells(top.cells),
    registerBits,
    memories,
    sramBits: storedBits(memories, "ram"),
    romBits: storedBits(memories, "rom"),
    longestAdderPath: Math.max(lane.longestPath, requantizer.longestPath),
    activeCyclesPerFrame: windows * steps.steps,
    parallelism: folding,
    selectionCells: cells(folding.lanes, lane.selectionCells),
    registerBanks: registerBanks([lane.module, requantizer.module, top]),
    latencyCycles: timing.latencyCycles,
    cyclesPerFrame: timing.cyclesPerFrame,
  };
}
