import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { makePng, temporaryFolder, writeBelow } from "../../../test/helpers/data-files.js";
import { requireShared } from "../../../test/helpers/environment.js";
import { makeMat } from "../../../test/helpers/mat-file.js";
import { loadDataset } from "../load.js";
import { gatherImages } from "../records.js";
import { FLOWERS_CLASSES } from "./flowers102.js";

/** One colour, in JPEG. */
const jpeg = (red: number, options: { readonly height?: number; readonly banner?: boolean } = {}) => {
  const { height = 16, banner = false } = options;
  const rows = banner ? height - 20 : height;
  return sharp(makePng(16, height, (_x, y) => (y < rows ? [red, 60, 90] : [255, 255, 255])))
    .jpeg({ quality: 100, chromaSubsampling: "4:4:4" })
    .toBuffer();
};

const numbers = (name: string, list: readonly number[]) => ({
  name,
  dims: [1, list.length],
  values: Float64Array.from(list),
});

type Sets = { readonly labels?: readonly number[]; readonly valid?: readonly number[] };

/** One image a class for training and validation, every second again for testing. */
async function writeFlowers(sets: Sets = {}): Promise<string> {
  const root = temporaryFolder();
  const labels = sets.labels ?? Array.from({ length: 153 }, (_, i) => (i % 102) + 1);
  for (let i = 1; i <= 153; i++) {
    writeBelow(root, `jpg/image_${String(i).padStart(5, "0")}.jpg`, await jpeg(i));
  }
  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
  writeBelow(root, "imagelabels.mat", makeMat([numbers("labels", labels)], { compress: true }));
  writeBelow(
    root,
    "setid.mat",
    makeMat(
      [
        numbers("trnid", range(1, 52)),
        numbers("valid", sets.valid ?? range(52, 103)),
        numbers("tstid", range(103, 154)),
      ],
      { compress: true },
    ),
  );
  return root;
}

const load = (spec: object, side = 8) => loadDataset(spec, { side, cacheFolder: temporaryFolder() });

describe("Flowers-102", () => {
  it("trains on the official training and validation images", async () => {
    const { train, test, classes } = await load({ kind: "flowers102", path: await writeFlowers() });
    expect([train.count, test.count, classes.length]).toEqual([102, 51, 102]);
    expect(Array.from(train.labels)).toEqual(Array.from({ length: 102 }, (_, i) => i));
    expect(Array.from(test.labels)).toEqual(Array.from({ length: 51 }, (_, i) => i));
    expect(Math.abs(gatherImages(train, [59])[0]! - 60)).toBeLessThan(4);
    expect(Math.abs(gatherImages(test, [0])[0]! - 103)).toBeLessThan(4);
  });

  it("refuses labels outside, images without label, and missing images", async () => {
    const outside = Array.from({ length: 153 }, (_, i) => i + 1);
    await expect(
      load({ kind: "flowers102", path: await writeFlowers({ labels: outside }) }),
    ).rejects.toMatchObject({ code: "FX2003", message: "label 103 of image 103 is not in 1 to 102" });
    await expect(
      load({ kind: "flowers102", path: await writeFlowers({ valid: [152, 154] }) }),
    ).rejects.toMatchObject({ code: "FX2010", message: expect.stringContaining("image 154 has no label") });
    await expect(load({ kind: "flowers102", path: temporaryFolder() })).rejects.toMatchObject({
      code: "FX2001",
    });
  });

  it("reads the packed 89 classes with the official division", async (context) => {
    const path = requireShared(context, "data/flowers89");
    const { name, train, test, classes } = await load({ kind: "flowers89", path });
    expect([name, train.count, test.count, classes.length]).toEqual(["flowers89", 1434, 1068, 89]);
    expect(new Set(train.labels).size).toBe(89);
    // Names by number: the packed table agrees with ours.
    expect(classes.every((title) => FLOWERS_CLASSES.includes(title))).toBe(true);
    expect(classes.map((title) => FLOWERS_CLASSES.indexOf(title))).toEqual(
      [...classes.map((title) => FLOWERS_CLASSES.indexOf(title))].sort((a, b) => a - b),
    );
  });
});

async function writeAircraft(lists: Readonly<Record<string, string>> = {}): Promise<string> {
  const root = temporaryFolder();
  const data = "fgvc-aircraft-2013b/data";
  for (const i of [1, 2, 3, 4, 5, 6]) {
    writeBelow(
      root,
      join(data, "images", `000000${i}.jpg`),
      await jpeg(30 * i, { height: 60, banner: true }),
    );
  }
  const files = {
    "variants.txt": "707-320\nA300B4\n",
    "images_variant_train.txt": "0000001 707-320\n0000002 A300B4\n",
    "images_variant_val.txt": "0000003 707-320\n",
    "images_variant_test.txt": "0000004 A300B4\n0000005 707-320\n",
    "families.txt": "Boeing 707\nA300\n",
    "images_family_train.txt": "0000001 Boeing 707\n0000002 A300\n",
    "images_family_val.txt": "0000003 Boeing 707\n",
    "images_family_test.txt": "0000004 A300\n",
    ...lists,
  };
  for (const [name, text] of Object.entries(files)) writeBelow(root, join(data, name), text);
  return root;
}

describe("FGVC-Aircraft", () => {
  it("cuts the banner off and joins training and validation", async () => {
    const { train, test, classes } = await load({ kind: "aircraft", path: await writeAircraft() });
    expect(classes).toEqual(["707-320", "A300B4"]);
    expect([Array.from(train.labels), Array.from(test.labels)]).toEqual([
      [0, 1, 0],
      [1, 0],
    ]);
    // The banner is white; without it every row has the image's colour.
    const pixels = gatherImages(train, [2]);
    for (let at = 0; at < pixels.length; at += 3) expect(Math.abs(pixels[at]! - 90)).toBeLessThan(8);
  });

  it("reads families, whose names hold blanks", async () => {
    const path = join(await writeAircraft(), "fgvc-aircraft-2013b");
    const { name, classes, train } = await load({ kind: "aircraft", path, labels: "family" });
    expect([name, classes, Array.from(train.labels)]).toEqual([
      "aircraft-family",
      ["Boeing 707", "A300"],
      [0, 1, 0],
    ]);
  });

  it.each([
    ["an unknown class", { "images_variant_val.txt": "0000003 Concorde\n" }, "FX2003"],
    ["a damaged list", { "images_variant_val.txt": "../x 707-320\n" }, "FX2010"],
    ["a missing image", { "images_variant_val.txt": "0000009 707-320\n" }, "FX2001"],
    [
      "a single class",
      {
        "variants.txt": "707-320\n",
        "images_variant_train.txt": "0000001 707-320\n",
        "images_variant_test.txt": "0000002 707-320\n",
      },
      "FX2004",
    ],
  ])("refuses %s", async (_title, lists: Readonly<Record<string, string>>, code) => {
    await expect(load({ kind: "aircraft", path: await writeAircraft(lists) })).rejects.toMatchObject({
      code,
    });
  });
});
