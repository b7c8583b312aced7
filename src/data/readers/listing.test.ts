import { readdirSync, statSync, symlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makePng, temporaryFolder, writeBelow } from "../../../test/helpers/data-files.js";
import type { ProgressEvent } from "../../core/index.js";
import { createBatchFiller, NO_AUGMENTATION } from "../augment.js";
import { loadDataset } from "../load.js";
import { gatherImages } from "../records.js";
import { readFolder } from "./folder.js";

const plain = (red: number, side = 8) => makePng(side, side, () => [red, 20, 30]);

/** Two classes with `train` and `test` images each; the red value tells which. */
function writeClasses(train: number, test: number): string {
  const root = temporaryFolder();
  for (const [part, count] of [
    ["train", train],
    ["test", test],
  ] as const) {
    for (const [label, name] of ["cat", "dog"].entries()) {
      for (let i = 0; i < count; i++) {
        writeBelow(
          root,
          join(part, name, `${i}.png`),
          plain(100 * label + 2 * i + (part === "test" ? 1 : 0)),
        );
      }
    }
  }
  return root;
}

const load = (path: string, options: { readonly cacheFolder: string; readonly undecodable?: string }) =>
  loadDataset(
    { kind: "folder", path, ...(options.undecodable && { undecodable: options.undecodable }) },
    { side: 4, cacheFolder: options.cacheFolder },
  );

describe("decoded image files", () => {
  it("are decoded once for each side, and again when a file changes", async () => {
    const path = writeClasses(3, 2);
    const cacheFolder = temporaryFolder();
    const events: ProgressEvent[] = [];
    const read = (side: number) =>
      loadDataset({ kind: "folder", path }, { side, cacheFolder, onProgress: (event) => events.push(event) });
    const first = await read(4);
    expect(first.train.store.kind).toBe("file");
    expect(events.at(-1)).toMatchObject({ done: 10, total: 10 });
    const decoded = events.length;
    const again = await read(4);
    expect(events.length).toBe(decoded);
    expect(gatherImages(again.train)).toEqual(gatherImages(first.train));
    expect((await read(6)).train.width).toBe(6);
    const files = () => readdirSync(join(cacheFolder, "images")).length;
    expect(files()).toBe(4);
    writeBelow(path, "train/cat/1.png", plain(77));
    utimesSync(join(path, "train/cat/1.png"), 1, 1);
    expect(gatherImages((await read(4)).train, [1])[0]).toBe(77);
    expect(files()).toBe(5);
  });

  it("are skipped and counted when the user asks for it, labels in step", async () => {
    const path = writeClasses(4, 2);
    writeBelow(path, "train/cat/1.png", plain(5).subarray(0, 60));
    writeBelow(path, "train/dog/0.png", "no image");
    const cacheFolder = temporaryFolder();
    for (const undecodable of ["skip", "skip"]) {
      const { train, test, skipped, source } = await load(path, { cacheFolder, undecodable });
      expect([train.count, test.count, skipped]).toEqual([6, 4, 2]);
      expect(source).toMatch(/2 of 12 images do not decode and were skipped/);
      expect(Array.from(train.labels)).toEqual([0, 0, 0, 1, 1, 1]);
      const reds = [0, 1, 2, 3, 4, 5].map((i) => gatherImages(train, [i])[0]);
      expect(reds).toEqual([0, 4, 6, 102, 104, 106]);
    }
    await expect(load(path, { cacheFolder })).rejects.toMatchObject({
      code: "FX2006",
      message: expect.stringMatching(/2 of 12 images: .*cat.1\.png .*dog.0\.png/),
      hint: expect.stringContaining("undecodable"),
    });
  });

  it("must leave an image of each class", async () => {
    const path = writeClasses(1, 2);
    writeBelow(path, "train/dog/0.png", "no image");
    const loading = load(path, { cacheFolder: temporaryFolder(), undecodable: "skip" });
    await expect(loading).rejects.toMatchObject({ code: "FX2004" });
  });

  it("do not make the process grow: 236 MB of pixels are decoded and read", async () => {
    const root = temporaryFolder();
    const count = 1200;
    const side = 256;
    const decodedBytes = count * side * side * 3;
    expect(decodedBytes).toBeGreaterThan(230e6);
    writeBelow(
      root,
      "a.png",
      makePng(64, 64, (x, y) => [x, y, 9]),
    );
    writeBelow(root, "warm/x/1.png", plain(1));
    for (const name of ["warm/x/2.png", "warm/y/1.png", "warm/y/2.png", "set/x/0.png", "set/y/0.png"]) {
      writeBelow(root, name, plain(2));
    }
    for (let i = 1; i < count / 2; i++) {
      for (const name of ["x", "y"]) symlinkSync(join(root, "a.png"), join(root, "set", name, `${i}.png`));
    }
    const cacheFolder = temporaryFolder();
    await readFolder(join(root, "warm"), { side, cacheFolder, testFraction: 0.5 });
    const before = process.memoryUsage();
    let peakRss = 0;
    let peakBuffers = 0;
    const onProgress = (): void => {
      const { rss, arrayBuffers } = process.memoryUsage();
      peakRss = Math.max(peakRss, rss);
      peakBuffers = Math.max(peakBuffers, arrayBuffers);
    };
    const { train, test } = await readFolder(join(root, "set"), { side, cacheFolder, onProgress });
    // Reading all of it in batches does not either.
    const batch = new Uint8Array(32 * side * side * 3);
    const filler = createBatchFiller(train, { height: side, width: side }, NO_AUGMENTATION);
    const indices = Uint32Array.from({ length: 32 }, (_, i) => i);
    for (let first = 0; first + 32 <= train.count; first += 32) {
      filler.fill({ indices: indices.map((i) => first + i), first: 0, count: 32 }, batch, {} as never);
      onProgress();
    }
    filler.close();
    expect([train.count + test.count, train.store.kind]).toEqual([count, "file"]);
    const onDisk = readdirSync(join(cacheFolder, "images"))
      .map((name) => statSync(join(cacheFolder, "images", name)).size)
      .reduce((sum, size) => sum + size, 0);
    expect(onDisk).toBeGreaterThan(decodedBytes);
    expect(peakBuffers - before.arrayBuffers).toBeLessThan(60e6);
    expect(peakRss - before.rss).toBeLessThan(decodedBytes / 2);
  });
});
