import { assertNever, FixynnError, type ProgressListener } from "../core/index.js";
import type { Dataset } from "./dataset.js";
import { listAircraft } from "./readers/aircraft.js";
import { readCifar10 } from "./readers/cifar10.js";
import { readCifar100 } from "./readers/cifar100.js";
import { listFlowers102, listPackedFlowers } from "./readers/flowers102.js";
import { listFolder } from "./readers/folder.js";
import { listGtsrb } from "./readers/gtsrb.js";
import { readGtsrb32 } from "./readers/gtsrb32.js";
import { checkListing, decodeListing, type Listing } from "./readers/listing.js";
import { readMnist } from "./readers/mnist.js";
import { readSvhn } from "./readers/svhn.js";
import type { KindSpec } from "./spec.js";
import type { Storage } from "./store/storage.js";

/** Kinds whose images are decoded from files of any size. */
type ImageSpec = Extract<KindSpec, { resize: string }>;
type RecordSpec = Exclude<KindSpec, ImageSpec>;

/** Whether the images of a spec are decoded from files, so that reading them needs a side. */
export const isImageSpec = (spec: KindSpec): spec is ImageSpec => "resize" in spec;

function listImages(spec: ImageSpec, folder: string): Promise<Listing> {
  switch (spec.kind) {
    case "gtsrb":
      return listGtsrb(folder, { roi: spec.roi });
    case "flowers102":
      return listFlowers102(folder);
    case "flowers89":
      return listPackedFlowers(folder);
    case "aircraft":
      return listAircraft(folder, spec.labels);
    case "folder":
      return listFolder(folder, { testFraction: spec.testFraction, seed: spec.seed });
    default:
      return assertNever(spec);
  }
}

async function readRecordSet(spec: RecordSpec, folder: string, storage: Storage): Promise<Dataset> {
  switch (spec.kind) {
    case "cifar10":
      return readCifar10(folder, storage);
    case "cifar100":
      return readCifar100(folder, spec.labels, storage);
    case "svhn":
      return readSvhn(folder, { ...storage, extra: spec.extra });
    case "gtsrb32":
      return readGtsrb32(folder, storage);
    case "mnist":
      return readMnist(folder, { rgb: spec.rgb, ...(spec.classes && { classes: spec.classes }) });
    default:
      return assertNever(spec);
  }
}

/** Options of {@link readSpec}. */
export type ReadOptions = {
  readonly storage: Storage;
  /** Side of decoded images, pixels. */
  readonly side?: number | undefined;
  readonly onProgress?: ProgressListener | undefined;
};

/**
 * Read the files of a spec from a folder. Record sets keep their size.
 *
 * @throws FixynnError FX2011 no side, or a short side below it; and the errors of the readers
 */
export async function readSpec(spec: KindSpec, folder: string, options: ReadOptions): Promise<Dataset> {
  const { storage, side, onProgress } = options;
  if (!isImageSpec(spec)) return readRecordSet(spec, folder, storage);
  if (side === undefined) {
    throw new FixynnError("FX2011", "a set of image files needs the side to resize to", {
      place: folder,
      hint: "give the network's input side",
    });
  }
  const { resize, shortSide, undecodable } = spec;
  if (shortSide !== undefined && shortSide < side) {
    throw new FixynnError("FX2011", `${shortSide} is below the side of the images, ${side}`, {
      place: "dataset.shortSide",
      hint: "leave it out or make it larger",
    });
  }
  const { cacheFolder } = storage;
  const listing = await listImages(spec, folder);
  return decodeListing(
    { ...listing, name: spec.name ?? listing.name },
    { side, resize, shortSide, undecodable, cacheFolder, onProgress },
  );
}

/** What a set holds. */
export type SetCounts = { readonly classes: number; readonly train: number; readonly test: number };

/**
 * Check that a set reads, without decoding all of its images, and count them.
 *
 * @throws FixynnError the errors of the readers
 */
export async function checkSpec(spec: KindSpec, folder: string, storage: Storage): Promise<SetCounts> {
  if (!isImageSpec(spec)) {
    const { classes, train, test } = await readRecordSet(spec, folder, storage);
    return { classes: classes.length, train: train.count, test: test.count };
  }
  const listing = await listImages(spec, folder);
  await checkListing(listing);
  const { classes, train, test } = listing;
  return { classes: classes.length, train: train.files.length, test: test.files.length };
}
