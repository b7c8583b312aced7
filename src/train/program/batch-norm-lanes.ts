import type { NodeOf } from "../../graph/index.js";
import { elementCount, tensor } from "../../tensor/index.js";
import type { EmitContext, Emitted } from "./emit.js";
import { laneAverage, laneConvolution } from "./lanes.js";
import { programShape, reshapeTo } from "./layout.js";

/**
 * Trainable batch norm of images with lanes, in few passes over memory: the blocked kernels of ONNX Runtime take sums,
 * dot products and affine maps at the speed of memory. A channel is one row of `lanes` blocked channels, and its vectors
 * are [channels, lanes] with equal values in a row.
 *
 * Formulas as in `emitBatchNorm`, with raw moments: variance = E[x²] − mean², Σ(dy·c) = Σ(dy·x) − mean·Σdy. Each lane
 * sums on its own, so that little is lost as long as a mean is not hundreds of deviations.
 */
export function emitLanedBatchNorm(context: EmitContext, node: NodeOf<"batchNorm">): Emitted {
  const { onnx, batch, lanes } = context;
  const { name: input, shape } = context.inputs[0]!;
  const channels = shape.at(-1)!;
  const count = (batch * elementCount(shape)) / channels;
  const length = count / lanes;
  const rows = channels * lanes;
  const extents = programShape(shape, context);
  const ones = (columns: number): string =>
    onnx.constant("ones", tensor("float32", [lanes, columns], new Float32Array(lanes * columns).fill(1)));
  const everyLane = ones(lanes);
  const oneLane = ones(1);
  const add = (a: string, b: string): string => onnx.op("Add", [a, b]);
  const subtract = (a: string, b: string): string => onnx.op("Sub", [a, b]);
  const multiply = (a: string, b: string): string => onnx.op("Mul", [a, b]);
  const image = (value: string): string => reshapeTo(onnx, value, [1, rows, 1, length]);
  const filter = (value: string): string => reshapeTo(onnx, value, [rows, 1, 1, length]);
  const taps = (vector: string): string => reshapeTo(onnx, vector, [rows, 1, 1, 1]);
  const bias = (vector: string): string => reshapeTo(onnx, vector, [rows]);
  /** Sum the lanes of [1, channels · lanes, 1, 1], times a factor, into every lane. */
  const overLanes = (sums: string, factor: number): string =>
    onnx.op("Gemm", [reshapeTo(onnx, sums, [channels, lanes]), everyLane], {
      alpha: { kind: "float", value: factor },
    });
  /** Take [channels] out of [channels, lanes], times a factor. */
  const perChannel = (vector: string, factor: number): string =>
    reshapeTo(onnx, onnx.op("Gemm", [vector, oneLane], { alpha: { kind: "float", value: factor / lanes } }), [
      channels,
    ]);
  const meanOf = (value: string): string => overLanes(laneAverage(onnx, image(value)), 1 / lanes);
  const x = image(input);
  const meanOfProductWithInput = (value: string): string => {
    const sums = laneConvolution(
      onnx,
      { input: x, weights: filter(value) },
      { channels: rows, kernel: { height: 1, width: length } },
    );
    return overLanes(sums, 1 / count);
  };
  const affine = (operands: { input: string; scale: string; shift?: string; sum?: string }): string =>
    laneConvolution(
      onnx,
      {
        input: operands.input,
        weights: taps(operands.scale),
        ...(operands.shift === undefined ? {} : { bias: bias(operands.shift) }),
        ...(operands.sum === undefined ? {} : { sum: operands.sum }),
      },
      { channels: rows, kernel: { height: 1, width: 1 } },
    );

  const gamma = reshapeTo(onnx, context.parameter("gamma"), [channels, 1]);
  const beta = reshapeTo(onnx, context.parameter("beta"), [channels, 1]);
  const mean = meanOf(input);
  // Rounding may leave a variance just below zero.
  const variance = onnx.op("Relu", [subtract(meanOfProductWithInput(input), multiply(mean, mean))]);
  const deviation = onnx.op("Sqrt", [add(variance, onnx.scalar(node.epsilon))]);
  const inverse = onnx.op("Reciprocal", [deviation]);
  const scale = multiply(inverse, gamma);
  const shift = subtract(beta, multiply(mean, scale));
  const y = affine({ input: x, scale, shift });
  context.statistics(perChannel(mean, 1), perChannel(variance, count / Math.max(count - 1, 1)));
  return {
    output: reshapeTo(onnx, y, extents),
    backward(gradient, needed) {
      const level = meanOf(gradient);
      const covariance = subtract(meanOfProductWithInput(gradient), multiply(mean, level));
      const dgamma = multiply(inverse, covariance);
      const parameters = { gamma: perChannel(dgamma, count), beta: perChannel(level, count) };
      if (!needed[0]) return { inputs: [undefined], parameters };
      const slope = onnx.op("Neg", [multiply(multiply(scale, inverse), dgamma)]);
      const constant = onnx.op("Neg", [add(multiply(slope, mean), multiply(scale, level))]);
      const along = affine({ input: x, scale: slope, shift: constant });
      const dx = affine({ input: image(gradient), scale, sum: along });
      return { inputs: [reshapeTo(onnx, dx, extents)], parameters };
    },
  };
}
