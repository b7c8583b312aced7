import { mkdirSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FixynnError, type ProgressListener } from "../../core/index.js";
import { damagedArchive, tarGzFiles } from "./tar.js";
import { zipFiles } from "./zip.js";

/** Kinds of archives, by the end of their names. */
export type ArchiveKind = "tar.gz" | "zip";

/** Whether a name from an archive stays inside the folder that it is unpacked to. */
export function isSafeName(name: string): boolean {
  const parts = name.split("/");
  return name !== "" && !/[\\:\0]/.test(name) && !name.startsWith("/") && !parts.includes("..");
}

/**
 * Unpack an archive of any size into a folder, file by file.
 *
 * @param options.folder there already
 * @returns number of files
 * @throws FixynnError FX2022 damaged, or with names that lead out of the folder; FX8001 not writable
 */
export async function unpack(
  archive: string,
  options: {
    readonly kind: ArchiveKind;
    readonly folder: string;
    /** Unpack only what lies in this folder of the archive, without it. */
    readonly inner?: string | undefined;
    readonly job: string;
    readonly onProgress: ProgressListener;
  },
): Promise<number> {
  const { kind, folder, job, onProgress } = options;
  const prefix = options.inner === undefined ? "" : `${options.inner}/`;
  const files = kind === "zip" ? zipFiles(archive) : tarGzFiles(archive);
  const total = statSync(archive).size;
  const known = new Set<string>();
  let count = 0;
  for await (const { name, chunks, position } of files) {
    if (!isSafeName(name)) throw damagedArchive(archive)(`the name "${name}" leads out of it`);
    const relative = name.replace(/^(\.\/)+/, "");
    if (!relative.startsWith(prefix)) continue;
    const path = join(folder, relative.slice(prefix.length));
    await writing({ path, archive }, async () => {
      const parent = dirname(path);
      if (!known.has(parent)) mkdirSync(parent, { recursive: true });
      known.add(parent);
      const file = await open(path, "w");
      try {
        for await (const chunk of chunks) await file.writeFile(chunk);
      } finally {
        await file.close();
      }
    });
    count++;
    if (count % 100 === 0) onProgress({ job, done: Math.min(position(), total - 1), total, unit: "bytes" });
  }
  onProgress({ job, done: total, total, unit: "bytes", note: `${count} files` });
  return count;
}

/** Tell errors of the file system from those of the archive, whose bytes come while the file is written. */
async function writing(
  place: { readonly path: string; readonly archive: string },
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (cause) {
    if (cause instanceof FixynnError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const isFileSystem = cause instanceof Error && "syscall" in cause;
    if (!isFileSystem) throw damagedArchive(place.archive)(reason, cause);
    throw new FixynnError("FX8001", `cannot write: ${reason}`, {
      place: place.path,
      hint: "check permissions and free space, or choose another folder by FIXYNN_CACHE",
      cause,
    });
  }
}
