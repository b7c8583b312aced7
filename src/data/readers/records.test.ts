import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeRecords, syntheticByte, temporaryFolder } from "../../../test/helpers/data-files.js";
import type { Split } from "../dataset.js";
import { gatherImages } from "../records.js";
import { CIFAR10_CLASSES, readCifar10 } from "./cifar10.js";
import { readCifar100 } from "./cifar100.js";
import { GTSRB_CLASSES, readGtsrb32 } from "./gtsrb32.js";

/** Compare every byte with the synthetic images, whose numbering starts again in each file. */
function expectSynthetic(split: Split, imagesPerFile: number): void {
  const expected = new Uint8Array(split.count * 3072);
  let at = 0;
  for (let i = 0; i < split.count; i++) {
    for (let y = 0; y < 32; y++) {
      for (let x = 0; x < 32; x++) {
        for (let c = 0; c < 3; c++) expected[at++] = syntheticByte(i % imagesPerFile, y, x, c);
      }
    }
  }
  expect(Buffer.compare(Buffer.from(gatherImages(split)), Buffer.from(expected))).toBe(0);
  expect(split.store.kind === "memory" && split.store.bytes.buffer).toBeInstanceOf(SharedArrayBuffer);
}

const batch = (labels: readonly number[]) => makeRecords(labels.map((label) => [label]));

function writeCifar10(folder: string): void {
  for (const n of [1, 2, 3, 4, 5]) writeFileSync(join(folder, `data_batch_${n}.bin`), batch([n - 1, n + 4]));
  writeFileSync(join(folder, "test_batch.bin"), batch([9, 3]));
}

describe("readCifar10", () => {
  it("reads the five batches in order, planes to pixels", async () => {
    const folder = temporaryFolder();
    writeCifar10(folder);
    const { train, test, classes } = await readCifar10(folder);
    expect(classes).toEqual(CIFAR10_CLASSES);
    expect([train.count, train.height, train.width, train.channels]).toEqual([10, 32, 32, 3]);
    expect(Array.from(train.labels)).toEqual([0, 5, 1, 6, 2, 7, 3, 8, 4, 9]);
    expect(Array.from(test.labels)).toEqual([9, 3]);
    expectSynthetic(train, 2);
    expectSynthetic(test, 2);
  });

  it("reports a missing file with its place and how to supply it", async () => {
    const folder = temporaryFolder();
    await expect(readCifar10(folder)).rejects.toMatchObject({
      code: "FX2001",
      place: join(folder, "data_batch_1.bin"),
      hint: expect.stringContaining("test_batch.bin"),
    });
  });

  it("reports a truncated file", async () => {
    const folder = temporaryFolder();
    writeCifar10(folder);
    truncateSync(join(folder, "data_batch_3.bin"), 5000);
    await expect(readCifar10(folder)).rejects.toMatchObject({
      code: "FX2002",
      place: join(folder, "data_batch_3.bin"),
      message: expect.stringContaining("5000 bytes"),
    });
    truncateSync(join(folder, "data_batch_3.bin"), 0);
    await expect(readCifar10(folder)).rejects.toMatchObject({ code: "FX2002" });
  });

  it("reports a label out of range with its record", async () => {
    const folder = temporaryFolder();
    writeCifar10(folder);
    writeFileSync(join(folder, "test_batch.bin"), batch([1, 10]));
    await expect(readCifar10(folder)).rejects.toMatchObject({
      code: "FX2003",
      place: join(folder, "test_batch.bin"),
      message: expect.stringContaining("label 10 of record 1"),
    });
  });

  it("reports a single class and a class without training images", async () => {
    const folder = temporaryFolder();
    writeCifar10(folder);
    for (const n of [1, 2, 3, 4, 5]) writeFileSync(join(folder, `data_batch_${n}.bin`), batch([6]));
    await expect(readCifar10(folder)).rejects.toMatchObject({ code: "FX2004" });
    writeFileSync(join(folder, "data_batch_2.bin"), batch([0, 1, 2, 3, 4, 5, 7, 8]));
    await expect(readCifar10(folder)).rejects.toMatchObject({
      code: "FX2005",
      message: expect.stringContaining("truck"),
    });
  });
});

describe("readCifar100", () => {
  function write(folder: string): void {
    const records = [
      [1, 0],
      [0, 1],
      [1, 2],
    ];
    writeFileSync(join(folder, "train.bin"), makeRecords(records));
    writeFileSync(join(folder, "test.bin"), makeRecords(records.slice(0, 2)));
    writeFileSync(join(folder, "fine_label_names.txt"), "apple\nbaby\nbear\n\n");
    writeFileSync(join(folder, "coarse_label_names.txt"), "people\nfood\n");
  }

  it("takes the fine labels by default and the coarse ones on request", async () => {
    const folder = temporaryFolder();
    write(folder);
    const fine = await readCifar100(folder);
    expect(fine.classes).toEqual(["apple", "baby", "bear"]);
    expect(Array.from(fine.train.labels)).toEqual([0, 1, 2]);
    expectSynthetic(fine.train, 3);
    const coarse = await readCifar100(folder, "coarse");
    expect(coarse.classes).toEqual(["people", "food"]);
    expect(Array.from(coarse.train.labels)).toEqual([1, 0, 1]);
  });

  it("refuses labels beyond the names", async () => {
    const folder = temporaryFolder();
    write(folder);
    writeFileSync(join(folder, "fine_label_names.txt"), "apple\nbaby\n");
    await expect(readCifar100(folder)).rejects.toMatchObject({ code: "FX2003" });
  });
});

describe("readGtsrb32", () => {
  function write(folder: string, names: readonly string[]): void {
    const labels = [...GTSRB_CLASSES.keys(), 0, 0, 1].map((label) => [label]);
    writeFileSync(join(folder, "train.bin"), makeRecords(labels));
    writeFileSync(join(folder, "test.bin"), makeRecords([[42], [3]]));
    writeFileSync(join(folder, "gtsrb32-train.filenames.txt"), `${names.join("\n")}\n`);
  }
  const first = Array.from(GTSRB_CLASSES.keys(), (k) => `${String(k).padStart(5, "0")}/00000_00002.ppm`);

  it("makes a group of each track", async () => {
    const folder = temporaryFolder();
    write(folder, [...first, "00000/00000_00005.ppm", "00000/00001_00002.ppm", "00001/00000_00005.ppm"]);
    const { train, test, classes } = await readGtsrb32(folder);
    expect(classes.length).toBe(43);
    expect(new Set(classes).size).toBe(43);
    expect(Array.from(train.groups ?? [])).toEqual([...GTSRB_CLASSES.keys(), 0, 43, 1]);
    expect(test.groups).toBeUndefined();
    expectSynthetic(train, 46);
  });

  it("refuses names that do not fit the records", async () => {
    const folder = temporaryFolder();
    write(folder, first);
    await expect(readGtsrb32(folder)).rejects.toMatchObject({
      code: "FX2010",
      message: expect.stringContaining("43 file names for 46"),
    });
    write(folder, [...first, "00000/00000_00005.ppm", "00002/00001_00002.ppm", "00001/00000_00005.ppm"]);
    await expect(readGtsrb32(folder)).rejects.toMatchObject({
      code: "FX2010",
      place: expect.stringMatching(/filenames\.txt:45$/),
    });
  });
});
