import { assertNever, UnsupportedOpError } from "../../core/index.js";
import type { NodeName } from "../../graph/index.js";
import { linearAddition } from "../../hw/index.js";
import {
  type Clamp,
  inputsOfQuantNode,
  type QuantAdd,
  type QuantNode,
  type QuantNodeOf,
  type QuantType,
  typeRange,
} from "../../quant/index.js";
import { weightPlanes } from "./digits.js";
import type { Geometry, LaneParameters, Operation, Rectangle } from "./operation.js";
import {
  divisionBy,
  type EngineRequantization,
  engineRequantization,
  steppedDivision,
} from "./requantization.js";

/** What a layer reads: the tensor as it lies in memory (a reshape's source), its integers, and bounds of these. */
export type Operand = {
  readonly tensor: NodeName;
  readonly geometry: Geometry;
  readonly type: QuantType;
  readonly range: Clamp;
};

type Computed = Exclude<QuantNode, { kind: "input" | "reshape" }>;

/** What the engine's bytes have above a type's integers. */
export const offsetOf = ({ signed }: Pick<QuantType, "signed">): number => (signed ? 128 : 0);

const unsupported = (node: QuantNode, hint: string): UnsupportedOpError =>
  new UnsupportedOpError("FX5113", [{ op: node.kind, node: node.name, hint }]);

/** The geometry of a layer's output in memory. */
export function geometryOf(node: Computed, operands: readonly Operand[]): Geometry {
  if (node.kind === "add") return operands[0]!.geometry;
  const { shape } = node.output;
  const [height = 1, width = 1, channels = 1] = shape.length === 1 ? [1, 1, shape[0]!] : shape;
  return { height, width, channels };
}

const whole = ({ height, width }: Geometry): Rectangle => ({ top: 0, bottom: height, left: 0, right: width });

type Common = Pick<
  Operation,
  "node" | "sources" | "target" | "source" | "output" | "rectangle" | "maximum" | "zeroPoint" | "low" | "high"
>;

function common(node: Computed, operands: readonly Operand[], clamp: Clamp): Common {
  const output = geometryOf(node, operands);
  const offset = offsetOf(node.output);
  return {
    node: node.name,
    sources: operands.map(({ tensor }) => tensor),
    target: node.name,
    source: operands[0]!.geometry,
    output,
    rectangle: whole(output),
    maximum: false,
    zeroPoint: node.output.zeroPoint + offset,
    low: clamp.low + offset,
    high: clamp.high + offset,
  };
}

/**
 * Bring a layer into the engine's terms: one operation, or one for each rectangle of an average pool whose windows hold the same number of pixels.
 *
 * @throws UnsupportedOpError FX5113 where the engine has no exact form
 */
export function lowerNode(
  node: Computed,
  operands: readonly Operand[],
  weightBits: 8 | 9,
): readonly Operation[] {
  switch (node.kind) {
    case "conv2d":
    case "dense":
    case "depthwiseConv2d":
      return [lowerWeighted(node, operands, weightBits)];
    case "maxPool2d":
      return [lowerMaxPool(node, operands, weightBits)];
    case "averagePool2d":
      return lowerAveragePool(node, operands, weightBits);
    case "globalAveragePool2d":
      return [lowerMean(node, operands, weightBits)];
    case "add":
      return [lowerAdd(node, operands, weightBits)];
    default:
      return assertNever(node);
  }
}

/** Parameters of sums Σ w·byte whose bias is `bias` less zero · Σw, both times the channel's factor. */
function parametersOf(
  { channels }: EngineRequantization,
  bias: (channel: number) => number,
): readonly LaneParameters[] {
  return channels.map(({ multiplier, shift }, c) => ({ bias: bias(c) | 0, multiplier, shift }));
}

function lowerWeighted(
  node: QuantNodeOf<"conv2d" | "dense" | "depthwiseConv2d">,
  operands: readonly Operand[],
  weightBits: 8 | 9,
): Operation {
  const [{ geometry, type }] = operands as [Operand];
  const outputs = node.output.shape.at(-1)!;
  const { data, shape } = node.weights;
  const kernel =
    node.kind === "dense"
      ? { height: geometry.height, width: geometry.width }
      : { height: shape[0]!, width: shape[1]! };
  const multiplier = node.kind === "depthwiseConv2d" ? shape[3]! : 1;
  const windowed = node.kind === "depthwiseConv2d" && multiplier === 1;
  const requantization = engineRequantization(node.requantization, outputs);
  const taps = kernel.height * kernel.width;
  const inputs = windowed ? 1 : geometry.channels;
  const values = new Int32Array(taps * inputs * outputs);
  const sums = new Array<number>(outputs).fill(0);
  const put = (tap: number, input: number, output: number, weight: number): void => {
    const scaled = weight * requantization.channels[output]!.factor;
    values[(tap * inputs + input) * outputs + output] = scaled;
    sums[output]! += scaled;
  };
  for (let tap = 0; tap < taps; tap++)
    if (node.kind === "depthwiseConv2d")
      for (let o = 0; o < outputs; o++)
        put(tap, windowed ? 0 : Math.floor(o / multiplier), o, data[tap * outputs + o]!);
    else
      for (let i = 0; i < inputs; i++)
        for (let o = 0; o < outputs; o++) put(tap, i, o, data[(tap * inputs + i) * outputs + o]!);
  const zero = type.zeroPoint + offsetOf(type);
  const shared = common(node, operands, node.clamp);
  const { height, width } = shared.output;
  return {
    ...shared,
    ...weightPlanes([{ source: 0, values }], weightBits),
    windowed,
    kernel,
    stride: node.kind === "dense" ? { height: 1, width: 1 } : node.stride,
    pad: node.kind === "dense" ? { top: 0, left: 0 } : node.padding,
    paddingByte: zero,
    parameters: parametersOf(
      requantization,
      (c) => node.bias.data[c]! * requantization.channels[c]!.factor - zero * sums[c]!,
    ),
    doubleRounding: requantization.doubleRounding,
    tiesAway: requantization.tiesAway,
    macs: height * width * outputs * taps * (node.kind === "depthwiseConv2d" ? 1 : geometry.channels),
  };
}

const ones = (count: number) => [{ source: 0, values: new Int32Array(count).fill(1) }] as const;
const bytes = { low: 0, high: 255 };

function lowerMaxPool(
  node: QuantNodeOf<"maxPool2d">,
  operands: readonly Operand[],
  weightBits: 8 | 9,
): Operation {
  const shared = common(node, operands, typeRange(node.output));
  const { height, width, channels } = shared.output;
  const taps = node.window.height * node.window.width;
  return {
    ...shared,
    ...weightPlanes(ones(taps * channels), weightBits),
    ...bytes,
    windowed: true,
    maximum: true,
    kernel: node.window,
    stride: node.stride,
    pad: node.padding,
    paddingByte: 0,
    parameters: Array.from({ length: channels }, () => ({ bias: 0, multiplier: 1, shift: 0 })),
    doubleRounding: false,
    tiesAway: false,
    zeroPoint: 0,
    macs: height * width * channels * taps,
  };
}

/** Split 0 … extent − 1 into runs of outputs whose windows hold the same number of pixels. */
function runsOf(extent: number, size: number, window: number, stride: number, pad: number) {
  const runs: { from: number; to: number; count: number }[] = [];
  for (let o = 0; o < extent; o++) {
    const start = o * stride - pad;
    const count = Math.min(start + window, size) - Math.max(start, 0);
    const before = runs.at(-1);
    if (before?.count === count) before.to = o + 1;
    else runs.push({ from: o, to: o + 1, count });
  }
  return runs;
}

function lowerAveragePool(
  node: QuantNodeOf<"averagePool2d">,
  operands: readonly Operand[],
  weightBits: 8 | 9,
): readonly Operation[] {
  const { window, stride, padding, output: type } = node;
  const shared = common(node, operands, typeRange(type));
  const { source, output } = shared;
  const rows = runsOf(output.height, source.height, window.height, stride.height, padding.top);
  const columns = runsOf(output.width, source.width, window.width, stride.width, padding.left);
  const planes = weightPlanes(ones(window.height * window.width * output.channels), weightBits);
  return rows.flatMap((row) =>
    columns.map((column): Operation => {
      const count = row.count * column.count;
      const division = divisionBy(count, offsetOf(type));
      if (division === undefined) throw unsupported(node, `no multiplier divides by ${count} exactly`);
      const { bias, multiplier, shift, tiesAway, zeroPoint } = division;
      return {
        ...shared,
        ...planes,
        ...bytes,
        rectangle: { top: row.from, bottom: row.to, left: column.from, right: column.to },
        windowed: true,
        kernel: window,
        stride,
        pad: padding,
        paddingByte: 0,
        parameters: Array.from({ length: output.channels }, () => ({ bias, multiplier, shift })),
        doubleRounding: false,
        tiesAway,
        zeroPoint,
        macs: (row.to - row.from) * (column.to - column.from) * output.channels * count,
      };
    }),
  );
}

function lowerMean(
  node: QuantNodeOf<"globalAveragePool2d">,
  operands: readonly Operand[],
  weightBits: 8 | 9,
): Operation {
  const [{ geometry, type, range }] = operands as [Operand];
  const { height, width, channels } = geometry;
  const pixels = height * width;
  const shared = common(node, operands, node.clamp);
  const zero = type.zeroPoint + offsetOf(type);
  const form = {
    ...shared,
    windowed: true,
    kernel: { height, width },
    stride: { height: 1, width: 1 },
    pad: { top: 0, left: 0 },
    paddingByte: 0,
    macs: pixels * channels,
  };
  if (node.requantization.mode === "steps") {
    const sums = { low: pixels * (range.low - type.zeroPoint), high: pixels * (range.high - type.zeroPoint) };
    const offset = offsetOf(node.output);
    const division = steppedDivision(node.requantization, sums, { ...node.clamp, offset });
    if (division === undefined) throw unsupported(node, "its mean has no multiplier that rounds as it does");
    const { multiplier, shift, tiesAway, zeroPoint } = division;
    const bias = (division.bias - pixels * zero) | 0;
    const parameters = Array.from({ length: channels }, () => ({ bias, multiplier, shift }));
    const planes = weightPlanes(ones(pixels * channels), weightBits);
    return { ...form, ...planes, parameters, doubleRounding: false, tiesAway, zeroPoint };
  }
  const requantization = engineRequantization(node.requantization, channels);
  const factors = requantization.channels.map(({ factor }) => factor);
  const values = Int32Array.from({ length: pixels * channels }, (_, i) => factors[i % channels]!);
  return {
    ...form,
    ...weightPlanes([{ source: 0, values }], weightBits),
    parameters: parametersOf(requantization, (c) => -pixels * zero * factors[c]!),
    doubleRounding: requantization.doubleRounding,
    tiesAway: requantization.tiesAway,
  };
}

/** Multipliers of both operands' integers, and what else a channel's sum needs. */
type Sum = LaneParameters & { readonly weights: readonly [number, number] };

function lowerAdd(node: QuantAdd, operands: readonly Operand[], weightBits: 8 | 9): Operation {
  const shared = common(node, operands, node.clamp);
  const { height, width, channels } = shared.output;
  const other = operands[1]!.geometry;
  if (other.height !== height || other.width !== width || other.channels !== channels)
    throw unsupported(node, "its operands must lie in memory alike");
  const isPlane = node.operandShifts !== undefined;
  const requantization = engineRequantization(node.requantization, channels);
  const plain = (c: number): Sum => {
    const { factor, multiplier, shift } = requantization.channels[c]!;
    const weights = node.operandMultipliers.map((m) => m * factor) as [number, number];
    const bias = -operands.reduce((sum, { type }, i) => sum + weights[i]! * type.zeroPoint, 0);
    return { weights, bias, multiplier, shift };
  };
  const sums = Array.from({ length: channels }, (_, c) => (isPlane ? undefined : plain(c)));
  const forms = new Map<string, Sum>();
  const sumOf = (c: number): Sum => {
    const own = sums[c];
    if (own !== undefined) return own;
    const { multipliers, shifts } = node.requantization;
    const entry = multipliers.length === 1 ? 0 : c;
    const key = `${multipliers[entry]},${shifts[entry]}`;
    const form = forms.get(key) ?? planeOf(node, operands, c);
    forms.set(key, form);
    return form;
  };
  const all = Array.from({ length: channels }, (_, c) => sumOf(c));
  const planes = weightPlanes(
    ([0, 1] as const).map((source) => ({
      source,
      values: Int32Array.from(all, ({ weights }) => weights[source]),
    })),
    weightBits,
  );
  return {
    ...shared,
    ...planes,
    windowed: true,
    kernel: { height: 1, width: 1 },
    stride: { height: 1, width: 1 },
    pad: { top: 0, left: 0 },
    paddingByte: 0,
    parameters: all.map(({ weights, bias, multiplier, shift }) => ({
      bias: (bias - operands.reduce((sum, { type }, i) => sum + weights[i]! * offsetOf(type), 0)) | 0,
      multiplier,
      shift,
    })),
    doubleRounding: !isPlane && requantization.doubleRounding,
    tiesAway: !isPlane && requantization.tiesAway,
    zeroPoint: isPlane ? offsetOf(node.output) : shared.zeroPoint,
    macs: height * width * channels * 2,
  };
}

/** TensorFlow Lite's residual sum as one plane over both operands' integers, proven for all pairs; its sums fit 32 bits. */
function planeOf(node: QuantAdd, operands: readonly Operand[], channel: number): Sum {
  const [a, b] = operands as [Operand, Operand];
  const task = {
    node,
    channel,
    zeroPoints: [a.type.zeroPoint, b.type.zeroPoint] as const,
    ranges: [a.range, b.range] as const,
  };
  // Small multipliers are few digits to base 256, so few passes.
  const form = linearAddition(task, "smallestShift");
  if (form === undefined) throw unsupported(node, "its two roundings have no common linear form");
  const { multipliers, constant, shift } = form;
  const bias = shift === 0 ? constant : constant - 2 ** (shift - 1);
  const least = multipliers[0] * a.range.low + multipliers[1] * b.range.low + bias;
  const most = multipliers[0] * a.range.high + multipliers[1] * b.range.high + bias;
  if (least < -(2 ** 31) || most >= 2 ** 31)
    throw unsupported(node, "the sums of its linear form exceed 32 bits");
  return { weights: multipliers, bias, multiplier: 1, shift };
}

/** The tensors that a layer reads, reshapes seen through. */
export const inputsOf = (node: QuantNode): readonly NodeName[] => inputsOfQuantNode(node);
