import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { promisify } from "node:util";
import { createGunzip, gunzip } from "node:zlib";
import { FixynnError } from "../../core/index.js";
import { createByteSource } from "../byte-source.js";

const BLOCK = 512;
/** Nothing that we fetch unpacks to more. */
const MAXIMUM_BYTES = 2 ** 30;

/** Read a text field that ends at its first NUL. */
function text(header: Buffer, offset: number, length: number): string {
  const field = header.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end < 0 ? length : end);
}

/** Read an octal field; NaN when it is none. */
function octal(header: Buffer, offset: number, length: number): number {
  const digits = text(header, offset, length).trim();
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

/** Sum of the header's bytes with the checksum field itself as blanks (POSIX.1-1988, ustar). */
function checksum(header: Buffer): number {
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 0x20 : header[i]!;
  return sum;
}

/** Read the records `LENGTH KEY=VALUE\n` of a pax extended header. */
function paxRecords(data: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < data.length; ) {
    const blank = data.indexOf(0x20, at);
    const length = Number(data.toString("latin1", at, blank));
    if (blank < 0 || !(length > 0) || at + length > data.length) break;
    const record = data.toString("utf8", blank + 1, at + length - 1);
    const equals = record.indexOf("=");
    records.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return records;
}

type Header = { readonly type: string; readonly name: string; readonly size: number };

/** Parse a header block; undefined for the end marker. */
function parseHeader(header: Buffer, damaged: (reason: string) => FixynnError): Header | undefined {
  if (header.every((byte) => byte === 0)) return undefined;
  if (octal(header, 148, 8) !== checksum(header)) throw damaged("bad header checksum");
  const prefix = text(header, 257, 5) === "ustar" ? text(header, 345, 155) : "";
  const name = text(header, 0, 100);
  return {
    type: String.fromCharCode(header[156]!),
    name: prefix === "" ? name : `${prefix}/${name}`,
    size: octal(header, 124, 12),
  };
}

const isRegular = (type: string): boolean => type === "0" || type === "\0";

/** Longest list of long names that is believed. */
const MAXIMUM_NAME_BYTES = 2 ** 20;

/** A regular file of an archive: its name as stored, its bytes, and how far into the archive we are. */
export type ArchivedFile = {
  readonly name: string;
  readonly chunks: AsyncIterable<Buffer>;
  readonly position: () => number;
};

/**
 * Go through the regular files of a stream of tar blocks (ustar, long names of pax and GNU headers); links and folders are
 * passed over.
 *
 * @throws FixynnError FX2022 when it is truncated or damaged
 */
export async function* tarFiles(
  blocks: AsyncIterable<Buffer>,
  damaged: (reason: string, cause?: unknown) => FixynnError,
): AsyncGenerator<ArchivedFile, void, void> {
  const source = createByteSource(blocks);
  let pax = new Map<string, string>();
  try {
    for (;;) {
      const at = source.position();
      const block = await source.read(BLOCK);
      if (block.length < BLOCK) throw damaged("no end marker");
      const header = parseHeader(block, (reason) => damaged(`${reason} at byte ${at}`));
      if (header === undefined) return;
      const size = Number(pax.get("size") ?? header.size);
      if (!Number.isSafeInteger(size) || size < 0) throw damaged(`damaged size at byte ${at}`);
      const padded = Math.ceil(size / BLOCK) * BLOCK;
      const end = source.position() + padded;
      if (header.type === "x" || header.type === "L") {
        if (size > MAXIMUM_NAME_BYTES) throw damaged(`a name of ${size} bytes at byte ${at}`);
        const data = (await source.read(padded)).subarray(0, size);
        if (header.type === "x") pax = paxRecords(data);
        else pax.set("path", text(data, 0, size));
        continue;
      }
      if (isRegular(header.type)) {
        const name = pax.get("path") ?? header.name;
        yield { name, chunks: source.stream(size), position: source.position };
      }
      await source.skip(end - source.position());
      if (source.position() < end) throw damaged(`truncated at byte ${source.position()}`);
      // A global header ("g") keeps no names; it must not consume the header of the next file.
      if (header.type !== "g") pax = new Map();
    }
  } finally {
    await source.close();
  }
}

/** Turn a reason into the error of a damaged archive. */
export const damagedArchive =
  (place: string) =>
  (reason: string, cause?: unknown): FixynnError =>
    new FixynnError("FX2022", `damaged archive: ${reason}`, { place, hint: "fetch it again", cause });

/**
 * Take the regular files out of a .tar.gz in memory.
 *
 * @returns content by name as stored, e.g. `package/package.json`
 * @throws FixynnError FX2022 when it is truncated or damaged
 */
export async function readTarGz(archive: Uint8Array, place: string): Promise<Map<string, Buffer>> {
  const damaged = damagedArchive(place);
  let tar: Buffer;
  try {
    tar = await promisify(gunzip)(archive, { maxOutputLength: MAXIMUM_BYTES });
  } catch (cause) {
    throw damaged(cause instanceof Error ? cause.message : String(cause), cause);
  }
  const files = new Map<string, Buffer>();
  async function* whole(): AsyncGenerator<Buffer, void, void> {
    yield tar;
  }
  for await (const { name, chunks } of tarFiles(whole(), damaged)) {
    const pieces: Buffer[] = [];
    for await (const piece of chunks) pieces.push(piece);
    files.set(name, pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces));
  }
  return files;
}

/**
 * Go through the regular files of a .tar.gz of any size on disk.
 *
 * @throws FixynnError FX2022 when it is truncated or damaged
 */
export async function* tarGzFiles(path: string): AsyncGenerator<ArchivedFile, void, void> {
  const damaged = damagedArchive(path);
  const file = createReadStream(path, { highWaterMark: 2 ** 18 });
  const unpacked = createGunzip({ chunkSize: 2 ** 18 });
  // An error of either ends the iteration over the second.
  pipeline(file, unpacked, () => {});
  try {
    for await (const entry of tarFiles(unpacked, damaged)) yield { ...entry, position: () => file.bytesRead };
  } catch (cause) {
    if (cause instanceof FixynnError) throw cause;
    throw damaged(cause instanceof Error ? cause.message : String(cause), cause);
  } finally {
    file.destroy();
    unpacked.destroy();
  }
}
