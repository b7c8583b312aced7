import { type ClockTarget, sky130Cells } from "../arith/index.js";
import { FixynnError, invariant, UnsupportedOpError } from "../core/index.js";
import type { QuantNode, QuantType } from "../quant/index.js";
import { elementCount, formatShape, NO_PADDING, type Shape } from "../tensor/index.js";
import { concat, ModuleBuilder, sliceOf } from "./builder.js";
import { type CellCounts, countCells, NO_CELL_COUNTS } from "./cell-counts.js";
import { addController, addOutputBuffer, addWindow } from "./controller.js";
import { addCounts, type DatapathCounts, NO_CELLS } from "./datapath-plan.js";
import { compileFoldedLayer } from "./fold/layer.js";
import type { LayerParallelism } from "./fold/parallelism.js";
import type { LayerTiming } from "./fold/schedule.js";
import {
  type DatapathOptions,
  inputRangeOf,
  type LayerDatapath,
  maxPoolDatapath,
  otherCellsOf,
  type WeightedNode,
  weightedDatapath,
} from "./layer-datapath.js";
import { type InstanceCell, type Module, type Signal, signalWidth } from "./netlist.js";
import { planWindow, tapsInside, type WindowPlan, type WindowShape } from "./window-plan.js";

/** Choices of {@link compileLayer}. */
export type LayerOptions = Partial<DatapathOptions> & {
  /** Module name; default `ffe_` and the layer's name. */
  readonly moduleName?: string;
  /** Bounds of the input integers, e.g. the clamp of the layer before; default all of the type's. */
  readonly inputClamp?: { readonly low: number; readonly high: number };
  /** How much works at once; default everything. Pools are always parallel. */
  readonly parallelism?: LayerParallelism;
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
  /** Counters, handshake, padding multiplexers. */
  readonly controlCells: CellCounts;
  /** Flip-flops: datapath (with operand register), window, control, and the output buffer. */
  readonly registerBits: {
    readonly datapath: number;
    readonly window: number;
    readonly control: number;
    readonly buffer: number;
  };
  readonly sramBits: number;
  /** Line-buffer bits written plus read a frame. */
  readonly sramAccessedBitsPerFrame: number;
  /** Cycles from the last needed input beat to the output beat, nothing pausing. */
  readonly latencyCycles: number;
  /** Cycles between two frames when neither side pauses. */
  readonly cyclesPerFrame: number;
  /** Output beats a frame: the cycles in which the datapath's operands change. */
  readonly activeCyclesPerFrame: number;
  /** Longest path between two registers of the datapath, in full adders (operand to sum) in a row. */
  readonly longestAdderPath: number;
  readonly parallelism: LayerParallelism;
  /** Bits of constants in ROMs, and those read a frame. */
  readonly romBits: number;
  readonly romAccessedBitsPerFrame: number;
  /** Partial products, choice of operands and accumulators of a folded layer. */
  readonly selectionCells: CellCounts;
};

/** One layer as hardware: its datapath modules first, its own module (named `name`) last. */
export type LayerHardware = {
  readonly kind: "layerHardware";
  readonly name: string;
  readonly node: QuantNode;
  readonly input: QuantType;
  readonly modules: readonly Module[];
  readonly stats: LayerStats;
  /** The layer's control, for {@link simulateSchedule}. */
  readonly timing: LayerTiming;
};

/** 200 MHz in sky130: what folded layers reach too, whose accumulators cannot be pipelined. */
export const defaultClock: ClockTarget = { periodPs: 5000, cells: sky130Cells };

const DEFAULTS: DatapathOptions = { clock: defaultClock, maxFullAddersPerModule: 30_000 };

/** Make a Verilog identifier out of a layer's name. */
export function moduleNameOf(layer: string): string {
  return `ffe_${layer.replaceAll(/[^A-Za-z0-9_]/g, "_")}`;
}

/** Say why a layer cannot be compiled yet; `undefined` when it can. */
export function unsupportedReason(node: QuantNode): string | undefined {
  switch (node.kind) {
    case "conv2d":
    case "depthwiseConv2d":
    case "maxPool2d":
      return undefined;
    case "dense":
      return undefined;
    case "add":
      return "residual additions cannot be frozen yet: freeze up to a layer before the branch";
    case "averagePool2d":
    case "globalAveragePool2d":
      return "average pools cannot be frozen yet: freeze up to a layer before it";
    case "reshape":
      return "reshapes cannot be frozen yet: freeze up to a layer before it";
    case "input":
      return "the input is no layer: freeze up to a layer behind it";
  }
}

type Compiled = Extract<QuantNode, { kind: "conv2d" | "depthwiseConv2d" | "dense" | "maxPool2d" }>;

function windowShapeOf(node: Compiled, input: QuantType): WindowShape {
  const size = (shape: Shape) => ({ height: shape[0]!, width: shape[1]! });
  const one = { height: 1, width: 1 };
  if (node.kind === "dense") {
    const pixels = elementCount(input.shape) / node.weights.shape[0]!;
    if (pixels !== 1 || (input.shape.length === 3 && input.shape[0]! * input.shape[1]! !== 1)) {
      throw new FixynnError("FX5022", `a dense layer over ${formatShape(input.shape)} cannot be frozen`, {
        place: node.name,
        hint: "only 1x1 inputs; freeze up to a layer before it",
      });
    }
    return { input: one, output: one, kernel: one, stride: one, padding: NO_PADDING };
  }
  const kernel =
    node.kind === "maxPool2d"
      ? node.window
      : { height: node.weights.shape[0]!, width: node.weights.shape[1]! };
  return {
    input: size(input.shape),
    output: size(node.output.shape),
    kernel,
    stride: node.stride,
    padding: node.padding,
  };
}

/** Plan the window of a layer that has hardware. */
export function planOfLayer(node: QuantNode, input: QuantType): WindowPlan {
  const reason = unsupportedReason(node);
  if (reason !== undefined)
    throw new UnsupportedOpError("FX5023", [{ op: node.kind, node: node.name, hint: reason }]);
  return planWindow(windowShapeOf(node as Compiled, input), node.name);
}

/** Tell whether a layer has weights, so that it can be folded. */
export function isWeighted(node: QuantNode): node is WeightedNode {
  return node.kind === "conv2d" || node.kind === "depthwiseConv2d" || node.kind === "dense";
}

/** The integer that padding shows: the zero point, or for a maximum the lowest integer, which never wins. */
function padValueOf(node: Compiled, input: QuantType): number {
  if (node.kind !== "maxPool2d") return input.zeroPoint;
  return input.signed ? -(2 ** (input.bits - 1)) : 0;
}

/**
 * Compile one layer to a streaming pipeline: counters, line buffer, window, operand register, constant datapath, output buffer.
 * One beat is one pixel with all channels, channel c in bits c·bits and up, raster order, frames back to back.
 *
 * @throws UnsupportedOpError FX5023 for layers that have no hardware yet
 * @throws FixynnError FX5020 or FX5022 for geometry that has none
 */
export function compileLayer(node: QuantNode, input: QuantType, options: LayerOptions = {}): LayerHardware {
  const reason = unsupportedReason(node);
  if (reason !== undefined)
    throw new UnsupportedOpError("FX5023", [{ op: node.kind, node: node.name, hint: reason }]);
  const layer = node as Compiled;
  const name = options.moduleName ?? moduleNameOf(node.name);
  const chosen = { ...DEFAULTS, ...definedOf(options) };
  const plan = planWindow(windowShapeOf(layer, input), node.name);
  const { parallelism = { kind: "parallel" } } = options;
  if (parallelism.kind === "folded" && layer.kind !== "maxPool2d") {
    const inputRange = inputRangeOf(input, options.inputClamp);
    const { clock } = chosen;
    const job = { name, node: layer, input, inputRange, plan, folding: parallelism, clock };
    return { kind: "layerHardware", name, node, input, ...compileFoldedLayer(job) };
  }
  const datapath =
    layer.kind === "maxPool2d"
      ? maxPoolDatapath(name, layer, input)
      : weightedDatapath(
          name,
          layer,
          { type: input, range: inputRangeOf(input, options.inputClamp) },
          chosen,
        );
  const top = buildTop(name, layer, input, plan, datapath);
  const modules = [...datapath.parts.flatMap((part) => [...part.inner, part.module]), top];
  return {
    kind: "layerHardware",
    name,
    node,
    input,
    modules,
    timing: { kind: "parallel", plan, fifo: 0, latency: datapath.latency },
    stats: statsOf({ layer, input, plan, datapath, top }),
  };
}

function definedOf(options: LayerOptions): Partial<DatapathOptions> {
  const { clock, maxFullAddersPerModule } = options;
  return {
    ...(clock === undefined ? {} : { clock }),
    ...(maxFullAddersPerModule === undefined ? {} : { maxFullAddersPerModule }),
  };
}

function buildTop(
  name: string,
  node: Compiled,
  input: QuantType,
  plan: WindowPlan,
  datapath: LayerDatapath,
): Module {
  const channels = input.shape.at(-1)!;
  const outChannels = node.output.shape.at(-1)!;
  const { kernel, stride, padding } = plan;
  const b = new ModuleBuilder(name, [
    `Layer "${node.name}": ${node.kind} ${kernel.height}x${kernel.width}, stride ${stride.height}x${stride.width}, padding top ` +
      `${padding.top} bottom ${padding.bottom} left ${padding.left} right ${padding.right}.`,
    `Input ${formatShape(input.shape)} of ${input.signed ? "signed" : "unsigned"} ${input.bits} bits, output ` +
      `${formatShape(node.output.shape)} of ${node.output.signed ? "signed" : "unsigned"} ${node.output.bits} bits.`,
    `One beat is one pixel, channel 0 lowest; raster order, frames back to back. ${plan.steps} cycles a frame.`,
  ]);
  b.clock("aclk");
  const resetN = b.input("aresetn", 1, "synchronous reset, active low");
  const pixel = b.input("s_axis_tdata", channels * input.bits);
  const valid = b.input("s_axis_tvalid", 1);
  const outReady = b.input("m_axis_tready", 1);
  const skidValid = b.net("skid_valid", 1, "the second output entry is full");
  const advance = b.not("advance", b.signal(skidValid));
  const control = addController(b, plan, { advance, valid, resetN });
  const window = addWindow(b, plan, control, pixel, {
    channels,
    bits: input.bits,
    padValue: padValueOf(node, input),
  });
  const operands = b.register("operands", concat(window), {
    enable: control.fire,
    role: "datapath",
    doc: "loads complete windows only, so that nothing else moves the adders",
  });
  const stages = b.net("stage_valid", datapath.latency + 1, "which pipeline stages hold a pixel");
  const older = b.signal(stages);
  const shifted = concat([control.fire, sliceOf(older, 0, datapath.latency)]);
  b.registerInto(stages, "stage_valid", shifted, { enable: advance, resetN, role: "control" });
  const results = datapath.parts.map(({ module, inputChannels, outputChannels }) => {
    const [first, count] = inputChannels;
    const x = concat(
      window.map((_, t) => sliceOf(operands, (t * channels + first) * input.bits, count * input.bits)),
    );
    const y = b.net(`y${outputChannels[0]}`, outputChannels[1] * node.output.bits);
    const inputs: InstanceCell["inputs"] = [{ port: "x", signal: x }];
    const registered = module.clock === null ? inputs : [{ port: "advance", signal: advance }, ...inputs];
    const outputs = [{ port: "y", net: y }];
    b.add({ kind: "instance", name: `u_${module.name}`, module: module.name, inputs: registered, outputs });
    return b.signal(y);
  });
  const value: Signal = concat(results);
  invariant(signalWidth(value) === outChannels * node.output.bits, "datapath parts cover the output");
  const out = addOutputBuffer(b, skidValid, {
    value,
    valid: sliceOf(older, datapath.latency, 1),
    ready: outReady,
    advance,
    resetN,
  });
  b.output("s_axis_tready", control.ready);
  b.output("m_axis_tdata", out.data);
  b.output("m_axis_tvalid", out.valid);
  return b.build();
}

function statsOf({
  layer,
  input,
  plan,
  datapath,
  top,
}: {
  readonly layer: Compiled;
  readonly input: QuantType;
  readonly plan: WindowPlan;
  readonly datapath: LayerDatapath;
  readonly top: Module;
}): LayerStats {
  const registerBits = { datapath: 0, window: 0, control: 0, buffer: 0 };
  let sramBits = 0;
  for (const { cells } of [...datapath.parts.flatMap((part) => [...part.inner, part.module]), top]) {
    for (const cell of cells) {
      if (cell.kind === "register") registerBits[cell.role] += signalWidth(cell.d);
      if (cell.kind === "ram") sramBits += cell.depth * signalWidth(cell.writeData);
    }
  }
  const channels = input.shape.at(-1)!;
  const outputs = layer.output.shape.at(-1)!;
  const perTap = layer.kind === "conv2d" || layer.kind === "dense" ? channels * outputs : outputs;
  const lineBits = (plan.kernel.height - 1) * channels * input.bits;
  return {
    kind: layer.kind,
    inputShape: input.shape,
    outputShape: layer.output.shape,
    macs: layer.kind === "maxPool2d" ? 0 : tapsInside(plan) * perTap,
    weights: datapath.weights,
    zeroWeights: datapath.zeroWeights,
    csdDigits: datapath.csdDigits,
    additions: datapath.additions,
    datapath: datapath.parts.reduce((sum, part) => addCounts(sum, part.counts), NO_CELLS),
    requantization: datapath.parts.reduce((sum, part) => addCounts(sum, part.requantizationCounts), NO_CELLS),
    clampCells: otherCellsOf(datapath),
    controlCells: countCells(top.cells),
    registerBits,
    sramBits,
    sramAccessedBitsPerFrame: 2 * lineBits * plan.steps,
    latencyCycles: datapath.latency + 2,
    cyclesPerFrame: plan.steps,
    activeCyclesPerFrame: plan.output.height * plan.output.width,
    longestAdderPath: datapath.longestPath,
    parallelism: { kind: "parallel" },
    romBits: 0,
    romAccessedBitsPerFrame: 0,
    selectionCells: NO_CELL_COUNTS,
  };
}
