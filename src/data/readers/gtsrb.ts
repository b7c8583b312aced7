import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { FixynnError } from "../../core/index.js";
import { readTable } from "./csv.js";
import { errorCode, findFolder } from "./file.js";
import { numberGroups } from "./groups.js";
import { GTSRB_CLASSES } from "./gtsrb32.js";
import type { ImageFile, ListedImages, Listing } from "./listing.js";

const HINT =
  "the folder must hold GTSRB/Final_Training/Images/000xx/*.ppm, GTSRB/Final_Test/Images/*.ppm and GT-final_test.csv";
const COLUMNS = ["Filename", "Width", "Height", "Roi.X1", "Roi.Y1", "Roi.X2", "Roi.Y2", "ClassId"];
const TEST_TABLE = "GT-final_test.csv";

type Row = { readonly file: ImageFile; readonly fileName: string; readonly label: number };

/** Read a table of annotations; the rectangle of the sign includes its last row and column. */
async function readAnnotations(path: string, folder: string, roi: boolean): Promise<Row[]> {
  const rows = await readTable(path, { separator: ";", columns: COLUMNS, hint: HINT });
  return rows.map(([fileName = "", ...texts], i) => {
    const [width = 0, height = 0, left = 0, top = 0, right = 0, bottom = 0, label = 0] = texts.map(Number);
    const place = `${path}:${i + 2}`;
    const isInside =
      left >= 0 && top >= 0 && left <= right && top <= bottom && right < width && bottom < height;
    if (!isInside || !texts.every((text) => /^\d+$/.test(text)) || !/^[\w.-]+$/.test(fileName)) {
      throw new FixynnError("FX2010", `not an annotation of ${fileName}: ${texts.join(";")}`, {
        place,
        hint: "the sign must lie inside the image",
      });
    }
    if (label >= GTSRB_CLASSES.length) {
      throw new FixynnError("FX2003", `label ${label} of ${fileName} is not below ${GTSRB_CLASSES.length}`, {
        place,
        hint: HINT,
      });
    }
    const region = { kind: "region", left, top, width: right - left + 1, height: bottom - top + 1 } as const;
    const imagePath = join(folder, fileName);
    return { fileName, label, file: roi ? { path: imagePath, part: region } : { path: imagePath } };
  });
}

const listed = (rows: readonly Row[]): ListedImages => ({
  files: rows.map(({ file }) => file),
  labels: Uint16Array.from(rows, ({ label }) => label),
});

/** Read the folders of the classes, whose names are the labels. */
async function listTraining(folder: string, roi: boolean): Promise<ListedImages> {
  let names: string[];
  try {
    names = (await readdir(folder)).filter((name) => /^\d{5}$/.test(name)).sort();
  } catch (cause) {
    const reason = errorCode(cause) === "ENOENT" ? "no such folder" : String(cause);
    throw new FixynnError("FX2001", reason, { place: folder, hint: HINT, cause });
  }
  const rows: Row[] = [];
  const tracks: string[] = [];
  for (const name of names) {
    const table = join(folder, name, `GT-${name}.csv`);
    for (const row of await readAnnotations(table, join(folder, name), roi)) {
      const track = /^(\d+)_\d+\.ppm$/.exec(row.fileName)?.[1];
      if (row.label !== Number(name) || track === undefined) {
        throw new FixynnError("FX2010", `${row.fileName} of class ${row.label} does not fit folder ${name}`, {
          place: table,
          hint: "training images are called TRACK_FRAME.ppm and lie in the folder of their class",
        });
      }
      rows.push(row);
      tracks.push(`${name}/${track}`);
    }
  }
  return { ...listed(rows), groups: numberGroups(tracks) };
}

/**
 * List the German Traffic Sign Recognition Benchmark in its official layout (Stallkamp et al. 2012): PPM images of any size
 * and tables of annotations. The tracks in the names of the training files become `groups`.
 *
 * @param root holds `GTSRB/` or is it; GT-final_test.csv may lie in Final_Test/Images/, in `GTSRB/` or beside it
 * @param options.roi cut out the sign as annotated; default the whole image, with its border of about 10 %
 * @throws FixynnError FX2001 missing file, FX2003 label out of range, FX2010 damaged annotations
 */
export async function listGtsrb(root: string, options: { readonly roi: boolean }): Promise<Listing> {
  const base = findFolder(root, ["GTSRB", "gtsrb/GTSRB"], "Final_Test");
  const training = ["Final_Training/Images", "Training"].map((name) => join(base, name));
  const train = await listTraining(
    training.find((folder) => existsSync(folder)) ?? training[0]!,
    options.roi,
  );
  const images = join(base, "Final_Test", "Images");
  const tables = [images, base, join(base, ".."), root].map((folder) => join(folder, TEST_TABLE));
  const table = tables.find((path) => existsSync(path)) ?? tables[0]!;
  const test = listed(await readAnnotations(table, images, options.roi));
  const origin = `GTSRB (Stallkamp et al. 2012), official images${options.roi ? ", cut to the annotated sign" : ""}; free for research`;
  return { name: "gtsrb", root, classes: GTSRB_CLASSES, train, test, origin };
}
