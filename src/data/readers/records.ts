import { join } from "node:path";
import { FixynnError } from "../../core/index.js";
import type { Split } from "../dataset.js";
import { allocateSplit } from "../split.js";
import { readDataFile } from "./file.js";

/** Side of the images in record files, pixels. */
export const RECORD_SIDE = 32;
const PLANE = RECORD_SIDE * RECORD_SIDE;

/** The layout of fixed-length records `<labels><1024 R><1024 G><1024 B>`. */
export type RecordLayout = {
  /** Label bytes before the planes. */
  readonly labelBytes: number;
  /** Which of them is the class. */
  readonly labelAt: number;
  /** Classes are 0..classes-1. */
  readonly classes: number;
  /** How to supply the files, for errors. */
  readonly hint: string;
};

/**
 * Read record files of 32×32 RGB planes, one after the other, into one split.
 *
 * @throws FixynnError FX2001 missing file, FX2002 a length that is no multiple of the record (truncated file or another
 * image size), FX2003 label out of range
 */
export async function readRecords(
  folder: string,
  fileNames: readonly string[],
  layout: RecordLayout,
): Promise<Split> {
  const recordBytes = layout.labelBytes + 3 * PLANE;
  const files: { readonly path: string; readonly bytes: Buffer }[] = [];
  for (const name of fileNames) {
    const path = join(folder, name);
    const bytes = await readDataFile(path, layout.hint);
    if (bytes.length === 0 || bytes.length % recordBytes !== 0) {
      throw new FixynnError(
        "FX2002",
        `${bytes.length} bytes is not a whole number of records of ${recordBytes} bytes (${RECORD_SIDE}×${RECORD_SIDE} RGB)`,
        { place: path, hint: "the file is truncated, or has another image size or layout" },
      );
    }
    files.push({ path, bytes });
  }
  const count = files.reduce((sum, file) => sum + file.bytes.length / recordBytes, 0);
  const { split, pixels } = allocateSplit({ count, height: RECORD_SIDE, width: RECORD_SIDE, channels: 3 });
  const { labels } = split;
  let image = 0;
  for (const { path, bytes } of files) {
    for (let at = 0; at < bytes.length; at += recordBytes, image++) {
      const label = bytes[at + layout.labelAt]!;
      if (label >= layout.classes) {
        throw new FixynnError(
          "FX2003",
          `label ${label} of record ${at / recordBytes} is not below ${layout.classes}`,
          { place: path, hint: "is this the right layout?" },
        );
      }
      labels[image] = label;
      const red = at + layout.labelBytes;
      let to = image * 3 * PLANE;
      for (let from = red; from < red + PLANE; from++, to += 3) {
        pixels[to] = bytes[from]!;
        pixels[to + 1] = bytes[from + PLANE]!;
        pixels[to + 2] = bytes[from + 2 * PLANE]!;
      }
    }
  }
  return split;
}
