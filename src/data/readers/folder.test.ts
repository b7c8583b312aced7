import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { makePng, temporaryFolder } from "../../../test/helpers/data-files.js";
import type { ProgressEvent } from "../../core/index.js";
import { gatherImages } from "../records.js";
import { readFolder as readFolderInto } from "./folder.js";
import { decodeImage } from "./image.js";

type Colour = readonly [number, number, number];

/** A PNG written without sharp, so that the decoder is checked against another library. */
function writePng(
  path: string,
  width: number,
  height: number,
  pixel: (x: number, y: number) => Colour,
): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, makePng(width, height, pixel));
}

const plain = (path: string, colour: Colour, side = 8) => writePng(path, side, side, () => colour);

/** Two classes of five one-coloured images; the colour tells class and number. */
function writeClasses(root: string): void {
  for (let i = 0; i < 5; i++) {
    plain(join(root, "cat", `c${i}.png`), [200, 10 * i, 0]);
    plain(join(root, "dog", `d${i}.png`), [50, 10 * i, 255]);
  }
}

type ReadOptions = Parameters<typeof readFolderInto>[1];
const readFolder = (root: string, options: ReadOptions) =>
  readFolderInto(root, { ...options, cacheFolder: temporaryFolder() });

const exact = { side: 4, resize: "exact", shortSide: 4 } as const;

describe("decodeImage", () => {
  it("gives the very pixels of a PNG of the right size", async () => {
    const path = join(temporaryFolder(), "a.png");
    writePng(path, 4, 4, (x, y) => [x * 60, y * 60, x * y]);
    const expected = Array.from({ length: 16 }, (_, i) => [
      (i % 4) * 60,
      (i >> 2) * 60,
      (i % 4) * (i >> 2),
    ]).flat();
    expect(Array.from(await decodeImage(path, exact))).toEqual(expected);
  });

  it("cuts the centre after scaling the short side, or squashes", async () => {
    const path = join(temporaryFolder(), "wide.png");
    // Red, green, blue thirds of 8 pixels each.
    writePng(path, 24, 8, (x) => [x < 8 ? 255 : 0, x >= 8 && x < 16 ? 255 : 0, x >= 16 ? 255 : 0]);
    const cropped = await decodeImage(path, { side: 8, resize: "crop", shortSide: 8 });
    expect(Array.from(cropped)).toEqual(Array.from({ length: 64 }, () => [0, 255, 0]).flat());
    const squashed = await decodeImage(path, { side: 3, resize: "squash", shortSide: 3 });
    const row = [0, 1, 2].map((x) => Array.from(squashed.subarray(9 + 3 * x, 12 + 3 * x)));
    for (const x of [0, 1, 2]) expect(row[x]!.indexOf(Math.max(...row[x]!))).toBe(x);
  });

  it("cuts a smaller centre out of a larger short side", async () => {
    const path = join(temporaryFolder(), "frame.png");
    const isInner = (v: number) => v >= 4 && v < 12;
    writePng(path, 16, 16, (x, y) => (isInner(x) && isInner(y) ? [9, 8, 7] : [255, 255, 255]));
    const centre = await decodeImage(path, { side: 8, resize: "crop", shortSide: 16 });
    expect(Array.from(centre)).toEqual(Array.from({ length: 64 }, () => [9, 8, 7]).flat());
  });

  it("turns grey, transparent, 16-bit and palette images into RGB, and heeds the EXIF orientation", async () => {
    const folder = temporaryFolder();
    const at = (name: string) => join(folder, name);
    const grey = Buffer.alloc(16, 77);
    await sharp(grey, { raw: { width: 4, height: 4, channels: 1 } })
      .toColourspace("b-w")
      .png()
      .toFile(at("grey.png"));
    const rgba = Buffer.from(Array.from({ length: 16 }, () => [10, 20, 30, 0]).flat());
    await sharp(rgba, { raw: { width: 4, height: 4, channels: 4 } })
      .png()
      .toFile(at("alpha.png"));
    const rgb = Buffer.from(Array.from({ length: 16 }, (_, i) => [i < 4 ? 250 : 5, 20, 30]).flat());
    const image = () => sharp(rgb, { raw: { width: 4, height: 4, channels: 3 } });
    await image().toColourspace("rgb16").png().toFile(at("deep.png"));
    await image().png({ palette: true }).toFile(at("palette.png"));
    await image().withMetadata({ orientation: 3 }).png().toFile(at("turned.png"));
    await sharp(grey, { raw: { width: 4, height: 4, channels: 1 } })
      .toColourspace("b-w")
      .jpeg()
      .toFile(at("grey.jpg"));
    const decode = async (name: string) => Array.from(await decodeImage(at(name), exact));
    expect(await decode("grey.png")).toEqual(Array.from({ length: 48 }, () => 77));
    expect(await decode("grey.jpg")).toEqual(Array.from({ length: 48 }, () => 77));
    expect(await decode("alpha.png")).toEqual(Array.from({ length: 16 }, () => [10, 20, 30]).flat());
    expect(await decode("deep.png")).toEqual(Array.from(rgb));
    expect(await decode("palette.png")).toEqual(Array.from(rgb));
    expect((await decode("turned.png")).slice(36)).toEqual(
      Array.from({ length: 4 }, () => [250, 20, 30]).flat(),
    );
  });
});

describe("readFolder", () => {
  it("divides classes by the seed and keeps each image with its label", async () => {
    const root = temporaryFolder();
    writeClasses(root);
    writeFileSync(join(root, ".DS_Store"), "x");
    writeFileSync(join(root, "cat", ".hidden"), "x");
    const events: ProgressEvent[] = [];
    const load = (seed: number) =>
      readFolder(root, { side: 4, testFraction: 0.4, seed, onProgress: (event) => events.push(event) });
    const { train, test, classes, source } = await load(1);
    expect(classes).toEqual(["cat", "dog"]);
    expect([train.count, test.count, train.height, train.width]).toEqual([6, 4, 4, 4]);
    expect(source).toMatch(/sharp \d/);
    const colours: string[] = [];
    for (const split of [train, test]) {
      for (let i = 0; i < split.count; i++) {
        const [red, green, blue] = gatherImages(split, [i]);
        expect([red, blue]).toEqual(split.labels[i] === 0 ? [200, 0] : [50, 255]);
        colours.push(`${red} ${green}`);
      }
    }
    expect(new Set(colours).size).toBe(10);
    expect(events.at(-1)).toMatchObject({ done: 10, total: 10, unit: "images" });
    const bytes = async (seed: number) => Buffer.from(gatherImages((await load(seed)).test)).toString("hex");
    expect(await bytes(1)).toBe(Buffer.from(gatherImages(test)).toString("hex"));
    expect(new Set(await Promise.all([1, 2, 3, 4, 5].map(bytes))).size).toBeGreaterThan(1);
  });

  it("takes train/ and test/ as they are, JPEG in any case of the extension, links followed", async () => {
    const root = temporaryFolder();
    writeClasses(join(root, "train"));
    const jpeg = await sharp(readFileSync(join(root, "train", "cat", "c0.png")))
      .jpeg()
      .toBuffer();
    mkdirSync(join(root, "test", "cat"), { recursive: true });
    mkdirSync(join(root, "test", "dog"));
    writeFileSync(join(root, "test", "cat", "x.JPEG"), jpeg);
    symlinkSync(join(root, "train", "dog", "d1.png"), join(root, "test", "dog", "link.png"));
    const { train, test } = await readFolder(root, { side: 4 });
    expect([train.count, test.count]).toEqual([10, 2]);
    expect(Array.from(test.labels)).toEqual([0, 1]);
    expect(Array.from(gatherImages(test).subarray(48, 51))).toEqual([50, 10, 255]);
  });

  it("reports what is wrong with a folder, each with code and place", async () => {
    const root = temporaryFolder();
    const load = (options = {}) => readFolder(root, { side: 4, ...options });
    await expect(readFolder(join(root, "none"), { side: 4 })).rejects.toMatchObject({ code: "FX2001" });
    await expect(load()).rejects.toMatchObject({ code: "FX2014" });
    mkdirSync(join(root, "cat"));
    await expect(load()).rejects.toMatchObject({ code: "FX2005", place: join(root, "cat") });
    writeClasses(root);
    rmSync(join(root, "dog"), { recursive: true });
    await expect(load()).rejects.toMatchObject({ code: "FX2004" });
    writeClasses(root);
    await expect(load({ resize: "exact" })).rejects.toMatchObject({
      code: "FX2008",
      message: expect.stringContaining("10 of 10 images are not 4×4: cat/c0.png (8×8)"),
    });
    await expect(load({ testFraction: 1 })).rejects.toMatchObject({ code: "FX2012" });
    for (const name of ["a.txt", "b.gif", "c.bmp", "d.tif"]) writeFileSync(join(root, "dog", name), "x");
    await expect(load()).rejects.toMatchObject({
      code: "FX2007",
      message: expect.stringContaining("dog/a.txt, dog/b.gif, dog/c.bmp and 1 more"),
    });
    for (const name of ["a.txt", "b.gif", "c.bmp", "d.tif"]) rmSync(join(root, "dog", name));
    mkdirSync(join(root, "dog", "more"));
    await expect(load()).rejects.toMatchObject({
      code: "FX2007",
      message: expect.stringContaining("dog/more/"),
    });
    rmSync(join(root, "dog", "more"), { recursive: true });
    writeFileSync(join(root, "labels.csv"), "x");
    await expect(load()).rejects.toMatchObject({
      code: "FX2007",
      message: expect.stringContaining("labels.csv"),
    });
  });

  it("names a link that leads nowhere", async () => {
    const root = temporaryFolder();
    mkdirSync(join(root, "cat"));
    const link = join(root, "cat", "gone.png");
    symlinkSync(join(root, "nowhere.png"), link);
    await expect(readFolder(root, { side: 4 })).rejects.toMatchObject({ code: "FX2001", place: link });
  });

  it("lists undecodable images: text, empty and truncated", async () => {
    const root = temporaryFolder();
    writeClasses(root);
    const noise = Buffer.from(Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * i * 31) & 255));
    const jpeg = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
      .jpeg()
      .toBuffer();
    writeFileSync(join(root, "cat", "text.jpg"), "not an image");
    writeFileSync(join(root, "cat", "truncated.jpg"), jpeg.subarray(0, jpeg.length >> 1));
    writeFileSync(join(root, "dog", "empty.png"), "");
    writeFileSync(join(root, "dog", "fine.jpg"), jpeg);
    await expect(readFolder(root, { side: 4 })).rejects.toMatchObject({
      code: "FX2006",
      place: root,
      message: expect.stringMatching(
        /^cannot decode 3 of 14 images: cat\/text\.jpg .*cat\/truncated\.jpg .*dog\/empty\.png/,
      ),
    });
  });

  it("demands both train/ and test/ with the same classes", async () => {
    const root = temporaryFolder();
    writeClasses(join(root, "train"));
    await expect(readFolder(root, { side: 4 })).rejects.toMatchObject({
      code: "FX2001",
      message: "train/ without test/",
    });
    plain(join(root, "test", "cat", "a.png"), [1, 2, 3]);
    await expect(readFolder(root, { side: 4 })).rejects.toMatchObject({
      code: "FX2010",
      place: join(root, "test"),
      message: expect.stringContaining("dog"),
    });
    plain(join(root, "test", "dog", "a.png"), [1, 2, 3]);
    plain(join(root, "val", "dog", "a.png"), [1, 2, 3]);
    await expect(readFolder(root, { side: 4 })).rejects.toMatchObject({
      code: "FX2007",
      message: expect.stringContaining("val/"),
    });
  });
});
