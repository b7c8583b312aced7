import { emitBatchNorm } from "./batch-norm.js";
import { emitConv2d } from "./convolution.js";
import { emitDense } from "./dense.js";
import { emitDepthwise } from "./depthwise.js";
import { emitAdd, emitDropout, emitRelu } from "./elementwise.js";
import type { Handlers } from "./emit.js";
import { inPlainLayout } from "./plain.js";
import { emitAveragePool, emitGlobalAveragePool, emitMaxPool } from "./pooling.js";
import { emitReshape, emitZeroPad } from "./shape.js";

/** Forward and backward of every kind of node. The input and a closing softmax are the program's own business. */
export const HANDLERS: Handlers = {
  conv2d: emitConv2d,
  depthwiseConv2d: emitDepthwise,
  batchNorm: emitBatchNorm,
  relu: emitRelu,
  zeroPad2d: emitZeroPad,
  maxPool2d: inPlainLayout(emitMaxPool),
  averagePool2d: inPlainLayout(emitAveragePool),
  globalAveragePool2d: emitGlobalAveragePool,
  reshape: emitReshape,
  dense: emitDense,
  add: emitAdd,
  dropout: emitDropout,
};
