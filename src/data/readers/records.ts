import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { FixynnError } from "../../core/index.js";
import type { Split } from "../dataset.js";
import { describeFiles, type Storage, storeRecords } from "../store/storage.js";
import { readDataFile } from "./file.js";

/** Side of the images in record files, pixels. */
export const RECORD_SIDE = 32;
const PLANE = RECORD_SIDE * RECORD_SIDE;
/** Records that are read at a time. */
const CHUNK_RECORDS = 512;

/** The layout of fixed-length records `<labels><1024 R><1024 G><1024 B>`. */
export type RecordLayout = {
  /** Beginning of the name of what is stored. */
  readonly name: string;
  /** Label bytes before the planes. */
  readonly labelBytes: number;
  /** Which of them is the class. */
  readonly labelAt: number;
  /** Classes are 0..classes-1. */
  readonly classes: number;
  /** How to supply the files, for errors. */
  readonly hint: string;
};

/** Turn planes of red, green and blue into RGB pixels. */
function toPixels(planes: Uint8Array, pixels: Uint8Array): void {
  for (let from = 0, to = 0; from < PLANE; from++, to += 3) {
    pixels[to] = planes[from]!;
    pixels[to + 1] = planes[from + PLANE]!;
    pixels[to + 2] = planes[from + 2 * PLANE]!;
  }
}

type RecordFile = { readonly path: string; readonly count: number };

async function openFile(path: string, hint: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch {
    await readDataFile(path, hint);
    return open(path, "r");
  }
}

async function measure(path: string, recordBytes: number, hint: string): Promise<RecordFile> {
  const file = await openFile(path, hint);
  const { size } = await file.stat().finally(() => file.close());
  if (size === 0 || size % recordBytes !== 0) {
    throw new FixynnError(
      "FX2002",
      `${size} bytes is not a whole number of records of ${recordBytes} bytes (${RECORD_SIDE}×${RECORD_SIDE} RGB)`,
      { place: path, hint: "the file is truncated, or has another image size or layout" },
    );
  }
  return { path, count: size / recordBytes };
}

/** Read a record file piece by piece. */
async function readFileRecords(
  { path, count }: RecordFile,
  options: { readonly recordBytes: number; readonly hint: string },
  use: (index: number, record: Uint8Array) => void,
): Promise<void> {
  const { recordBytes, hint } = options;
  const file = await openFile(path, hint);
  try {
    const chunk = Buffer.alloc(CHUNK_RECORDS * recordBytes);
    for (let first = 0; first < count; first += CHUNK_RECORDS) {
      const records = Math.min(CHUNK_RECORDS, count - first);
      const { bytesRead } = await file.read(chunk, 0, records * recordBytes, first * recordBytes);
      if (bytesRead < records * recordBytes) {
        throw new FixynnError("FX2002", "the file became shorter while it was read", { place: path, hint });
      }
      for (let i = 0; i < records; i++) {
        use(first + i, chunk.subarray(i * recordBytes, (i + 1) * recordBytes));
      }
    }
  } finally {
    await file.close();
  }
}

/**
 * Read record files of 32×32 RGB planes, one after the other, into one split.
 *
 * @throws FixynnError FX2001 missing file, FX2002 a length that is no multiple of the record (truncated file or another
 * image size), FX2003 label out of range, FX8001 cache not writable
 */
export async function readRecords(
  folder: string,
  fileNames: readonly string[],
  options: { readonly layout: RecordLayout; readonly storage: Storage },
): Promise<Split> {
  const { layout, storage } = options;
  const { name, labelBytes, labelAt, classes, hint } = layout;
  const recordBytes = labelBytes + 3 * PLANE;
  const files: RecordFile[] = [];
  for (const fileName of fileNames) files.push(await measure(join(folder, fileName), recordBytes, hint));
  const count = files.reduce((sum, file) => sum + file.count, 0);
  const labels = new Uint16Array(new SharedArrayBuffer(2 * count));
  const read = async (use: (index: number, record: Uint8Array) => void): Promise<void> => {
    let first = 0;
    for (const file of files) {
      await readFileRecords(file, { recordBytes, hint }, (index, record) => {
        const label = record[labelAt]!;
        if (label >= classes) {
          throw new FixynnError("FX2003", `label ${label} of record ${index} is not below ${classes}`, {
            place: file.path,
            hint: "is this the right layout?",
          });
        }
        labels[first + index] = label;
        use(first + index, record.subarray(labelBytes));
      });
      first += file.count;
    }
  };
  let isRead = false;
  const store = await storeRecords(
    {
      ...{ name, count, recordBytes: 3 * PLANE, totalBytes: count * 3 * PLANE },
      key: `records\n${labelBytes}\n${await describeFiles(
        files.map(({ path }) => path),
        hint,
      )}`,
      fill: async (put) => {
        const pixels = new Uint8Array(3 * PLANE);
        await read((index, planes) => {
          toPixels(planes, pixels);
          put(index, pixels);
        });
        isRead = true;
      },
    },
    storage,
  );
  // The images were there already: only the labels are read.
  if (!isRead) await read(() => {});
  return { count, height: RECORD_SIDE, width: RECORD_SIDE, channels: 3, store, labels };
}
