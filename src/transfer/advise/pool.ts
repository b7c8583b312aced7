import { createImageReader, type Split } from "../../data/index.js";
import type { Matrix } from "./matrix.js";

/**
 * Average features over a grid of grid × grid areas of the image: 1 is global average pooling. A row of grid · grid · channels means for
 * each image; the areas differ by at most one pixel in height and width, and share pixels where the image has fewer than `grid`.
 */
export function poolFeatures(features: Split, grid: number): Matrix {
  const { count, height, width, channels } = features;
  const columns = grid * grid * channels;
  const data = new Float32Array(count * columns);
  const ends = (extent: number, part: number): readonly [number, number] => {
    const first = Math.floor((part * extent) / grid);
    return [first, Math.max(first + 1, Math.floor(((part + 1) * extent) / grid))];
  };
  const sums = new Float64Array(channels);
  const reader = createImageReader(features);
  try {
    for (let image = 0; image < count; image++) {
      const bytes = reader.read(image);
      for (let area = 0; area < grid * grid; area++) {
        const [top, bottom] = ends(height, Math.floor(area / grid));
        const [left, right] = ends(width, area % grid);
        sums.fill(0);
        for (let y = top; y < bottom; y++) {
          let at = (y * width + left) * channels;
          for (let x = left; x < right; x++) {
            for (let c = 0; c < channels; c++) sums[c]! += bytes[at++]!;
          }
        }
        const pixels = (bottom - top) * (right - left);
        const first = image * columns + area * channels;
        for (let c = 0; c < channels; c++) data[first + c] = sums[c]! / pixels;
      }
    }
  } finally {
    reader.close();
  }
  return { rows: count, columns, data };
}
