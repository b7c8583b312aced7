import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, extname, join, relative, resolve } from "node:path";
import { createRng, FixynnError } from "../../core/index.js";
import { firstFew } from "../check.js";
import type { Dataset } from "../dataset.js";
import { defaultCacheFolder } from "../fetch/cache.js";
import { holdOut } from "../split.js";
import { errorCode } from "./file.js";
import { type DecodeListingOptions, decodeListing, type ListedImages, type Listing } from "./listing.js";

/** Options of {@link listFolder}. */
export type FolderOptions = {
  /** Share of each class for testing when the folder has no train/ and test/; default 0.2. */
  readonly testFraction?: number;
  /** Seed of that division; default 1. */
  readonly seed?: number;
  /** Default: the folder's own name. */
  readonly name?: string;
};

const IMAGE_EXTENSIONS = new Set([".jpg", ".jpeg", ".png"]);
const LAYOUTS = "either CLASS/*.jpg, or train/CLASS/*.jpg and test/CLASS/*.jpg";

type Entry = { readonly name: string; readonly path: string; readonly isFolder: boolean };

/** Whether a symbolic link leads to a folder. */
async function leadsToFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    const reason = errorCode(cause) === "ENOENT" ? "a link that leads nowhere" : String(cause);
    throw new FixynnError("FX2001", reason, { place: path, hint: "remove or mend it", cause });
  }
}

/** List a folder without dotfiles, sorted by code units, symbolic links followed. */
async function list(folder: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const found of await namesIn(folder)) {
    const { name } = found;
    const path = join(folder, name);
    const isFolder = found.isSymbolicLink() ? await leadsToFolder(path) : found.isDirectory();
    entries.push({ name, path, isFolder });
  }
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function namesIn(folder: string): Promise<readonly Dirent[]> {
  try {
    const all = await readdir(folder, { withFileTypes: true });
    return all.filter(({ name }) => !name.startsWith("."));
  } catch (cause) {
    const code = errorCode(cause);
    const reason = code === "ENOENT" ? "no such folder" : code === "ENOTDIR" ? "not a folder" : String(cause);
    throw new FixynnError("FX2001", reason, {
      place: folder,
      hint: `give a folder of images: ${LAYOUTS}`,
      cause,
    });
  }
}

/** Refuse what is neither a folder nor an image where only the one or the other may be. */
function refuse(root: string, strangers: readonly Entry[], expected: string): void {
  if (strangers.length === 0) return;
  const names = strangers.map(({ path, isFolder }) => relative(root, path) + (isFolder ? "/" : ""));
  throw new FixynnError("FX2007", `not ${expected}: ${firstFew(names)}`, {
    place: root,
    hint: `remove them (dotfiles are ignored); the layout is ${LAYOUTS}`,
  });
}

type ListedClass = { readonly name: string; readonly files: readonly string[] };

/** List the images of each class folder. */
async function listClasses(folder: string, entries: readonly Entry[]): Promise<ListedClass[]> {
  refuse(
    folder,
    entries.filter(({ isFolder }) => !isFolder),
    "a class folder",
  );
  const classes: ListedClass[] = [];
  for (const { name, path } of entries) {
    const inside = await list(path);
    const isImage = (entry: Entry) =>
      !entry.isFolder && IMAGE_EXTENSIONS.has(extname(entry.name).toLowerCase());
    refuse(
      folder,
      inside.filter((entry) => !isImage(entry)),
      "a JPEG or PNG image",
    );
    if (inside.length === 0) {
      throw new FixynnError("FX2005", "empty class folder", {
        place: path,
        hint: "add images or remove the folder",
      });
    }
    classes.push({ name, files: inside.map((entry) => entry.path) });
  }
  return classes;
}

function flatten(classes: readonly ListedClass[]): ListedImages {
  return {
    files: classes.flatMap(({ files }) => files.map((path) => ({ path }))),
    labels: Uint16Array.from(classes.flatMap(({ files }, label) => files.map(() => label))),
  };
}

const pick = ({ files, labels }: ListedImages, indices: Uint32Array): ListedImages => ({
  files: Array.from(indices, (i) => files[i]!),
  labels: Uint16Array.from(indices, (i) => labels[i]!),
});

/** Find classes, training files and test files in one of the two layouts. */
async function scan(
  root: string,
  options: { readonly testFraction: number; readonly seed: number },
): Promise<{
  readonly classes: readonly string[];
  readonly train: ListedImages;
  readonly test: ListedImages;
}> {
  const entries = await list(root);
  const part = (name: string) => entries.find((entry) => entry.isFolder && entry.name === name);
  const [trainEntry, testEntry] = [part("train"), part("test")];
  if (trainEntry === undefined && testEntry === undefined) {
    const classes = await listClasses(root, entries);
    checkClasses(root, classes);
    const all = flatten(classes);
    const { kept, held } = holdOut(all, { fraction: options.testFraction, rng: createRng(options.seed) });
    return { classes: classes.map(({ name }) => name), train: pick(all, kept), test: pick(all, held) };
  }
  if (trainEntry === undefined || testEntry === undefined) {
    const [there, missing] = trainEntry === undefined ? ["test", "train"] : ["train", "test"];
    throw new FixynnError("FX2001", `${there}/ without ${missing}/`, {
      place: root,
      hint: `the layout is ${LAYOUTS}`,
    });
  }
  refuse(
    root,
    entries.filter((entry) => entry !== trainEntry && entry !== testEntry),
    "train/ or test/",
  );
  const train = await listClasses(trainEntry.path, await list(trainEntry.path));
  const test = await listClasses(testEntry.path, await list(testEntry.path));
  checkClasses(trainEntry.path, train);
  for (const [here, there, place] of [
    [train, test, testEntry.path],
    [test, train, trainEntry.path],
  ] as const) {
    const known = new Set(there.map(({ name }) => name));
    const missing = here.map(({ name }) => name).filter((name) => !known.has(name));
    if (missing.length > 0) {
      throw new FixynnError("FX2010", `no folder for class ${firstFew(missing)}`, {
        place,
        hint: "train/ and test/ must have the same classes",
      });
    }
  }
  return { classes: train.map(({ name }) => name), train: flatten(train), test: flatten(test) };
}

function checkClasses(place: string, classes: readonly ListedClass[]): void {
  if (classes.length === 0) {
    throw new FixynnError("FX2014", "no class folders", { place, hint: `the layout is ${LAYOUTS}` });
  }
  if (classes.length === 1) {
    throw new FixynnError("FX2004", `a single class, ${classes[0]!.name}`, {
      place,
      hint: "a classifier needs at least two class folders",
    });
  }
}

/**
 * List a folder of JPEG and PNG images: `CLASS/*.jpg`, divided into training and test images by a seeded stratified
 * choice, or `train/CLASS/*.jpg` and `test/CLASS/*.jpg`. Classes are the folder names, sorted by code units.
 *
 * @throws FixynnError FX2001 no folder, FX2004 single class, FX2005 empty class folder, FX2007 other files (dotfiles are
 * ignored), FX2010 classes of train/ and test/ that differ, FX2012 fraction, FX2014 no images
 */
export async function listFolder(root: string, options: FolderOptions = {}): Promise<Listing> {
  const { testFraction = 0.2, seed = 1 } = options;
  const name = options.name ?? basename(resolve(root));
  return { name, root, ...(await scan(root, { testFraction, seed })), origin: `folder ${name}` };
}

/**
 * Read a folder of images; see {@link listFolder} for the layouts and {@link decodeListing} for what becomes of the images.
 *
 * @throws FixynnError the errors of both
 */
export async function readFolder(
  root: string,
  options: FolderOptions & Partial<DecodeListingOptions> & Pick<DecodeListingOptions, "side">,
): Promise<Dataset> {
  const { resize = "crop", cacheFolder = defaultCacheFolder() } = options;
  return decodeListing(await listFolder(root, options), { ...options, resize, cacheFolder });
}
