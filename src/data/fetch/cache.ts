import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { FixynnError } from "../../core/index.js";
import { abandonedName, scratchName } from "../scratch.js";

/** SHA-256 (hex) of each file of a set. */
export type Checksums = Readonly<Record<string, string>>;

/**
 * Return the folder for downloaded data: `FIXYNN_CACHE`, else `$XDG_CACHE_HOME/fixynn`, else `~/.cache/fixynn`.
 */
export function defaultCacheFolder(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const own = environment["FIXYNN_CACHE"];
  if (own !== undefined && own !== "") return own;
  const xdg = environment["XDG_CACHE_HOME"];
  return join(xdg !== undefined && xdg !== "" ? xdg : join(homedir(), ".cache"), "fixynn");
}

async function sha256OfFile(path: string, isGzip: boolean): Promise<string> {
  const hash = createHash("sha256");
  const chunks = createReadStream(path, { highWaterMark: 2 ** 20 });
  await (isGzip ? pipeline(chunks, createGunzip(), hash) : pipeline(chunks, hash));
  return hash.digest("hex");
}

/** State of a set of files: all there and right, some missing, or all there and some with other content. */
export type SetState =
  | { readonly kind: "complete" }
  | { readonly kind: "missing"; readonly files: readonly string[] }
  | { readonly kind: "damaged"; readonly files: readonly string[] };

/** Compare a folder's files (`NAME` or `NAME.gz`, by their unpacked content) with their checksums. */
export async function checkFiles(folder: string, checksums: Checksums): Promise<SetState> {
  const missing: string[] = [];
  const damaged: string[] = [];
  for (const [name, expected] of Object.entries(checksums)) {
    const path = [name, `${name}.gz`].map((file) => join(folder, file)).find((file) => existsSync(file));
    if (path === undefined) {
      missing.push(name);
      continue;
    }
    const actual = await sha256OfFile(path, path.endsWith(".gz")).catch(() => "unreadable");
    if (actual !== expected) damaged.push(name);
  }
  if (missing.length > 0) return { kind: "missing", files: missing };
  return damaged.length > 0 ? { kind: "damaged", files: damaged } : { kind: "complete" };
}

/** Remove what killed processes of this machine left behind. */
async function removeAbandoned(cacheFolder: string): Promise<void> {
  for (const name of await readdir(cacheFolder)) {
    if (abandonedName(name) !== undefined)
      await rm(join(cacheFolder, name), { recursive: true, force: true });
  }
}

/**
 * Return a folder of the cache whose files have the given checksums, and make it first if need be.
 *
 * The files are made in a scratch folder of this process and put in place by one rename, so that a reader never sees a
 * part, a killed run leaves nothing that counts, and of two processes at once the first to finish wins. A damaged folder
 * is made again.
 *
 * @param options.produce makes the files; may use the given empty scratch folder
 * @throws FixynnError FX2023 when what was made has other checksums, FX8001 when the cache cannot be written; and what
 * `produce` throws
 */
export async function ensureCached(options: {
  readonly cacheFolder: string;
  /** Name of the folder inside the cache. */
  readonly name: string;
  readonly checksums: Checksums;
  readonly place: string;
  readonly produce: (scratch: string) => Promise<ReadonlyMap<string, Uint8Array>>;
}): Promise<string> {
  const { cacheFolder, name, checksums, place, produce } = options;
  const target = join(cacheFolder, name);
  const isComplete = async () => (await checkFiles(target, checksums)).kind === "complete";
  if (await isComplete()) return target;
  const scratch = join(cacheFolder, scratchName(name));
  const download = join(scratch, "download");
  const made = join(scratch, "made");
  const writing = async <T>(action: Promise<T>): Promise<T> => {
    try {
      return await action;
    } catch (cause) {
      throw new FixynnError("FX8001", `cannot write: ${cause instanceof Error ? cause.message : cause}`, {
        place: cacheFolder,
        hint: "check permissions and free space, or choose another folder by FIXYNN_CACHE",
        cause,
      });
    }
  };
  try {
    await writing(mkdir(download, { recursive: true }));
    await writing(mkdir(made));
    await removeAbandoned(cacheFolder);
    const files = await produce(download);
    const wrong = Object.entries(checksums).filter(([file, expected]) => {
      const bytes = files.get(file);
      return bytes === undefined || createHash("sha256").update(bytes).digest("hex") !== expected;
    });
    if (wrong.length > 0) {
      throw new FixynnError("FX2023", `unexpected content of ${wrong.map(([file]) => file).join(", ")}`, {
        place,
        hint: "the decoder gave other bytes than those of the known set; please report this",
      });
    }
    for (const [file, bytes] of files) await writing(writeFile(join(made, file), bytes));
    const sums = Object.entries(checksums).map(([file, sum]) => `${sum}  ${file}\n`);
    await writing(writeFile(join(made, "SHA256SUMS"), sums.join("")));
    await putInPlace(made, target, { isComplete, aside: join(scratch, "replaced"), writing });
    return target;
  } finally {
    // A scratch folder that cannot be removed now is removed by a later run; it must not hide the outcome of this one.
    await rm(scratch, { recursive: true, force: true }).catch(() => {});
  }
}

/** Rename a finished folder to its place, unless another process was first; what was damaged goes aside. */
async function putInPlace(
  made: string,
  target: string,
  options: {
    readonly isComplete: () => Promise<boolean>;
    readonly aside: string;
    readonly writing: (action: Promise<void>) => Promise<void>;
  },
): Promise<void> {
  try {
    await rename(made, target);
  } catch {
    // Somebody's folder is there: keep it when it is good.
    if (await options.isComplete()) return;
    if (existsSync(target)) await options.writing(rename(target, options.aside));
    await options.writing(rename(made, target));
  }
}
