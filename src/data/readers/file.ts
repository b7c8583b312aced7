import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { FixynnError } from "../../core/index.js";

/** Return the code of a file system error, e.g. `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/**
 * Read a data file whole.
 *
 * @throws FixynnError FX2001 when it is missing or unreadable
 */
export async function readDataFile(path: string, hint: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const missing = errorCode(cause) === "ENOENT" || errorCode(cause) === "ENOTDIR";
    const reason = missing ? "no such file" : cause instanceof Error ? cause.message : String(cause);
    throw new FixynnError("FX2001", reason, { place: path, hint, cause });
  }
}

/**
 * Read `folder/NAME` for the first of some names that exists, unpacking `NAME.gz`.
 *
 * @throws FixynnError FX2001 when none exists, FX2002 when a .gz is damaged
 */
export async function readPlainOrGzip(
  folder: string,
  names: readonly string[],
  hint: string,
): Promise<{ readonly path: string; readonly bytes: Buffer }> {
  for (const name of names.flatMap((plain) => [plain, `${plain}.gz`])) {
    const path = join(folder, name);
    let bytes: Buffer;
    try {
      bytes = await readFile(path);
    } catch (error) {
      if (errorCode(error) === "ENOENT") continue;
      return { path, bytes: await readDataFile(path, hint) };
    }
    if (!name.endsWith(".gz")) return { path, bytes };
    try {
      return { path, bytes: await promisify(gunzip)(bytes) };
    } catch (cause) {
      throw new FixynnError("FX2002", "truncated or damaged gzip file", { place: path, hint, cause });
    }
  }
  throw new FixynnError("FX2001", "no such file", { place: join(folder, names[0] ?? ""), hint });
}

/** Read a list of class names, one a line; blank lines at the end are dropped. */
export async function readNames(path: string, hint: string): Promise<string[]> {
  const text = (await readDataFile(path, hint)).toString("utf8");
  return text.trimEnd().split(/\r?\n/);
}

/**
 * Find the folder of a set: `root` itself, or the first of some folders inside, whichever holds `probe`.
 *
 * @returns `root` when none does, so that the reader's error names it
 */
export function findFolder(root: string, inside: readonly string[], probe: string): string {
  const folders = [root, ...inside.map((name) => join(root, name))];
  return folders.find((folder) => existsSync(join(folder, probe))) ?? root;
}
