import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makePng, makeRecords, temporaryFolder, writeBelow } from "../../test/helpers/data-files.js";
import { FixynnError } from "../core/index.js";
import { listDatasets } from "./get.js";
import { loadDataset } from "./load.js";
import { addDataset, findDataset, isDatasetMissing, registeredSets, removeDataset } from "./registry.js";

const environment = {};

function writeImages(): string {
  const root = temporaryFolder();
  for (const name of ["x/1.png", "x/2.png", "y/1.png", "y/2.png"]) {
    writeBelow(
      root,
      name,
      makePng(8, 8, () => [1, 2, 3]),
    );
  }
  return root;
}

function writeCifar100(): string {
  const root = temporaryFolder();
  const records = makeRecords([
    [0, 0],
    [1, 1],
  ]);
  for (const [name, content] of Object.entries({
    "train.bin": records,
    "test.bin": records,
    "fine_label_names.txt": "a\nb\n",
    "coarse_label_names.txt": "c\nd\n",
  })) {
    writeBelow(root, join("cifar-100-binary", name), content);
  }
  return root;
}

describe("added datasets", () => {
  it("are found by name, with their options, until they are removed", async () => {
    const cacheFolder = temporaryFolder();
    const options = { cacheFolder, environment };
    const path = writeImages();
    const spec = { kind: "folder", path, testFraction: 0.5, resize: "squash" };
    expect(await addDataset("mine", spec, options)).toEqual({ classes: 2, train: 2, test: 2 });
    expect(findDataset("mine", options)).toMatchObject({ kind: "folder", path, resize: "squash" });
    const dataset = await loadDataset({ name: "mine" }, { ...options, side: 4 });
    expect([dataset.name, dataset.train.count, dataset.train.width]).toEqual(["mine", 2, 4]);
    expect(dataset.source).toMatch(/squash 4×4/);
    const cropped = await loadDataset(
      { name: "mine", resize: "crop", shortSide: 6 },
      { ...options, side: 4 },
    );
    expect(cropped.source).toMatch(/short side to 6, centre 4×4/);
    const line = listDatasets(options).find(({ name }) => name === "mine");
    expect(line).toMatchObject({ state: "here", kind: "folder", where: path });
    expect(readdirSync(join(cacheFolder, "images"))).toHaveLength(4);
    expect(removeDataset("mine", options).spec.path).toBe(path);
    expect(readdirSync(join(cacheFolder, "images"))).toHaveLength(0);
    expect(findDataset("mine", options)).toBeUndefined();
    expect(readdirSync(path)).toEqual(["x", "y"]);
    expect(() => removeDataset("mine", options)).toThrow(expect.objectContaining({ code: "FX2042" }));
  });

  it("may stand for a known set, in the folder that its archive unpacks to", async () => {
    const options = { cacheFolder: temporaryFolder(), environment };
    const path = writeCifar100();
    await addDataset("cifar100", { kind: "cifar100", path: "." }, { ...options, baseFolder: path });
    expect(registeredSets(options)["cifar100"]?.spec.path).toBe(path);
    const { name, classes, train } = await loadDataset({ name: "cifar100" }, options);
    expect([name, classes, train.count, train.width]).toEqual(["cifar100", ["a", "b"], 2, 32]);
    await expect(loadDataset({ name: "cifar100", resize: "crop" }, options)).rejects.toMatchObject({
      code: "FX2011",
      place: "dataset.resize",
    });
  });

  it("must read", async () => {
    const options = { cacheFolder: temporaryFolder(), environment };
    const path = writeImages();
    writeBelow(path, "y/2.png", "no image");
    for (const [name, spec, code] of [
      ["mine", { kind: "folder", path }, "FX2006"],
      ["mine", { kind: "svhn", path }, "FX2001"],
      ["mine", { kind: "folder", path: join(path, "none") }, "FX2001"],
      ["mine", { kind: "pictures", path }, "FX2011"],
      ["mine", { name: "cifar10" }, "FX2011"],
      ["my images", { kind: "folder", path }, "FX2011"],
    ] as const) {
      await expect(addDataset(name, spec, options)).rejects.toMatchObject({ code });
    }
    expect(registeredSets(options)).toEqual({});
  });

  it("say when their list is damaged", async () => {
    const options = { cacheFolder: temporaryFolder(), environment };
    const path = writeImages();
    await addDataset("mine", { kind: "folder", path }, options);
    const list = join(options.cacheFolder, "datasets.json");
    for (const text of [readFileSync(list, "utf8").slice(0, -20), '{"format":"other"}']) {
      writeFileSync(list, text);
      await expect(loadDataset({ name: "mine" }, { ...options, side: 4 })).rejects.toMatchObject({
        code: "FX2041",
        place: list,
      });
    }
  });
});

describe("missing datasets", () => {
  const failure = async (name: string, cacheFolder = temporaryFolder()) => {
    const error: unknown = await loadDataset({ name }, { cacheFolder, environment, side: 4 }).catch((e) => e);
    return error instanceof FixynnError ? error : undefined;
  };

  it("are told from other errors, with the two commands that help", async () => {
    for (const name of ["svhn", "cifar100", "gtsrb", "flowers102", "aircraft"]) {
      const error = await failure(name);
      expect(isDatasetMissing(error)).toBe(true);
      expect(error?.code).toBe("FX2040");
      expect(error?.hint).toContain(`fixynn data get ${name}`);
      expect(error?.hint).toContain(`fixynn data add ${name} --kind ${name} --path FOLDER`);
      expect(findDataset(name, { cacheFolder: temporaryFolder(), environment })).toBeUndefined();
    }
    const unknown = await failure("imagenet");
    expect([unknown?.code, isDatasetMissing(unknown)]).toEqual(["FX2011", false]);
    expect(unknown?.hint).toMatch(/cifar10, cifar100, svhn/);
  });

  it("include those whose folder is gone", async () => {
    const options = { cacheFolder: temporaryFolder(), environment };
    const path = writeImages();
    await addDataset("mine", { kind: "folder", path }, options);
    rmSync(path, { recursive: true });
    const error = await failure("mine", options.cacheFolder);
    expect([error?.code, error?.message]).toEqual(["FX2040", `the folder of "mine" is gone: ${path}`]);
    expect(listDatasets(options).find(({ name }) => name === "mine")?.state).toBe("missing");
  });

  it("are found in FIXYNN_DATA", async () => {
    const supplied = writeCifar100();
    const options = { cacheFolder: temporaryFolder(), environment: { FIXYNN_DATA: supplied } };
    const { train } = await loadDataset({ name: "cifar100" }, options);
    expect(train.count).toBe(2);
    await expect(loadDataset({ name: "svhn" }, options)).rejects.toMatchObject({ code: "FX2040" });
  });

  it("are listed with what to do", () => {
    const lines = listDatasets({ cacheFolder: temporaryFolder(), environment });
    expect(lines.find(({ name }) => name === "svhn")).toMatchObject({
      state: "missing",
      where: "fixynn data get svhn",
    });
    expect(lines.find(({ name }) => name === "cifar10")?.state).toBe("on demand");
  });
});
