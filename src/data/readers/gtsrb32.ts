import { join } from "node:path";
import { FixynnError } from "../../core/index.js";
import { checkDataset } from "../check.js";
import type { Dataset } from "../dataset.js";
import { defaultStorage, type Storage } from "../store/storage.js";
import { readNames } from "./file.js";
import { numberGroups } from "./groups.js";
import { readRecords } from "./records.js";

/** The classes of the German Traffic Sign Recognition Benchmark in label order. */
export const GTSRB_CLASSES: readonly string[] = [
  "speed limit 20",
  "speed limit 30",
  "speed limit 50",
  "speed limit 60",
  "speed limit 70",
  "speed limit 80",
  "end of speed limit 80",
  "speed limit 100",
  "speed limit 120",
  "no passing",
  "no passing for trucks",
  "right of way at next intersection",
  "priority road",
  "yield",
  "stop",
  "no vehicles",
  "no trucks",
  "no entry",
  "general caution",
  "dangerous curve left",
  "dangerous curve right",
  "double curve",
  "bumpy road",
  "slippery road",
  "road narrows on the right",
  "road work",
  "traffic signals",
  "pedestrians",
  "children crossing",
  "bicycles crossing",
  "ice or snow",
  "wild animals crossing",
  "end of all limits",
  "turn right ahead",
  "turn left ahead",
  "ahead only",
  "straight or right",
  "straight or left",
  "keep right",
  "keep left",
  "roundabout",
  "end of no passing",
  "end of no passing for trucks",
];

const NAMES_FILE = "gtsrb32-train.filenames.txt";
const HINT = `the folder must hold train.bin, test.bin and ${NAMES_FILE}`;

/**
 * Read the German Traffic Sign Recognition Benchmark as 32×32 records `<class><1024 R><1024 G><1024 B>`. The names of the
 * training files (`CLASS/TRACK_FRAME.ppm`, one a line) give the tracks: photographs of one sign while driving towards it.
 * They become `groups` of the training split, so that no track is in training and in validation.
 *
 * @param folder holds train.bin, test.bin and gtsrb32-train.filenames.txt
 * @throws FixynnError FX2001 missing file, FX2002 truncated file, FX2003 label out of range, FX2010 file names that do
 * not fit the records, FX2004 single class, FX2005 class without images
 */
export async function readGtsrb32(folder: string, storage: Storage = defaultStorage()): Promise<Dataset> {
  const layout = { labelBytes: 1, labelAt: 0, classes: GTSRB_CLASSES.length, hint: HINT };
  const read = (name: string) =>
    readRecords(folder, [`${name}.bin`], { layout: { ...layout, name: `gtsrb32-${name}` }, storage });
  const train = await read("train");
  const test = await read("test");
  const path = join(folder, NAMES_FILE);
  const names = await readNames(path, HINT);
  if (names.length !== train.count) {
    throw new FixynnError("FX2010", `${names.length} file names for ${train.count} records of train.bin`, {
      place: path,
      hint: "the two files must belong together",
    });
  }
  const tracks = names.map((name, i) => {
    const match = /^(\d+)\/(\d+)_\d+\.\w+$/.exec(name);
    if (match === null || Number(match[1]) !== train.labels[i]) {
      throw new FixynnError("FX2010", `"${name}" does not fit record ${i} of class ${train.labels[i]}`, {
        place: `${path}:${i + 1}`,
        hint: "each line is CLASS/TRACK_FRAME.ppm",
      });
    }
    return `${match[1]}/${match[2]}`;
  });
  const groups = numberGroups(tracks);
  const source = "GTSRB (Stallkamp et al. 2012), 32×32 records; free for research";
  return checkDataset(
    { name: "gtsrb32", classes: GTSRB_CLASSES, train: { ...train, groups }, test, source },
    folder,
  );
}
