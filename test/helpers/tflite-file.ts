import { type FlatField, type FlatFields, writeFlatBuffer } from "./flatbuffer.js";

/** Numbers of schema.fbs. */
const TYPES = { int32: 2, uint8: 3, int8: 9 } as const;
const OPERATORS = {
  ADD: { code: 0, options: 11 },
  AVERAGE_POOL_2D: { code: 1, options: 5 },
  CONV_2D: { code: 3, options: 1 },
  DEPTHWISE_CONV_2D: { code: 4, options: 2 },
  FULLY_CONNECTED: { code: 9, options: 8 },
  MAX_POOL_2D: { code: 17, options: 5 },
  MEAN: { code: 40, options: 27 },
  PAD: { code: 34, options: 22 },
  RESHAPE: { code: 22, options: 17 },
  SOFTMAX: { code: 25, options: 9 },
} as const;

export type TfliteTensorSpec = {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: keyof typeof TYPES;
  readonly scales?: readonly number[];
  readonly zeroPoints?: readonly number[];
  /** Axis of the scales. */
  readonly axis?: number;
  /** Values of a constant. */
  readonly data?: readonly number[];
};

export type TfliteOperatorSpec = {
  readonly op: keyof typeof OPERATORS;
  /** Tensor indices. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly options?: FlatFields;
};

export const int8 = (value: number): FlatField => ({ kind: "int8", value });
export const int32 = (value: number): FlatField => ({ kind: "int32", value });
const text = (value: string): FlatField => ({ kind: "bytes", data: Buffer.from(value) });
const int32s = (values: readonly number[]): FlatField => ({ kind: "int32s", values });
const tables = (all: readonly FlatFields[]): FlatField => ({ kind: "tables", tables: all });

function constantBytes({ type, data }: TfliteTensorSpec): Uint8Array | undefined {
  if (data === undefined) return undefined;
  if (type === "int32") return new Uint8Array(Int32Array.from(data).buffer);
  return type === "int8" ? new Uint8Array(Int8Array.from(data).buffer) : Uint8Array.from(data);
}

/** Write a TensorFlow Lite file (schema version 3) whose input is the first tensor and whose output is the last. */
export function tfliteFile(
  tensors: readonly TfliteTensorSpec[],
  operators: readonly TfliteOperatorSpec[],
): Uint8Array {
  const names = [...new Set(operators.map(({ op }) => op))];
  const contents = tensors.map(constantBytes);
  // Buffer 0 is the empty one of all computed tensors.
  const constants = contents.filter((bytes) => bytes !== undefined);
  const bufferOf = (i: number): number =>
    contents[i] === undefined ? 0 : 1 + constants.indexOf(contents[i]);
  const graph: FlatFields = {
    0: tables(
      tensors.map(({ name, shape, type, scales, zeroPoints = [], axis = 0 }, i) => ({
        0: int32s(shape),
        1: int8(TYPES[type]),
        2: int32(bufferOf(i)),
        3: text(name),
        ...(scales && {
          4: {
            kind: "table" as const,
            table: {
              2: { kind: "float32s" as const, values: scales },
              3: { kind: "int64s" as const, values: zeroPoints },
              6: int32(axis),
            },
          },
        }),
      })),
    ),
    1: int32s([0]),
    2: int32s([tensors.length - 1]),
    3: tables(
      operators.map(({ op, inputs, outputs, options = {} }) => ({
        0: int32(names.indexOf(op)),
        1: int32s(inputs),
        2: int32s(outputs),
        3: int8(OPERATORS[op].options),
        4: { kind: "table" as const, table: options },
      })),
    ),
  };
  return writeFlatBuffer("TFL3", {
    0: int32(3),
    1: tables(
      names.map((op) => ({ 0: int8(OPERATORS[op].code), 2: int32(1), 3: int32(OPERATORS[op].code) })),
    ),
    2: tables([graph]),
    3: text("test"),
    4: tables([{}, ...constants.map((data) => ({ 0: { kind: "bytes" as const, data } }))]),
  });
}
