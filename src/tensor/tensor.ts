import { FixynnError } from "../core/index.js";

/** Element types and the typed array that holds each. */
export type TensorData = {
  readonly float32: Float32Array;
  readonly int32: Int32Array;
  readonly int16: Int16Array;
  readonly int8: Int8Array;
  readonly uint8: Uint8Array;
};

export type DType = keyof TensorData;

/** Extents, outermost first. Images are height, width, channels (NHWC without the batch unless stated). */
export type Shape = readonly number[];

/** A dense row-major array. Treated as immutable once built. */
export type Tensor<D extends DType = DType> = {
  readonly kind: "tensor";
  readonly dtype: D;
  readonly shape: Shape;
  readonly data: TensorData[D];
};

const CONSTRUCTORS = {
  float32: Float32Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint8: Uint8Array,
} as const;

/** Multiply the extents. */
export function elementCount(shape: Shape): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/**
 * Wrap data in a tensor.
 *
 * @throws FixynnError FX1090 when the shape does not describe exactly the data given
 */
export function tensor<D extends DType>(dtype: D, shape: Shape, data: TensorData[D]): Tensor<D> {
  const valid = shape.every((extent) => Number.isInteger(extent) && extent >= 0);
  if (!valid || elementCount(shape) !== data.length) {
    throw new FixynnError("FX1090", `shape [${shape.join(", ")}] does not fit ${data.length} elements`);
  }
  return { kind: "tensor", dtype, shape, data };
}

/** Make a tensor of zeros. */
export function zeros<D extends DType>(dtype: D, shape: Shape): Tensor<D> {
  return tensor(dtype, shape, new CONSTRUCTORS[dtype](elementCount(shape)) as TensorData[D]);
}

/** Compare two shapes. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, i) => extent === b[i]);
}

/** JSON form of a tensor: little-endian bytes in base64. */
export type TensorJson = { readonly dtype: DType; readonly shape: Shape; readonly base64: string };

/** Convert a tensor to JSON. */
export function tensorToJson(value: Tensor): TensorJson {
  const { buffer, byteOffset, byteLength } = value.data;
  const base64 = Buffer.from(buffer, byteOffset, byteLength).toString("base64");
  return { dtype: value.dtype, shape: value.shape, base64 };
}

/**
 * Convert JSON back to a tensor.
 *
 * @throws FixynnError FX1090 when bytes and shape disagree
 */
export function tensorFromJson<D extends DType>(json: TensorJson & { readonly dtype: D }): Tensor<D> {
  const bytes = Uint8Array.from(Buffer.from(json.base64, "base64"));
  const Constructor = CONSTRUCTORS[json.dtype];
  if (bytes.length % Constructor.BYTES_PER_ELEMENT !== 0) {
    throw new FixynnError("FX1090", `${bytes.length} bytes are no whole number of ${json.dtype} values`);
  }
  return tensor(json.dtype, json.shape, new Constructor(bytes.buffer) as TensorData[D]);
}

/** Describe a shape as `56x56x32`. */
export function formatShape(shape: Shape): string {
  return shape.join("x");
}

/** Permute the axes of a tensor: axis `i` of the result is axis `order[i]` of the source. */
export function transpose<D extends DType>(source: Tensor<D>, order: readonly number[]): Tensor<D> {
  const shape = order.map((axis) => source.shape[axis]!);
  const strides = new Array<number>(source.shape.length).fill(1);
  for (let i = strides.length - 2; i >= 0; i--) strides[i] = strides[i + 1]! * source.shape[i + 1]!;
  const steps = order.map((axis) => strides[axis]!);
  const out = zeros(source.dtype, shape);
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let to = 0; to < out.data.length; to++) {
    out.data[to] = source.data[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      index[axis] = index[axis]! + 1;
      if (index[axis]! < shape[axis]!) break;
      from -= steps[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}
