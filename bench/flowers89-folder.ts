import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

type Row = { readonly file: string; readonly className: string; readonly split: string };

/** Parse labels.csv: file, class_1_to_102, name, official_split. No field holds a comma. */
function readLabels(path: string): Row[] {
  const [header, ...lines] = readFileSync(path, "utf8").trim().split(/\r?\n/);
  if (header !== "file,class_1_to_102,name,official_split") throw new Error(`${path}: unexpected header`);
  return lines.map((line, i) => {
    const fields = line.split(",");
    const [file, , className, split] = fields;
    if (fields.length !== 4 || !file || !className || !split) throw new Error(`${path}:${i + 2}: "${line}"`);
    return { file, className, split };
  });
}

/**
 * Lay the 89 packed classes of Flowers-102 out as a folder per class, by symbolic links: `OUT/train/NAME/*.jpg` (the
 * official training and validation images) and `OUT/test/NAME/*.jpg`. What is there already is laid out anew.
 *
 * @param shared the folder of shared data, which holds data/flowers89
 * @returns how many images went where
 */
export function layOutFlowers(
  shared: string,
  out: string,
): { readonly classes: number; readonly train: number; readonly test: number } {
  const folder = resolve(shared, "data", "flowers89");
  const rows = readLabels(join(folder, "labels.csv"));
  const counts = { train: 0, test: 0 };
  for (const part of ["train", "test"]) rmSync(join(out, part), { recursive: true, force: true });
  for (const { file, className, split } of rows) {
    const part = split === "test" ? "test" : "train";
    const target = join(folder, file);
    if (!existsSync(target)) throw new Error(`${target}: listed in labels.csv but not there`);
    mkdirSync(join(out, part, className), { recursive: true });
    symlinkSync(target, join(out, part, className, file));
    counts[part]++;
  }
  return { classes: new Set(rows.map(({ className }) => className)).size, ...counts };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  const [shared, out] = process.argv.slice(2);
  if (shared === undefined || out === undefined) {
    console.error("usage: flowers89-folder SHARED OUT");
    process.exitCode = 2;
  } else {
    const { classes, train, test } = layOutFlowers(shared, out);
    console.log(`${out}: ${classes} classes, ${train} training images, ${test} test images`);
  }
}
