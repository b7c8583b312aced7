import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fromHexBeats, VECTORS_FILE } from "../../hw/index.js";
import { quantInput } from "../../quant/index.js";
import { elementCount } from "../../tensor/index.js";
import { type ReadDeliverable, readPictures } from "../deliverable.js";
import { ENERGY_IMAGES_FILE } from "../steps/energy.js";

/** Images to measure energies on, as bytes of the network's input, and where they come from. */
export type EnergyImages = { readonly images: Uint8Array; readonly count: number; readonly source: string };

/** Where images may come from. */
export type ImageSources = {
  /** A folder of pictures. */
  readonly pictures?: string | undefined;
  /** Pictures of that folder, at most. */
  readonly count: number;
  /** A run's folder. */
  readonly run?: string | undefined;
};

/**
 * Find images for a front: the pictures that are named, those that its run measured on, or those of its testbench.
 *
 * @returns undefined when there are none
 * @throws FixynnError FX7013 for a folder without readable pictures
 */
export async function findImages(
  { network, files }: ReadDeliverable,
  { pictures, count, run }: ImageSources,
): Promise<EnergyImages | undefined> {
  if (pictures !== undefined) {
    const read = await readPictures(pictures, network, count);
    return { images: read.bytes, count: read.count, source: `${read.count} pictures of ${pictures}` };
  }
  const { shape, bits } = quantInput(network).output;
  const size = elementCount(shape);
  const kept = run === undefined ? undefined : join(run, ENERGY_IMAGES_FILE);
  if (kept !== undefined && existsSync(kept)) {
    const images = new Uint8Array(readFileSync(kept));
    const found = images.length / size;
    if (found >= 1 && Number.isInteger(found))
      return { images, count: found, source: `the ${found} test images of the run` };
  }
  const vectors = files.get(VECTORS_FILE);
  if (vectors === undefined) return undefined;
  const images = Uint8Array.from(fromHexBeats(vectors, shape.at(-1)!, bits));
  const found = images.length / size;
  return { images, count: found, source: `the ${found} images of the testbench` };
}
