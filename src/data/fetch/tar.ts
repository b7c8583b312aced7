import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { FixynnError } from "../../core/index.js";

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

/**
 * Take the regular files out of a .tar.gz (ustar, with the long names of pax headers); links and folders are passed over.
 *
 * @returns content by name as stored, e.g. `package/package.json`; views into one buffer
 * @throws FixynnError FX2022 when it is truncated or damaged
 */
export async function readTarGz(archive: Uint8Array, place: string): Promise<Map<string, Buffer>> {
  const damaged = (reason: string, cause?: unknown) =>
    new FixynnError("FX2022", `damaged archive: ${reason}`, { place, hint: "fetch it again", cause });
  let tar: Buffer;
  try {
    tar = await promisify(gunzip)(archive, { maxOutputLength: MAXIMUM_BYTES });
  } catch (cause) {
    throw damaged(cause instanceof Error ? cause.message : String(cause), cause);
  }
  const files = new Map<string, Buffer>();
  let pax = new Map<string, string>();
  for (let at = 0; at + BLOCK <= tar.length; ) {
    const header = tar.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) return files;
    if (octal(header, 148, 8) !== checksum(header)) throw damaged(`bad header checksum at byte ${at}`);
    const size = Number(pax.get("size") ?? octal(header, 124, 12));
    if (!Number.isSafeInteger(size) || size < 0 || at + BLOCK + size > tar.length) {
      throw damaged(`truncated at byte ${at}`);
    }
    const data = tar.subarray(at + BLOCK, at + BLOCK + size);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    const type = String.fromCharCode(header[156]!);
    if (type === "x") {
      pax = paxRecords(data);
      continue;
    }
    if (type === "0" || type === "\0") {
      const prefix = text(header, 257, 5) === "ustar" ? text(header, 345, 155) : "";
      const name = text(header, 0, 100);
      files.set(pax.get("path") ?? (prefix === "" ? name : `${prefix}/${name}`), data);
    }
    // A global header ("g") keeps no names; it must not consume the header of the next file.
    if (type !== "g") pax = new Map();
  }
  throw damaged("no end marker");
}
