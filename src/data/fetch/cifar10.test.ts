import { describe, expect, it } from "vitest";
import { makePng, makeRecords, syntheticByte } from "../../../test/helpers/data-files.js";
import { silent } from "../../core/index.js";
import { CIFAR10_CHECKSUMS, convertCifar10, sheetToRecords } from "./cifar10.js";

const IMAGES = 10;

/** A sheet of synthetic images: one a row, 1024 pixels. */
const sheet = (images: number) =>
  makePng(1024, images, (x, image) => {
    const byte = (c: number) => syntheticByte(image, x >> 5, x & 31, c);
    return [byte(0), byte(1), byte(2)];
  });

const testLabels = Array.from({ length: IMAGES }, (_, i) => (i * 3) % 10);
const trainLabels = Array.from({ length: 5 * IMAGES }, (_, i) => (i + Math.floor(i / IMAGES)) % 10);

function packageFiles(): Map<string, Buffer> {
  const png = sheet(IMAGES);
  return new Map([
    ...[1, 2, 3, 4, 5].map((n) => [`package/data_batch_${n}.png`, png] as const),
    ["package/test_batch.png", png],
    ["package/train_lables.json", Buffer.from(JSON.stringify(trainLabels))],
    ["package/test_lables.json", Buffer.from(JSON.stringify(testLabels))],
  ]);
}

const convert = (files: ReadonlyMap<string, Buffer>) =>
  convertCifar10(files, { imagesPerSheet: IMAGES, onProgress: silent });

describe("sheetToRecords", () => {
  it("writes the label and the three planes of each row", async () => {
    expect(await sheetToRecords(sheet(3), [7, 0, 9])).toEqual(makeRecords([[7], [0], [9]]));
  });

  it("refuses another size and what is no image", async () => {
    await expect(sheetToRecords(sheet(3), [1, 2])).rejects.toMatchObject({ code: "FX2023" });
    await expect(sheetToRecords(Buffer.from("x"), [1])).rejects.toMatchObject({ code: "FX2023" });
  });
});

describe("convertCifar10", () => {
  it("makes the files of the official binary version", async () => {
    const files = await convert(packageFiles());
    expect([...files.keys()].sort()).toEqual([...Object.keys(CIFAR10_CHECKSUMS), "batches.meta.txt"].sort());
    for (const n of [1, 2, 3, 4, 5]) {
      const labels = trainLabels.slice((n - 1) * IMAGES, n * IMAGES).map((label) => [label]);
      expect(files.get(`data_batch_${n}.bin`)).toEqual(makeRecords(labels));
    }
    expect(files.get("test_batch.bin")).toEqual(makeRecords(testLabels.map((label) => [label])));
  });

  it("refuses missing files and labels that are too few, out of range or unbalanced", async () => {
    const withLabels = (labels: unknown) =>
      packageFiles().set("package/test_lables.json", Buffer.from(JSON.stringify(labels)));
    const without = packageFiles();
    without.delete("package/data_batch_4.png");
    const cases: [Map<string, Buffer>, string][] = [
      [without, "data_batch_4.png"],
      [withLabels(testLabels.slice(1)), "9 labels, expected 10"],
      [withLabels([...testLabels.slice(1), 10]), "no list of labels"],
      [withLabels([...testLabels.slice(1), 9]), "images per class"],
      [withLabels({}), "no list of labels"],
    ];
    for (const [files, message] of cases) {
      await expect(convert(files)).rejects.toMatchObject({
        code: "FX2023",
        message: expect.stringContaining(message),
      });
    }
  });
});
