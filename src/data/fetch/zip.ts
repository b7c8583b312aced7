import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { crc32, inflateRawSync } from "node:zlib";
import type { FixynnError } from "../../core/index.js";
import { type ArchivedFile, damagedArchive } from "./tar.js";

// Records of APPNOTE.TXT 6.3 (PKWARE): local file header, central directory, end of central directory.
const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END_BYTES = 22;
const CENTRAL_BYTES = 46;
const LOCAL_BYTES = 30;
const STORED = 0;
const DEFLATED = 8;
const ENCRYPTED_FLAG = 1;
/** Longest comment after the end record. */
const MAXIMUM_COMMENT = 0xffff;
/** Files of an archive are unpacked one at a time in memory; nothing that we fetch has a larger one. */
const MAXIMUM_FILE_BYTES = 2 ** 29;

type Entry = {
  readonly name: string;
  readonly method: number;
  readonly isEncrypted: boolean;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  readonly at: number;
};

type Damaged = (reason: string, cause?: unknown) => FixynnError;

function readExactly(file: number, length: number, position: number, damaged: Damaged): Buffer {
  const bytes = Buffer.alloc(length);
  for (let got = 0; got < length; ) {
    const read = readSync(file, bytes, got, length - got, position + got);
    if (read === 0) throw damaged(`truncated at byte ${position + got}`);
    got += read;
  }
  return bytes;
}

/** Read the list of files at the end of an archive. */
function readDirectory(file: number, damaged: Damaged): Entry[] {
  const { size } = fstatSync(file);
  const tailBytes = Math.min(size, END_BYTES + MAXIMUM_COMMENT);
  const tail = readExactly(file, tailBytes, size - tailBytes, damaged);
  let end = tail.length - END_BYTES;
  while (end >= 0 && tail.readUInt32LE(end) !== END) end--;
  if (end < 0) throw damaged("no directory at its end");
  const count = tail.readUInt16LE(end + 10);
  const bytes = tail.readUInt32LE(end + 12);
  const start = tail.readUInt32LE(end + 16);
  if (count === 0xffff || start === 0xffffffff) throw damaged("ZIP64 is not read here");
  if (start + bytes > size) throw damaged("its directory lies outside");
  const directory = readExactly(file, bytes, start, damaged);
  const entries: Entry[] = [];
  for (let at = 0; entries.length < count; ) {
    if (at + CENTRAL_BYTES > bytes || directory.readUInt32LE(at) !== CENTRAL) {
      throw damaged("its directory is broken");
    }
    const nameBytes = directory.readUInt16LE(at + 28);
    const next =
      at + CENTRAL_BYTES + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
    entries.push({
      isEncrypted: (directory.readUInt16LE(at + 8) & ENCRYPTED_FLAG) !== 0,
      method: directory.readUInt16LE(at + 10),
      crc: directory.readUInt32LE(at + 16),
      packed: directory.readUInt32LE(at + 20),
      size: directory.readUInt32LE(at + 24),
      at: directory.readUInt32LE(at + 42),
      name: directory.toString("utf8", at + CENTRAL_BYTES, at + CENTRAL_BYTES + nameBytes),
    });
    at = next;
  }
  return entries;
}

function readEntry(file: number, entry: Entry, damaged: Damaged): Buffer {
  const { name, method, packed, size, at } = entry;
  if (entry.isEncrypted || (method !== STORED && method !== DEFLATED)) {
    throw damaged(`${name} is encrypted or packed by another method than deflate`);
  }
  if (packed > MAXIMUM_FILE_BYTES || size > MAXIMUM_FILE_BYTES) throw damaged(`${name} is too large`);
  const header = readExactly(file, LOCAL_BYTES, at, damaged);
  if (header.readUInt32LE(0) !== LOCAL) throw damaged(`no file at byte ${at}`);
  const start = at + LOCAL_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
  const data = readExactly(file, packed, start, damaged);
  let bytes = data;
  if (method === DEFLATED) {
    try {
      bytes = inflateRawSync(data, { maxOutputLength: Math.max(size, 1) });
    } catch (cause) {
      throw damaged(`${name}: ${cause instanceof Error ? cause.message : cause}`, cause);
    }
  }
  if (bytes.length !== size || crc32(bytes) !== entry.crc) throw damaged(`${name} has another checksum`);
  return bytes;
}

/**
 * Go through the files of a .zip on disk (stored or deflated; no ZIP64, no encryption), each compared with its CRC-32.
 *
 * @throws FixynnError FX2022 when it is truncated, damaged or of another kind
 */
export async function* zipFiles(path: string): AsyncGenerator<ArchivedFile, void, void> {
  const damaged = damagedArchive(path);
  const file = openSync(path, "r");
  async function* single(bytes: Buffer): AsyncGenerator<Buffer, void, void> {
    yield bytes;
  }
  try {
    for (const entry of readDirectory(file, damaged)) {
      if (entry.name.endsWith("/")) continue;
      yield { name: entry.name, chunks: single(readEntry(file, entry, damaged)), position: () => entry.at };
    }
  } finally {
    closeSync(file);
  }
}
