import type { Split } from "../data/index.js";

/** Take some images of a split. */
export function selectImages(split: Split, indices: ArrayLike<number>): Split {
  const count = indices.length;
  const perImage = split.height * split.width * split.channels;
  const pixels = new Uint8Array(new SharedArrayBuffer(count * perImage));
  const labels = new Uint16Array(new SharedArrayBuffer(2 * count));
  for (let i = 0; i < count; i++) {
    const from = indices[i]! * perImage;
    pixels.set(split.pixels.subarray(from, from + perImage), i * perImage);
    labels[i] = split.labels[indices[i]!]!;
  }
  const { height, width, channels } = split;
  const groups = split.groups && Uint32Array.from({ length: count }, (_, i) => split.groups![indices[i]!]!);
  return { count, height, width, channels, pixels, labels, ...(groups === undefined ? {} : { groups }) };
}
