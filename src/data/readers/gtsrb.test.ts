import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makePpm, temporaryFolder, writeBelow } from "../../../test/helpers/data-files.js";
import { loadDataset } from "../load.js";
import { gatherImages } from "../records.js";

const HEADER = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId";
const CLASSES = Array.from({ length: 43 }, (_, i) => String(i).padStart(5, "0"));

/** 12×10 pixels: a border of 2 in black, the sign in the colour of its class. */
const sign = (label: number, frame: number) =>
  makePpm(12, 10, (x, y) => (x < 2 || y < 2 || x > 9 || y > 7 ? [0, 0, 0] : [5 * label, 100 + frame, 200]));

const row = (name: string, label: number, roi = "2;2;9;7") => `${name};12;10;${roi};${label}`;

type Options = { readonly base?: string; readonly testTable?: string; readonly training?: string };

/** Two tracks of two frames for each class, and a test image for each. */
function writeGtsrb(options: Options = {}): string {
  const root = temporaryFolder();
  const base = options.base ?? "GTSRB";
  const training = join(base, options.training ?? "Final_Training/Images");
  for (const [label, name] of CLASSES.entries()) {
    const rows: string[] = [];
    for (const track of ["00000", "00001"]) {
      for (const frame of [0, 1]) {
        const file = `${track}_0000${frame}.ppm`;
        writeBelow(root, join(training, name, file), sign(label, frame));
        rows.push(row(file, label));
      }
    }
    writeBelow(root, join(training, name, `GT-${name}.csv`), `${[HEADER, ...rows].join("\r\n")}\r\n`);
    writeBelow(root, join(base, "Final_Test/Images", `${name}.ppm`), sign(label, 7));
  }
  const rows = CLASSES.map((name, label) => row(`${name}.ppm`, label)).reverse();
  writeBelow(root, options.testTable ?? join(base, "GT-final_test.csv"), [HEADER, ...rows].join("\n"));
  return root;
}

const load = (path: string, extra: object = {}, side = 6) =>
  loadDataset({ kind: "gtsrb", path, ...extra }, { side, cacheFolder: temporaryFolder() });

describe("GTSRB, official layout", () => {
  it("reads images, labels and tracks", async () => {
    const { train, test, classes, source } = await load(writeGtsrb());
    expect([train.count, test.count, classes.length, train.width]).toEqual([172, 43, 43, 6]);
    expect(Array.from(train.labels.subarray(0, 9))).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 2]);
    expect(Array.from(train.groups!.subarray(0, 9))).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4]);
    expect(Array.from(test.labels.subarray(0, 3))).toEqual([42, 41, 40]);
    expect(source).toMatch(/squash 6×6/);
    // The whole image: its corner is black, its centre the sign.
    const pixels = gatherImages(train, [5]);
    expect(pixels[0]).toBeLessThan(5);
    expect(Array.from(pixels.subarray((3 * 6 + 3) * 3, (3 * 6 + 3) * 3 + 3))).toEqual([5, 101, 200]);
  });

  it("cuts out the annotated sign when asked", async () => {
    const { test } = await load(writeGtsrb(), { roi: true });
    const pixels = gatherImages(test, [0]);
    expect(Array.from(pixels)).toEqual(Array.from({ length: 36 }, () => [210, 107, 200]).flat());
  });

  it.each([
    ["the table beside the test images", { testTable: "GTSRB/Final_Test/Images/GT-final_test.csv" }],
    ["the table at the root", { testTable: "GT-final_test.csv" }],
    ["the folder itself", { base: "." }],
    ["the older training archive", { training: "Training" }],
  ])("finds %s", async (_title, options: Options) => {
    expect((await load(writeGtsrb(options))).train.count).toBe(172);
  });

  it("refuses damaged annotations with one error each", async () => {
    const root = writeGtsrb();
    const table = "GTSRB/Final_Training/Images/00003/GT-00003.csv";
    const refused = async (text: string, expected: object) => {
      writeBelow(root, table, text);
      await expect(load(root)).rejects.toMatchObject(expected);
    };
    const good = row("00000_00000.ppm", 3);
    await refused(`${HEADER}\n${row("00000_00000.ppm", 43)}`, { code: "FX2003", message: /label 43/ });
    await refused(`${HEADER}\n${row("00000_00000.ppm", 4)}`, {
      code: "FX2010",
      message: /does not fit folder/,
    });
    await refused(`${HEADER}\n${good}\n${row("00000_00001.ppm", 3, "2;2;12;7")}`, {
      code: "FX2010",
      place: `${join(root, table)}:3`,
    });
    await refused(`${HEADER}\n${row("../../x.ppm", 3)}`, { code: "FX2010" });
    await refused(`${HEADER}\n${good};1`, { code: "FX2010", message: /9 fields/ });
    await refused("Filename;Width\n", { code: "FX2010", message: /no column Height/ });
    await refused(`${HEADER}\n${row("00009_00000.ppm", 3)}`, { code: "FX2001", message: /no such file/ });
    await refused(HEADER, { code: "FX2005", message: /speed limit 60/ });
  });

  it("names an image that is cut short, and what is missing", async () => {
    const root = writeGtsrb();
    const image = "GTSRB/Final_Test/Images/00007.ppm";
    writeBelow(root, image, sign(7, 7).subarray(0, 100));
    await expect(load(root)).rejects.toMatchObject({
      code: "FX2006",
      message: expect.stringMatching(/1 of 215 images: .*00007\.ppm \(truncated/),
    });
    await expect(load(temporaryFolder())).rejects.toMatchObject({ code: "FX2001" });
  });
});
