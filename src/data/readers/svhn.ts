import { join } from "node:path";
import { FixynnError, runPool } from "../../core/index.js";
import { checkDataset } from "../check.js";
import type { Dataset, Split } from "../dataset.js";
import { describeFiles, type Storage, storeRecords } from "../store/storage.js";
import { findFolder } from "./file.js";
import { findArray, listMat, type MatArray, readMatNumbers, readMatRecords } from "./mat.js";

/** The classes of SVHN in label order. */
export const SVHN_CLASSES: readonly string[] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

const SIDE = 32;
const PLANE = SIDE * SIDE;
const RECORD = 3 * PLANE;
const HINT = "the folder must hold train_32x32.mat and test_32x32.mat (SVHN, format 2: cropped digits)";

/** Turn MATLAB's [row, column, channel], the row running fastest, into RGB pixels in rows. */
function toPixels(planes: Uint8Array, pixels: Uint8Array): void {
  let to = 0;
  for (let y = 0; y < SIDE; y++) {
    for (let from = y; from < PLANE; from += SIDE) {
      pixels[to++] = planes[from]!;
      pixels[to++] = planes[from + PLANE]!;
      pixels[to++] = planes[from + 2 * PLANE]!;
    }
  }
}

type Part = { readonly images: MatArray; readonly labels: Uint16Array };

async function openPart(path: string): Promise<Part> {
  const arrays = await listMat(path);
  const images = findArray(arrays, "X", path);
  const [height, width, channels, count = 1] = images.dims;
  if (height !== SIDE || width !== SIDE || channels !== 3 || images.dims.length > 4) {
    throw new FixynnError("FX2008", `X is ${images.dims.join("×")}, not 32×32×3×N`, {
      place: path,
      hint: HINT,
    });
  }
  const numbers = await readMatNumbers(findArray(arrays, "y", path));
  if (numbers.length !== count) {
    throw new FixynnError("FX2010", `${numbers.length} labels for ${count} images`, {
      place: path,
      hint: HINT,
    });
  }
  const labels = new Uint16Array(new SharedArrayBuffer(2 * count));
  for (const [i, label] of numbers.entries()) {
    if (!(Number.isInteger(label) && label >= 1 && label <= 10)) {
      throw new FixynnError("FX2003", `label ${label} of image ${i} is not in 1 to 10`, {
        place: path,
        hint: "in SVHN 10 stands for the digit 0",
      });
    }
    labels[i] = label % 10;
  }
  return { images, labels };
}

/** Put the images of some files, one after the other, into one store. */
async function readParts(
  parts: readonly Part[],
  name: string,
  storage: Storage & { readonly totalBytes: number },
): Promise<Split> {
  const count = parts.reduce((sum, part) => sum + part.labels.length, 0);
  const labels = new Uint16Array(new SharedArrayBuffer(2 * count));
  const key = await describeFiles(
    parts.map((part) => part.images.path),
    HINT,
  );
  const store = await storeRecords(
    {
      ...{ name, key: `svhn\n${key}`, count, recordBytes: RECORD, totalBytes: storage.totalBytes },
      fill: async (put) => {
        const pixels = new Uint8Array(RECORD);
        let first = 0;
        for (const part of parts) {
          const start = first;
          await readMatRecords(part.images, RECORD, (index, planes) => {
            toPixels(planes, pixels);
            put(start + index, pixels);
          });
          first += part.labels.length;
        }
      },
    },
    storage,
  );
  let first = 0;
  for (const part of parts) {
    labels.set(part.labels, first);
    first += part.labels.length;
  }
  return { count, height: SIDE, width: SIDE, channels: 3, store, labels };
}

/**
 * Read the Street View House Numbers, cropped digits (Netzer et al. 2011): MATLAB files with the images `X` [32, 32, 3, N]
 * and the labels `y`, where 10 stands for the digit 0. Streamed; above the storage's limit into a file of the cache.
 *
 * @param root holds train_32x32.mat and test_32x32.mat, itself or in `SVHN/`
 * @param options.extra train on extra_32x32.mat (531,131 easier images) as well
 * @throws FixynnError FX2001 missing file, FX2002 truncated file, FX2003 label out of range, FX2008 other image size,
 * FX2010 missing variable or wrong number of labels, FX2015 another format, FX8001 cache not writable
 */
export async function readSvhn(
  root: string,
  options: Storage & { readonly extra?: boolean },
): Promise<Dataset> {
  const folder = findFolder(root, ["SVHN", "svhn"], "train_32x32.mat");
  const files = ["train_32x32.mat", "test_32x32.mat", ...(options.extra ? ["extra_32x32.mat"] : [])];
  const open = files.map((file) => () => openPart(join(folder, file)));
  const [train, test, extra] = await runPool(open.length, open);
  const training = extra === undefined ? [train!] : [train!, extra];
  const images = [...training, test!].reduce((sum, part) => sum + part.labels.length, 0);
  const storage = { ...options, totalBytes: images * RECORD };
  const name = extra === undefined ? "svhn" : "svhn-extra";
  const source = "SVHN, cropped digits (Netzer et al. 2011); for non-commercial use only, say its authors";
  return checkDataset(
    {
      ...{ name, classes: SVHN_CLASSES, source },
      train: await readParts(training, `${name}-train`, storage),
      test: await readParts([test!], `${name}-test`, storage),
    },
    folder,
  );
}
