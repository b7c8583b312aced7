import { deflateSync } from "node:zlib";

/** A numeric variable of a MAT file, column-major. */
export type MatVariable = {
  readonly name: string;
  readonly dims: readonly number[];
  /** Stored as miUINT8 when bytes, else as miDOUBLE. */
  readonly values: Uint8Array | Float64Array;
};

function element(type: number, data: Uint8Array, small = false): Buffer {
  if (small && data.length <= 4) {
    const packed = Buffer.alloc(8);
    packed.writeUInt32LE((data.length << 16) | type, 0);
    packed.set(data, 4);
    return packed;
  }
  const tag = Buffer.alloc(8);
  tag.writeUInt32LE(type, 0);
  tag.writeUInt32LE(data.length, 4);
  return Buffer.concat([tag, data, Buffer.alloc((8 - (data.length % 8)) % 8)]);
}

function words(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeInt32LE(value, 4 * i);
  return bytes;
}

/** A MATLAB 5 MAT file, written after "MAT-File Format" (MathWorks), to check a reader with. */
export function makeMat(
  variables: readonly MatVariable[],
  options: { readonly compress?: boolean } = {},
): Buffer {
  const header = Buffer.alloc(128, 0x20);
  header.write("MATLAB 5.0 MAT-file, made by a test", 0, "latin1");
  header.writeUInt16LE(0x0100, 124);
  header.write("IM", 126, "latin1");
  const arrays = variables.map(({ name, dims, values }) => {
    const isBytes = values instanceof Uint8Array;
    const data = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
    const body = Buffer.concat([
      element(6, words([isBytes ? 9 : 6, 0])),
      element(5, words(dims)),
      element(1, Buffer.from(name, "latin1"), true),
      element(isBytes ? 2 : 9, data, true),
    ]);
    const matrix = element(14, body);
    if (options.compress !== true) return matrix;
    const packed = deflateSync(matrix);
    const tag = Buffer.alloc(8);
    tag.writeUInt32LE(15, 0);
    tag.writeUInt32LE(packed.length, 4);
    return Buffer.concat([tag, packed]);
  });
  return Buffer.concat([header, ...arrays]);
}
