import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { FixynnError, sha256 } from "../../core/index.js";
import type { RecordStore } from "../dataset.js";
import { abandonedName, scratchName } from "../scratch.js";

/** What could not become a record, and why. */
export type Failure = { readonly index: number; readonly reason: string };

/** Records in a file of the cache. */
export type Packed = {
  readonly store: Extract<RecordStore, { kind: "file" }>;
  /** Records that hold nothing. */
  readonly failures: readonly Failure[];
};

/** Takes records in any order. */
export type RecordSink = {
  /** Whether a run that was stopped has left this record. (A record whose CRC-32 is 0 is made again.) */
  isDone(index: number): boolean;
  /** Write a record; the array is free again afterwards. */
  put(index: number, record: Uint8Array): void;
};

/** What a packed file is made of. */
export type PackRequest = {
  readonly cacheFolder: string;
  /** Beginning of the file's name. */
  readonly name: string;
  /** Names everything that the records depend on; a digest becomes part of the file's name. */
  readonly key: string;
  readonly count: number;
  readonly recordBytes: number;
  /** Makes the records that are not done; returns those that cannot be made. */
  readonly produce: (sink: RecordSink) => Promise<readonly Failure[]>;
};

/** Folder of packed files inside the cache. */
const PACKED_FOLDER = "images";
const EXTENSION = ".records";
const DIGEST_DIGITS = 24;
const MAGIC = "FXRECS1\n";
const TAIL_BYTES = 4 + MAGIC.length;
const DAY_MS = 86_400_000;

const tableAt = (shape: Pick<PackRequest, "count" | "recordBytes">): number =>
  shape.count * shape.recordBytes;

function readAt(file: number, length: number, position: number): Buffer | undefined {
  const bytes = Buffer.alloc(length);
  for (let got = 0; got < length; ) {
    const read = readSync(file, bytes, got, length - got, position + got);
    if (read === 0) return undefined;
    got += read;
  }
  return bytes;
}

/** Open a finished file; undefined when there is none, or its end is damaged. */
function openFinished(path: string, shape: Pick<PackRequest, "count" | "recordBytes">): Packed | undefined {
  if (!existsSync(path)) return undefined;
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const tail = readAt(file, TAIL_BYTES, Math.max(size - TAIL_BYTES, 0));
    if (tail === undefined || tail.toString("latin1", 4) !== MAGIC) return undefined;
    const metaAt = tableAt(shape) + 4 * shape.count;
    if (metaAt + tail.readUInt32LE(0) + TAIL_BYTES !== size) return undefined;
    const table = readAt(file, 4 * shape.count, tableAt(shape));
    const text = readAt(file, tail.readUInt32LE(0), metaAt);
    if (table === undefined || text === undefined) return undefined;
    const meta = JSON.parse(text.toString()) as { table: number; failures: [number, string][] };
    if (meta.table !== crc32(table)) return undefined;
    const checksums = new Uint32Array(new SharedArrayBuffer(4 * shape.count));
    new Uint8Array(checksums.buffer).set(table);
    return {
      store: { kind: "file", path, checksums },
      failures: meta.failures.map(([index, reason]) => ({ index, reason })),
    };
  } catch {
    return undefined;
  } finally {
    closeSync(file);
  }
}

/** Take over the unfinished file of a killed process, if there is one, and remove old ones that nobody will take. */
function adopt(folder: string, fileName: string, scratch: string): void {
  let isAdopted = false;
  for (const entry of readdirSync(folder)) {
    const wanted = abandonedName(entry);
    if (wanted === undefined) continue;
    const path = join(folder, entry);
    try {
      if (wanted === fileName && !isAdopted) {
        renameSync(path, scratch);
        isAdopted = true;
      } else if (wanted === fileName || Date.now() - statSync(path).mtimeMs > DAY_MS) {
        rmSync(path, { force: true });
      }
    } catch {
      // Another process was first.
    }
  }
}

/** Say which records of an unfinished file are whole: their checksum is in the table and is right. */
function readProgress(file: number, request: PackRequest): Uint32Array {
  const { count, recordBytes } = request;
  const table = new Uint32Array(new SharedArrayBuffer(4 * count));
  const old = readAt(file, 4 * count, tableAt(request));
  if (old === undefined) return table;
  new Uint8Array(table.buffer).set(old);
  for (let i = 0; i < count; i++) {
    if (table[i] === 0) continue;
    const record = readAt(file, recordBytes, i * recordBytes);
    if (record === undefined || crc32(record) !== table[i]) table[i] = 0;
  }
  return table;
}

function cannotWrite(place: string, cause: unknown): FixynnError {
  return new FixynnError("FX8001", `cannot write: ${cause instanceof Error ? cause.message : cause}`, {
    place,
    hint: "check permissions and free space, or choose another folder by FIXYNN_CACHE",
    cause,
  });
}

/** Run `work`, telling errors of the file system from others. */
function writing<T>(place: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw cannotWrite(place, cause);
  }
}

const safeName = (name: string): string => name.replaceAll(/[^\w.-]+/g, "_");

function packedPath(request: PackRequest): string {
  const { cacheFolder, name, key, count, recordBytes } = request;
  const digest = sha256(JSON.stringify([key, count, recordBytes])).slice(0, DIGEST_DIGITS);
  return join(cacheFolder, PACKED_FOLDER, `${safeName(name)}-${digest}${EXTENSION}`);
}

/** Remove the packed files of a name, whatever they were made of. */
export function removePacked(cacheFolder: string, name: string): void {
  const folder = join(cacheFolder, PACKED_FOLDER);
  if (!existsSync(folder)) return;
  const start = `${safeName(name)}-`;
  for (const file of readdirSync(folder)) {
    const isOf = file.startsWith(start) && file.length === start.length + DIGEST_DIGITS + EXTENSION.length;
    if (isOf && file.endsWith(EXTENSION)) rmSync(join(folder, file), { force: true });
  }
}

/** Write all bytes; a single call may write fewer. */
function writeAt(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(file, bytes, done, bytes.length - done, position + done);
  }
}

/**
 * Return a file of records of one size, and make it first if need be: the records, then a CRC-32 of each, then what failed.
 *
 * The file grows under a scratch name and gets its own by one rename. What a killed process has left is taken over: whole
 * records in it are not made again. Of two processes at once both do the work, and the last to finish wins.
 *
 * @throws FixynnError FX8001 when the cache cannot be written, and what `produce` throws
 */
export async function packRecords(request: PackRequest): Promise<Packed> {
  const { count, recordBytes, produce } = request;
  const path = packedPath(request);
  const finished = openFinished(path, request);
  if (finished !== undefined) return finished;
  const folder = dirname(path);
  const fileName = basename(path);
  const scratch = join(folder, scratchName(fileName));
  const file = writing(folder, () => {
    mkdirSync(folder, { recursive: true });
    adopt(folder, fileName, scratch);
    return openSync(scratch, existsSync(scratch) ? "r+" : "w+");
  });
  let isWhole = false;
  try {
    const table = readProgress(file, request);
    const tableBytes = new Uint8Array(table.buffer);
    const failures = await produce({
      isDone: (index) => table[index] !== 0,
      put: (index, record) =>
        writing(path, () => {
          writeAt(file, record, index * recordBytes);
          table[index] = crc32(record);
          writeAt(file, tableBytes.subarray(4 * index, 4 * index + 4), tableAt(request) + 4 * index);
        }),
    });
    const meta = Buffer.from(
      JSON.stringify({
        table: crc32(tableBytes),
        failures: failures.map(({ index, reason }) => [index, reason]),
      }),
    );
    const tail = Buffer.alloc(TAIL_BYTES);
    tail.writeUInt32LE(meta.length, 0);
    tail.write(MAGIC, 4, "latin1");
    const end = Buffer.concat([meta, tail]);
    const endAt = tableAt(request) + 4 * count;
    writing(path, () => {
      writeAt(file, tableBytes, tableAt(request));
      writeAt(file, end, endAt);
      ftruncateSync(file, endAt + end.length);
      fsyncSync(file);
      renameSync(scratch, path);
    });
    isWhole = true;
    return { store: { kind: "file", path, checksums: table }, failures };
  } finally {
    closeSync(file);
    if (!isWhole) rmSync(scratch, { force: true });
  }
}
