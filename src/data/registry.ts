import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { FixynnError, writeFileAtomic } from "../core/index.js";
import { defaultCacheFolder } from "./fetch/cache.js";
import { KNOWN_SETS } from "./official.js";
import { checkSpec, type SetCounts } from "./read.js";
import { type KindSpec, kindSchema, parseKindSpec } from "./spec.js";
import { removePacked } from "./store/packed.js";

const FORMAT = "fixynn-datasets-1";
const count = z.int().min(0);
const entrySchema = z.object({
  spec: kindSchema,
  counts: z.object({ classes: count, train: count, test: count }),
  added: z.string(),
});
const registrySchema = z.object({ format: z.literal(FORMAT), sets: z.record(z.string(), entrySchema) });

/** A set that was added, with the absolute path of its files. */
export type RegisteredSet = z.output<typeof entrySchema>;

/** Where the registry is. */
export type RegistryOptions = {
  /** Default `FIXYNN_CACHE`, `$XDG_CACHE_HOME/fixynn` or `~/.cache/fixynn`. */
  readonly cacheFolder?: string | undefined;
  /** Default `process.env`. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
};

export const cacheFolderOf = (options: RegistryOptions): string =>
  options.cacheFolder ?? defaultCacheFolder(options.environment);

const registryPath = (cacheFolder: string): string => join(cacheFolder, "datasets.json");

function readRegistry(cacheFolder: string): Record<string, RegisteredSet> {
  const path = registryPath(cacheFolder);
  if (!existsSync(path)) return {};
  try {
    return registrySchema.parse(JSON.parse(readFileSync(path, "utf8"))).sets;
  } catch (cause) {
    throw new FixynnError("FX2041", "damaged list of datasets", {
      place: path,
      hint: "remove the file and add your sets again (fixynn data add)",
      cause,
    });
  }
}

function writeRegistry(cacheFolder: string, sets: Record<string, RegisteredSet>): void {
  writeFileAtomic(registryPath(cacheFolder), `${JSON.stringify({ format: FORMAT, sets }, null, 2)}\n`);
}

/** Put a set that was checked into the registry. */
export function registerSet(
  name: string,
  set: { readonly spec: KindSpec; readonly counts: SetCounts },
  options: RegistryOptions = {},
): void {
  const cacheFolder = cacheFolderOf(options);
  const sets = readRegistry(cacheFolder);
  const entry = { ...set, added: new Date().toISOString() };
  writeRegistry(cacheFolder, { ...sets, [name]: entry });
}

/**
 * Add a local copy of a set under a name, after checking that it reads; `{ "name": NAME }` finds it then.
 *
 * @param spec a kind and a path, with the kind's options; see `datasetSpecSchema`
 * @throws FixynnError FX2011 bad spec or name, FX2041 damaged registry, FX8001 not writable, and the errors of the readers
 */
export async function addDataset(
  name: string,
  spec: unknown,
  options: RegistryOptions & { readonly baseFolder?: string | undefined } = {},
): Promise<SetCounts> {
  if (!/^[\w.-]+$/.test(name)) {
    throw new FixynnError("FX2011", `"${name}" is not a name`, {
      place: "name",
      hint: "use letters, digits, dots, dashes and underscores",
    });
  }
  const parsed = parseKindSpec(spec);
  const folder = resolve(options.baseFolder ?? ".", parsed.path);
  const cacheFolder = cacheFolderOf(options);
  readRegistry(cacheFolder);
  const counts = await checkSpec(parsed, folder, { cacheFolder });
  registerSet(name, { spec: { ...parsed, path: folder }, counts }, options);
  return counts;
}

/**
 * Take a set out of the registry, and remove the decoded images of its name. Its files stay where they are.
 *
 * @returns the entry that was removed
 * @throws FixynnError FX2042 no such set, FX2041 damaged registry, FX8001 not writable
 */
export function removeDataset(name: string, options: RegistryOptions = {}): RegisteredSet {
  const cacheFolder = cacheFolderOf(options);
  const { [name]: removed, ...rest } = readRegistry(cacheFolder);
  if (removed === undefined) {
    throw new FixynnError("FX2042", `no dataset "${name}" was added`, {
      place: registryPath(cacheFolder),
      hint: "fixynn data list shows them",
    });
  }
  writeRegistry(cacheFolder, rest);
  for (const part of ["train", "test"]) removePacked(cacheFolder, `${name}-${part}`);
  return removed;
}

/** Return the sets that were added or downloaded, by name. */
export const registeredSets = (options: RegistryOptions = {}): Readonly<Record<string, RegisteredSet>> =>
  readRegistry(cacheFolderOf(options));

/**
 * Find the files of a set by its name: one that was added or downloaded and whose folder is still there, or a known set in
 * `FIXYNN_DATA/FOLDER`. CIFAR-10 and MNIST, which are fetched when they are needed, are found only when they were added.
 *
 * @returns undefined when the set is not here
 */
export function findDataset(name: string, options: RegistryOptions = {}): KindSpec | undefined {
  const registered = registeredSets(options)[name];
  if (registered !== undefined && existsSync(registered.spec.path)) return registered.spec;
  const known = KNOWN_SETS[name];
  const supplied = (options.environment ?? process.env)["FIXYNN_DATA"];
  if (known === undefined || supplied === undefined || supplied === "") return undefined;
  const path = join(resolve(supplied), known.folder);
  return existsSync(path) ? parseKindSpec({ kind: known.kind, path }) : undefined;
}

const MISSING_CODE = "FX2040";

/** The error of a known or added set whose files are not here. */
export function missingDataset(name: string, options: RegistryOptions): FixynnError {
  const known = KNOWN_SETS[name];
  const gone = registeredSets(options)[name];
  const add = `fixynn data add ${name} --kind ${gone?.spec.kind ?? known?.kind ?? "KIND"} --path FOLDER`;
  const isGettable = (known?.files.length ?? 0) > 0;
  return new FixynnError(
    MISSING_CODE,
    gone === undefined
      ? `the data of "${name}" is not here`
      : `the folder of "${name}" is gone: ${gone.spec.path}`,
    {
      place: `dataset ${name}`,
      hint: isGettable
        ? `run "fixynn data get ${name}" to download it, or "${add}" for a copy of yours`
        : `run "${add}"`,
    },
  );
}

/** Whether an error says that the data of a set is not here, so that other sets may go on without it. */
export const isDatasetMissing = (error: unknown): error is FixynnError =>
  error instanceof FixynnError && error.code === MISSING_CODE;
