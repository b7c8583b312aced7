import { assertNever, FixynnError } from "../../core/index.js";
import {
  channelsFirst,
  convolutionWeights,
  inputDoc,
  int,
  lowerReshape,
  type NodeName,
  OnnxBuilder,
  type OnnxFileOptions,
  type OnnxModel,
  type OnnxValueInfo,
  onnxFileHead,
  renameValues,
  windowAttributes,
} from "../../graph/index.js";
import { type Shape, type Tensor, tensor } from "../../tensor/index.js";
import type {
  Clamp,
  QuantAdd,
  QuantConv2d,
  QuantDense,
  QuantDepthwiseConv2d,
  QuantGlobalAveragePool2d,
  QuantInput,
  QuantNetwork,
  QuantNode,
  QuantType,
  Requantization,
} from "../nodes.js";
import { ADD_LEFT_SHIFT, requantizationFactor } from "../requantize.js";
import { findQuantNode, quantInput } from "../types.js";
import { TIES_UP, weightScaleFor } from "./scales.js";
import { type StoredType, storedActivation, storedWeights } from "./storage.js";

/** How to export an integer network. */
export type QdqOptions = OnnxFileOptions & {
  /**
   * `uint8` (default): weights 128 higher, with that zero point; ONNX Runtime computes them exactly on any processor. `int8`: symmetric,
   * as some tools demand; there ONNX Runtime saturates on x86 processors with AVX2 or AVX-512 but without VNNI.
   */
  readonly weights?: "uint8" | "int8";
};

/** Names of the values of a layer. */
const INTEGERS = "quantized";

type WeightedNode = QuantConv2d | QuantDepthwiseConv2d | QuantDense;
/** Where the integers of a layer are. */
type Stored = { readonly integers: string; readonly type: QuantType; readonly stored: StoredType };

class QdqEmitter {
  readonly onnx = new OnnxBuilder();
  readonly layers = new Map<NodeName, Stored>();
  /** Names to be, by the builder's. */
  readonly values = new Map<string, string>();
  readonly nodes = new Map<string, string>();
  readonly infos: OnnxValueInfo[] = [];
  needsInt16 = false;
  readonly #reals = new Map<string, string>();
  readonly #parameters = new Map<string, readonly [string, string]>();

  constructor(
    readonly batch: number | "N",
    readonly weights: "uint8" | "int8",
  ) {}

  /** Scale and zero point of a value; those of a layer serve its QuantizeLinear and its DequantizeLinear. */
  #scaleAndZeroPoint(
    hint: string,
    scale: number,
    { dtype, zeroPoint }: StoredType,
  ): readonly [string, string] {
    const known = this.#parameters.get(hint);
    if (known !== undefined) return known;
    if (dtype === "int16") this.needsInt16 = true;
    const data = dtype === "uint8" ? Uint8Array.of(zeroPoint) : Int16Array.of(zeroPoint);
    const point = { kind: "tensor", dtype, shape: [], data } as Tensor;
    const made = [
      this.onnx.scalar(scale, `${hint}/scale`),
      this.onnx.constant(`${hint}/zero_point`, point),
    ] as const;
    this.#parameters.set(hint, made);
    return made;
  }

  /** Quantize a real value to a layer's type, within its clamp. */
  quantize(real: string, name: NodeName, type: QuantType, clamp?: Clamp): Stored {
    const { onnx } = this;
    const stored = storedActivation(type);
    const held = stored.dtype === "uint8" ? { low: 0, high: 255 } : { low: -32768, high: 32767 };
    const bounds = clamp ? { low: clamp.low + stored.shift, high: clamp.high + stored.shift } : stored.range;
    const scale = Math.fround(type.scale);
    let value = real;
    if (clamp !== undefined && (bounds.low > held.low || bounds.high < held.high)) {
      const bound = (hint: string, integer: number): string =>
        onnx.scalar(scale * (integer - stored.zeroPoint), `${name}/${hint}`);
      value =
        bounds.high === held.high && bounds.low === stored.zeroPoint
          ? onnx.op("Relu", [real], {}, `${name}/Relu`)
          : onnx.op("Clip", [real, bound("low", bounds.low), bound("high", bounds.high)], {}, `${name}/Clip`);
    }
    const parameters = this.#scaleAndZeroPoint(name, scale, stored);
    const integers = onnx.op("QuantizeLinear", [value, ...parameters], {}, `${name}/${INTEGERS}`);
    this.nodes.set(integers, `${name}/QuantizeLinear`);
    return { integers, type, stored };
  }

  /** The reals of a layer's integers. `scale` is given where a requantization makes it another one than the layer's. */
  real(name: NodeName, reader: string, scale?: number): string {
    const { integers, type, stored } = this.layers.get(name)!;
    const own = Math.fround(type.scale);
    const used = Math.fround(scale ?? own);
    const key = `${name} ${used}`;
    const known = this.#reals.get(key);
    if (known !== undefined) return known;
    const hint = used === own ? name : `${reader}/operand`;
    const parameters = this.#scaleAndZeroPoint(hint, used, stored);
    const value = this.onnx.op("DequantizeLinear", [integers, ...parameters], {}, `${hint}/real`);
    this.nodes.set(value, `${hint}/DequantizeLinear`);
    if (used === own) {
      this.values.set(value, name);
      const shape = [this.batch, ...channelsFirst(type.shape)];
      this.infos.push({ name: value, dtype: "float32", shape });
    }
    this.#reals.set(key, value);
    return value;
  }

  /** Integer constants and their scale, one for all or one for each index along an axis. */
  dequantized(
    hint: string,
    values: Tensor<"uint8" | "int8" | "int16" | "int32">,
    scales: Float32Array,
    zeroPoint: number,
    axis: number,
  ): string {
    const { onnx } = this;
    const { dtype } = values;
    const perChannel = scales.length > 1;
    const shape = perChannel ? [scales.length] : [];
    const inputs = [
      onnx.constant(`${hint}/${INTEGERS}`, values),
      onnx.constant(`${hint}/scale`, tensor("float32", shape, scales)),
    ];
    // Biases have none: it is 0.
    if (dtype === "int16") this.needsInt16 = true;
    if (dtype !== "int32") {
      const make = { uint8: Uint8Array, int8: Int8Array, int16: Int16Array }[dtype];
      const data = new make(scales.length).fill(zeroPoint);
      inputs.push(onnx.constant(`${hint}/zero_point`, { kind: "tensor", dtype, shape, data } as Tensor));
    }
    const value = onnx.op("DequantizeLinear", inputs, perChannel ? { axis: int(axis) } : {}, hint);
    this.nodes.set(value, `${hint}/DequantizeLinear`);
    return value;
  }
}

/** Channels that need a scale of their own: one where all have the same factor. */
function distinct(scales: Float32Array): Float32Array {
  return scales.every((scale) => scale === scales[0]) ? scales.slice(0, 1) : scales;
}

/** Weight scales under which input scale · weight scale / output scale is the layer's own requantization. */
function weightScales(node: WeightedNode, input: QuantType): Float32Array {
  const scales = { input: Math.fround(input.scale), output: Math.fround(node.output.scale) };
  return Float32Array.from(node.bias.data, (_, o) => {
    const factor = requantizationFactor(node.requantization, o);
    const own = node.weightScales[node.weightScales.length === 1 ? 0 : o]!;
    return factor === 0 ? own : weightScaleFor(factor, scales);
  });
}

function emitWeighted(emitter: QdqEmitter, node: WeightedNode): string {
  const { onnx } = emitter;
  const { type: input } = emitter.layers.get(node.input)!;
  const { values, zeroPoint } = storedWeights(node.weights, emitter.weights);
  const scales = distinct(weightScales(node, input));
  const biasScales = scales.map((scale) => Math.fround(input.scale) * scale);
  const x = emitter.real(node.input, node.name);
  const bias = emitter.dequantized(`${node.name}/bias`, node.bias, biasScales, 0, 0);
  const hint = `${node.name}/weights`;
  if (node.kind === "dense") {
    const w = emitter.dequantized(hint, values, scales, zeroPoint, 1);
    return onnx.op("Gemm", [x, w, bias], {}, `${node.name}/y`);
  }
  const moved = convolutionWeights(node.kind, values);
  const w = emitter.dequantized(hint, moved.weights, scales, zeroPoint, 0);
  const [height = 0, width = 0] = node.weights.shape;
  const padding = { kind: "explicit", ...node.padding } as const;
  const attributes = windowAttributes(input.shape, { height, width }, node.stride, padding);
  return onnx.op("Conv", [x, w, bias], { ...attributes, group: int(moved.group) }, `${node.name}/y`);
}

const isSteps = (r: QuantGlobalAveragePool2d["requantization"]): r is Exclude<typeof r, Requantization> =>
  r.mode === "steps";

/** The one factor of a layer without weights: only these can have another factor for each channel in ONNX. */
function onlyFactor(requantization: Requantization, name: NodeName): number {
  const first = requantizationFactor(requantization, 0);
  const differs = requantization.multipliers.some(
    (_, i) => requantizationFactor(requantization, i) !== first,
  );
  if (!differs) return first;
  throw new FixynnError("FX4017", "a factor for each channel has no QDQ form without weights", {
    place: `layer ${name}`,
    hint: "use one multiplier and shift",
  });
}

function emitGlobalAverage(emitter: QdqEmitter, node: QuantGlobalAveragePool2d): string {
  const { onnx } = emitter;
  const { type } = emitter.layers.get(node.input)!;
  const [height, width] = type.shape as [number, number];
  const { requantization } = node;
  const scale = isSteps(requantization)
    ? undefined
    : onlyFactor(requantization, node.name) * height * width * Math.fround(node.output.scale) * TIES_UP;
  const pooled = onnx.op(
    "GlobalAveragePool",
    [emitter.real(node.input, node.name, scale)],
    {},
    `${node.name}/y`,
  );
  if (node.output.shape.length === 3) return pooled;
  emitter.nodes.set(pooled, node.name);
  return onnx.op("Flatten", [pooled], { axis: int(1) }, `${node.name}/Flatten`);
}

/** Real value of one step of a scaled operand of a sum. */
function operandScale(node: QuantAdd, operand: 0 | 1): number {
  const factor = onlyFactor(node.requantization, node.name) * Math.fround(node.output.scale);
  const multiplier = node.operandMultipliers[operand];
  const shift = node.operandShifts?.[operand];
  return shift === undefined
    ? multiplier * factor * TIES_UP
    : multiplier * 2 ** (shift - 31 + ADD_LEFT_SHIFT) * factor * TIES_UP;
}

function emitLayer(emitter: QdqEmitter, node: Exclude<QuantNode, QuantInput>): Stored {
  const { onnx } = emitter;
  const y = `${node.name}/y`;
  const finish = (core: string, clamp?: Clamp): Stored => {
    if (!emitter.nodes.has(core)) emitter.nodes.set(core, node.name);
    return emitter.quantize(core, node.name, node.output, clamp);
  };
  switch (node.kind) {
    case "conv2d":
    case "depthwiseConv2d":
    case "dense":
      return finish(emitWeighted(emitter, node), node.clamp);
    case "globalAveragePool2d":
      return finish(emitGlobalAverage(emitter, node), node.clamp);
    case "add": {
      const [a, b] = node.inputs;
      const operands = [
        emitter.real(a, `${node.name}/a`, operandScale(node, 0)),
        emitter.real(b, `${node.name}/b`, operandScale(node, 1)),
      ];
      return finish(onnx.op("Add", operands, {}, y), node.clamp);
    }
    case "maxPool2d":
    case "averagePool2d": {
      const shape = emitter.layers.get(node.input)!.type.shape;
      const padding = { kind: "explicit", ...node.padding } as const;
      const attributes = windowAttributes(shape, node.window, node.stride, padding);
      const x = emitter.real(node.input, node.name);
      return finish(
        node.kind === "maxPool2d"
          ? onnx.op("MaxPool", [x], attributes, y)
          : onnx.op("AveragePool", [x], { ...attributes, count_include_pad: int(0) }, y),
      );
    }
    case "reshape": {
      const value = emitter.real(node.input, node.name);
      const shape = emitter.layers.get(node.input)!.type.shape;
      return finish(lowerReshape(onnx, { name: node.name, shape: node.output.shape }, { value, shape }));
    }
    default:
      return assertNever(node);
  }
}

/** The image: bytes as they are, or reals that are quantized back to the bytes they come from. */
function emitInput(emitter: QdqEmitter, network: QuantNetwork, dtype: "float32" | "uint8"): string {
  const { onnx, batch } = emitter;
  const { name, output } = quantInput(network);
  const value = onnx.input(`fixynn:${name}`, dtype, [batch, ...channelsFirst(output.shape)]);
  if (dtype === "uint8") {
    const stored = storedActivation(output);
    emitter.layers.set(name, { integers: value, type: output, stored });
    return value;
  }
  // real = scale · byte + offset, where offset + scale · zeroPoint is up to half a step.
  const rest = network.encoding.offset + output.scale * output.zeroPoint;
  const isOff = Math.abs(rest) > 1e-3 * output.scale;
  const centred = isOff
    ? onnx.op("Sub", [value, onnx.scalar(rest, `${name}/half_step`)], {}, `${name}/centred`)
    : value;
  emitter.layers.set(name, emitter.quantize(centred, name, output));
  return value;
}

/**
 * Make the ONNX model of an integer network: quantize-dequantize (QDQ) form with standard operators, opset 17 (21 where
 * integers of more than 8 bits occur), channels first, the batch free, the network's own integers as constants. Input and output are
 * those of the float model: encoded reals (or bytes) in, dequantized logits out.
 *
 * Integers are those of the network but for rounding: see docs/export.md.
 *
 * @throws FixynnError FX1018 when there are not as many class names as logits, FX4017 when a sum or a global average has a
 *   factor for each channel
 */
export function qdqOnnxModel(network: QuantNetwork, options: QdqOptions = {}): OnnxModel {
  const { batch = "N", inputDType = "float32", weights = "uint8" } = options;
  const emitter = new QdqEmitter(batch, weights);
  const input = quantInput(network);
  const image = emitInput(emitter, network, inputDType);
  for (const node of network.nodes) {
    if (node.kind !== "input") emitter.layers.set(node.name, emitLayer(emitter, node));
  }
  const output = findQuantNode(network, network.output).output;
  const result = emitter.real(network.output, network.output);
  const shapeOf = (shape: Shape): OnnxValueInfo["shape"] => [batch, ...channelsFirst(shape)];
  emitter.onnx.output(result, "float32", shapeOf(output.shape));
  // The input's name belongs to what is fed; its integers' reals are another value.
  for (const [value, name] of emitter.values) if (name === input.name) emitter.values.delete(value);
  emitter.values.set(image, input.name);
  const values = emitter.infos.filter(({ name }) => name !== result);
  const model = { ...emitter.onnx.build(network.name), values };
  const what = {
    name: network.name,
    encoding: network.encoding,
    what: "integer network in QDQ form, uint8 activations",
  };
  const named = renameValues(model, emitter.values, emitter.nodes);
  return {
    ...named,
    ...(emitter.needsInt16 ? { opset: 21 as const } : {}),
    ...onnxFileHead(what, { input: input.output.shape, output: output.shape }, options),
    inputs: named.inputs.map((info) => ({
      ...info,
      doc: inputDoc(network.encoding, inputDType === "uint8"),
    })),
  };
}
