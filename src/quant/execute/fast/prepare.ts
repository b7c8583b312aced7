import { assertNever } from "../../../core/index.js";
import { NO_PADDING, type Padding, type Size2 } from "../../../tensor/index.js";
import { accumulatorInterval } from "../../interval.js";
import type {
  Clamp,
  QuantAdd,
  QuantConv2d,
  QuantDense,
  QuantDepthwiseConv2d,
  QuantGlobalAveragePool2d,
  QuantNode,
  QuantNodeOf,
  QuantType,
} from "../../nodes.js";
import { scaledOperand } from "../../requantize.js";
import { typeRange } from "../../types.js";
import { type GoldenKernel, imageExtents, type KernelMemory, LANES, type ValueLayout } from "./memory.js";
import { type FastConstants, fastConstants } from "./requantize.js";
import { packDepthwiseWeights, packWeights } from "./weights.js";

/** One call of a kernel. */
export type KernelCall = {
  readonly run: Exclude<keyof GoldenKernel, "memory" | "pack" | "unpack">;
  readonly record: Int32Array;
};

/** A layer that the kernels can compute. */
export type FastLayer = {
  /** Border of zeros that the layer reads around its input. */
  readonly border: Padding;
  place(memory: KernelMemory, inputs: readonly ValueLayout[], output: ValueLayout): KernelCall;
};

/** Input pixels that a tile of a convolution should read: bytes that stay in the first cache. */
const TILE_BYTES = 16384;

/** Whether a type's integers less the zero point fit 16 bits, and 0 is among them. */
export function fitsInt16(type: QuantType): boolean {
  const { low, high } = typeRange(type);
  const { zeroPoint } = type;
  return zeroPoint >= low && zeroPoint <= high && low - zeroPoint >= -32768 && high - zeroPoint <= 32767;
}

function centredClamp(clamp: Clamp, { zeroPoint }: QuantType): Clamp | undefined {
  const centred = { low: clamp.low - zeroPoint, high: clamp.high - zeroPoint };
  return centred.low <= 0 && centred.high >= 0 ? centred : undefined;
}

/** Constants of a layer with accumulators, if its requantization can be exact in doubles. */
function constantsOf(
  node: QuantConv2d | QuantDepthwiseConv2d | QuantDense | QuantGlobalAveragePool2d | QuantAdd,
  inputs: readonly QuantType[],
): FastConstants | undefined {
  const clamp = centredClamp(node.clamp, node.output);
  const { requantization } = node;
  if (clamp === undefined || requantization.mode === "steps") return undefined;
  const bias = "bias" in node ? { bias: node.bias.data } : {};
  const { channels } = imageExtents(node.output);
  const any = fastConstants(requantization, channels, { clamp, ...bias, largest: () => 2 ** 31 });
  if (any !== undefined) return any;
  const { low, high } = accumulatorInterval(node, inputs[0]!, inputs[1]);
  const largest = (c: number): number => {
    const entry = low.length === 1 ? 0 : c;
    return Math.min(2 ** 31, Math.max(-low[entry]!, high[entry]!));
  };
  return fastConstants(requantization, channels, { clamp, ...bias, largest });
}

/** Words that begin every record; the input's address is that of the first tap. */
function commonWords(
  memory: KernelMemory,
  {
    input,
    output,
    constants,
    clamp,
  }: {
    readonly input: { readonly address: number; readonly pixelStep: number; readonly rowStep: number };
    readonly output: ValueLayout;
    readonly constants: FastConstants | undefined;
    readonly clamp: Clamp;
  },
): number[] {
  const { address, pixelBytes, rowBytes, width, height, channels } = output;
  return [
    ...[address, pixelBytes, rowBytes, width, height, Math.ceil(channels / LANES)],
    ...[clamp.low, clamp.high, constants === undefined ? 0 : memory.place(constants.data)],
    ...[input.address, input.pixelStep, input.rowStep],
  ];
}

/** First tap of the first window, and the steps between windows. */
function windows(
  { address, pixelBytes, rowBytes }: ValueLayout,
  { stride, padding }: { readonly stride: Size2; readonly padding: Padding },
): { address: number; pixelStep: number; rowStep: number } {
  return {
    address: address - padding.top * rowBytes - padding.left * pixelBytes,
    pixelStep: stride.width * pixelBytes,
    rowStep: stride.height * rowBytes,
  };
}

const ONE: Size2 = { height: 1, width: 1 };

function fastConvolution(
  node: QuantConv2d | QuantDense,
  inputs: readonly QuantType[],
): FastLayer | undefined {
  const constants = constantsOf(node, inputs);
  const clamp = centredClamp(node.clamp, node.output);
  if (constants === undefined || clamp === undefined) return undefined;
  const [window, geometry] =
    node.kind === "conv2d"
      ? [{ height: node.weights.shape[0]!, width: node.weights.shape[1]! }, node]
      : [ONE, { stride: ONE, padding: NO_PADDING }];
  return {
    border: geometry.padding,
    place(memory, [input], output) {
      const { rowBytes, pixelBytes, channels } = input!;
      const pixelStep = geometry.stride.width * pixelBytes;
      const weights = packWeights(node.weights.data, {
        window,
        channels,
        pixelValues: pixelBytes / 2,
        outputs: output.channels,
      });
      const tile = Math.max(4, Math.floor(TILE_BYTES / pixelStep / 4)) * 4;
      return {
        run: constants.isSigned ? "convolveSigned" : "convolve",
        record: Int32Array.of(
          ...commonWords(memory, { input: windows(input!, geometry), output, constants, clamp }),
          ...[rowBytes, window.height, weights.pairs, memory.place(weights.data), tile],
        ),
      };
    },
  };
}

function fastDepthwise(node: QuantDepthwiseConv2d, inputs: readonly QuantType[]): FastLayer | undefined {
  const constants = constantsOf(node, inputs);
  const clamp = centredClamp(node.clamp, node.output);
  const [height, width, channels, multiplier] = node.weights.shape as [number, number, number, number];
  if (constants === undefined || clamp === undefined || multiplier !== 1) return undefined;
  const is3x3 = height === 3 && width === 3;
  const kernel = is3x3 ? "depthwise3x3" : "depthwise";
  return {
    border: node.padding,
    place(memory, [input], output) {
      const { rowBytes, pixelBytes } = input!;
      const taps = Array.from(
        { length: height * width },
        (_, t) => Math.floor(t / width) * rowBytes + (t % width) * pixelBytes,
      );
      // An odd last tap is paired with itself; its second weight is 0.
      if (taps.length % 2 === 1) taps.push(taps.at(-1)!);
      const weights = packDepthwiseWeights(node.weights.data, height * width, channels);
      return {
        run: constants.isSigned ? `${kernel}Signed` : kernel,
        record: Int32Array.of(
          ...commonWords(memory, { input: windows(input!, node), output, constants, clamp }),
          ...[taps.length / 2, memory.place(Int32Array.from(taps)), memory.place(weights)],
          ...[pixelBytes, rowBytes],
        ),
      };
    },
  };
}

function fastPool(node: QuantNodeOf<"maxPool2d" | "averagePool2d">): FastLayer | undefined {
  const isMean = node.kind === "averagePool2d";
  const { window, stride, padding, output: type } = node;
  // The sum of a window must fit int32.
  if (isMean && window.height * window.width > 32767) return undefined;
  return {
    border: NO_PADDING,
    place(memory, [input], output) {
      const first = windows(input!, { stride: ONE, padding: NO_PADDING });
      return {
        run: "pool",
        record: Int32Array.of(
          ...commonWords(memory, { input: first, output, constants: undefined, clamp: { low: 0, high: 0 } }),
          ...[window.height, window.width, stride.height, stride.width, padding.top, padding.left],
          ...[input!.height, input!.width, isMean ? 1 : 0, type.zeroPoint],
        ),
      };
    },
  };
}

function fastGlobalAverage(
  node: QuantGlobalAveragePool2d,
  inputs: readonly QuantType[],
): FastLayer | undefined {
  const constants = constantsOf(node, inputs);
  const clamp = centredClamp(node.clamp, node.output);
  if (constants === undefined || clamp === undefined) return undefined;
  return {
    border: NO_PADDING,
    place(memory, [input], output) {
      const first = windows(input!, { stride: ONE, padding: NO_PADDING });
      return {
        run: "globalAverage",
        record: Int32Array.of(
          ...commonWords(memory, { input: first, output, constants, clamp }),
          ...[input!.height, input!.width],
        ),
      };
    },
  };
}

/** Table of an operand's scaled integers, and the position of 0 in it. */
function operandTable(node: QuantAdd, operand: 0 | 1, type: QuantType): { table: Int32Array; zero: number } {
  // All that the storage can hold, whatever the type's bits.
  const { low } = typeRange({ bits: 8, signed: type.signed });
  const zero = type.zeroPoint - low;
  return { table: Int32Array.from({ length: 256 }, (_, i) => scaledOperand(node, operand, i - zero)), zero };
}

function fastAdd(node: QuantAdd, inputs: readonly QuantType[]): FastLayer | undefined {
  const constants = constantsOf(node, inputs);
  const clamp = centredClamp(node.clamp, node.output);
  if (constants === undefined || clamp === undefined) return undefined;
  if (inputs.some((type) => type.bits > 8)) return undefined;
  return {
    border: NO_PADDING,
    place(memory, [a, b], output) {
      const tables = ([0, 1] as const).map((operand) => {
        const { table, zero } = operandTable(node, operand, inputs[operand]!);
        return memory.place(table) + 4 * zero;
      });
      const first = windows(a!, { stride: ONE, padding: NO_PADDING });
      return {
        run: "addition",
        record: Int32Array.of(
          ...commonWords(memory, { input: first, output, constants, clamp }),
          ...[b!.address, b!.pixelBytes, b!.rowBytes, ...tables],
        ),
      };
    },
  };
}

/** Prepare a layer for the kernels; `undefined` where the plain form must compute it. */
export function fastLayer(
  node: Exclude<QuantNode, { kind: "input" | "reshape" }>,
  inputs: readonly QuantType[],
): FastLayer | undefined {
  if (![...inputs, node.output].every(fitsInt16)) return undefined;
  switch (node.kind) {
    case "conv2d":
    case "dense":
      return fastConvolution(node, inputs);
    case "depthwiseConv2d":
      return fastDepthwise(node, inputs);
    case "maxPool2d":
    case "averagePool2d":
      return fastPool(node);
    case "globalAveragePool2d":
      return fastGlobalAverage(node, inputs);
    case "add":
      return fastAdd(node, inputs);
    default:
      return assertNever(node);
  }
}
