import { FixynnError } from "../../core/index.js";
import { checkDataset } from "../check.js";
import type { Dataset, Split } from "../dataset.js";
import { allocateSplit } from "../split.js";
import { readPlainOrGzip } from "./file.js";

const HINT =
  "the folder must hold train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each plain or .gz";

/**
 * Read an idx file of unsigned bytes: big-endian magic 0x000008DD with DD dimensions, each dimension, then the data
 * (LeCun's description of the MNIST files).
 */
async function readIdx(
  folder: string,
  name: string,
  rank: number,
): Promise<{ readonly path: string; readonly shape: readonly number[]; readonly data: Buffer }> {
  const variant = name.replace("-idx", ".idx");
  const { path, bytes } = await readPlainOrGzip(folder, [name, variant], HINT);
  const headerBytes = 4 + 4 * rank;
  if (bytes.length < headerBytes || bytes.readUInt32BE(0) !== 0x800 + rank) {
    throw new FixynnError("FX2009", `not an idx file of unsigned bytes in ${rank} dimension(s)`, {
      place: path,
      hint: HINT,
    });
  }
  const shape = Array.from({ length: rank }, (_, i) => bytes.readUInt32BE(4 + 4 * i));
  const expected = shape.reduce((product, length) => product * length, 1);
  if (bytes.length - headerBytes !== expected) {
    throw new FixynnError(
      "FX2002",
      `${bytes.length - headerBytes} bytes of data, but its header says ${shape.join("×")} = ${expected}`,
      { place: path, hint: "the file is truncated or damaged" },
    );
  }
  return { path, shape, data: bytes.subarray(headerBytes) };
}

async function readPair(folder: string, prefix: string, rgb: boolean): Promise<Split> {
  const images = await readIdx(folder, `${prefix}-images-idx3-ubyte`, 3);
  const labels = await readIdx(folder, `${prefix}-labels-idx1-ubyte`, 1);
  const [count = 0, height = 0, width = 0] = images.shape;
  if (labels.shape[0] !== count) {
    throw new FixynnError("FX2010", `${labels.shape[0]} labels for ${count} images`, {
      place: labels.path,
      hint: "images and labels must belong together",
    });
  }
  const channels = rgb ? 3 : 1;
  const { split, pixels } = allocateSplit({ count, height, width, channels });
  split.labels.set(labels.data);
  if (rgb) {
    for (let i = 0, to = 0; i < images.data.length; i++, to += 3) {
      const grey = images.data[i]!;
      pixels[to] = grey;
      pixels[to + 1] = grey;
      pixels[to + 2] = grey;
    }
  } else {
    pixels.set(images.data);
  }
  return split;
}

/**
 * Read MNIST, or any set in its idx files (Fashion-MNIST, KMNIST), plain or gzipped.
 *
 * @param options.rgb repeat the grey value in three channels (default), for networks with RGB input; else one channel
 * @param options.classes names in label order; default the digits 0 to 9
 * @throws FixynnError FX2001 missing file, FX2002 truncated file, FX2009 not idx, FX2010 counts that differ, FX2003 label
 * out of range, FX2004 single class, FX2005 class without images
 */
export async function readMnist(
  folder: string,
  options: { readonly rgb?: boolean; readonly classes?: readonly string[] } = {},
): Promise<Dataset> {
  const { rgb = true, classes = Array.from({ length: 10 }, (_, digit) => String(digit)) } = options;
  const train = await readPair(folder, "train", rgb);
  const test = await readPair(folder, "t10k", rgb);
  const source = "idx files in the layout of MNIST (LeCun, Cortes, Burges)";
  return checkDataset({ name: "mnist", classes, train, test, source }, folder);
}
