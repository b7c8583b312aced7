import {
  type AdderGraph,
  AdderGraphBuilder,
  addConstantMatrix,
  csdDigitCount,
  type Interval,
  interval,
  wordFormat,
} from "../arith/index.js";
import {
  accumulatorInterval,
  type QuantConv2d,
  type QuantDense,
  type QuantDepthwiseConv2d,
  type QuantMaxPool2d,
  type QuantType,
} from "../quant/index.js";
import { concat, ModuleBuilder, sliceOf } from "./builder.js";
import { addCellCounts, type CellCounts, countCells, NO_CELL_COUNTS } from "./cell-counts.js";
import { clampWord } from "./clamp.js";
import {
  addCounts,
  type DatapathCounts,
  isSaturation,
  lowerDatapath,
  NO_CELLS,
  planTrees,
  type TreePlan,
  treeStages,
} from "./datapath.js";
import type { Module } from "./netlist.js";
import { addPlannedRequantization, planOffset, planRequantization } from "./requantize-graph.js";

/** A layer whose outputs are weighted sums of its window. */
export type WeightedNode = QuantConv2d | QuantDepthwiseConv2d | QuantDense;

/** Choices of the datapath. */
export type DatapathOptions = {
  /** Adder levels between two pipeline registers, at most. */
  readonly levelsPerStage: number;
  /** A layer's datapath is split by output channels into modules of about so many full adders at most. */
  readonly maxFullAddersPerModule: number;
};

/** One module of a layer's datapath: reads some input channels of every window pixel, makes some output channels. */
export type DatapathPart = {
  readonly module: Module;
  readonly inputChannels: readonly [first: number, count: number];
  readonly outputChannels: readonly [first: number, count: number];
  readonly counts: DatapathCounts;
  readonly requantizationCounts: DatapathCounts;
  /** Clamps, before and after the scaling, and comparisons. */
  readonly otherCells: CellCounts;
};

/** A layer's datapath. `latency` is in clock cycles from the operand register to the combinational result. */
export type LayerDatapath = {
  readonly parts: readonly DatapathPart[];
  readonly latency: number;
  readonly weights: number;
  readonly zeroWeights: number;
  readonly csdDigits: number;
  /** Two-operand additions of the sums: terms and constants less one each. */
  readonly additions: number;
  readonly finalAdderBitsLongest: number;
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

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

/** Adder graph of output channels `first` … `first + count − 1`: weighted sums, then requantization. */
function partGraph(
  node: WeightedNode,
  rows: readonly Row[],
  first: number,
  {
    type,
    inputRange,
    name,
  }: { readonly type: QuantType; readonly inputRange: Interval; readonly name: string },
): { readonly graph: AdderGraph; readonly inputChannels: readonly [number, number] } {
  const low = Math.min(...rows.map((row) => row.channels[0]));
  const high = Math.max(...rows.map((row) => row.channels[0] + row.channels[1]));
  const span = high - low;
  const taps = rows[0]!.weights.length / rows[0]!.channels[1];
  const builder = new AdderGraphBuilder();
  const inputs = range(0, taps * span).map((k) => {
    const channel = low + (k % span);
    return builder.input(`x${Math.floor(k / span)}_${channel}`, inputRange);
  });
  const accumulators = accumulatorInterval(node, {
    ...type,
    range: { low: Number(inputRange.low), high: Number(inputRange.high) },
  });
  const outputs = rows.map((row, r) => {
    const own = range(0, taps).flatMap((t) => {
      const at = t * span + row.channels[0] - low;
      return inputs.slice(at, at + row.channels[1]);
    });
    const o = first + r;
    const sum = row.weights.reduce((total, w) => total + w, 0);
    const task = {
      requantization: node.requantization,
      channel: o,
      zeroPoint: node.output.zeroPoint,
      clamp: node.clamp,
      low: accumulators.low[o]!,
      high: accumulators.high[o]!,
    };
    const plan = planRequantization(task);
    const always = plan.kind === "always";
    const [acc] = addConstantMatrix(
      builder,
      {
        name,
        weights: [always ? row.weights.map(() => 0) : row.weights],
        outputs: [`c${o}`],
        constants: [BigInt((always ? 0 : node.bias.data[o]! - type.zeroPoint * sum) + planOffset(plan))],
      },
      own,
    );
    return addPlannedRequantization(builder, acc!, plan, { ...task, name: `c${o}` });
  });
  return { graph: builder.build(name, outputs), inputChannels: [low, span] };
}

function buildPart(
  module: { readonly name: string; readonly doc: readonly string[] },
  node: WeightedNode,
  plan: TreePlan,
  {
    inputBits,
    stages,
    levelsPerStage,
  }: { readonly inputBits: number; readonly stages: readonly number[]; readonly levelsPerStage: number },
): {
  readonly module: Module;
  readonly latency: number;
  readonly counts: readonly DatapathCounts[];
  readonly other: CellCounts;
} {
  const b = new ModuleBuilder(module.name, module.doc);
  b.clock("aclk");
  const enable = b.input("advance", 1, "all registers move on");
  const words = plan.graph.nodes.filter((n) => n.kind === "input").length;
  const x = b.input("x", words * inputBits, `${words} integers of ${inputBits} bits, registered`);
  const inputs = range(0, words).map((i) => sliceOf(x, i * inputBits, inputBits));
  const lowered = lowerDatapath(b, plan, inputs, { enable, stages, levelsPerStage });
  const before = b.build().cells.length;
  const y = lowered.outputs.map((word, o) =>
    clampWord(b, `y${o}`, word, {
      range: plan.graph.nodes[plan.graph.outputs[o]!]!.interval,
      ...node.clamp,
      bits: node.output.bits,
    }),
  );
  const built = b.build();
  const constants = built.cells.filter((cell) => cell.kind === "constant");
  const saturations = built.cells.slice(0, before).filter(isSaturation);
  const other = countCells([...constants, ...saturations, ...built.cells.slice(before)]);
  b.output("y", concat(y), `${y.length} integers of ${node.output.bits} bits`);
  return { module: b.build(), latency: lowered.latency, counts: lowered.counts, other };
}

/**
 * Make the datapath of a weighted layer: constant matrix, compressor trees, requantization, clamp; split by output channels.
 *
 * @param inputRange integers that the input can take, zero point included
 */
export function weightedDatapath(
  name: string,
  node: WeightedNode,
  input: { readonly type: QuantType; readonly range: Interval },
  options: DatapathOptions,
): LayerDatapath {
  const rows = weightRows(node);
  const digits = rows.map((row) => row.weights.reduce((sum, w) => sum + csdDigitCount(w), 0));
  const { width } = wordFormat(input.range);
  const groups: { first: number; count: number; size: number }[] = [];
  for (const [o, count] of digits.entries()) {
    const size = count * width + 8 * width;
    const last = groups.at(-1);
    if (last === undefined || last.size + size > options.maxFullAddersPerModule)
      groups.push({ first: o, count: 1, size });
    else {
      last.count++;
      last.size += size;
    }
  }
  const plans = groups.map(({ first, count }) => {
    const { graph, inputChannels } = partGraph(node, rows.slice(first, first + count), first, {
      type: input.type,
      inputRange: input.range,
      name: `${name}_${first}`,
    });
    return { first, count, inputChannels, plan: planTrees(graph, options.levelsPerStage) };
  });
  const perPlan = plans.map(({ plan }) => treeStages(plan, options.levelsPerStage));
  const stages = perPlan[0]!.map((_, p) => Math.max(...perPlan.map((s) => s[p]!)));
  let latency = 0;
  const parts = plans.map(({ first, count, inputChannels, plan }, i): DatapathPart => {
    const last = first + count - 1;
    const built = buildPart(
      {
        name: plans.length === 1 ? `${name}_datapath` : `${name}_datapath${i}`,
        doc: [
          `Constant datapath of layer "${node.name}" (${node.kind}, weights ${node.weights.shape.join("x")}), output channels ` +
            `${first} to ${last}.`,
          `p1: weighted sums as full-adder trees (a constant of each sum holds the bias and -${input.type.zeroPoint} times the ` +
            "weights' sum); " +
            "p2: scale and round; then the clamp to " +
            `${node.clamp.low}..${node.clamp.high}. Stages of trees: ${stages.join(", ")}.`,
          "Names: pP_lL_fs and fc are sums and carries of the full adders of level L in phase P, hs and hc of the half adders; " +
            "cN is output channel N.",
        ],
      },
      node,
      plan,
      { inputBits: input.type.bits, stages, levelsPerStage: options.levelsPerStage },
    );
    latency = built.latency;
    return {
      module: built.module,
      inputChannels,
      outputChannels: [first, count],
      counts: built.counts[0]!,
      requantizationCounts: built.counts.slice(1).reduce(addCounts, NO_CELLS),
      otherCells: built.other,
    };
  });
  const flat = rows.flatMap((row) => row.weights);
  const sums = plans.flatMap(({ plan }) => plan.graph.nodes.filter((n) => n.kind === "sum"));
  return {
    parts,
    latency,
    weights: flat.length,
    zeroWeights: flat.filter((w) => w === 0).length,
    csdDigits: digits.reduce((a, d) => a + d, 0),
    additions: sums.reduce((n, s) => n + Math.max(0, s.terms.length + (s.constant === 0n ? 0 : 1) - 1), 0),
    finalAdderBitsLongest: plans.reduce(
      (most, { plan }) =>
        plan.phases.reduce(
          (m, { trees }) => trees.reduce((l, t) => Math.max(l, t.width - t.adderLow), m),
          most,
        ),
      0,
    ),
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
    inputChannels: [0, channels],
    outputChannels: [0, channels],
    counts: NO_CELLS,
    requantizationCounts: NO_CELLS,
    otherCells,
  };
  const none = { weights: 0, zeroWeights: 0, csdDigits: 0, additions: 0, finalAdderBitsLongest: 0 };
  return { parts: [part], latency: 0, ...none };
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
