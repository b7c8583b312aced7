import type { Geometry, Operation } from "../../accel/index.js";
import { nodeName } from "../../graph/index.js";
import type { AcceleratorLayer } from "./types.js";

/** Elements of a shape. */
export const elements = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);

/** Rows, columns and channels of a shape as the engine holds it: a vector is one pixel. */
export function geometryOfShape(shape: readonly number[]): Geometry {
  const [height = 1, width = 1, channels = 1] = shape.length === 1 ? [1, 1, shape[0]!] : shape;
  return { height, width, channels };
}

/** Planes of a residual sum: three digits to base 256 of each operand's multiplier, as TensorFlow Lite's take (docs/accel.md, Compositions). */
const ADD_PLANES = 6;

/** Whether a layer has work for the engine. */
export const hasOperation = (layer: AcceleratorLayer): boolean => layer.kind !== "other";

/**
 * Bring a layer into the compiler's terms, as far as its loops go: shapes, kernel, stride, mode, planes; what the values are does not matter. Multipliers
 * of requantization are taken to fit one pass of a requantizer.
 */
export function operationOf(layer: AcceleratorLayer): Operation {
  const source = geometryOfShape(layer.inputShape);
  const output = geometryOfShape(layer.outputShape);
  const isDepthwise = layer.kind === "depthwiseConv2d" && source.channels === output.channels;
  const whole = { height: source.height, width: source.width };
  const given = layer.kernel && { height: layer.kernel[0], width: layer.kernel[1] };
  const single = { height: 1, width: 1 };
  const kernel =
    layer.kind === "dense" ? whole : layer.kind === "pool" ? (given ?? whole) : (given ?? single);
  const ratio = (from: number, to: number): number => Math.max(1, Math.round(from / to));
  const stride =
    layer.stride === undefined
      ? { height: ratio(source.height, output.height), width: ratio(source.width, output.width) }
      : { height: layer.stride[0], width: layer.stride[1] };
  const before = (size: number, from: number, to: number, step: number): number =>
    Math.max(0, Math.floor(((to - 1) * step + size - from) / 2));
  const plane = { source: 0 as const, scale: false, digits: new Int16Array(0) };
  const name = nodeName(layer.name);
  return {
    node: name,
    sources: [name],
    target: name,
    source,
    output,
    rectangle: { top: 0, bottom: output.height, left: 0, right: output.width },
    windowed: isDepthwise || layer.kind === "pool" || layer.kind === "add",
    maximum: layer.kind === "pool" && layer.pooling === "maximum",
    kernel,
    stride: layer.kind === "dense" || layer.kind === "add" ? single : stride,
    pad: {
      top: before(kernel.height, source.height, output.height, stride.height),
      left: before(kernel.width, source.width, output.width, stride.width),
    },
    paddingByte: 0,
    planes: new Array<typeof plane>(layer.kind === "add" ? ADD_PLANES : 1).fill(plane),
    weightZero: 0,
    parameters: [{ bias: 0, multiplier: 1, shift: 0 }],
    doubleRounding: false,
    tiesAway: false,
    zeroPoint: 0,
    low: 0,
    high: 255,
    macs: layer.macs,
  };
}
