import { join } from "node:path";
import { checkDataset } from "../check.js";
import type { Dataset } from "../dataset.js";
import { defaultStorage, type Storage } from "../store/storage.js";
import { findFolder, readNames } from "./file.js";
import { readRecords } from "./records.js";

const HINT =
  "the folder must hold train.bin, test.bin, fine_label_names.txt and coarse_label_names.txt (CIFAR-100 binary version)";

/**
 * Read CIFAR-100 in its official binary layout (Krizhevsky 2009): records
 * `<coarse><fine><1024 R><1024 G><1024 B>`, 32×32. Any number of records is accepted.
 *
 * @param root holds train.bin, test.bin and fine_label_names.txt (coarse_label_names.txt for coarse labels), itself or in
 * `cifar-100-binary/`
 * @param labels the 100 fine classes (default) or the 20 coarse ones
 * @throws FixynnError FX2001 missing file, FX2002 truncated file, FX2003 label out of range, FX2004 single class,
 * FX2005 class without images
 */
export async function readCifar100(
  root: string,
  labels: "fine" | "coarse" = "fine",
  storage: Storage = defaultStorage(),
): Promise<Dataset> {
  const folder = findFolder(root, ["cifar-100-binary"], "train.bin");
  const classes = await readNames(join(folder, `${labels}_label_names.txt`), HINT);
  const layout = { labelBytes: 2, labelAt: labels === "fine" ? 1 : 0, classes: classes.length, hint: HINT };
  const read = (name: string) =>
    readRecords(folder, [`${name}.bin`], { layout: { ...layout, name: `cifar100-${name}` }, storage });
  const train = await read("train");
  const test = await read("test");
  const source = `CIFAR-100 (Krizhevsky 2009), binary layout, ${labels} labels; no licence stated by the authors, research use`;
  const name = labels === "fine" ? "cifar100" : "cifar100-coarse";
  return checkDataset({ name, classes, train, test, source }, folder);
}
