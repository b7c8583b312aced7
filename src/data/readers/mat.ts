import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream";
import { createInflate } from "node:zlib";
import { FixynnError } from "../../core/index.js";
import { type ByteSource, createByteSource } from "../byte-source.js";
import { readDataFile } from "./file.js";

/** A numeric array of a MAT file: what it is, and where it lies. */
export type MatArray = {
  readonly path: string;
  readonly name: string;
  /** Lengths, the first index running fastest (column-major). */
  readonly dims: readonly number[];
  /** Position and length of its element in the file, tag included. */
  readonly at: number;
  readonly bytes: number;
};

// Data types of "MAT-File Format" (MathWorks), table 1-1.
const INT8 = 1;
const UINT8 = 2;
const INT32 = 5;
const UINT32 = 6;
const MATRIX = 14;
const COMPRESSED = 15;
/** Readers of the numeric data types, with their sizes. */
const NUMBERS: Readonly<Record<number, readonly [number, (bytes: Buffer, at: number) => number]>> = {
  [INT8]: [1, (bytes, at) => bytes.readInt8(at)],
  [UINT8]: [1, (bytes, at) => bytes.readUInt8(at)],
  3: [2, (bytes, at) => bytes.readInt16LE(at)],
  4: [2, (bytes, at) => bytes.readUInt16LE(at)],
  [INT32]: [4, (bytes, at) => bytes.readInt32LE(at)],
  [UINT32]: [4, (bytes, at) => bytes.readUInt32LE(at)],
  7: [4, (bytes, at) => bytes.readFloatLE(at)],
  9: [8, (bytes, at) => bytes.readDoubleLE(at)],
};
/** Array classes that are numeric: double, single, and 8- to 32-bit integers (table 1-3). */
const FIRST_NUMERIC_CLASS = 6;
const LAST_NUMERIC_CLASS = 13;
const COMPLEX_FLAG = 0x08;

const HEADER_BYTES = 128;
const CHUNK = 2 ** 18;
const HINT = "the file must be a MATLAB 5 MAT file (MATLAB: save -v7; Python: scipy.io.savemat)";

const damaged = (path: string, reason: string, cause?: unknown): FixynnError =>
  new FixynnError("FX2002", `truncated or damaged MAT file: ${reason}`, { place: path, hint: HINT, cause });

/** Read the file's bytes from `start` on, `length` of them, inflated when asked. */
async function* elementBytes(
  path: string,
  range: { readonly start: number; readonly length: number; readonly isCompressed: boolean },
): AsyncGenerator<Buffer, void, void> {
  const { start, length, isCompressed } = range;
  const file = createReadStream(path, { start, end: start + length - 1, highWaterMark: CHUNK });
  if (!isCompressed) {
    yield* file;
    return;
  }
  const inflate = createInflate({ chunkSize: CHUNK });
  // An error of either ends the iteration over the second.
  pipeline(file, inflate, () => {});
  try {
    yield* inflate;
  } finally {
    file.destroy();
    inflate.destroy();
  }
}

type Tag = { readonly type: number; readonly bytes: number; readonly small: Buffer | undefined };

async function readTag(source: ByteSource, path: string): Promise<Tag> {
  const head = await source.read(8);
  if (head.length < 8) throw damaged(path, "it ends inside a tag");
  const first = head.readUInt32LE(0);
  // A small element has its length in the upper half of the first word and its data in the second.
  if (first > 0xffff) return { type: first & 0xffff, bytes: first >>> 16, small: head.subarray(4) };
  return { type: first, bytes: head.readUInt32LE(4), small: undefined };
}

/** Read a whole small part of an array: flags, dimensions or name. */
async function readPart(source: ByteSource, path: string): Promise<{ type: number; data: Buffer }> {
  const { type, bytes, small } = await readTag(source, path);
  if (bytes > 4096) throw damaged(path, `a header of ${bytes} bytes`);
  if (small !== undefined) return { type, data: small.subarray(0, bytes) };
  const data = await source.read(Math.ceil(bytes / 8) * 8);
  if (data.length < bytes) throw damaged(path, "it ends inside an array's header");
  return { type, data: data.subarray(0, bytes) };
}

type OpenArray = { readonly source: ByteSource; readonly name: string; readonly dims: readonly number[] };

/** Open the element at a position and read its header; undefined when it is no real numeric array. */
async function openArray(path: string, at: number, tag: Tag): Promise<OpenArray | undefined> {
  const isCompressed = tag.type === COMPRESSED;
  const source = createByteSource(elementBytes(path, { start: at + 8, length: tag.bytes, isCompressed }));
  try {
    if (isCompressed && (await readTag(source, path)).type !== MATRIX) throw damaged(path, "no array inside");
    const flags = await readPart(source, path);
    const word = flags.type === UINT32 && flags.data.length >= 4 ? flags.data.readUInt32LE(0) : 0;
    const dims = await readPart(source, path);
    const name = await readPart(source, path);
    const arrayClass = word & 0xff;
    const isNumeric = arrayClass >= FIRST_NUMERIC_CLASS && arrayClass <= LAST_NUMERIC_CLASS;
    if (!isNumeric || (word >> 8) & COMPLEX_FLAG || dims.type !== INT32) {
      await source.close();
      return undefined;
    }
    const lengths = Array.from({ length: dims.data.length >> 2 }, (_, i) => dims.data.readInt32LE(4 * i));
    if (lengths.some((length) => length < 0)) throw damaged(path, "negative dimensions");
    return { source, name: name.data.toString("latin1"), dims: lengths };
  } catch (cause) {
    await source.close().catch(() => {});
    if (cause instanceof FixynnError) throw cause;
    throw damaged(path, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

const elementTag = (head: Buffer): Tag => ({
  type: head.readUInt32LE(0),
  bytes: head.readUInt32LE(4),
  small: undefined,
});

/**
 * List the real numeric arrays of a MATLAB 5 MAT file (compressed or not, little-endian; "MAT-File Format", MathWorks);
 * other variables are passed over. Only their headers are read.
 *
 * @throws FixynnError FX2001 no such file, FX2002 truncated or damaged, FX2015 another format (MATLAB 7.3, big-endian)
 */
export async function listMat(path: string): Promise<readonly MatArray[]> {
  const file = await open(path, "r").catch(async (cause) => {
    await readDataFile(path, HINT);
    throw cause;
  });
  try {
    const { size } = await file.stat();
    const header = Buffer.alloc(HEADER_BYTES);
    const { bytesRead } = await file.read(header, 0, HEADER_BYTES, 0);
    const isHdf5 = header.toString("latin1", 0, 10) === "MATLAB 7.3";
    if (bytesRead < HEADER_BYTES || isHdf5 || header.toString("latin1", 126, 128) !== "IM") {
      const what = isHdf5 ? "a MATLAB 7.3 file (HDF5)" : "not a little-endian MATLAB 5 MAT file";
      throw new FixynnError("FX2015", what, { place: path, hint: HINT });
    }
    const arrays: MatArray[] = [];
    const head = Buffer.alloc(8);
    for (let at = HEADER_BYTES; at < size; ) {
      const { bytesRead: got } = await file.read(head, 0, 8, at);
      const tag = elementTag(head);
      if (got < 8 || at + 8 + tag.bytes > size) throw damaged(path, `it ends inside the element at ${at}`);
      if (tag.type === MATRIX || tag.type === COMPRESSED) {
        const array = await openArray(path, at, tag);
        if (array !== undefined) {
          await array.source.close();
          arrays.push({ path, name: array.name, dims: array.dims, at, bytes: 8 + tag.bytes });
        }
      }
      at += 8 + tag.bytes;
    }
    return arrays;
  } finally {
    await file.close();
  }
}

/** Find a variable by name. */
export function findArray(arrays: readonly MatArray[], name: string, path: string): MatArray {
  const found = arrays.find((array) => array.name === name);
  if (found !== undefined) return found;
  const names = arrays.map((array) => array.name).join(", ");
  throw new FixynnError("FX2010", `no numeric variable "${name}"; there is ${names || "none"}`, {
    place: path,
    hint: "is this the right file?",
  });
}

/** Open an array at its data. */
async function openData(array: MatArray): Promise<{ readonly source: ByteSource; readonly tag: Tag }> {
  const { path, at } = array;
  const file = await open(path, "r");
  const head = Buffer.alloc(8);
  try {
    await file.read(head, 0, 8, at);
  } finally {
    await file.close();
  }
  const opened = await openArray(path, at, elementTag(head));
  if (opened === undefined) throw damaged(path, `${array.name} has changed`);
  return { source: opened.source, tag: await readTag(opened.source, path) };
}

const elementsOf = (array: MatArray): number => array.dims.reduce((product, length) => product * length, 1);

/**
 * Read an array as numbers, in column-major order, whatever type they are stored as.
 *
 * @throws FixynnError FX2002 truncated or damaged
 */
export async function readMatNumbers(array: MatArray): Promise<Float64Array> {
  const { source, tag } = await openData(array);
  const { path, name } = array;
  try {
    const [size, read] = NUMBERS[tag.type] ?? [0, () => 0];
    const count = elementsOf(array);
    if (size * count !== tag.bytes || size === 0) throw damaged(path, `${name} does not fill its dimensions`);
    const data = tag.small ?? (await source.read(tag.bytes));
    if (data.length < tag.bytes) throw damaged(path, `it ends inside ${name}`);
    return Float64Array.from({ length: count }, (_, i) => read(data, i * size));
  } catch (cause) {
    if (cause instanceof FixynnError) throw cause;
    throw damaged(path, cause instanceof Error ? cause.message : String(cause), cause);
  } finally {
    await source.close().catch(() => {});
  }
}

/**
 * Read an array of bytes record by record: `recordBytes` of them at a time, in the order of the file.
 *
 * @param use gets each record; the array is valid until it returns
 * @throws FixynnError FX2002 truncated or damaged, FX2010 when the array does not hold bytes
 */
export async function readMatRecords(
  array: MatArray,
  recordBytes: number,
  use: (index: number, record: Uint8Array) => void,
): Promise<void> {
  const { source, tag } = await openData(array);
  const { path, name } = array;
  const count = elementsOf(array) / recordBytes;
  try {
    if (tag.type !== UINT8 || tag.bytes !== count * recordBytes) {
      throw new FixynnError("FX2010", `${name} does not hold unsigned bytes`, { place: path, hint: HINT });
    }
    for (let index = 0; index < count; index++) {
      const record = tag.small ?? (await source.read(recordBytes));
      if (record.length < recordBytes) throw damaged(path, `it ends inside ${name}`);
      use(index, record);
    }
  } catch (cause) {
    if (cause instanceof FixynnError) throw cause;
    throw damaged(path, cause instanceof Error ? cause.message : String(cause), cause);
  } finally {
    await source.close().catch(() => {});
  }
}
