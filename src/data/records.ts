import { closeSync, openSync, readSync } from "node:fs";
import { crc32 } from "node:zlib";
import { FixynnError, sha256 } from "../core/index.js";
import type { Split } from "./dataset.js";

/** Reads single images of a split; holds its file open until it is closed. */
export type ImageReader = {
  /**
   * Return the bytes of an image, valid until the next call.
   *
   * @param view which augmented view, for splits that have several
   * @throws FixynnError FX2030 when the file cannot be read or ends early, FX2031 when the record has another checksum than it had
   *   when it was written
   */
  read(image: number, view?: number): Uint8Array;
  close(): void;
};

/** Bytes of one image. */
export const imageBytes = (split: Pick<Split, "height" | "width" | "channels">): number =>
  split.height * split.width * split.channels;

/** Open a split for reading. Files are opened at the first read. */
export function createImageReader(split: Split): ImageReader {
  const size = imageBytes(split);
  const { store, positions, views = 1 } = split;
  const recordOf = (image: number, view: number): number =>
    (positions === undefined ? image : positions[image]!) * views + view;
  if (store.kind === "memory") {
    return {
      read: (image, view = 0) => {
        const start = recordOf(image, view) * size;
        return store.bytes.subarray(start, start + size);
      },
      close() {},
    };
  }
  const { path, checksums } = store;
  const scratch = new Uint8Array(size);
  let file: number | undefined;
  return {
    read(image, view = 0) {
      const record = recordOf(image, view);
      let got: number;
      try {
        file ??= openSync(path, "r");
        got = readSync(file, scratch, 0, size, record * size);
      } catch (cause) {
        throw new FixynnError("FX2030", `cannot read: ${cause instanceof Error ? cause.message : cause}`, {
          place: path,
          hint: "remove the file, and it is made again",
          cause,
        });
      }
      if (got < size) {
        throw new FixynnError("FX2030", `the file ends inside record ${record}`, {
          place: path,
          hint: "remove the file, and it is made again",
        });
      }
      if (checksums !== undefined && crc32(scratch) !== checksums[record]) {
        throw new FixynnError("FX2031", `record ${record} is damaged: its checksum differs`, {
          place: path,
          hint: "remove the file, and it is made again",
        });
      }
      return scratch;
    },
    close() {
      if (file !== undefined) closeSync(file);
      file = undefined;
    },
  };
}

/** Run something with a reader of a split, and close the reader. */
export function withReader<T>(split: Split, use: (reader: ImageReader) => T): T {
  const reader = createImageReader(split);
  try {
    return use(reader);
  } finally {
    reader.close();
  }
}

/** Return 0, 1, … count − 1. */
export const firstIndices = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, i) => i);

/** Copy images of a split together, all of them by default: for few or small images. */
export function gatherImages(split: Split, indices?: ArrayLike<number>): Uint8Array {
  const size = imageBytes(split);
  const count = indices?.length ?? split.count;
  const bytes = new Uint8Array(count * size);
  withReader(split, (reader) => {
    for (let i = 0; i < count; i++) bytes.set(reader.read(indices?.[i] ?? i), i * size);
  });
  return bytes;
}

/** Digest of all that a training can see of a split: its images (a file's checksums in place of its bytes), labels and groups. */
export function splitDigest(split: Split): string {
  const { count, height, width, channels, store, positions, views = 1, labels, groups } = split;
  const bytes = (array: ArrayBufferView | undefined): Uint8Array =>
    array === undefined ? new Uint8Array() : new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  const content = store.kind === "memory" ? store.bytes : bytes(store.checksums);
  const origin = store.kind === "file" && store.checksums === undefined ? store.path : "";
  const parts = [content, bytes(positions), bytes(labels), bytes(groups)].map((part) => sha256(part));
  return sha256(JSON.stringify([count, height, width, channels, views, origin, ...parts]));
}
