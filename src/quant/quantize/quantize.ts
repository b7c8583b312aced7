import { assertNever, FixynnError, type ProgressListener, silent } from "../../core/index.js";
import { type Graph, type NodeName, type NodeOf, simplify, splitGraph } from "../../graph/index.js";
import { resolvePadding, tensor } from "../../tensor/index.js";
import { executeLayer, executeQuantNetwork } from "../execute/execute.js";
import {
  type Clamp,
  type ConstantRequantization,
  inputsOfQuantNode,
  type QuantNetwork,
  type QuantNode,
  type QuantType,
} from "../nodes.js";
import { dequantize, findQuantNode, type QuantValues, typeRange } from "../types.js";
import { verifyQuantNetwork } from "../verify.js";
import { chooseRange, type Observation, observe, type RangeMethod } from "./calibrate.js";
import { leanFactors, leanValue, nearestWithDigits, tfliteFactor } from "./digits.js";
import { type FusedLayer, fuseLayers } from "./fuse.js";
import { makeProgrammable, type RegisterOptions, referenceMultiplierBits } from "./programmable.js";
import {
  type Arithmetic,
  meanAccumulators,
  quantizeWeighted,
  requantizationOf,
  type WeightedQuant,
} from "./weighted.js";

/** Images to calibrate on: training images, never test images; bytes of the network's input size. */
export type CalibrationImages = { readonly pixels: Uint8Array; readonly count: number };

export type QuantizeOptions = {
  readonly calibration: CalibrationImages;
  /** Requantization; default `lean`. */
  readonly mode?: ConstantRequantization["mode"];
  /** Signed digits of each `lean` multiplier, at least 1; default {@link DEFAULT_MULTIPLIER_DIGITS}. */
  readonly multiplierDigits?: number;
  /** Bits of the weights, 2 to 9; default {@link DEFAULT_WEIGHT_BITS}. Below 8, fine-tune (`prepareFineTuning`). */
  readonly weightBits?: number;
  /**
   * Give the layers with weights registers for multipliers and biases ({@link makeProgrammable}); the weight scales follow from
   * multipliers of that format, so nothing is rounded. In `lean` mode only.
   */
  readonly programmable?: RegisterOptions;
  /** Default {@link DEFAULT_RANGE_METHOD}. */
  readonly rangeMethod?: RangeMethod;
  /** Shift biases so that each layer's mean on calibration images is the float network's; default true. */
  readonly biasCorrection?: boolean;
  /** Bits of the network's output (the logits), 8 to 16; default 8. */
  readonly outputBits?: number;
  /** A front that is given as it is, up to its output; only the layers behind it are quantized. */
  readonly fixedFront?: QuantNetwork;
  readonly onProgress?: ProgressListener;
};

/** Chosen by measurement (docs/quant.md): two digits already cost nothing, because weight scales absorb the rounding. */
export const DEFAULT_MULTIPLIER_DIGITS = 2;
/** Chosen by measurement (docs/quant.md): a ninth bit costs adders and gains nothing, even in `shift` mode. */
export const DEFAULT_WEIGHT_BITS = 8;
/** Chosen by measurement (docs/quant.md). */
export const DEFAULT_RANGE_METHOD: RangeMethod = "mse";
/** Calibration images that bias correction uses; means settle early. */
const BIAS_CORRECTION_IMAGES = 32;
/** Fraction bits of the operand multipliers of a residual sum, and their least digits: they are not exact. */
const ADD_FRACTION_BITS = { lean: 9, shift: 9, tflite: 20 } as const;
const ADD_DIGITS = 4;

/** A finished integer layer during quantization. */
type Ready = {
  readonly node: QuantNode;
  /** real = scale · (integer − zeroPoint) + offset; not 0 only behind an image encoding off the integer grid. */
  readonly offset: number;
  readonly values: QuantValues | undefined;
};

function unsignedType(
  shape: QuantType["shape"],
  bits: number,
  low: number,
  high: number,
  mode: Arithmetic["mode"],
): QuantType {
  const steps = 2 ** bits - 1;
  const ideal = high > low ? (high - low) / steps : 1;
  const scale = mode === "tflite" ? Math.fround(ideal) : ideal;
  const zeroPoint = Math.max(0, Math.min(steps, Math.round(-low / scale)));
  return { shape, bits, signed: false, scale, zeroPoint };
}

function clampOf(type: QuantType, relu: FusedLayer["relu"]): Clamp {
  const { low, high } = typeRange(type);
  if (relu === undefined) return { low, high };
  const top =
    relu.max === undefined ? high : Math.min(high, type.zeroPoint + Math.round(relu.max / type.scale));
  return { low: type.zeroPoint, high: top };
}

/** The image bytes as they are; what the integer zero point misses of the encoding's offset is returned beside. */
function inputLayer(graph: Graph, name: NodeName): { readonly node: QuantNode; readonly offset: number } {
  const { scale, offset } = graph.encoding;
  if (scale <= 0) {
    throw new FixynnError("FX4007", `image encoding with scale ${scale}: it must be positive`, {
      place: `graph ${graph.name}`,
    });
  }
  const zeroPoint = Math.max(0, Math.min(255, Math.round(-offset / scale)));
  const output: QuantType = { shape: graph.nodes[0]!.shape, bits: 8, signed: false, scale, zeroPoint };
  return { node: { kind: "input", name, output }, offset: offset + scale * zeroPoint };
}

/** Quantizes layer by layer; the integer network so far runs along for bias correction. */
class Quantizer {
  readonly ready = new Map<NodeName, Ready>();
  readonly nodes: QuantNode[] = [];

  constructor(
    readonly graph: Graph,
    readonly arithmetic: Arithmetic,
    readonly options: Required<Pick<QuantizeOptions, "rangeMethod" | "biasCorrection" | "outputBits">>,
    readonly observations: ReadonlyMap<NodeName, Observation>,
    readonly images: number,
  ) {}

  add(layer: FusedLayer): void {
    if (layer.core.kind === "input") return;
    const built = this.build(layer);
    const inputs = inputsOfQuantNode(built.node).map((name) => this.byQuantName(name));
    let node = built.node;
    if (
      this.options.biasCorrection &&
      (node.kind === "conv2d" || node.kind === "depthwiseConv2d" || node.kind === "dense")
    ) {
      node = this.corrected(node, layer, inputs[0]!);
    }
    this.finish(layer.floatOutput, node, built.offset, inputs);
  }

  /** Record a layer, and compute its integers for bias correction. */
  finish(
    floatOutput: NodeName,
    node: Exclude<QuantNode, { kind: "input" }>,
    offset: number,
    inputs: readonly Ready[],
  ): void {
    const known = inputs.map(({ values }) => values).filter((values) => values !== undefined);
    const types = inputs.map((input) => input.node.output);
    const values = this.options.biasCorrection ? executeLayer(node, types, known, this.images) : undefined;
    this.nodes.push(node);
    this.ready.set(floatOutput, { node, offset, values });
  }

  private byQuantName(name: NodeName): Ready {
    for (const ready of this.ready.values()) if (ready.node.name === name) return ready;
    throw new Error(`internal error: layer ${name} is not quantized yet`);
  }

  private input(name: NodeName): Ready {
    const ready = this.ready.get(name);
    if (ready === undefined) throw new Error(`internal error: ${name} is not quantized yet`);
    return ready;
  }

  /** Type of a layer's output from calibration. */
  private outputType(layer: FusedLayer): QuantType {
    const observation = this.observations.get(layer.floatOutput)!;
    const bits = layer.floatOutput === this.graph.output ? this.options.outputBits : 8;
    const { low, high } = chooseRange(observation, this.options.rangeMethod, bits);
    return unsignedType(layer.core.shape, bits, low, high, this.arithmetic.mode);
  }

  private build(layer: FusedLayer): {
    readonly node: Exclude<QuantNode, { kind: "input" }>;
    readonly offset: number;
  } {
    const { core } = layer;
    switch (core.kind) {
      case "conv2d":
      case "depthwiseConv2d":
      case "dense": {
        const input = this.input(core.input);
        const output = this.outputType(layer);
        this.expectSmallOffset(input, core);
        const node = quantizeWeighted(
          core,
          input.node.output,
          input.offset,
          output,
          clampOf(output, layer.relu),
          this.arithmetic,
          input.node.name,
        );
        return { node, offset: 0 };
      }
      case "maxPool2d":
      case "averagePool2d": {
        const input = this.input(core.input);
        const [height, width] = input.node.output.shape as [number, number];
        const padding = resolvePadding(core.padding, { height, width }, core.window, core.stride);
        const { kind, name, window, stride } = core;
        const output = { ...input.node.output, shape: core.shape };
        return {
          node: { kind, name, output, input: input.node.name, window, stride, padding },
          offset: input.offset,
        };
      }
      case "reshape": {
        const input = this.input(core.input);
        const output = { ...input.node.output, shape: core.shape };
        return {
          node: { kind: "reshape", name: core.name, output, input: input.node.name },
          offset: input.offset,
        };
      }
      case "globalAveragePool2d":
        return { node: this.globalAverage(core, layer), offset: 0 };
      case "add":
        return { node: this.sum(core, layer), offset: 0 };
      default:
        throw new Error(`internal error: a second input ${core.name}`);
    }
  }

  /**
   * Scale a type so that unit / scale is a factor in integers, for layers without weights that could absorb it: the
   * scale grows to the next one (the range never shrinks).
   */
  private fitted(
    type: QuantType,
    unit: number,
  ): { readonly output: QuantType; readonly factor: { multiplier: number; shift: number } } {
    const { arithmetic } = this;
    if (arithmetic.mode === "tflite") return { output: type, factor: tfliteFactor(unit / type.scale) };
    const factor = leanFactors(unit / type.scale, arithmetic.multiplierDigits).below;
    const scale = unit / leanValue(factor);
    return { output: { ...type, scale }, factor };
  }

  private globalAverage(
    core: NodeOf<"globalAveragePool2d">,
    layer: FusedLayer,
  ): QuantNode & { kind: "globalAveragePool2d" } {
    const input = this.input(core.input);
    this.expectNoOffset(input, core.name);
    const [height, width] = input.node.output.shape as [number, number];
    const { output, factor } = this.fitted(
      this.outputType(layer),
      input.node.output.scale / (height * width),
    );
    return {
      kind: "globalAveragePool2d",
      name: core.name,
      input: input.node.name,
      output,
      requantization: requantizationOf(this.arithmetic.mode, [factor]),
      clamp: clampOf(output, layer.relu),
    };
  }

  private sum(core: NodeOf<"add">, layer: FusedLayer): QuantNode & { kind: "add" } {
    const [a, b] = [this.input(core.inputs[0]), this.input(core.inputs[1])];
    this.expectNoOffset(a, core.name);
    this.expectNoOffset(b, core.name);
    const { mode } = this.arithmetic;
    const unit = Math.max(a.node.output.scale, b.node.output.scale) / 2 ** ADD_FRACTION_BITS[mode];
    const multiplier = (ready: Ready): number => {
      const exact = Math.round(ready.node.output.scale / unit);
      if (this.arithmetic.mode === "tflite") return exact;
      return nearestWithDigits(exact, Math.max(ADD_DIGITS, this.arithmetic.multiplierDigits));
    };
    const { output, factor } = this.fitted(this.outputType(layer), unit);
    return {
      kind: "add",
      name: core.name,
      inputs: [a.node.name, b.node.name],
      operandMultipliers: [multiplier(a), multiplier(b)],
      output,
      requantization: requantizationOf(mode, [factor]),
      clamp: clampOf(output, layer.relu),
    };
  }

  private expectNoOffset(input: Ready, name: NodeName): void {
    if (Math.abs(input.offset) <= 1e-9 * input.node.output.scale) return;
    throw new FixynnError("FX4007", "reads image bytes whose encoding has no integer zero point", {
      place: `layer ${name}`,
      hint: "put a convolution or dense layer first, or use an encoding such as x/128 - 1",
    });
  }

  /** Padding inserts the zero point; half a step off is tolerable, more is another network. */
  private expectSmallOffset(input: Ready, core: FusedLayer["core"]): void {
    if (core.kind !== "conv2d" && core.kind !== "depthwiseConv2d") return;
    if (Math.abs(input.offset) <= 0.501 * input.node.output.scale || core.padding.kind === "valid") return;
    throw new FixynnError("FX4007", "padding is zero, which no image byte stands for", {
      place: `layer ${core.name}`,
      hint: "the image encoding must have 0 among the reals of the bytes 0 to 255",
    });
  }

  /** Shift the bias so that the mean of each channel before the ReLU is the float network's. */
  private corrected(node: WeightedQuant, layer: FusedLayer, input: Ready): WeightedQuant {
    const target = this.observations.get(layer.core.name)!.channelMeans;
    const means = meanAccumulators(node, input.node.output, input.values!, this.images);
    const bias = node.bias.data.map((value, o) => {
      const unit = input.node.output.scale * node.weightScales[o]!;
      const shift = Math.round(target[o]! / unit - means[o]!);
      // A dead channel has nothing to correct; elsewhere the correction is far smaller than this.
      return Math.abs(shift) < 2 ** 24 ? value + shift : value;
    });
    return { ...node, bias: tensor("int32", node.bias.shape, bias) };
  }
}

/**
 * Turn a float network into an integer one: calibrate activation ranges on images, quantize weights per output channel,
 * fuse ReLUs into clamps, and correct biases layer by layer (Nagel 2019, section 4.2, empirical form).
 *
 * Integer layers bear the names of the float layers they come from; a fused ReLU's name disappears (`fuseLayers` maps).
 *
 * With `fixedFront` the front's integer layers are taken as they are and the rest is calibrated on what the front really
 * outputs, so that networks which share a front share its bytes.
 *
 * @param graph simplified here when it is not yet
 * @throws UnsupportedOpError FX4006 (layers without integer form), FixynnError FX4003 (wrong number of pixels), FX4007
 *   (image encoding), FX4008 (options, front that does not fit), FX1015 (the front's output is no freeze point)
 */
export async function quantize(graph: Graph, options: QuantizeOptions): Promise<QuantNetwork> {
  const { calibration, mode = "lean", onProgress = silent } = options;
  const digits = options.multiplierDigits ?? DEFAULT_MULTIPLIER_DIGITS;
  const outputBits = options.outputBits ?? 8;
  const bad = (message: string): never => {
    throw new FixynnError("FX4008", message, { place: `quantization of ${graph.name}` });
  };
  if (!Number.isInteger(digits) || digits < 1) bad(`multiplierDigits ${digits} is no positive integer`);
  if (!Number.isInteger(outputBits) || outputBits < 8 || outputBits > 16)
    bad(`outputBits ${outputBits} is not in 8 to 16`);
  if (calibration.count < 1) bad("calibration needs at least one image");
  const weightBits = options.weightBits ?? DEFAULT_WEIGHT_BITS;
  if (!Number.isInteger(weightBits) || weightBits < 2 || weightBits > 9)
    bad(`weightBits ${weightBits} is not in 2 to 9`);
  const { programmable } = options;
  if (programmable !== undefined && mode !== "lean") bad(`programmable normalization in ${mode} mode`);
  const registerBits = programmable && referenceMultiplierBits(programmable, `quantization of ${graph.name}`);
  const arithmetic = arithmeticOf(mode, { digits, weightBits, registerBits });
  const simple = simplify(graph);
  const rangeMethod = options.rangeMethod ?? DEFAULT_RANGE_METHOD;
  const biasCorrection = options.biasCorrection ?? true;
  const front = options.fixedFront;
  const cut = front === undefined ? undefined : cutBehind(simple, front);
  const rest = cut?.tail ?? simple;
  const layers = fuseLayers(rest);
  const images = Math.min(calibration.count, BIAS_CORRECTION_IMAGES);

  const frontValues =
    front && executeQuantNetwork(front, calibration.pixels, calibration.count).get(front.output)!;
  const perImage = calibration.pixels.length / calibration.count;
  const floatInput =
    front && frontValues
      ? dequantize(frontValues, findQuantNode(front, front.output).output)
      : calibration.pixels;

  const measured = layers.filter(
    ({ core }) => !["input", "reshape", "maxPool2d", "averagePool2d"].includes(core.kind),
  );
  const weighted = measured.filter(({ core }) => ["conv2d", "depthwiseConv2d", "dense"].includes(core.kind));
  const observations = await observe(rest, floatInput, calibration.count, {
    ranges: measured.map(({ floatOutput }) => floatOutput),
    means: biasCorrection ? weighted.map(({ core }) => core.name) : [],
    meanImages: images,
    onProgress,
  });

  const quantizer = new Quantizer(
    rest,
    arithmetic,
    { rangeMethod, biasCorrection, outputBits },
    observations,
    images,
  );
  const entryName = rest.nodes[0]!.name;
  if (front !== undefined && frontValues !== undefined) {
    const node = findQuantNode(front, front.output);
    const values = frontValues.subarray(0, (frontValues.length / calibration.count) * images);
    quantizer.nodes.push(...front.nodes);
    quantizer.ready.set(entryName, { node, offset: 0, values });
  } else {
    const { node, offset } = inputLayer(rest, entryName);
    quantizer.nodes.push(node);
    quantizer.ready.set(entryName, {
      node,
      offset,
      values: calibration.pixels.subarray(0, perImage * images),
    });
  }
  for (const [index, layer] of layers.entries()) {
    quantizer.add(layer);
    onProgress({ job: `quantize ${graph.name}`, done: index + 1, total: layers.length, unit: "layers" });
  }
  const network = verifyQuantNetwork({
    kind: "quantNetwork",
    name: graph.name,
    encoding: front?.encoding ?? simple.encoding,
    nodes: quantizer.nodes,
    output: quantizer.ready.get(rest.output)!.node.name,
  });
  if (programmable === undefined) return network;
  const fixed = new Set(front?.nodes.map(({ name }) => name));
  const own = network.nodes.map(({ name }) => name).filter((name) => !fixed.has(name));
  return makeProgrammable(network, { layers: new Set(own), ...programmable });
}

function arithmeticOf(
  mode: ConstantRequantization["mode"],
  {
    digits: multiplierDigits,
    weightBits,
    registerBits,
  }: { readonly digits: number; readonly weightBits: number; readonly registerBits: number | undefined },
): Arithmetic {
  switch (mode) {
    case "tflite":
      return { mode, weightBits };
    case "lean":
      return { mode, multiplierDigits, weightBits, registerBits };
    case "shift":
      return { mode, multiplierDigits: 1, weightBits };
    default:
      return assertNever(mode);
  }
}

/** Split the graph behind a given front, checking that the front belongs to it. */
function cutBehind(graph: Graph, front: QuantNetwork): { readonly tail: Graph } {
  const { tail } = splitGraph(graph, front.output);
  const shape = findQuantNode(front, front.output).output.shape;
  const same =
    graph.encoding.scale === front.encoding.scale && graph.encoding.offset === front.encoding.offset;
  if (shape.join() !== tail.nodes[0]!.shape.join() || !same) {
    throw new FixynnError("FX4008", "shape or image encoding of the given front differ from the network's", {
      place: `quantization of ${graph.name}`,
      hint: "the front must come from the same backbone and input size",
    });
  }
  return { tail };
}
