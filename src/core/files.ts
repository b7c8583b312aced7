import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { FixynnError } from "./errors.js";

/**
 * Write a file so that a reader sees the old content or the new, never a part: temporary name, then rename.
 *
 * @throws FixynnError FX8001 when the folder or file cannot be written (read-only, disk full)
 */
export function writeFileAtomic(path: string, content: string | Uint8Array): void {
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString("hex")}.part`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(temporary, content);
    renameSync(temporary, path);
  } catch (cause) {
    try {
      rmSync(temporary, { force: true });
    } catch {
      // Where the folder is none, there is nothing to remove either.
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FixynnError("FX8001", `cannot write: ${reason}`, {
      place: path,
      hint: "check permissions and free space, or choose another folder",
      cause,
    });
  }
}

/** Return the SHA-256 of some content as lower-case hex. */
export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Serialize a JSON value with sorted keys, so that equal values give equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, v: unknown) =>
    v !== null && typeof v === "object" && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : v,
  );
}

/** Find the package's own folder, from `src/` as well as from `dist/src/`. */
export const packageRoot: string = (() => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return folder;
})();

/** Read a WebAssembly kernel built from `src/kernels/NAME.ts`. */
export function readKernel(name: string): Buffer {
  const path = join(packageRoot, "dist", "kernels", `${name}.wasm`);
  if (!existsSync(path)) {
    throw new FixynnError("FX9001", "kernel not built", { place: path, hint: "run npm run build" });
  }
  return readFileSync(path);
}

/**
 * Locate a compiled worker script beside a module. From TypeScript sources (tests) it points into `dist/`.
 *
 * @param moduleUrl the caller's `import.meta.url`
 * @param relative e.g. `./train.worker.js`
 */
export function workerUrl(moduleUrl: string, relative: string): URL {
  const url = new URL(relative, moduleUrl);
  const sources = `${pathToFileURL(join(packageRoot, "src")).href}/`;
  if (!url.href.startsWith(sources)) return url;
  return new URL(url.href.replace(sources, `${pathToFileURL(join(packageRoot, "dist", "src")).href}/`));
}
