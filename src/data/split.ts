import { FixynnError, type Rng, shuffledIndices } from "../core/index.js";
import type { Split } from "./dataset.js";
import { splitDigest, withReader } from "./records.js";
import { createResizer } from "./resize.js";
import { type Storage, storeRecords } from "./store/storage.js";

/** A split that a reader fills. */
export type AllocatedSplit = { readonly split: Split; readonly pixels: Uint8Array };

/**
 * Allocate a split of zeros in shared memory, to be filled by a reader.
 *
 * @param shape images, and the size of one; `channels` 3 for RGB, 1 for grey
 */
export function allocateSplit(shape: Pick<Split, "count" | "height" | "width" | "channels">): AllocatedSplit {
  const { count, height, width, channels } = shape;
  const pixels = new Uint8Array(new SharedArrayBuffer(count * height * width * channels));
  const labels = new Uint16Array(new SharedArrayBuffer(2 * count));
  return {
    split: { count, height, width, channels, store: { kind: "memory", bytes: pixels }, labels },
    pixels,
  };
}

/**
 * Choose some images of a split, in the order of `indices` (an index may repeat). Their bytes stay where they are.
 *
 * @throws RangeError for an index outside the split: a bug of the caller
 */
export function subset(split: Split, indices: ArrayLike<number>): Split {
  const { positions, labels, groups } = split;
  const count = indices.length;
  const newPositions = new Uint32Array(new SharedArrayBuffer(4 * count));
  const newLabels = new Uint16Array(new SharedArrayBuffer(2 * count));
  const newGroups = groups && new Uint32Array(new SharedArrayBuffer(4 * count));
  for (let i = 0; i < count; i++) {
    const from = indices[i]!;
    if (!(from >= 0 && from < split.count)) throw new RangeError(`image ${from} of ${split.count}`);
    newPositions[i] = positions === undefined ? from : positions[from]!;
    newLabels[i] = labels[from]!;
    if (groups && newGroups) newGroups[i] = groups[from]!;
  }
  return {
    ...split,
    count,
    positions: newPositions,
    labels: newLabels,
    ...(newGroups && { groups: newGroups }),
  };
}

/**
 * Resize every image of a split to a square, bilinear (see `createResizer`); the split itself when it has that size.
 *
 * @param storage where the images go, and the beginning of the file's name
 * @throws FixynnError FX8001 cache not writable
 */
export async function resizeSplit(
  split: Split,
  side: number,
  storage: Storage & { readonly name: string },
): Promise<Split> {
  const { count, height, width, channels, labels, groups } = split;
  if (height === side && width === side) return split;
  const recordBytes = side * side * channels;
  const store = await storeRecords(
    {
      ...{ name: `${storage.name}-${side}`, count, recordBytes, totalBytes: count * recordBytes },
      key: `resized\n${splitDigest(split)}\n${side}`,
      fill: async (put) => {
        const resizer = createResizer({ height, width }, { height: side, width: side }, channels);
        const resized = new Uint8Array(recordBytes);
        withReader(split, (reader) => {
          for (let i = 0; i < count; i++) {
            resizer.resize(reader.read(i), 0, resized, 0);
            put(i, resized);
          }
        });
      },
    },
    storage,
  );
  const result = { count, height: side, width: side, channels, store, labels };
  return groups === undefined ? result : { ...result, groups };
}

/** Images that stay and images that are held back, each in ascending order. */
export type HoldOut = { readonly kept: Uint32Array; readonly held: Uint32Array };

/**
 * Choose images to hold back: of every class about `fraction` of its images, so that the classes keep their shares.
 * With groups, whole groups are held back, never a part of one; a group counts for the class of its first image. A class
 * with at least two images (groups) gives at least one and keeps at least one; a class with a single one keeps it.
 *
 * @param fraction share of the images to hold back, in (0, 1)
 * @throws FixynnError FX2012 for a fraction outside (0, 1) or when no class can give an image
 */
export function holdOut(
  split: Pick<Split, "labels" | "groups">,
  options: { readonly fraction: number; readonly rng: Rng },
): HoldOut {
  const { fraction, rng } = options;
  if (!(fraction > 0 && fraction < 1)) {
    throw new FixynnError("FX2012", `held-back fraction ${fraction} is not between 0 and 1`, {
      hint: "0.1 to 0.2 is usual",
    });
  }
  const units = new Map<number, number[]>();
  for (let i = 0; i < split.labels.length; i++) {
    const key = split.groups === undefined ? i : split.groups[i]!;
    const unit = units.get(key);
    if (unit === undefined) units.set(key, [i]);
    else unit.push(i);
  }
  const byClass = new Map<number, number[][]>();
  for (const unit of units.values()) {
    const label = split.labels[unit[0]!]!;
    const list = byClass.get(label);
    if (list === undefined) byClass.set(label, [unit]);
    else list.push(unit);
  }
  const isHeld = new Uint8Array(split.labels.length);
  for (const label of [...byClass.keys()].sort((a, b) => a - b)) {
    const list = byClass.get(label)!;
    const images = list.reduce((sum, unit) => sum + unit.length, 0);
    const order = shuffledIndices(list.length, rng.fork(`class ${label}`));
    let held = 0;
    for (let k = 0; k < list.length - 1; k++) {
      const unit = list[order[k]!]!;
      // The first unit is always taken; a later one while it brings the share nearer to the fraction.
      if (k > 0 && held + unit.length / 2 > fraction * images) break;
      for (const i of unit) isHeld[i] = 1;
      held += unit.length;
    }
  }
  const pick = (value: number) =>
    Uint32Array.from(Array.from(isHeld.keys()).filter((i) => isHeld[i] === value));
  const held = pick(1);
  if (held.length === 0) {
    throw new FixynnError("FX2012", "no class has two images or groups, so none can be held back", {
      hint: "add images, or give a test set of its own",
    });
  }
  return { kept: pick(0), held };
}

/**
 * Divide a split into training and validation images: by groups when it has them, stratified by class in any case.
 * See {@link holdOut} for the rules and errors.
 *
 * @param fraction share of validation images, in (0, 1)
 * @param rng the same seed gives the same division
 */
export function splitValidation(
  split: Split,
  fraction: number,
  rng: Rng,
): { readonly train: Split; readonly validation: Split } {
  const { kept, held } = holdOut(split, { fraction, rng });
  return { train: subset(split, kept), validation: subset(split, held) };
}
