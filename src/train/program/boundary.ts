import {
  type ActivationGrid,
  type Graph,
  type GraphNode,
  int,
  ints,
  type OnnxBuilder,
} from "../../graph/index.js";
import { elementCount, type Shape, tensor } from "../../tensor/index.js";
import type { Value } from "./emit.js";
import { fakeQuantizeValue } from "./fake-quantize.js";
import { laneConvolution } from "./lanes.js";
import { fromChannelsLast, interleave, isImage, type Layout, reshapeTo } from "./layout.js";
import { PROGRAM } from "./names.js";

/**
 * Give the program an input: a boundary value, channels last (bytes if the boundary is the image itself).
 *
 * @param options.grid integers that floats are rounded to; bytes are integers already
 */
export function emitBoundary(
  onnx: OnnxBuilder,
  graph: Graph,
  node: GraphNode,
  options: { readonly layout: Layout; readonly grid: ActivationGrid | undefined },
): Value {
  const { shape } = node;
  const { layout, grid } = options;
  const isBytes = node.kind === "input";
  const extents = [layout.batch, ...shape];
  const given = onnx.input(PROGRAM.boundary(node.name), isBytes ? "uint8" : "float32", extents);
  const { scale, offset } = graph.encoding;
  const rounded = grid === undefined || isBytes ? given : fakeQuantizeValue(onnx, given, grid).value;
  const floats = isBytes ? onnx.op("Cast", [given], { to: int(1) }) : rounded;
  if (layout.lanes > 1 && isImage(shape)) {
    const blocks = interleave(onnx, floats, shape, layout);
    return lanedValue(
      onnx,
      isBytes ? lanedAffine(onnx, blocks, { scale, offset, shape, layout }) : blocks,
      shape,
    );
  }
  const scaled = (value: string): string =>
    onnx.op("Add", [onnx.op("Mul", [value, onnx.scalar(scale)]), onnx.scalar(offset)]);
  return { name: fromChannelsLast(onnx, isBytes ? scaled(floats) : floats, shape, layout), shape };
}

/** An interleaved image, of which the program's own layout is made when it is asked for. */
function lanedValue(onnx: OnnxBuilder, interleaved: string, shape: Shape): Value {
  let moved: string | undefined;
  return {
    shape,
    interleaved,
    get name() {
      moved ??= onnx.op("Transpose", [interleaved], { perm: ints(3, 0, 1, 2, 4) });
      return moved;
    },
  };
}

/** Scale and shift all pixels in one pass. */
function lanedAffine(
  onnx: OnnxBuilder,
  value: string,
  options: {
    readonly scale: number;
    readonly offset: number;
    readonly shape: Shape;
    readonly layout: Layout;
  },
): string {
  const { scale, offset, shape, layout } = options;
  const { batch, lanes } = layout;
  const every = (shape: Shape, value: number): string =>
    onnx.constant("c", tensor("float32", shape, new Float32Array(lanes).fill(value)));
  const row = reshapeTo(onnx, value, [1, lanes, 1, (batch / lanes) * elementCount(shape)]);
  const scaled = laneConvolution(
    onnx,
    { input: row, weights: every([lanes, 1, 1, 1], scale), bias: every([lanes], offset) },
    { channels: lanes, kernel: { height: 1, width: 1 } },
  );
  const [height = 0, width = 0, channels = 0] = shape;
  return reshapeTo(onnx, scaled, [batch / lanes, height, width, channels, lanes]);
}
