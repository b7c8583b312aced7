import { checkDataset } from "../check.js";
import type { Dataset } from "../dataset.js";
import { defaultStorage, type Storage } from "../store/storage.js";
import { findFolder } from "./file.js";
import { readRecords } from "./records.js";

/** The classes of CIFAR-10 in label order (batches.meta.txt). */
export const CIFAR10_CLASSES: readonly string[] = [
  "airplane",
  "automobile",
  "bird",
  "cat",
  "deer",
  "dog",
  "frog",
  "horse",
  "ship",
  "truck",
];

/** The training files of the CIFAR-10 binary version, in order. */
export const CIFAR10_TRAIN_FILES: readonly string[] = [1, 2, 3, 4, 5].map((n) => `data_batch_${n}.bin`);
/** The test file of the CIFAR-10 binary version. */
export const CIFAR10_TEST_FILE = "test_batch.bin";

const HINT =
  "the folder must hold data_batch_1.bin … data_batch_5.bin and test_batch.bin (CIFAR-10 binary version)";

/**
 * Read CIFAR-10 in its official binary layout (Krizhevsky 2009): records `<class><1024 R><1024 G><1024 B>`, 32×32.
 *
 * @param root holds data_batch_1..5.bin and test_batch.bin, itself or in `cifar-10-batches-bin/`
 * @throws FixynnError FX2001 missing file, FX2002 truncated file, FX2003 label out of range, FX2004 single class,
 * FX2005 class without images
 */
export async function readCifar10(root: string, storage: Storage = defaultStorage()): Promise<Dataset> {
  const folder = findFolder(root, ["cifar-10-batches-bin"], CIFAR10_TEST_FILE);
  const layout = { labelBytes: 1, labelAt: 0, classes: CIFAR10_CLASSES.length, hint: HINT };
  const read = (name: string, files: readonly string[]) =>
    readRecords(folder, files, { layout: { ...layout, name: `cifar10-${name}` }, storage });
  const train = await read("train", CIFAR10_TRAIN_FILES);
  const test = await read("test", [CIFAR10_TEST_FILE]);
  const source = "CIFAR-10 (Krizhevsky 2009), binary layout; no licence stated by the authors, research use";
  return checkDataset({ name: "cifar10", classes: CIFAR10_CLASSES, train, test, source }, folder);
}
