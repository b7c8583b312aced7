import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { syntheticByte, temporaryFolder, writeBelow } from "../../../test/helpers/data-files.js";
import { makeMat } from "../../../test/helpers/mat-file.js";
import { loadDataset } from "../load.js";
import { gatherImages } from "../records.js";

/** X in MATLAB's order of `syntheticByte`: row fastest, then column, channel, image. */
function mat(
  labels: readonly number[],
  options: { readonly first?: number; readonly dims?: readonly number[]; readonly images?: number } = {},
): Buffer {
  const { first = 0, images = labels.length } = options;
  const values = new Uint8Array(images * 3072);
  let at = 0;
  for (let i = 0; i < images; i++)
    for (let c = 0; c < 3; c++)
      for (let x = 0; x < 32; x++)
        for (let y = 0; y < 32; y++) values[at++] = syntheticByte(first + i, y, x, c);
  return makeMat(
    [
      { name: "X", dims: options.dims ?? [32, 32, 3, images], values },
      { name: "y", dims: [labels.length, 1], values: Float64Array.from(labels) },
    ],
    { compress: true },
  );
}

const digits = [10, 1, 2, 3, 4, 5, 6, 7, 8, 9];

describe("SVHN", () => {
  it("reads the official files; 10 is the digit 0; in memory and through a file alike", async () => {
    const folder = temporaryFolder();
    const cacheFolder = temporaryFolder();
    writeBelow(folder, "train_32x32.mat", mat(digits));
    writeBelow(folder, "test_32x32.mat", mat([9, 10], { first: 40 }));
    const load = (memoryLimitBytes?: number) =>
      loadDataset({ kind: "svhn", path: folder }, { cacheFolder, memoryLimitBytes });
    const small = await load();
    const large = await load(1000);
    const again = await load(1000);
    expect([small, large, again].map(({ train }) => train.store.kind)).toEqual(["memory", "file", "file"]);
    for (const { name, classes, train, test } of [small, large, again]) {
      expect([name, classes.length, train.count, test.count]).toEqual(["svhn", 10, 10, 2]);
      expect(Array.from(train.labels)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      expect(Array.from(test.labels)).toEqual([9, 0]);
      const pixels = gatherImages(test, [1]);
      for (const [y, x, c] of [
        [0, 0, 0],
        [3, 29, 1],
        [31, 5, 2],
      ] as const) {
        expect(pixels[(y * 32 + x) * 3 + c]).toBe(syntheticByte(41, y, x, c));
      }
      expect(gatherImages(train)).toEqual(gatherImages(small.train));
    }
  });

  it("adds the extra images when asked", async () => {
    const folder = temporaryFolder();
    writeBelow(folder, "train_32x32.mat", mat(digits));
    writeBelow(folder, "test_32x32.mat", mat([1]));
    writeBelow(folder, "extra_32x32.mat", mat([5, 6], { first: 70 }));
    const cacheFolder = temporaryFolder();
    for (const memoryLimitBytes of [undefined, 1000]) {
      const spec = { kind: "svhn", path: folder, extra: true };
      const { train } = await loadDataset(spec, { cacheFolder, memoryLimitBytes });
      expect(Array.from(train.labels.subarray(8))).toEqual([8, 9, 5, 6]);
      expect(gatherImages(train, [11])[0]).toBe(syntheticByte(71, 0, 0, 0));
    }
  });

  it.each([
    ["a label outside", "FX2003", mat([1, 2, 11])],
    ["a label 0", "FX2003", mat([1, 0])],
    ["labels that do not fit", "FX2010", mat([1, 2, 3], { images: 2 })],
    ["other dimensions", "FX2008", mat([1, 2], { dims: [64, 16, 3, 2] })],
    ["a single class", "FX2004", mat([3, 3])],
    ["a truncated file", "FX2002", mat(digits).subarray(0, 1000)],
    ["no MAT file", "FX2015", Buffer.alloc(4000)],
  ])("refuses %s", async (_title, code, bytes) => {
    const folder = temporaryFolder();
    writeBelow(folder, "train_32x32.mat", bytes);
    writeBelow(folder, "test_32x32.mat", mat([1]));
    await expect(
      loadDataset({ kind: "svhn", path: folder }, { cacheFolder: temporaryFolder() }),
    ).rejects.toMatchObject({ code });
  });

  it("names the first file that is missing", async () => {
    const folder = temporaryFolder();
    const missing = (file: string) => ({ code: "FX2001", place: join(folder, file) });
    const spec = { kind: "svhn", path: folder };
    await expect(loadDataset(spec)).rejects.toMatchObject(missing("train_32x32.mat"));
    writeBelow(folder, "train_32x32.mat", mat(digits));
    await expect(loadDataset(spec)).rejects.toMatchObject(missing("test_32x32.mat"));
  });
});
