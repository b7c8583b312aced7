import { createRng, FixynnError, joinBytes, sha256 } from "../../core/index.js";
import {
  createBatchFiller,
  type Dataset,
  firstIndices,
  loadDataset,
  NO_AUGMENTATION,
  type Split,
  splitDigest,
  subset,
} from "../../data/index.js";
import type { FlowContext } from "../context.js";

/** A dataset and the hash of its images and labels. */
export type LoadedDataset = { readonly dataset: Dataset; readonly key: string };

/**
 * Load every dataset of the configuration; image files are scaled to the network's input side.
 *
 * @throws FixynnError FX8008 when two datasets have one name
 */
export async function loadDatasets(context: FlowContext, side: number): Promise<readonly LoadedDataset[]> {
  const { config, baseFolder, onProgress } = context;
  const loaded: LoadedDataset[] = [];
  for (const spec of config.datasets) {
    const dataset = await loadDataset(spec, { baseFolder, onProgress, imageSide: side });
    if (loaded.some((other) => other.dataset.name === dataset.name)) {
      throw new FixynnError("FX8008", `two datasets are called "${dataset.name}"`, {
        place: "datasets",
        hint: 'give one of them another "name"',
      });
    }
    loaded.push({ dataset, key: sha256(splitDigest(dataset.train) + splitDigest(dataset.test)) });
  }
  return loaded;
}

/** Return the first images of a split as the network's input bytes: resized, count · side · side · channels. */
export function inputBytes(split: Split, side: number, limit: number): { bytes: Uint8Array; count: number } {
  const count = Math.min(limit, split.count);
  const bytes = new Uint8Array(count * side * side * split.channels);
  const filler = createBatchFiller(split, { height: side, width: side }, NO_AUGMENTATION);
  filler.fill({ indices: firstIndices(count), first: 0, count }, bytes, createRng(0));
  filler.close();
  return { bytes, count };
}

/** Images of all datasets in equal shares, spread over each, as bytes of the network's input. */
export function sharedBytes(
  datasets: readonly LoadedDataset[],
  part: "train" | "test",
  { side, images }: { readonly side: number; readonly images: number },
): { bytes: Uint8Array; count: number } {
  const share = Math.ceil(images / datasets.length);
  const parts = datasets.map(({ dataset }) =>
    inputBytes(subset(dataset[part], spreadIndices(dataset[part].count, share)), side, share),
  );
  const bytes = joinBytes(parts.map((part) => part.bytes));
  return { bytes, count: parts.reduce((sum, { count }) => sum + count, 0) };
}

/** The whole split, or its first images. */
export function firstImages(split: Split, images: number | undefined): Split {
  return images === undefined || images >= split.count ? split : subset(split, firstIndices(images));
}

/** Choose images spread evenly over a split: training files are often sorted by class. */
export function spreadIndices(count: number, wanted: number): Uint32Array {
  const n = Math.min(count, wanted);
  return Uint32Array.from({ length: n }, (_, i) => Math.floor((i * count) / n));
}
