import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { layOutFlowers } from "../../bench/flowers89-folder.js";
import { makeIdx, makePng, makeRecords, temporaryFolder } from "../../test/helpers/data-files.js";
import { requireShared } from "../../test/helpers/environment.js";
import { createRng, packageRoot } from "../core/index.js";
import { loadDataset as loadInto } from "./load.js";
import { gatherImages } from "./records.js";
import { splitValidation } from "./split.js";

/** Load with a cache of its own for decoded images; what is fetched would be in the user's. */
const loadDataset: typeof loadInto = (spec, options = {}) =>
  loadInto(spec, { cacheFolder: temporaryFolder(), ...options });

function write(path: string, bytes: Uint8Array | string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}

describe("loadDataset", () => {
  it("reads each kind from a path relative to the base folder", async () => {
    const baseFolder = temporaryFolder();
    const at = (name: string) => join(baseFolder, name);
    const ten = Array.from({ length: 10 }, (_, i) => [i]);
    for (const n of [1, 2, 3, 4, 5]) write(at(`c10/data_batch_${n}.bin`), makeRecords(ten));
    write(at("c10/test_batch.bin"), makeRecords(ten));
    write(
      at("c100/train.bin"),
      makeRecords([
        [0, 1],
        [1, 0],
      ]),
    );
    write(at("c100/test.bin"), makeRecords([[0, 1]]));
    write(at("c100/fine_label_names.txt"), "a\nb\n");
    write(at("c100/coarse_label_names.txt"), "c\nd\n");
    const signs = Array.from({ length: 43 }, (_, i) => i);
    write(at("gtsrb/train.bin"), makeRecords(signs.map((i) => [i])));
    write(at("gtsrb/test.bin"), makeRecords([[2]]));
    write(at("gtsrb/gtsrb32-train.filenames.txt"), signs.map((i) => `${i}/0_0.ppm`).join("\n"));
    for (const part of ["train", "t10k"]) {
      write(at(`idx/${part}-images-idx3-ubyte`), makeIdx([2, 28, 28], new Uint8Array(2 * 784)));
      write(at(`idx/${part}-labels-idx1-ubyte`), makeIdx([2], Uint8Array.of(0, 1)));
    }
    for (const name of ["f/x/1.png", "f/x/2.png", "f/y/1.png", "f/y/2.png"]) {
      write(
        at(name),
        makePng(20, 10, () => [1, 2, 3]),
      );
    }
    const load = (spec: unknown, side?: number) => loadDataset(spec, { baseFolder, side });
    const summary = async (spec: unknown, side?: number) => {
      const { name, classes, train, test } = await load(spec, side);
      return [name, classes.length, train.count, test.count, train.width, test.height, train.channels];
    };
    expect(await summary({ kind: "cifar10", path: "c10" })).toEqual(["cifar10", 10, 50, 10, 32, 32, 3]);
    expect(await summary({ kind: "cifar10", path: "c10" }, 16)).toEqual(["cifar10", 10, 50, 10, 16, 16, 3]);
    expect(await summary({ kind: "cifar100", path: "c100" })).toEqual(["cifar100", 2, 2, 1, 32, 32, 3]);
    expect(await summary({ kind: "cifar100", path: "c100", labels: "coarse" })).toEqual([
      "cifar100-coarse",
      2,
      2,
      1,
      32,
      32,
      3,
    ]);
    expect(await summary({ kind: "gtsrb32", path: "gtsrb", name: "signs" })).toEqual([
      "signs",
      43,
      43,
      1,
      32,
      32,
      3,
    ]);
    expect((await load({ kind: "gtsrb32", path: "gtsrb" }, 24)).train.groups?.length).toBe(43);
    const two = ["zero", "one"];
    expect(await summary({ kind: "mnist", path: "idx", rgb: false, classes: two })).toEqual([
      "mnist",
      2,
      2,
      2,
      28,
      28,
      1,
    ]);
    expect(await summary({ kind: "folder", path: "f", testFraction: 0.5 }, 8)).toEqual([
      "f",
      2,
      2,
      2,
      8,
      8,
      3,
    ]);
  });

  it("finds a known set in FIXYNN_DATA and refuses it when it is not the known one", async () => {
    const folder = temporaryFolder();
    const ten = Array.from({ length: 10 }, (_, i) => [i]);
    for (const n of [1, 2, 3, 4, 5]) write(join(folder, `data_batch_${n}.bin`), makeRecords(ten));
    write(join(folder, "test_batch.bin"), makeRecords(ten));
    await expect(
      loadDataset({ name: "cifar10" }, { environment: { ...process.env, FIXYNN_DATA: folder } }),
    ).rejects.toMatchObject({ code: "FX2021", message: expect.stringContaining("data_batch_1.bin") });
  });

  it.each([
    [{ name: "imagenet" }, "dataset.name"],
    [{ kind: "imagenet", path: "x" }, "dataset.kind"],
    [{ kind: "cifar10" }, "dataset.path"],
    [{ kind: "cifar10", path: "x", side: 3 }, "dataset"],
    [{ kind: "folder", path: "x", testFraction: 2 }, "dataset.testFraction"],
    [{ kind: "folder", path: "x", resize: "squash", shortSide: 40 }, "dataset.shortSide"],
    [{ kind: "folder", path: "x", shortSide: 7 }, "dataset.shortSide"],
    [undefined, "dataset"],
    ["cifar10", "dataset"],
  ])("refuses the spec %j", async (spec, place) => {
    await expect(loadDataset(spec, { side: 8 })).rejects.toMatchObject({ code: "FX2011", place });
  });

  it("needs a side for folders", async () => {
    await expect(loadDataset({ kind: "folder", path: "x" })).rejects.toMatchObject({ code: "FX2011" });
  });
});

describe("real sets", () => {
  it("reads CIFAR-100 and GTSRB whole, tracks kept together", async (context) => {
    const tool = requireShared(context, "tools/unpack-data.mjs");
    const folder = join(packageRoot, "build", "data");
    execFileSync(process.execPath, [tool, folder]);
    const cifar = await loadDataset({ kind: "cifar100", path: join(folder, "cifar-100-binary") });
    expect([cifar.train.count, cifar.test.count, cifar.classes.length]).toEqual([25_000, 10_000, 100]);
    expect(cifar.classes.slice(0, 2)).toEqual(["apple", "aquarium_fish"]);
    const perClass = new Uint32Array(100);
    for (const label of cifar.train.labels) perClass[label]!++;
    expect([...new Set(perClass)]).toEqual([250]);
    // The channel means of CIFAR-100 are known to be about 0.507, 0.487, 0.441: red, green and blue are in order.
    const sums = [0, 0, 0];
    const bytes = gatherImages(cifar.train);
    for (let i = 0; i < bytes.length; i++) sums[i % 3]! += bytes[i]!;
    const means = sums.map((sum) => sum / (bytes.length / 3) / 255);
    for (const [c, mean] of [0.507, 0.487, 0.441].entries())
      expect(Math.abs(means[c]! - mean)).toBeLessThan(0.003);

    const signs = await loadDataset({ kind: "gtsrb32", path: join(folder, "gtsrb-32") });
    expect([signs.train.count, signs.test.count, signs.classes.length]).toEqual([13_069, 12_630, 43]);
    expect(signs.train.groups?.length).toBe(13_069);
    const groups = new Set(signs.train.groups);
    expect(groups.size).toBeGreaterThan(1000);
    const { train, validation } = splitValidation(signs.train, 0.15, createRng(1));
    const inTrain = new Set(train.groups);
    expect([...new Set(validation.groups)].filter((group) => inTrain.has(group))).toEqual([]);
    expect(Math.abs(validation.count / 13_069 - 0.15)).toBeLessThan(0.01);
    expect(new Set(validation.labels).size).toBe(43);
  });

  it("reads the photographs of Flowers-89 through a folder per class", async (context) => {
    const shared = dirname(dirname(requireShared(context, "data/flowers89")));
    const path = temporaryFolder();
    expect(layOutFlowers(shared, path)).toEqual({ classes: 89, train: 1434, test: 1068 });
    // A smaller folder, for the sake of time: the first three classes.
    for (const part of ["train", "test"]) {
      for (const name of readdirSync(join(path, part)).sort().slice(3)) {
        rmSync(join(path, part, name), { recursive: true });
      }
    }
    const { classes, train, test } = await loadDataset(
      { kind: "folder", path, name: "flowers" },
      { side: 96 },
    );
    expect(classes).toEqual(["alpine sea holly", "anthurium", "artichoke"]);
    expect([train.width, test.count]).toEqual([96, 36]);
    // Photographs, not grey areas: each image has bright and dark values.
    for (let i = 0; i < test.count; i++) {
      const pixels = gatherImages(test, [i]);
      expect(pixels.reduce((most, byte) => Math.max(most, byte), 0)).toBeGreaterThan(150);
      expect(pixels.reduce((least, byte) => Math.min(least, byte), 255)).toBeLessThan(80);
    }
  });
});
