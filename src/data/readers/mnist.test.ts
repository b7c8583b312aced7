import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { makeIdx, temporaryFolder } from "../../../test/helpers/data-files.js";
import { gatherImages } from "../records.js";
import { readMnist } from "./mnist.js";

const pixels = Uint8Array.from({ length: 10 * 5 * 4 }, (_, i) => (i * 13) & 255);
const digits = Uint8Array.from({ length: 10 }, (_, i) => (i * 3) % 10);

function write(folder: string): void {
  writeFileSync(join(folder, "train-images-idx3-ubyte"), makeIdx([10, 5, 4], pixels));
  writeFileSync(join(folder, "train-labels-idx1-ubyte"), makeIdx([10], digits));
  writeFileSync(
    join(folder, "t10k-images-idx3-ubyte.gz"),
    gzipSync(makeIdx([2, 5, 4], pixels.subarray(0, 40))),
  );
  writeFileSync(join(folder, "t10k-labels-idx1-ubyte.gz"), gzipSync(makeIdx([2], Uint8Array.of(9, 1))));
}

describe("readMnist", () => {
  it("reads plain and gzipped idx files, grey to RGB", async () => {
    const folder = temporaryFolder();
    write(folder);
    const { train, test, classes } = await readMnist(folder);
    expect(classes).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    expect([train.count, train.height, train.width, train.channels]).toEqual([10, 5, 4, 3]);
    expect(Array.from(gatherImages(train))).toEqual(Array.from(pixels).flatMap((grey) => [grey, grey, grey]));
    expect(Array.from(train.labels)).toEqual(Array.from(digits));
    expect(Array.from(test.labels)).toEqual([9, 1]);
  });

  it("keeps one channel and takes other names on request, and the variant file name", async () => {
    const folder = temporaryFolder();
    write(folder);
    renameSync(join(folder, "train-images-idx3-ubyte"), join(folder, "train-images.idx3-ubyte"));
    const names = Array.from({ length: 10 }, (_, i) => `garment ${i}`);
    const { train, classes } = await readMnist(folder, { rgb: false, classes: names });
    expect(train.channels).toBe(1);
    expect(Array.from(gatherImages(train))).toEqual(Array.from(pixels));
    expect(classes).toEqual(names);
  });

  it("refuses missing, foreign, truncated and unequal files", async () => {
    const folder = temporaryFolder();
    const labels = join(folder, "train-labels-idx1-ubyte");
    write(folder);
    writeFileSync(labels, makeIdx([9], digits.subarray(1)));
    await expect(readMnist(folder)).rejects.toMatchObject({
      code: "FX2010",
      message: "9 labels for 10 images",
    });
    writeFileSync(labels, makeIdx([10], digits).subarray(0, 15));
    await expect(readMnist(folder)).rejects.toMatchObject({ code: "FX2002", place: labels });
    writeFileSync(labels, makeIdx([10, 1], digits));
    await expect(readMnist(folder)).rejects.toMatchObject({ code: "FX2009", place: labels });
    writeFileSync(labels, "");
    await expect(readMnist(folder)).rejects.toMatchObject({ code: "FX2009" });
    rmSync(labels);
    await expect(readMnist(folder)).rejects.toMatchObject({ code: "FX2001", place: labels });
    writeFileSync(`${labels}.gz`, gzipSync(makeIdx([10], digits)).subarray(0, 20));
    await expect(readMnist(folder)).rejects.toMatchObject({ code: "FX2002", place: `${labels}.gz` });
    writeFileSync(
      labels,
      makeIdx(
        [10],
        digits.map((digit) => digit + 1),
      ),
    );
    await expect(readMnist(folder)).rejects.toMatchObject({ code: "FX2003" });
  });
});
