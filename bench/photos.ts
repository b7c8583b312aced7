import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { FixynnError, packageRoot } from "../src/core/index.js";
import { decodeImage } from "../src/data/index.js";

/** Side of the photos, in pixels. */
export const SIDE = 224;

/** Path of a shared model or image (`FIXYNN_SHARED` names the folder, default `../shared`). */
export function sharedPath(...path: readonly string[]): string {
  return join(resolve(packageRoot, process.env["FIXYNN_SHARED"] ?? "../shared"), ...path);
}

/** Photos of ImageNet classes as bytes, image after image, and their classes. */
export type Photos = { readonly pixels: Uint8Array; readonly labels: Uint16Array; readonly count: number };

/**
 * Read the shared photos at 224×224.
 *
 * @param limit read the first ones only
 * @throws FixynnError FX9002 when the shared photos are absent
 */
export async function readPhotos(limit = Number.POSITIVE_INFINITY): Promise<Photos> {
  const folder = sharedPath("data", "imagenet-photos");
  let table: string;
  try {
    table = readFileSync(join(folder, "labels.csv"), "utf8");
  } catch (cause) {
    throw new FixynnError("FX9002", "the benchmark's photos are missing", {
      place: folder,
      hint: "set FIXYNN_SHARED to the folder of shared models and images",
      cause,
    });
  }
  const rows = table
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(","))
    .slice(0, limit);
  const size = SIDE * SIDE * 3;
  const pixels = new Uint8Array(new SharedArrayBuffer(rows.length * size));
  for (const [i, [file]] of rows.entries()) {
    const options = { side: SIDE, resize: "crop", shortSide: 256 } as const;
    pixels.set(await decodeImage(join(folder, file!), options), i * size);
  }
  return { pixels, labels: Uint16Array.from(rows, (row) => Number(row[2])), count: rows.length };
}
