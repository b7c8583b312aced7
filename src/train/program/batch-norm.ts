import { int, ints, type NodeOf, type OnnxBuilder } from "../../graph/index.js";
import { elementCount, tensor } from "../../tensor/index.js";
import { emitLanedBatchNorm } from "./batch-norm-lanes.js";
import type { EmitContext, Emitted } from "./emit.js";
import { isImage, programShape, reshapeTo } from "./layout.js";

/** Arrange any value as [channels, everything else], and back. */
function channelRows(onnx: OnnxBuilder, value: string, context: EmitContext): string {
  const { shape } = context.inputs[0]!;
  if (!isImage(shape)) return onnx.op("Transpose", [value], { perm: ints(1, 0) });
  return reshapeTo(onnx, value, [shape[2]!, context.batch * shape[0]! * shape[1]!]);
}

function fromChannelRows(onnx: OnnxBuilder, value: string, context: EmitContext): string {
  const { shape } = context.inputs[0]!;
  if (!isImage(shape)) return onnx.op("Transpose", [value], { perm: ints(1, 0) });
  return reshapeTo(onnx, value, programShape(shape, context));
}

/**
 * Batch norm. Trainable: with the mean and variance of the batch, which also feed the moving averages (the variance
 * there is the unbiased one). Frozen: with the stored statistics, an affine map per channel.
 *
 * Backward of the trainable form (Ioffe and Szegedy 2015): with c = x − mean, r = 1/√(variance + ε), m values a channel,
 * dx = gamma·r·(dy − Σdy/m − c·r²·Σ(dy·c)/m), dgamma = r·Σ(dy·c), dbeta = Σdy.
 */
export function emitBatchNorm(context: EmitContext, node: NodeOf<"batchNorm">): Emitted {
  const { onnx, batch, lanes } = context;
  const { shape } = context.inputs[0]!;
  const channels = shape.at(-1)!;
  if (context.trainable && lanes > 1 && isImage(shape)) return emitLanedBatchNorm(context, node);
  const x = channelRows(onnx, context.inputs[0]!.name, context);
  if (!context.trainable) return frozen(context, node, x);
  const count = (batch * elementCount(shape)) / channels;
  const row = (value: string): string => reshapeTo(onnx, value, [channels, 1]);
  const vector = (value: string): string => reshapeTo(onnx, value, [channels]);
  const gamma = row(context.parameter("gamma"));
  const beta = row(context.parameter("beta"));
  const inverseCount = onnx.scalar(1 / count);
  const mean = onnx.op("ReduceMean", [x], { axes: ints(1), keepdims: int(1) });
  const centred = onnx.op("Sub", [x, mean]);
  // A product and a mean: ONNX Runtime's ReduceSumSquare takes over twice as long.
  const squared = onnx.op("Mul", [centred, centred]);
  const variance = onnx.op("ReduceMean", [squared], { axes: ints(1), keepdims: int(1) });
  const deviation = onnx.op("Sqrt", [onnx.op("Add", [variance, onnx.scalar(node.epsilon)])]);
  const inverse = onnx.op("Reciprocal", [deviation]);
  const scale = onnx.op("Mul", [gamma, inverse]);
  const y = onnx.op("Add", [onnx.op("Mul", [centred, scale]), beta]);
  const unbiased = onnx.op("Mul", [variance, onnx.scalar(count / Math.max(count - 1, 1))]);
  context.statistics(vector(mean), vector(unbiased));
  return {
    output: fromChannelRows(onnx, y, context),
    backward(gradient, needed) {
      const dy = channelRows(onnx, gradient, context);
      const sum = onnx.op("ReduceSum", [dy, onnx.int64s([1])], { keepdims: int(1) });
      const product = onnx.op("Mul", [dy, centred]);
      const correlation = onnx.op("ReduceSum", [product, onnx.int64s([1])], { keepdims: int(1) });
      const dgamma = onnx.op("Mul", [correlation, inverse]);
      const parameters = { gamma: vector(dgamma), beta: vector(sum) };
      if (!needed[0]) return { inputs: [undefined], parameters };
      const slope = onnx.op("Mul", [onnx.op("Mul", [dgamma, inverse]), inverseCount]);
      const along = onnx.op("Sub", [dy, onnx.op("Mul", [centred, slope])]);
      const level = onnx.op("Mul", [sum, inverseCount]);
      const dx = onnx.op("Mul", [onnx.op("Sub", [along, level]), scale]);
      return { inputs: [fromChannelRows(onnx, dx, context)], parameters };
    },
  };
}

function frozen(context: EmitContext, node: NodeOf<"batchNorm">, x: string): Emitted {
  const { onnx } = context;
  const channels = node.gamma.shape[0]!;
  const scale = new Float32Array(channels);
  const shift = new Float32Array(channels);
  for (let c = 0; c < channels; c++) {
    scale[c] = node.gamma.data[c]! / Math.sqrt(node.variance.data[c]! + node.epsilon);
    shift[c] = node.beta.data[c]! - node.mean.data[c]! * scale[c]!;
  }
  const factor = onnx.constant(`${node.name}/scale`, tensor("float32", [channels, 1], scale));
  const offset = onnx.constant(`${node.name}/shift`, tensor("float32", [channels, 1], shift));
  const y = onnx.op("Add", [onnx.op("Mul", [x, factor]), offset]);
  return {
    output: fromChannelRows(onnx, y, context),
    backward(gradient, needed) {
      if (!needed[0]) return { inputs: [undefined], parameters: {} };
      const dx = onnx.op("Mul", [channelRows(onnx, gradient, context), factor]);
      return { inputs: [fromChannelRows(onnx, dx, context)], parameters: {} };
    },
  };
}
