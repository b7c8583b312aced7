import { createHash } from "node:crypto";
import {
  closeSync,
  createReadStream,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from "node:fs";
import { get as httpGet, type IncomingMessage, type RequestOptions } from "node:http";
import { get as httpsGet } from "node:https";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { FixynnError, type ProgressListener, writeFileAtomic } from "../../core/index.js";
import { errorCode } from "../readers/file.js";

/** Digests (hex) of a file. */
export type FileSums = { readonly md5?: string; readonly sha256?: string };

/** What to download, and how it is known to be right. */
export type DownloadRequest = {
  /** Addresses of the same file, best first; the next is tried when one cannot be reached or does not have it. */
  readonly urls: readonly string[];
  /** File to write. */
  readonly path: string;
  /** Published digests; empty when none is published. */
  readonly sums: FileSums;
  readonly job: string;
  /** What the user can do otherwise, for hints. */
  readonly otherwise: string;
  readonly onProgress: ProgressListener;
  /** How often a cut connection is taken up again; default 4. */
  readonly attempts?: number | undefined;
  /** Give up when nothing comes for so long; default 60 s. */
  readonly silenceMs?: number | undefined;
};

const MAXIMUM_REDIRECTS = 8;

/** Beside the part of a file: which version of it the part is of. */
const partSchema = z.object({ url: z.string(), validator: z.string() });

type Part = { readonly bytes: number; readonly validator: string };

const partPath = (path: string): string => `${path}.part`;
const notePath = (path: string): string => `${path}.part.json`;

function removePart(path: string): void {
  rmSync(partPath(path), { force: true });
  rmSync(notePath(path), { force: true });
}

/** Find the part that an earlier download from this address has left. */
function findPart(path: string, url: string): Part | undefined {
  if (!existsSync(partPath(path)) || !existsSync(notePath(path))) return undefined;
  try {
    const note = partSchema.parse(JSON.parse(readFileSync(notePath(path), "utf8")));
    const { size } = statSync(partPath(path));
    return note.url === url && size > 0 ? { bytes: size, validator: note.validator } : undefined;
  } catch {
    return undefined;
  }
}

/** Return what identifies this version of the file in `If-Range`: a strong ETag, else the date (RFC 9110, 13.1.5). */
function validatorOf(response: IncomingMessage): string {
  const { etag } = response.headers;
  if (etag !== undefined && !etag.startsWith("W/")) return etag;
  return response.headers["last-modified"] ?? "";
}

/** A reason to try again or elsewhere. */
class TransferError extends Error {
  readonly kind: "cut" | "unreachable" | "refused";
  constructor(kind: TransferError["kind"], message: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}

function request(url: string, headers: Record<string, string>, silenceMs: number): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options: RequestOptions = {
      headers: { "user-agent": "fixynn", "accept-encoding": "identity", ...headers },
    };
    const get = new URL(url).protocol === "https:" ? httpsGet : httpGet;
    const sent = get(url, options, resolve);
    sent.setTimeout(silenceMs, () => sent.destroy(new Error(`nothing came for ${silenceMs / 1000} s`)));
    sent.on("error", (cause) => {
      const code = errorCode(cause);
      reject(
        new TransferError(
          "unreachable",
          code === undefined ? cause.message : `${code} ${cause.message}`,
          cause,
        ),
      );
    });
  });
}

/** Follow redirects; never from HTTPS to plain HTTP. */
async function follow(
  url: string,
  headers: Record<string, string>,
  silenceMs: number,
): Promise<IncomingMessage> {
  let address = url;
  for (let hops = 0; hops <= MAXIMUM_REDIRECTS; hops++) {
    const response = await request(address, headers, silenceMs);
    const { statusCode = 0 } = response;
    const { location } = response.headers;
    if (statusCode < 300 || statusCode > 399 || location === undefined) return response;
    response.resume();
    const next = new URL(location, address);
    if (address.startsWith("https:") && next.protocol !== "https:") {
      throw new TransferError("refused", `redirected from HTTPS to ${next.href}`);
    }
    if (next.protocol !== "https:" && next.protocol !== "http:") {
      throw new TransferError("refused", `redirected to ${next.href}`);
    }
    address = next.href;
  }
  throw new TransferError("refused", `more than ${MAXIMUM_REDIRECTS} redirects`);
}

function cannotWrite(path: string, cause: unknown): FixynnError {
  const full = errorCode(cause) === "ENOSPC";
  const reason = full ? "no space left" : cause instanceof Error ? cause.message : String(cause);
  return new FixynnError("FX8001", `cannot write: ${reason}`, {
    place: path,
    hint: "check permissions and free space, or choose another folder by FIXYNN_CACHE; what is there is kept",
    cause,
  });
}

/** Refuse a download that cannot fit. */
function checkSpace(path: string, bytes: number): void {
  const space = statfsSync(dirname(path));
  const free = space.bavail * space.bsize;
  if (free < bytes) {
    throw new FixynnError(
      "FX8001",
      `not enough space: ${Math.ceil(bytes / 1e6)} MB to come, ${Math.floor(free / 1e6)} MB free`,
      { place: dirname(path), hint: "make room, or choose another folder by FIXYNN_CACHE" },
    );
  }
}

/**
 * Append a response's body to a file as it comes. Written at once, so that nothing that has arrived is lost when the
 * connection is cut.
 */
function receive(
  response: IncomingMessage,
  options: { readonly file: number; readonly path: string; readonly onBytes: (bytes: number) => void },
): Promise<void> {
  const { file, path, onBytes } = options;
  return new Promise((resolve, reject) => {
    response.on("data", (chunk: Buffer) => {
      try {
        for (let at = 0; at < chunk.length; ) at += writeSync(file, chunk, at);
      } catch (cause) {
        reject(cannotWrite(path, cause));
        response.destroy();
        return;
      }
      onBytes(chunk.length);
    });
    response.on("end", resolve);
    response.on("error", reject);
    response.on("close", () => reject(new Error("closed")));
  });
}

/** Open the part to go on, or empty it and note which version it will be of. */
function openPart(path: string, note: z.input<typeof partSchema> | undefined): number {
  try {
    if (note === undefined) return openSync(partPath(path), "a");
    // In this order: a part without a note is never gone on with.
    rmSync(notePath(path), { force: true });
    const file = openSync(partPath(path), "w");
    writeFileAtomic(notePath(path), JSON.stringify(note));
    return file;
  } catch (cause) {
    throw cause instanceof FixynnError ? cause : cannotWrite(path, cause);
  }
}

/** Transfer what is missing of the file; resolves when its part is whole. */
async function transfer(url: string, options: DownloadRequest): Promise<void> {
  const { path, job, onProgress, silenceMs = 60_000 } = options;
  const part = findPart(path, url);
  const headers: Record<string, string> =
    part === undefined || part.validator === ""
      ? {}
      : { range: `bytes=${part.bytes}-`, "if-range": part.validator };
  // No waiting from here until the body is listened to: a connection that is cut meanwhile would go unnoticed.
  const response = await follow(url, headers, silenceMs);
  const { statusCode = 0 } = response;
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers["content-range"] ?? "");
  const isRest = statusCode === 206 && part !== undefined && Number(range?.[1]) === part.bytes;
  if (statusCode === 416 && part !== undefined) {
    response.resume();
    // The part is whole already, or is of no use; the digest or the next attempt will tell.
    if (response.headers["content-range"] === `bytes */${part.bytes}`) return;
    removePart(path);
    throw new TransferError("cut", "the part that was there does not fit");
  }
  if (statusCode !== 200 && !isRest) {
    response.destroy();
    throw new TransferError(
      "refused",
      `the server answers ${statusCode} ${response.statusMessage ?? ""}`.trimEnd(),
    );
  }
  const start = isRest ? part.bytes : 0;
  const length = Number(response.headers["content-length"] ?? Number.NaN);
  const total = start + length;
  let done = start;
  let file: number;
  try {
    if (!Number.isNaN(length)) checkSpace(path, length);
    file = openPart(path, isRest ? undefined : { url, validator: validatorOf(response) });
  } catch (error) {
    response.destroy();
    throw error;
  }
  let last = 0;
  const report = (): void => {
    const now = Date.now();
    if (now - last < 200 && done !== total) return;
    last = now;
    onProgress({ job, done, total: Number.isNaN(total) ? 0 : total, unit: "bytes" });
  };
  try {
    report();
    const onBytes = (bytes: number): void => {
      done += bytes;
      report();
    };
    await receive(response, { file, path, onBytes });
  } catch (cause) {
    if (cause instanceof FixynnError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TransferError("cut", `connection cut after ${done} of ${total} bytes (${reason})`, cause);
  } finally {
    closeSync(file);
  }
  if (!Number.isNaN(length) && done !== total) {
    throw new TransferError("cut", `connection cut after ${done} of ${total} bytes`);
  }
}

/** Compute digests of a file. */
export async function digestFile(path: string, algorithms: readonly ("md5" | "sha256")[]): Promise<FileSums> {
  const hashes = algorithms.map((name) => [name, createHash(name)] as const);
  await pipeline(
    createReadStream(path, { highWaterMark: 2 ** 20 }),
    async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) for (const [, hash] of hashes) hash.update(chunk);
    },
  );
  return Object.fromEntries(hashes.map(([name, hash]) => [name, hash.digest("hex")]));
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Transfer from the first address that has the file, taking cut connections up again. */
async function transferFromAny(options: DownloadRequest): Promise<string> {
  const { urls, path, attempts = 4, otherwise } = options;
  const reasons: string[] = [];
  let kind: TransferError["kind"] = "unreachable";
  for (const url of urls) {
    for (let attempt = 1; attempt <= attempts; attempt++) {
      try {
        await transfer(url, options);
        return url;
      } catch (error) {
        if (!(error instanceof TransferError)) throw error;
        kind = error.kind;
        if (kind === "cut" && attempt < attempts) {
          await wait(250 * 2 ** attempt);
          continue;
        }
        reasons.push(urls.length === 1 ? error.message : `${url}: ${error.message}`);
        break;
      }
    }
  }
  const goesOn = kind === "cut" ? `; the same command goes on where it was (${partPath(path)})` : "";
  throw new FixynnError("FX2024", `cannot download: ${reasons.join("; ")}`, {
    place: urls[0] ?? path,
    hint: `${otherwise}${goesOn}`,
  });
}

/**
 * Download a file over HTTP(S) and compare its digests with the published ones. A part that an earlier call has left is
 * completed (`Range` with `If-Range`: strong ETag or date), also after a kill; a server that has another version by now, or
 * knows no ranges, sends all of it anew. Nothing appears under `path` before it is whole and right.
 *
 * @returns the digests that were asked for, or the SHA-256 when none is published
 * @throws FixynnError FX2021 wrong digest (the download is removed), FX2024 the server cannot be reached, does not have the
 * file or cuts the connection again and again, FX8001 not enough space or not writable
 */
export async function download(options: DownloadRequest): Promise<FileSums> {
  const { path, sums, otherwise } = options;
  try {
    mkdirSync(dirname(path), { recursive: true });
  } catch (cause) {
    throw cannotWrite(dirname(path), cause);
  }
  const url = await transferFromAny(options);
  const known = (["md5", "sha256"] as const).filter((name) => sums[name] !== undefined);
  const actual = await digestFile(partPath(path), known.length === 0 ? ["sha256"] : known);
  const wrong = known.find((name) => actual[name] !== sums[name]);
  if (wrong !== undefined) {
    const { size } = statSync(partPath(path));
    removePart(path);
    throw new FixynnError(
      "FX2021",
      `wrong checksum: ${size} bytes with ${wrong} ${actual[wrong]}, published is ${sums[wrong]}`,
      {
        place: url,
        hint: `the download was damaged or the file has changed there; try again, or ${otherwise}`,
      },
    );
  }
  renameSync(partPath(path), path);
  rmSync(notePath(path), { force: true });
  return actual;
}
