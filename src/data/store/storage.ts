import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { FixynnError } from "../../core/index.js";
import type { RecordStore } from "../dataset.js";
import { defaultCacheFolder } from "../fetch/cache.js";
import { packRecords } from "./packed.js";

/** Where records may be kept. */
export type Storage = {
  readonly cacheFolder: string;
  /** Sets of more bytes than this go into a file; default {@link MEMORY_LIMIT_BYTES}. */
  readonly memoryLimitBytes?: number | undefined;
};

/** Largest set of records that is kept in memory: CIFAR-10 (184 MB) is, SVHN (305 MB) is not. */
export const MEMORY_LIMIT_BYTES: number = 192 * 2 ** 20;

/** The cache of this user. */
export const defaultStorage = (): Storage => ({ cacheFolder: defaultCacheFolder() });

/**
 * Store records of one size in memory when the whole set is small, else in a file of the cache, which is made once.
 *
 * @param options.totalBytes size of the whole set, which may be more than these records
 * @param options.key names everything that the records depend on
 * @param options.fill puts every record once, in any order; does not keep the array that it puts
 */
export async function storeRecords(
  options: {
    readonly name: string;
    readonly key: string;
    readonly count: number;
    readonly recordBytes: number;
    readonly totalBytes: number;
    readonly fill: (put: (index: number, record: Uint8Array) => void) => Promise<void>;
  },
  storage: Storage,
): Promise<RecordStore> {
  const { name, key, count, recordBytes, totalBytes, fill } = options;
  const { cacheFolder, memoryLimitBytes = MEMORY_LIMIT_BYTES } = storage;
  if (totalBytes <= memoryLimitBytes) {
    const bytes = new Uint8Array(new SharedArrayBuffer(count * recordBytes));
    await fill((index, record) => bytes.set(record, index * recordBytes));
    return { kind: "memory", bytes };
  }
  const packed = await packRecords({
    ...{ cacheFolder, name, key, count, recordBytes },
    produce: async ({ isDone, put }) => {
      await fill((index, record) => {
        if (!isDone(index)) put(index, record);
      });
      return [];
    },
  });
  return packed.store;
}

/**
 * Describe files by path, size and time of last change, for a key.
 *
 * @throws FixynnError FX2001 when one is missing
 */
export async function describeFiles(paths: readonly string[], hint: string): Promise<string> {
  const lines: string[] = [];
  for (const path of paths) {
    try {
      const { size, mtimeNs } = await stat(path, { bigint: true });
      lines.push(`${resolve(path)} ${size} ${mtimeNs}`);
    } catch (cause) {
      throw new FixynnError("FX2001", "no such file", { place: path, hint, cause });
    }
  }
  return lines.join("\n");
}
