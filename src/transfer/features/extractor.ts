import { closeSync, openSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";
import { createRng } from "../../core/index.js";
import { createBatchFiller } from "../../data/index.js";
import { executeQuantNetwork, quantInput } from "../../quant/index.js";
import type { ExtractJob, ExtractSetup } from "./protocol.js";

/** Images through the front at once. */
const CHUNK = 8;

/** Computes features of images and writes them into their places of the files. */
export type Extractor = { run(job: ExtractJob): void; close(): void };

/**
 * Open the files of features for writing. Every view of every image has a generator of its own, so that neither chunks nor threads
 * nor an interruption change a byte.
 */
export function createExtractor(setup: ExtractSetup): Extractor {
  const { front, split, augmentation, views, seed, files } = setup;
  const [height, width] = quantInput(front).output.shape as [number, number, number];
  const filler = createBatchFiller(split, { height, width }, augmentation);
  const imageSize = height * width * split.channels;
  const open = files.map((file) => ({
    ...file,
    data: openSync(file.path, "r+"),
    checksums: openSync(file.checksumPath, "r+"),
  }));
  const root = createRng(seed);
  const outputs = files.map(({ layer }) => layer);
  const bytes = new Uint8Array(CHUNK * imageSize);
  const sums = new Uint32Array(CHUNK);

  /** Records `record` to `record + count − 1`; record = image · views + view. */
  const extract = (record: number, count: number): void => {
    for (let i = 0; i < count; i++) {
      const image = Math.floor((record + i) / views);
      const rng = root.fork(`image ${image} view ${(record + i) % views}`);
      filler.fill({ indices: [image], first: 0, count: 1 }, bytes.subarray(i * imageSize), rng);
    }
    const values = executeQuantNetwork(front, bytes.subarray(0, count * imageSize), count, { outputs });
    for (const file of open) {
      const features = values.get(file.layer) as Uint8Array;
      for (let i = 0; i < count; i++)
        sums[i] = crc32(features.subarray(i * file.bytes, (i + 1) * file.bytes));
      writeSync(file.data, features, 0, count * file.bytes, record * file.bytes);
      writeSync(file.checksums, new Uint8Array(sums.buffer), 0, 4 * count, 4 * record);
    }
  };
  return {
    run({ first, count }) {
      const end = (first + count) * views;
      for (let record = first * views; record < end; record += CHUNK)
        extract(record, Math.min(CHUNK, end - record));
    },
    close() {
      filler.close();
      for (const { data, checksums } of open) {
        closeSync(data);
        closeSync(checksums);
      }
    },
  };
}
