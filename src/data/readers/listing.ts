import { availableParallelism } from "node:os";
import { relative } from "node:path";
import { FixynnError, type ProgressListener, silent } from "../../core/index.js";
import { checkDataset, checkLabels, firstFew } from "../check.js";
import type { Dataset, Split } from "../dataset.js";
import { type Failure, packRecords } from "../store/packed.js";
import { describeFiles } from "../store/storage.js";
import { DECODER, decodeImage, type ImagePart, ImageSizeError, type ResizeMode } from "./image.js";

/** An image that is not decoded yet. */
export type ImageFile = { readonly path: string; readonly part?: ImagePart };

/** Labelled images that are not decoded yet. */
export type ListedImages = {
  readonly files: readonly ImageFile[];
  readonly labels: Uint16Array;
  readonly groups?: Uint32Array;
};

/** A set of image files, as its layout describes it. */
export type Listing = {
  readonly name: string;
  /** Folder that all paths lie in, for messages. */
  readonly root: string;
  readonly classes: readonly string[];
  readonly train: ListedImages;
  readonly test: ListedImages;
  /** What the set is and its terms, for the report. */
  readonly origin: string;
};

/** How images of any size become squares of one size, and what happens to those that do not decode. */
export type DecodeListingOptions = {
  /** Side of the images after resizing, pixels. */
  readonly side: number;
  readonly resize: ResizeMode;
  /** Under `crop`: length of the short side after scaling, default `side`. */
  readonly shortSide?: number | undefined;
  /** Default `error`. `skip` leaves them out, and `Dataset.skipped` counts them. */
  readonly undecodable?: "error" | "skip" | undefined;
  /** Takes the decoded images. */
  readonly cacheFolder: string;
  readonly onProgress?: ProgressListener | undefined;
};

/** Run tasks 0..count-1, several at a time. */
async function inParallel(count: number, task: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await task(next++);
  };
  // Decoding runs in libvips' threads; one more lane than cores keeps them busy while files are read.
  await Promise.all(Array.from({ length: Math.min(availableParallelism() + 1, count) }, lane));
}

const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split("\n")[0]!;

/** Marks an image of another size under `exact` among the failures. */
const WRONG_SIZE = "size ";

type Decoded = { readonly split: Split; readonly failures: readonly Failure[] };

async function decodePart(
  listing: Listing,
  part: "train" | "test",
  options: DecodeListingOptions & { readonly onImage: () => void },
): Promise<Decoded> {
  const { files, labels, groups } = listing[part];
  const { side, resize, shortSide = side, cacheFolder, onImage } = options;
  const paths = files.map(({ path }) => path);
  const key = JSON.stringify({
    decoder: DECODER,
    ...{ side, resize, shortSide },
    files: await describeFiles(paths, "the list of images names it; is the set complete?"),
    parts: files.map((file) => file.part ?? null),
  });
  const { store, failures } = await packRecords({
    ...{ cacheFolder, name: `${listing.name}-${part}`, key },
    count: files.length,
    recordBytes: side * side * 3,
    produce: async ({ isDone, put }) => {
      const failed: Failure[] = [];
      await inParallel(files.length, async (index) => {
        if (!isDone(index)) {
          const { path, part: imagePart } = files[index]!;
          let pixels: Buffer | undefined;
          try {
            pixels = await decodeImage(path, {
              side,
              resize,
              shortSide,
              ...(imagePart && { part: imagePart }),
            });
          } catch (error) {
            const isSize = error instanceof ImageSizeError;
            failed.push({ index, reason: `${isSize ? WRONG_SIZE : ""}${reasonOf(error)}` });
          }
          if (pixels !== undefined) put(index, pixels);
        }
        onImage();
      });
      return failed.sort((a, b) => a.index - b.index);
    },
  });
  const isFailed = new Set(failures.map(({ index }) => index));
  const kept = Uint32Array.from(files.keys()).filter((index) => !isFailed.has(index));
  const shared = <T extends Uint16Array | Uint32Array>(target: T, source: ArrayLike<number>): T => {
    for (const [i, from] of kept.entries()) target[i] = source[from]!;
    return target;
  };
  const split: Split = {
    ...{ count: kept.length, height: side, width: side, channels: 3, store },
    ...(failures.length > 0 && {
      positions: shared(
        new Uint32Array(new SharedArrayBuffer(4 * kept.length)),
        Uint32Array.from(files.keys()),
      ),
    }),
    labels: shared(new Uint16Array(new SharedArrayBuffer(2 * kept.length)), labels),
    ...(groups && { groups: shared(new Uint32Array(new SharedArrayBuffer(4 * kept.length)), groups) }),
  };
  return { split, failures };
}

/** Name the first few images that failed. */
function nameFailures(listing: Listing, failures: readonly (readonly [ImageFile, string])[]): string {
  return firstFew(failures.map(([{ path }, reason]) => `${relative(listing.root, path)} (${reason})`).sort());
}

/**
 * Decode the images of a listing into the cache, once for each list of files and way of resizing, several at a time; the
 * splits read them from there. Memory does not grow with the number of images but by their labels and checksums.
 *
 * @throws FixynnError FX2001 a listed file that is missing, FX2006 undecodable images (the first few are named), FX2008
 * images of another size under `exact`, FX8001 cache not writable, and those of `checkDataset`
 */
export async function decodeListing(listing: Listing, options: DecodeListingOptions): Promise<Dataset> {
  const { name, root, classes, origin } = listing;
  const { side, resize, shortSide = side, undecodable = "error", onProgress = silent } = options;
  checkLabels(listing, root);
  const total = listing.train.files.length + listing.test.files.length;
  let done = 0;
  const onImage = (): void => {
    done++;
    if (done % 50 === 0 || done === total) onProgress({ job: `decode ${name}`, done, total, unit: "images" });
  };
  const train = await decodePart(listing, "train", { ...options, onImage });
  const test = await decodePart(listing, "test", { ...options, onImage });
  const failures = [
    ...train.failures.map(({ index, reason }) => [listing.train.files[index]!, reason] as const),
    ...test.failures.map(({ index, reason }) => [listing.test.files[index]!, reason] as const),
  ];
  const wrongSize = failures.filter(([, reason]) => reason.startsWith(WRONG_SIZE));
  const failed = failures.filter(([, reason]) => !reason.startsWith(WRONG_SIZE));
  if (failed.length > 0 && undecodable === "error") {
    throw new FixynnError(
      "FX2006",
      `cannot decode ${failed.length} of ${total} images: ${nameFailures(listing, failed)}`,
      { place: root, hint: 'replace or remove these files, or set "undecodable" to "skip"' },
    );
  }
  if (wrongSize.length > 0) {
    const named = wrongSize.map(([file, reason]) => [file, reason.slice(WRONG_SIZE.length)] as const);
    throw new FixynnError(
      "FX2008",
      `${wrongSize.length} of ${total} images are not ${side}×${side}: ${nameFailures(listing, named)}`,
      { place: root, hint: 'set "resize" to "crop" or "squash"' },
    );
  }
  const how =
    resize === "crop" ? `short side to ${shortSide}, centre ${side}×${side}` : `${resize} ${side}×${side}`;
  const skipped = failed.length;
  const skips = skipped === 0 ? "" : `; ${skipped} of ${total} images do not decode and were skipped`;
  const source = `${origin}; ${how}, decoded by ${DECODER}${skips}`;
  const dataset = { name, classes, train: train.split, test: test.split, source };
  return checkDataset(skipped === 0 ? dataset : { ...dataset, skipped }, root);
}

/** Images that {@link checkListing} decodes. */
const SAMPLE = 64;

/**
 * Check a listing without decoding all of it: its labels and classes, that every file is there, and that some images spread
 * over each part decode.
 *
 * @throws FixynnError the errors of {@link decodeListing}
 */
export async function checkListing(listing: Listing): Promise<void> {
  checkLabels(listing, listing.root);
  for (const { files } of [listing.train, listing.test]) {
    const paths = files.map(({ path }) => path);
    await describeFiles(paths, "the list of images names it; is the set complete?");
    const sample = Math.min(SAMPLE, files.length);
    for (let i = 0; i < sample; i++) {
      const file = files[Math.floor((i * files.length) / sample)]!;
      const { path, part } = file;
      try {
        await decodeImage(path, { side: 8, resize: "squash", shortSide: 8, ...(part && { part }) });
      } catch (error) {
        throw new FixynnError("FX2006", `cannot decode ${nameFailures(listing, [[file, reasonOf(error)]])}`, {
          place: listing.root,
          hint: "replace or remove the file",
        });
      }
    }
  }
}
