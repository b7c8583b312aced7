import { assertNever } from "../core/index.js";
import {
  type Clamp,
  type QuantConv2d,
  type QuantDense,
  type QuantMaxPool2d,
  type QuantNode,
  type QuantType,
  typeRange,
} from "../quant/index.js";
import { NO_PADDING, type Shape, tensor } from "../tensor/index.js";
import { compileAdd, pointwisePlan } from "./add-layer.js";
import { averagePlan, compileAverage } from "./average-pool.js";
import type { CellCounts } from "./cell-counts.js";
import type { DatapathCounts } from "./datapath-plan.js";
import { compileFoldedLayer } from "./fold/layer.js";
import type { LayerTiming } from "./fold/layer-model.js";
import type { LayerParallelism } from "./fold/parallelism.js";
import {
  type DatapathOptions,
  defaultClock,
  inputRangeOf,
  maxPoolDatapath,
  type WeightedNode,
  weightedDatapath,
} from "./layer-datapath.js";
import type { LayerMemory } from "./layer-memories.js";
import { windowLayer } from "./layer-top.js";
import type { Module } from "./netlist.js";
import type { RegisterBank } from "./register-banks.js";
import { registerDatapath } from "./register-datapath.js";
import type { LayerRegisters } from "./registers.js";
import { type ComputedNode, streamOf } from "./streams.js";
import { planWindow, tapsInside, type WindowPlan } from "./window-plan.js";

/** Choices of {@link compileLayer}. */
export type LayerOptions = Partial<DatapathOptions> & {
  /** Module name; default `ffe_` and the layer's name. */
  readonly moduleName?: string;
  /** Bounds of each input's integers, e.g. the clamp of the layer before; default all of the type's. */
  readonly inputClamps?: readonly Clamp[];
  /** How much works at once; default everything. Pools are always parallel. */
  readonly parallelism?: LayerParallelism;
  /** Pixels that the memories in front of a residual sum hold; default none. */
  readonly fifos?: readonly number[];
};

/** What a layer's hardware consists of and how it runs. */
export type LayerStats = {
  readonly kind: QuantNode["kind"];
  readonly inputShape: Shape;
  readonly outputShape: Shape;
  /** Multiply-accumulates a frame, zero weights included, padding excluded. */
  readonly macs: number;
  readonly weights: number;
  readonly zeroWeights: number;
  readonly csdDigits: number;
  /** Two-operand additions of the adder graph, requantization included. */
  readonly additions: number;
  /** Trees of the weighted sums. */
  readonly datapath: DatapathCounts;
  /** Trees of the requantization. */
  readonly requantization: DatapathCounts;
  /** Clamps, and the comparisons of a pool. */
  readonly clampCells: CellCounts;
  /** Counters, handshake, padding multiplexers, choice of operands: all logic of the layer's own module. */
  readonly controlCells: CellCounts;
  /** Flip-flops: datapath (with operand register), window, control, and the output buffer. */
  readonly registerBits: {
    readonly datapath: number;
    readonly window: number;
    readonly control: number;
    readonly buffer: number;
    /** Registers of programmable normalization; absent where there are none. */
    readonly configuration?: number;
  };
  /** RAMs and ROMs, one by one. */
  readonly memories: readonly LayerMemory[];
  /** Bits of all RAMs, and of all ROMs. */
  readonly sramBits: number;
  readonly romBits: number;
  /** Cycles from the last needed input beat to the output beat, nothing pausing. */
  readonly latencyCycles: number;
  /** Cycles between two frames when neither side pauses. */
  readonly cyclesPerFrame: number;
  /** Output beats a frame: the cycles in which the datapath's operands change. */
  readonly activeCyclesPerFrame: number;
  /** Longest path between two registers of the datapath, in full adders (operand to sum) in a row. */
  readonly longestAdderPath: number;
  readonly parallelism: LayerParallelism;
  /** Partial products and accumulators of a folded layer's lanes. */
  readonly selectionCells: CellCounts;
  /** Flip-flops by what loads them; as synthesis leaves them: a small ROM's word needs fewer than `registerBits` says. */
  readonly registerBanks: readonly RegisterBank[];
};

/** One layer as hardware: its datapath modules first, its own module (named `name`) last. */
export type LayerHardware = {
  readonly kind: "layerHardware";
  readonly name: string;
  readonly node: ComputedNode;
  /** Types of the streams that it reads. */
  readonly inputs: readonly QuantType[];
  readonly modules: readonly Module[];
  readonly stats: LayerStats;
  /** The layer's control, for {@link simulateSchedule}. */
  readonly timing: LayerTiming;
  /** Its configuration registers, if its normalization is programmable. */
  readonly registers?: LayerRegisters;
};

const DEFAULTS: DatapathOptions = { clock: defaultClock, maxFullAddersPerModule: 30_000 };

/** Make a Verilog identifier out of a layer's name. */
export function moduleNameOf(layer: string): string {
  return `ffe_${layer.replaceAll(/[^A-Za-z0-9_]/g, "_")}`;
}

/** A dense layer over an image as the convolution that it is: one window, the whole image. */
function imageConvolution(node: QuantDense, { shape }: QuantType): QuantConv2d {
  const [height, width, channels] = shape as [number, number, number];
  const outputs = node.weights.shape[1]!;
  const { kind: _, ...rest } = node;
  return {
    ...rest,
    kind: "conv2d",
    weights: tensor("int16", [height, width, channels, outputs], node.weights.data),
    output: { ...node.output, shape: [1, 1, outputs] },
    stride: { height: 1, width: 1 },
    padding: NO_PADDING,
  };
}

/** The layer with weights that hardware is made of: a dense layer over more than one pixel becomes a convolution. */
export function weightedNodeOf(node: ComputedNode, input: QuantType): WeightedNode | undefined {
  if (node.kind === "dense") return streamOf(input).beats > 1 ? imageConvolution(node, input) : node;
  return node.kind === "conv2d" || node.kind === "depthwiseConv2d" ? node : undefined;
}

/** Plan the window of a layer. */
export function planOfLayer(node: ComputedNode, input: QuantType): WindowPlan {
  const size = (shape: Shape) => ({ height: shape[0]!, width: shape[1]! });
  switch (node.kind) {
    case "add":
      return pointwisePlan(input, node.name);
    case "averagePool2d":
    case "globalAveragePool2d":
      return averagePlan(node, input);
    case "maxPool2d": {
      const { window: kernel, stride, padding } = node;
      const [from, to] = [size(input.shape), size(node.output.shape)];
      return planWindow({ input: from, output: to, kernel, stride, padding }, node.name);
    }
    case "dense": {
      const convolution = weightedNodeOf(node, input);
      if (convolution?.kind === "conv2d") return planOfLayer(convolution, input);
      const one = { height: 1, width: 1 };
      return planWindow(
        { input: one, output: one, kernel: one, stride: one, padding: NO_PADDING },
        node.name,
      );
    }
    case "conv2d":
    case "depthwiseConv2d": {
      const { stride, padding, weights } = node;
      const [from, to] = [size(input.shape), size(node.output.shape)];
      return planWindow({ input: from, output: to, kernel: size(weights.shape), stride, padding }, node.name);
    }
    default:
      return assertNever(node);
  }
}

/**
 * Compile one layer to a streaming pipeline: counters, line buffer, window, operand register, constant datapath, output buffer.
 * One beat is one pixel with all channels, channel c in bits c·bits and up, raster order, frames back to back.
 *
 * @param inputs types of the streams that the layer reads, one unless it is an `add`
 * @throws UnsupportedOpError FX5023 for an average without an exact division
 * @throws FixynnError FX5020 to FX5022 for geometry or requantization that has no hardware
 */
export function compileLayer(
  node: ComputedNode,
  inputs: QuantType | readonly QuantType[],
  options: LayerOptions = {},
): LayerHardware {
  const types = "shape" in inputs ? [inputs] : inputs;
  const name = options.moduleName ?? moduleNameOf(node.name);
  return { kind: "layerHardware", name, node, inputs: types, ...compileKind(name, node, types, options) };
}

function compileKind(
  name: string,
  node: ComputedNode,
  inputs: readonly QuantType[],
  options: LayerOptions,
): Omit<LayerHardware, "kind" | "name" | "node" | "inputs"> {
  const chosen = { ...DEFAULTS, ...definedOf(options) };
  const input = inputs[0]!;
  const boundsOf = (i: number): Clamp => ({ ...typeRange(inputs[i]!), ...options.inputClamps?.[i] });
  switch (node.kind) {
    case "add": {
      const { fifos = [0, 0] } = options;
      const both = [input, inputs[1]!] as const;
      return compileAdd({ name, node, inputs: both }, [boundsOf(0), boundsOf(1)], { ...chosen, fifos });
    }
    case "averagePool2d":
    case "globalAveragePool2d":
      return compileAverage({ name, node, inputs: [input], range: boundsOf(0) }, chosen);
    case "maxPool2d":
      return compileMaxPool({ name, node, input });
    case "conv2d":
    case "depthwiseConv2d":
    case "dense": {
      const weighted = weightedNodeOf(node, input)!;
      const compiled = compileWeighted({ name, node: weighted, input }, options);
      const { kind, output } = node;
      return { ...compiled, stats: { ...compiled.stats, kind, outputShape: output.shape } };
    }
    default:
      return assertNever(node);
  }
}

/** Compile a layer with weights, parallel or folded. */
function compileWeighted(
  { name, node, input }: { readonly name: string; readonly node: WeightedNode; readonly input: QuantType },
  options: LayerOptions,
): ReturnType<typeof compileKind> {
  const chosen = { ...DEFAULTS, ...definedOf(options) };
  const plan = planOfLayer(node, input);
  const inputRange = inputRangeOf(input, options.inputClamps?.[0]);
  const { parallelism = { kind: "parallel" } } = options;
  if (parallelism.kind === "folded")
    return compileFoldedLayer({
      name,
      node,
      input,
      inputRange,
      plan,
      folding: parallelism,
      clock: chosen.clock,
    });
  const source = { type: input, range: inputRange };
  const { requantization } = node;
  const datapath =
    requantization.mode === "programmable"
      ? registerDatapath(name, { ...node, requantization }, source, chosen)
      : weightedDatapath(name, { ...node, requantization }, source, chosen);
  const { channels } = streamOf(input);
  const outputs = node.output.shape.at(-1)!;
  const perTap = node.kind === "depthwiseConv2d" ? outputs : channels * outputs;
  return windowLayer({
    ...{ name, node, inputs: [input], plan, datapath },
    padValue: input.zeroPoint,
    macs: tapsInside(plan) * perTap,
  });
}

/** Compile a maximum pool. */
function compileMaxPool({
  name,
  node,
  input,
}: {
  readonly name: string;
  readonly node: QuantMaxPool2d;
  readonly input: QuantType;
}): ReturnType<typeof compileKind> {
  const datapath = maxPoolDatapath(name, node, input);
  const plan = planOfLayer(node, input);
  // The lowest integer never wins.
  const padValue = typeRange(input).low;
  return windowLayer({ name, node, inputs: [input], plan, datapath, padValue, macs: 0 });
}

function definedOf(options: LayerOptions): Partial<DatapathOptions> {
  const { clock, maxFullAddersPerModule } = options;
  return {
    ...(clock === undefined ? {} : { clock }),
    ...(maxFullAddersPerModule === undefined ? {} : { maxFullAddersPerModule }),
  };
}
