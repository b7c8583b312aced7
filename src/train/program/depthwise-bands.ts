import { int, ints, type NodeOf, type OnnxBuilder } from "../../graph/index.js";
import { type Padding, resolvePadding, tensor } from "../../tensor/index.js";
import type { EmitContext, Emitted } from "./emit.js";
import { addChannelBias, weightGradients } from "./gradients-of-weights.js";
import { programShape, reshapeTo, sumOfChannels, sumOver } from "./layout.js";

/** Largest image (pixels) that goes through one full band matrix; larger ones go row by row. An estimate: not swept. */
const FULL_BAND_PIXELS = 64;

type Geometry = {
  readonly batch: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  readonly strideHeight: number;
  readonly strideWidth: number;
  readonly pads: Padding;
};

/** A depthwise convolution as a batched matrix product: rows of the input times a band matrix per channel. */
type Banded = {
  /** Constant [taps, rows · columns] of zeros and ones: which tap sits where in the band matrix. */
  readonly selection: Float32Array;
  /** Extents of one band matrix. */
  readonly rows: number;
  readonly columns: number;
  /** Arrange the input as [channels, n, rows]. */
  gather(onnx: OnnxBuilder, input: string): string;
  /** The transpose of `gather`: sum gradients [channels, n, rows] back to [channels, batch, height, width]. */
  scatter(onnx: OnnxBuilder, gradient: string): string;
};

/** One matrix for the whole image: [height · width, outHeight · outWidth]. */
function fullBand(g: Geometry): Banded {
  const rows = g.height * g.width;
  const columns = g.outHeight * g.outWidth;
  const selection = new Float32Array(g.kernelHeight * g.kernelWidth * rows * columns);
  for (let tap = 0; tap < g.kernelHeight * g.kernelWidth; tap++) {
    const ky = Math.floor(tap / g.kernelWidth);
    const kx = tap % g.kernelWidth;
    for (let o = 0; o < columns; o++) {
      const y = Math.floor(o / g.outWidth) * g.strideHeight + ky - g.pads.top;
      const x = (o % g.outWidth) * g.strideWidth + kx - g.pads.left;
      if (y < 0 || y >= g.height || x < 0 || x >= g.width) continue;
      selection[(tap * rows + y * g.width + x) * columns + o] = 1;
    }
  }
  return {
    selection,
    rows,
    columns,
    gather: (onnx, input) => reshapeTo(onnx, input, [g.channels, g.batch, rows]),
    scatter: (onnx, gradient) => reshapeTo(onnx, gradient, [g.channels, g.batch, g.height, g.width]),
  };
}

/** One matrix for the input rows that an output row sees: [kernelHeight · width, outWidth]. */
function rowBand(g: Geometry): Banded {
  const rows = g.kernelHeight * g.width;
  const columns = g.outWidth;
  const selection = new Float32Array(g.kernelHeight * g.kernelWidth * rows * columns);
  for (let ky = 0; ky < g.kernelHeight; ky++) {
    for (let kx = 0; kx < g.kernelWidth; kx++) {
      for (let ox = 0; ox < g.outWidth; ox++) {
        const x = ox * g.strideWidth + kx - g.pads.left;
        if (x < 0 || x >= g.width) continue;
        selection[((ky * g.kernelWidth + kx) * rows + ky * g.width + x) * columns + ox] = 1;
      }
    }
  }
  const paddedHeight = g.height + g.pads.top + g.pads.bottom;
  const reach = (g.outHeight - 1) * g.strideHeight + 1;
  return {
    selection,
    rows,
    columns,
    gather(onnx, input) {
      const { top, bottom } = g.pads;
      const padded =
        top + bottom === 0 ? input : onnx.op("Pad", [input, onnx.int64s([0, 0, top, 0, 0, 0, bottom, 0])]);
      const shifted = Array.from({ length: g.kernelHeight }, (_, ky) =>
        onnx.op("Slice", [
          padded,
          onnx.int64s([ky]),
          onnx.int64s([ky + reach]),
          onnx.int64s([2]),
          onnx.int64s([g.strideHeight]),
        ]),
      );
      const joined = onnx.op("Concat", shifted, { axis: int(3) });
      return reshapeTo(onnx, joined, [g.channels, g.batch * g.outHeight, rows]);
    },
    scatter(onnx, gradient) {
      const image = reshapeTo(onnx, gradient, [g.channels, g.batch, g.outHeight, rows]);
      const sizes = onnx.int64s(new Array<number>(g.kernelHeight).fill(g.width));
      const parts = onnx.ops("Split", [image, sizes], g.kernelHeight, { axis: int(3) });
      const placed = parts.map((part, ky) => {
        let spread = part;
        let length = g.outHeight;
        if (g.strideHeight > 1) {
          // Zeros between the rows: a new axis behind them, padded.
          const apart = reshapeTo(onnx, part, [g.channels, g.batch, g.outHeight, 1, g.width]);
          const gap = g.strideHeight - 1;
          const filled = onnx.op("Pad", [apart, onnx.int64s([0, 0, 0, 0, 0, 0, 0, 0, gap, 0])]);
          length = g.outHeight * g.strideHeight;
          spread = reshapeTo(onnx, filled, [g.channels, g.batch, length, g.width]);
        }
        const before = ky - g.pads.top;
        const after = paddedHeight - g.pads.bottom - ky - length;
        return before === 0 && after === 0
          ? spread
          : onnx.op("Pad", [spread, onnx.int64s([0, 0, before, 0, 0, 0, after, 0])]);
      });
      return placed.reduce((sum, next) => onnx.op("Add", [sum, next]));
    },
  };
}

/**
 * Depthwise convolution of plain images as a batched matrix product with band matrices (grouped convolutions whose
 * weights are not constant are slow in ONNX Runtime). The band matrix is itself a product, weights × a constant
 * selection, so that the weight gradient is two products as well. A channel multiplier repeats the input's channels.
 */
export function emitBandedDepthwise(context: EmitContext, node: NodeOf<"depthwiseConv2d">): Emitted {
  const { onnx, batch, inputs } = context;
  const input = inputs[0]!;
  const [height, width, inChannels] = input.shape as [number, number, number];
  const [outHeight, outWidth, channels] = node.shape as [number, number, number];
  const [kernelHeight, kernelWidth, , multiplier] = node.weights.shape as [number, number, number, number];
  const { stride } = node;
  const kernel = { height: kernelHeight, width: kernelWidth };
  const pads = resolvePadding(node.padding, { height, width }, kernel, stride);
  const geometry: Geometry = {
    ...{ batch, channels, height, width, outHeight, outWidth, kernelHeight, kernelWidth, pads },
    strideHeight: stride.height,
    strideWidth: stride.width,
  };
  const banded = height * width <= FULL_BAND_PIXELS ? fullBand(geometry) : rowBand(geometry);
  const taps = kernelHeight * kernelWidth;
  const { rows, columns } = banded;
  const selection = onnx.constant(
    `${node.name}/band`,
    tensor("float32", [taps, rows * columns], banded.selection),
  );
  const weights = reshapeTo(onnx, context.parameter("weights"), [taps, channels]);
  const band = reshapeTo(onnx, onnx.op("Gemm", [weights, selection], { transA: int(1) }), [
    channels,
    rows,
    columns,
  ]);
  let source = input.name;
  if (multiplier > 1) {
    const apart = reshapeTo(onnx, source, [inChannels, 1, batch, height, width]);
    const repeated = onnx.op("Expand", [apart, onnx.int64s([inChannels, multiplier, batch, height, width])]);
    source = reshapeTo(onnx, repeated, [channels, batch, height, width]);
  }
  const x = banded.gather(onnx, source);
  const extents = programShape(node.shape, context);
  let output = reshapeTo(onnx, onnx.op("MatMul", [x, band]), extents);
  if (node.bias) output = addChannelBias(onnx, output, context.parameter("bias"), extents);
  const lines = (batch * outHeight * outWidth) / columns;
  const swap = { perm: ints(0, 2, 1) };
  return {
    output,
    backward(gradient, needed) {
      const dy = reshapeTo(onnx, gradient, [channels, lines, columns]);
      const dataGradient = (): string => {
        const dx = onnx.op("MatMul", [dy, onnx.op("Transpose", [band], swap)]);
        const image = banded.scatter(onnx, dx);
        if (multiplier === 1) return image;
        return sumOver(onnx, reshapeTo(onnx, image, [inChannels, multiplier, batch, height, width]), [1]);
      };
      const weightGradient = (): string => {
        const dBand = onnx.op("MatMul", [onnx.op("Transpose", [x], swap), dy]);
        const flat = reshapeTo(onnx, dBand, [channels, rows * columns]);
        return reshapeTo(onnx, onnx.op("Gemm", [selection, flat], { transB: int(1) }), node.weights.shape);
      };
      return {
        inputs: [needed[0] ? dataGradient() : undefined],
        parameters: weightGradients(context, node, weightGradient, () =>
          sumOfChannels(onnx, gradient, channels),
        ),
      };
    },
  };
}
