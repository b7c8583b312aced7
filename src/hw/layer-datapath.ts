import {
  type AdderGraph,
  AdderGraphBuilder,
  type AdderNodeId,
  addSharedMatrix,
  type ClockTarget,
  csdDigitCount,
  type Interval,
  interval,
  sky130Cells,
} from "../arith/index.js";
import {
  accumulatorInterval,
  type Clamp,
  type ConstantRequantization,
  type QuantConv2d,
  type QuantDense,
  type QuantDepthwiseConv2d,
  type QuantMaxPool2d,
  type QuantType,
} from "../quant/index.js";
import { concat, ModuleBuilder, sliceOf } from "./builder.js";
import { addCellCounts, type CellCounts, countCells, NO_CELL_COUNTS } from "./cell-counts.js";
import { buildPart, buildSplitPart, type PartContext } from "./datapath-module.js";
import { type DatapathCounts, NO_CELLS, planDatapath } from "./datapath-plan.js";
import type { Module } from "./netlist.js";
import type { LayerRegisters } from "./registers.js";
import { addPlannedRequantization, planOffset, planRequantization } from "./requantize-graph.js";
import { planSize, splitPlan } from "./split.js";

/** A layer whose outputs are weighted sums of its window. */
export type WeightedNode = QuantConv2d | QuantDepthwiseConv2d | QuantDense;

/** Choices of the datapath. */
export type DatapathOptions = {
  /** Clock period that registers are inserted for, and the cells' delays. */
  readonly clock: ClockTarget;
  /** A layer's datapath is split by output channels into modules of about so many full adders at most. */
  readonly maxFullAddersPerModule: number;
};

/** 200 MHz in sky130: what folded layers reach too, whose accumulators cannot be pipelined. */
export const defaultClock: ClockTarget = { periodPs: 5000, cells: sky130Cells };

/** One module of a layer's datapath: reads some input channels of every window pixel, makes some output channels. */
export type DatapathPart = {
  readonly module: Module;
  /** Modules that it instantiates. */
  readonly inner: readonly Module[];
  readonly inputChannels: readonly [first: number, count: number];
  readonly outputChannels: readonly [first: number, count: number];
  readonly counts: DatapathCounts;
  readonly requantizationCounts: DatapathCounts;
  /** Clamps, before and after the scaling, and comparisons. */
  readonly otherCells: CellCounts;
};

/** A layer's datapath. `latencyCycles` is in clock cycles from the operand register to the combinational result. */
export type LayerDatapath = {
  readonly parts: readonly DatapathPart[];
  readonly latencyCycles: number;
  readonly weights: number;
  readonly zeroWeights: number;
  readonly csdDigits: number;
  /** Two-operand additions of the sums: terms and constants less one each. */
  readonly additions: number;
  /** Longest path between two registers, in full adders in a row. */
  readonly longestPath: number;
  /** Registers of a programmable requantization: then the part has a configuration port. */
  readonly registers?: LayerRegisters;
};

export type Row = {
  readonly weights: readonly number[];
  readonly channels: readonly [first: number, count: number];
};

/** The weight rows, one an output channel, over taps × input channels that the output reads. */
export function weightRows(node: WeightedNode): readonly Row[] {
  const { shape, data } = node.weights;
  if (node.kind === "depthwiseConv2d") {
    const [height, width, channels, multiplier] = shape as [number, number, number, number];
    return Array.from({ length: channels * multiplier }, (_, o) => ({
      weights: Array.from({ length: height * width }, (_t, t) => data[t * channels * multiplier + o]!),
      channels: [Math.floor(o / multiplier), 1] as const,
    }));
  }
  const outputs = shape.at(-1)!;
  const taps = data.length / outputs;
  const inputs = node.kind === "dense" ? shape[0]! : shape[2]!;
  return Array.from({ length: outputs }, (_, o) => ({
    weights: Array.from({ length: taps }, (_t, t) => data[t * outputs + o]!),
    channels: [0, inputs] as const,
  }));
}

/** A window's words as inputs of a graph, tap by tap. */
export function windowInputs(
  builder: AdderGraphBuilder,
  rows: readonly Row[],
  channels: number,
  inputRange: Interval,
): readonly AdderNodeId[] {
  const taps = rows[0]!.weights.length / rows[0]!.channels[1];
  return range(0, taps * channels).map((k) =>
    builder.input(`x${Math.floor(k / channels)}_${k % channels}`, inputRange),
  );
}

/**
 * Add the weighted sums of all rows. Outputs that read the same channels share their sums: all of them, or in a depthwise layer those of
 * one channel.
 *
 * @param constantOf what the sum of a row begins with; `zero` rows have nothing else
 */
export function addWeightedSums(
  builder: AdderGraphBuilder,
  rows: readonly Row[],
  {
    inputs,
    channels,
    isZero,
    constantOf,
  }: {
    readonly inputs: readonly AdderNodeId[];
    readonly channels: number;
    readonly isZero: (row: number) => boolean;
    readonly constantOf: (row: number) => bigint;
  },
): readonly AdderNodeId[] {
  const taps = rows[0]!.weights.length / rows[0]!.channels[1];
  const sums: AdderNodeId[] = [];
  while (sums.length < rows.length) {
    const from = sums.length;
    const [channel, count] = rows[from]!.channels;
    const block = rows.slice(from).filter((row) => row.channels[0] === channel);
    const own = range(0, taps).flatMap((t) => {
      const at = t * channels + channel;
      return inputs.slice(at, at + count);
    });
    const matrix = {
      name: `c${from}`,
      weights: block.map(({ weights }, r) => (isZero(from + r) ? weights.map(() => 0) : weights)),
      outputs: block.map((_, r) => `c${from + r}`),
      constants: block.map((_, r) => constantOf(from + r)),
    };
    // Outputs made from other outputs would come a phase later than the rest.
    sums.push(...addSharedMatrix(builder, matrix, own, { columns: false }));
  }
  return sums;
}

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

/** What a channel's sum holds beside its products when the input's zero point is taken out of these. */
export function zeroPointConstant({ weights }: Row, zeroPoint: number): number {
  return -zeroPoint * weights.reduce((sum, w) => sum + w, 0);
}

/** Adder graph of a layer: weighted sums with shared terms, then requantization. Inputs are the window's channels, tap by tap. */
function layerGraph(
  node: WeightedNode & { readonly requantization: ConstantRequantization },
  rows: readonly Row[],
  {
    type,
    inputRange,
    name,
  }: { readonly type: QuantType; readonly inputRange: Interval; readonly name: string },
): { readonly graph: AdderGraph; readonly lastSum: AdderNodeId } {
  const channels = type.shape.at(-1)!;
  const builder = new AdderGraphBuilder();
  const inputs = windowInputs(builder, rows, channels, inputRange);
  const accumulators = accumulatorInterval(node, {
    ...type,
    range: { low: Number(inputRange.low), high: Number(inputRange.high) },
  });
  const tasks = rows.map((_, r) => ({
    requantization: node.requantization,
    channel: r,
    zeroPoint: node.output.zeroPoint,
    clamp: node.clamp,
    low: accumulators.low[r]!,
    high: accumulators.high[r]!,
  }));
  const plans = tasks.map(planRequantization);
  const sums = addWeightedSums(builder, rows, {
    inputs,
    channels,
    isZero: (r) => plans[r]!.kind === "always",
    constantOf: (r) => {
      const plan = plans[r]!;
      const bias = node.bias.data[r]! + zeroPointConstant(rows[r]!, type.zeroPoint);
      return BigInt((plan.kind === "always" ? 0 : bias) + planOffset(plan));
    },
  });
  const outputs = sums.map((acc, r) =>
    addPlannedRequantization(builder, acc, plans[r]!, { ...tasks[r]!, name: `c${r}` }),
  );
  return { graph: builder.build(name, outputs), lastSum: Math.max(-1, ...sums) as AdderNodeId };
}

/** What follows a datapath in its last cycle: the look at the bits above a clamp, its two gates, and the output buffer's multiplexer. */
export function clampDelayPs({ cells }: ClockTarget): number {
  return 3 * cells.or2.delayPs + cells.and2.delayPs + cells.mux2.delayPs;
}

/** What {@link graphDatapath} needs beyond the graph. */
export type GraphDatapath = DatapathOptions & {
  /** Bounds of the outputs, and their format. */
  readonly clamp: Clamp;
  readonly outputBits: number;
  /** Bits in which each input word comes, and how many words make a pixel. */
  readonly inputBits: number;
  readonly inputChannels: number;
  /** Name of the module; default the layer's with `_datapath` behind. */
  readonly module?: string;
  /** What follows in the last cycle; default a clamp and the output buffer. */
  readonly outputDelayPs?: number;
  /** Last node of the weighted sums, what follows being requantization; without it all is sums. */
  readonly lastSum?: AdderNodeId;
  /** Lines of prose above the module, given the pipeline registers in a row. */
  readonly doc: (registers: number) => readonly string[];
};

/** Make a datapath of an adder graph: shared sums, trees, pipeline registers, a clamp for each output; split by outputs when large. */
export function graphDatapath(name: string, graph: AdderGraph, shape: GraphDatapath): LayerDatapath {
  const { clamp, outputBits, inputBits, clock, maxFullAddersPerModule: most } = shape;
  const { lastSum = (graph.nodes.length - 1) as AdderNodeId, module = `${name}_datapath` } = shape;
  const plan = planDatapath(graph, clock, {
    outputDelayPs: shape.outputDelayPs ?? clampDelayPs(clock),
  });
  const { latencyCycles, longestPathPs } = plan.schedule;
  const context: PartContext = { clamp, outputBits, plan, doc: shape.doc(latencyCycles), inputBits, lastSum };
  const built =
    planSize(plan) <= most
      ? buildPart(module, context)
      : buildSplitPart(module, context, splitPlan(plan, most));
  const part: DatapathPart = {
    module: built.module,
    inner: built.inner,
    inputChannels: [0, shape.inputChannels],
    outputChannels: [0, graph.outputs.length],
    counts: built.counts.sums,
    requantizationCounts: built.counts.requantization,
    otherCells: built.other,
  };
  const sums = graph.nodes.filter((n) => n.kind === "sum");
  return {
    parts: [part],
    latencyCycles,
    weights: 0,
    zeroWeights: 0,
    csdDigits: 0,
    additions: sums.reduce((n, s) => n + Math.max(0, s.terms.length + (s.constant === 0n ? 0 : 1) - 1), 0),
    longestPath: longestPathPs / clock.cells.fullAdder.sumPs,
  };
}

/** Say how the names in a datapath's module are made. */
export const DATAPATH_NAMES =
  "Names: sS_lL_fs and fc are sums and carries of the full adders of level L in stage S, hs and hc of the half adders, sS_lLq_ those of the requantization; " +
  "stageS are the registers in front of stage S; cN is output channel N.";

/**
 * Make the datapath of a weighted layer: constant matrix, compressor trees, requantization, clamp; split by output channels.
 *
 * @param inputRange integers that the input can take, zero point included
 */
export function weightedDatapath(
  name: string,
  node: WeightedNode & { readonly requantization: ConstantRequantization },
  input: { readonly type: QuantType; readonly range: Interval },
  options: DatapathOptions,
): LayerDatapath {
  const rows = weightRows(node);
  const { graph, lastSum } = layerGraph(node, rows, { type: input.type, inputRange: input.range, name });
  const datapath = graphDatapath(name, graph, {
    ...options,
    clamp: node.clamp,
    outputBits: node.output.bits,
    inputBits: input.type.bits,
    inputChannels: input.type.shape.at(-1)!,
    lastSum,
    doc: (registers) => [
      `Constant datapath of layer "${node.name}" (${node.kind}, weights ${node.weights.shape.join("x")}).`,
      "Weighted sums as full adders, many of them shared (a constant of each output's sum holds the bias and " +
        `-${input.type.zeroPoint} times the weights' sum), scale and round, then the clamp to ${node.clamp.low}..${node.clamp.high}. ` +
        `${registers} pipeline register(s) in a row.`,
      DATAPATH_NAMES,
    ],
  });
  return { ...datapath, ...countWeights(rows) };
}

/** Count the weights of a layer. */
export function countWeights(
  rows: readonly Row[],
): Pick<LayerDatapath, "weights" | "zeroWeights" | "csdDigits"> {
  const flat = rows.flatMap((row) => row.weights);
  return {
    weights: flat.length,
    zeroWeights: flat.filter((w) => w === 0).length,
    csdDigits: flat.reduce((sum, w) => sum + csdDigitCount(w), 0),
  };
}

/** Make the datapath of a maximum pool: a tree of comparisons, all channels in one module. */
export function maxPoolDatapath(name: string, node: QuantMaxPool2d, input: QuantType): LayerDatapath {
  const taps = node.window.height * node.window.width;
  const channels = input.shape.at(-1)!;
  const b = new ModuleBuilder(`${name}_datapath`, [
    `Maximum of ${node.window.height}x${node.window.width} pixels, layer "${node.name}", ${channels} channels; combinational.`,
  ]);
  const x = b.input("x", taps * channels * input.bits, "window pixels, registered");
  const y = range(0, channels).map((c) => {
    let values = range(0, taps).map((t) => sliceOf(x, (t * channels + c) * input.bits, input.bits));
    for (let level = 1; values.length > 1; level++) {
      values = range(0, Math.ceil(values.length / 2)).map((i) => {
        const [left, right] = [values[2 * i]!, values[2 * i + 1]];
        if (right === undefined) return left;
        const less = b.compare("less", `c${c}_less${level}_${i}`, left, right, input.signed);
        return b.mux(`c${c}_max${level}_${i}`, less, right, left);
      });
    }
    return values[0]!;
  });
  const otherCells = countCells(b.build().cells);
  b.output("y", concat(y));
  const part: DatapathPart = {
    module: b.build(),
    inner: [],
    inputChannels: [0, channels],
    outputChannels: [0, channels],
    counts: NO_CELLS,
    requantizationCounts: NO_CELLS,
    otherCells,
  };
  const none = { weights: 0, zeroWeights: 0, csdDigits: 0, additions: 0, longestPath: 0 };
  return { parts: [part], latencyCycles: 0, ...none };
}

/** Range of a layer's input integers: what the layer before can give, and the padding's zero point. */
export function inputRangeOf(
  type: QuantType,
  clamp: { readonly low: number; readonly high: number } | undefined,
): Interval {
  const lowest = type.signed ? -(2 ** (type.bits - 1)) : 0;
  const highest = lowest + 2 ** type.bits - 1;
  const low = Math.max(lowest, clamp?.low ?? lowest);
  const high = Math.min(highest, clamp?.high ?? highest);
  return interval(Math.min(low, type.zeroPoint), Math.max(high, type.zeroPoint));
}

/** Add up the cells of all parts that are neither trees nor final adders. */
export function otherCellsOf(datapath: LayerDatapath): CellCounts {
  return datapath.parts.reduce((sum, part) => addCellCounts(sum, part.otherCells), NO_CELL_COUNTS);
}
