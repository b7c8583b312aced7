import { invariant } from "../../core/index.js";
import {
  allocateValues,
  inputsOfQuantNode,
  type QuantConv2d,
  type QuantNetwork,
  type QuantNode,
  type QuantValues,
  quantInput,
} from "../../quant/index.js";
import { elementCount, tensor } from "../../tensor/index.js";
import { type EngineConfig, engineShape } from "../config.js";
import { type InputPacking, inputPackings, isUnpacked, packedGeometry, packedTap } from "./geometry.js";

/** A network whose image comes packed. */
export type PackedNetwork = {
  readonly network: QuantNetwork;
  readonly packing: InputPacking;
  /** Pack an image: integers [height, width, channels] of the original network's input into those of this one's. */
  readonly pack: (image: ArrayLike<number>) => QuantValues;
};

/** The convolution that alone reads the image; undefined when the first layer is another. */
function firstConvolution(network: QuantNetwork): QuantConv2d | undefined {
  const { name } = quantInput(network);
  const readers = network.nodes.filter((node) => inputsOfQuantNode(node).includes(name));
  const [reader] = readers;
  return readers.length === 1 && reader?.kind === "conv2d" && network.output !== name ? reader : undefined;
}

function packingsOf(network: QuantNetwork, node: QuantConv2d): readonly InputPacking[] {
  const [height, width] = quantInput(network).output.shape as [number, number, number];
  const [outputRows, outputColumns] = node.output.shape as [number, number, number];
  const [kernelRows, kernelColumns] = node.weights.shape as [number, number, number, number];
  const { stride, padding } = node;
  return inputPackings(
    {
      extent: height,
      outputs: outputRows,
      kernel: kernelRows,
      stride: stride.height,
      before: padding.top,
    },
    {
      extent: width,
      outputs: outputColumns,
      kernel: kernelColumns,
      stride: stride.width,
      before: padding.left,
    },
  );
}

/** Move the kernel's weights to where the packed image has their pixels; the others are 0. */
function packedConvolution(node: QuantConv2d, packing: InputPacking): QuantConv2d {
  const { rows, columns } = packing;
  const [kernelRows, kernelColumns, channels, outputs] = node.weights.shape as [
    number,
    number,
    number,
    number,
  ];
  const shape = [rows.kernel, columns.kernel, rows.block * columns.block * channels, outputs];
  const data = new Int16Array(elementCount(shape));
  const run = channels * outputs;
  for (let y = 0; y < kernelRows; y++)
    for (let x = 0; x < kernelColumns; x++) {
      const [row, inRow] = packedTap(rows, y);
      const [column, inColumn] = packedTap(columns, x);
      const tap = row * columns.kernel + column;
      const to = (tap * rows.block * columns.block + inRow * columns.block + inColumn) * run;
      const from = (y * kernelColumns + x) * run;
      data.set(node.weights.data.subarray(from, from + run), to);
    }
  // What the blocks hold of the padding is in the packed image; an axis as it is keeps its own.
  const { top, bottom, left, right } = node.padding;
  return {
    ...node,
    weights: tensor("int16", shape, data),
    stride: { height: rows.stride, width: columns.stride },
    padding: {
      ...(rows.block === 1 ? { top, bottom } : { top: 0, bottom: 0 }),
      ...(columns.block === 1 ? { left, right } : { left: 0, right: 0 }),
    },
  };
}

/**
 * Rewrite a network for an image that whoever writes it to memory has packed: pixels that one output reads lie side by side as channels, so that a first layer of few
 * channels fills more of an array's multipliers. The layers' outputs stay the same, integer by integer.
 *
 * The blocks by the stride are the known space-to-depth transformation (input folding in Intel's FPGA AI Suite); those of a whole window are im2col.
 *
 * @param packing one of {@link networkPackings}
 */
export function packNetwork(network: QuantNetwork, packing: InputPacking): PackedNetwork {
  const input = quantInput(network);
  const [height, width, channels] = input.output.shape as [number, number, number];
  const first = firstConvolution(network);
  invariant(first !== undefined, "only a convolution's image is packed");
  const packed = packedGeometry(packing, channels);
  const nodes = network.nodes.map((node): QuantNode => {
    if (node.name === first.name) return packedConvolution(first, packing);
    if (node.name !== input.name) return node;
    return { ...input, output: { ...input.output, shape: [packed.height, packed.width, packed.channels] } };
  });
  const { rows, columns } = packing;
  const pack = (image: ArrayLike<number>): QuantValues => {
    invariant(image.length === height * width * channels, `${image.length} values for an image`);
    const values = allocateValues(input.output, packed.height * packed.width * packed.channels);
    let to = 0;
    for (let row = 0; row < packed.height; row++)
      for (let column = 0; column < packed.width; column++)
        for (let inRow = 0; inRow < rows.block; inRow++)
          for (let inColumn = 0; inColumn < columns.block; inColumn++, to += channels) {
            const y = row * rows.step - rows.offset + inRow;
            const x = column * columns.step - columns.offset + inColumn;
            const isInside = y >= 0 && y < height && x >= 0 && x < width;
            const from = (y * width + x) * channels;
            for (let c = 0; c < channels; c++)
              values[to + c] = isInside ? image[from + c]! : input.output.zeroPoint;
          }
    return values;
  };
  return { network: { ...network, nodes }, packing, pack };
}

/** List all ways to pack a network's image, the first as it is; none when its first layer is no convolution. */
export function networkPackings(network: QuantNetwork): readonly InputPacking[] {
  const first = firstConvolution(network);
  return first === undefined ? [] : packingsOf(network, first);
}

/** Cycles of the first layer on an engine, by its passes over the output's pixels and by the words that its memory port reads. */
function firstLayerCycles(
  packing: InputPacking,
  { channels, outputs }: { readonly channels: number; readonly outputs: readonly [number, number, number] },
  config: EngineConfig,
): number {
  const { wordBytes } = engineShape(config);
  const packed = packedGeometry(packing, channels);
  const passes = packing.rows.kernel * packing.columns.kernel * Math.ceil(packed.channels / config.cPar);
  const [height, width, lanes] = outputs;
  const compute = passes * height * width * Math.ceil(lanes / config.kPar);
  const bytes = packed.height * packed.width * Math.ceil(packed.channels / wordBytes) * wordBytes;
  return Math.max(compute, bytes / config.axiDataBytes);
}

/**
 * Pack a network's image for an engine that reads it from memory and computes all: the way with the fewest cycles of the first layer, by its passes and by the image's words over a
 * port that gives a beat a cycle, of equal ones the first of {@link networkPackings}.
 *
 * @returns undefined when nothing gains, the first layer is no convolution, or the engine takes pixels by the stream, as they come
 */
export function packForEngine(network: QuantNetwork, config: EngineConfig): PackedNetwork | undefined {
  const first = firstConvolution(network);
  if (first === undefined || config.input !== null) return undefined;
  const layer = {
    channels: quantInput(network).output.shape.at(-1)!,
    outputs: first.output.shape as [number, number, number],
  };
  const [as, ...others] = packingsOf(network, first);
  const cycles = (packing: InputPacking): number => firstLayerCycles(packing, layer, config);
  const best = others.reduce((one, other) => (cycles(other) < cycles(one) ? other : one), as!);
  return isUnpacked(best) ? undefined : packNetwork(network, best);
}
