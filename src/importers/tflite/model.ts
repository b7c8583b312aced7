import { FixynnError } from "../../core/index.js";
import { FlatTable } from "./table.js";

/** Element types that we read; numbers of `TensorType` in TensorFlow Lite's schema.fbs. */
const TENSOR_TYPES = { 0: "float32", 2: "int32", 3: "uint8", 4: "int64", 9: "int8" } as const;
export type TfliteType = (typeof TENSOR_TYPES)[keyof typeof TENSOR_TYPES] | `type ${number}`;

/** Affine quantization: real = scale · (integer − zeroPoint); one entry, or one for each slice along `axis`. */
export type TfliteQuantization = {
  readonly scales: readonly number[];
  readonly zeroPoints: readonly number[];
  readonly axis: number;
};

export type TfliteTensor = {
  readonly index: number;
  readonly name: string;
  /** With the batch. */
  readonly shape: readonly number[];
  readonly type: TfliteType;
  readonly quantization: TfliteQuantization;
  /** Little-endian bytes of a constant; none for a computed tensor. */
  readonly data: Uint8Array;
};

export type TfliteOperator = {
  /** Name of the built-in operator in upper case, as in schema.fbs, or a custom operator's code. */
  readonly op: string;
  /** Tensor indices; −1 for an absent optional input. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly options: FlatTable | undefined;
};

/** The main subgraph of a file. */
export type TfliteModel = {
  readonly tensors: readonly TfliteTensor[];
  readonly operators: readonly TfliteOperator[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
};

/** Numbers of `BuiltinOperator` that have a name here; others are listed by number. */
const BUILTIN_OPERATORS: Readonly<Record<number, string>> = {
  0: "ADD",
  1: "AVERAGE_POOL_2D",
  2: "CONCATENATION",
  3: "CONV_2D",
  4: "DEPTHWISE_CONV_2D",
  6: "DEQUANTIZE",
  9: "FULLY_CONNECTED",
  14: "LOGISTIC",
  17: "MAX_POOL_2D",
  18: "MUL",
  19: "RELU",
  21: "RELU6",
  22: "RESHAPE",
  25: "SOFTMAX",
  34: "PAD",
  40: "MEAN",
  43: "SQUEEZE",
  114: "QUANTIZE",
};

function parse(bytes: Uint8Array): TfliteModel {
  const model = FlatTable.root(bytes);
  const codes = model.tables(1).map((code) => {
    // Old files hold the operator in a byte; new ones in an int32, the byte being capped at 127.
    const number = Math.max(code.uint8(0), code.int32(3));
    const custom = code.string(1);
    return custom === "" ? (BUILTIN_OPERATORS[number] ?? `operator ${number}`) : custom;
  });
  const buffers = model.tables(4);
  const graph = model.tables(2)[0];
  if (graph === undefined) throw new RangeError("no subgraph");
  const tensors = graph.tables(0).map((tensor, index): TfliteTensor => {
    const quantization = tensor.table(4);
    const type = tensor.int8(1);
    return {
      index,
      name: tensor.string(3),
      shape: tensor.int32s(0),
      type: TENSOR_TYPES[type as keyof typeof TENSOR_TYPES] ?? `type ${type}`,
      quantization: {
        scales: quantization?.float32s(2) ?? [],
        zeroPoints: quantization?.int64s(3) ?? [],
        axis: quantization?.int32(6) ?? 0,
      },
      data: buffers[tensor.uint32(2)]?.bytes(0) ?? new Uint8Array(0),
    };
  });
  const isTensor = (i: number): boolean => tensors[i] !== undefined;
  const operators = graph.tables(3).map((operator): TfliteOperator => {
    const op = codes[operator.uint32(0)];
    const [inputs, outputs] = [operator.int32s(1), operator.int32s(2)];
    if (op === undefined || !outputs.every(isTensor) || !inputs.every((i) => i === -1 || isTensor(i))) {
      throw new RangeError("an operator names what does not exist");
    }
    return { op, inputs, outputs, options: operator.table(4) };
  });
  const [inputs, outputs] = [graph.int32s(1), graph.int32s(2)];
  if (![...inputs, ...outputs].every(isTensor))
    throw new RangeError("the graph names tensors that do not exist");
  return { tensors, operators, inputs, outputs };
}

/**
 * Read a TensorFlow Lite file (schema version 3): the first subgraph's tensors and operators.
 *
 * @throws FixynnError FX1016 when the file is truncated or its offsets make no sense
 */
export function parseTflite(bytes: Uint8Array, place: string): TfliteModel {
  try {
    return parse(bytes);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new FixynnError("FX1016", `not a readable TensorFlow Lite file: ${cause.message}`, {
      place,
      hint: "the file is damaged or truncated; copy or download it again",
      cause,
    });
  }
}

/** Integers of a constant tensor of a 8 or 32-bit type. */
export function constantIntegers(tensor: TfliteTensor): Int32Array {
  const { data, type } = tensor;
  if (type === "uint8") return Int32Array.from(data);
  if (type === "int8") return Int32Array.from(data, (byte) => (byte << 24) >> 24);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Int32Array.from({ length: Math.floor(data.byteLength / 4) }, (_, i) => view.getInt32(4 * i, true));
}
