import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import {
  makeTarGz,
  registryEnvironment,
  sha512Integrity,
  startRegistry,
  temporaryFolder,
} from "../../../test/helpers/data-files.js";
import { type ProgressEvent, sha256 } from "../../core/index.js";
import { checkFiles, defaultCacheFolder } from "./cache.js";
import { type FetchableSet, fetchSet } from "./fetch.js";

const NAME = "fixynn-test-data";
const DATA = Buffer.from("sixteen bytes ok");
const manifest = Buffer.from(JSON.stringify({ name: NAME, version: "1.0.0" }));
const TARBALL = makeTarGz(
  new Map([
    ["package/package.json", manifest],
    ["package/data.txt", DATA],
  ]),
);

/** A set whose package holds `data.txt`; the set's file is its content twice. */
const SET: FetchableSet = {
  name: "tiny",
  npmPackage: {
    name: NAME,
    version: "1.0.0",
    integrity: sha512Integrity(TARBALL),
    tarballBytes: TARBALL.length,
  },
  folder: "tiny-set",
  checksums: { "twice.bin": sha256(Buffer.concat([DATA, DATA])) },
  official: "the file twice.bin",
  convert: async (files) => {
    const data = files.get("package/data.txt") ?? Buffer.alloc(0);
    return new Map([["twice.bin", Buffer.concat([data, data])]]);
  },
};

const registry = (options: { integrity?: string; truncate?: boolean; tarball?: Uint8Array } = {}) =>
  startRegistry({ name: NAME, version: "1.0.0", tarball: TARBALL, ...options });

/** No trace of a failed or finished fetch but the sets themselves. */
const scraps = (cacheFolder: string) => readdirSync(cacheFolder).filter((name) => name.endsWith(".part"));

describe("fetchSet", () => {
  it("downloads once, then needs no network; a damaged cache is made again", async () => {
    const cacheFolder = temporaryFolder();
    const { environment, requests } = await registry();
    const events: ProgressEvent[] = [];
    const fetch = () =>
      fetchSet(SET, { cacheFolder, environment, onProgress: (event) => events.push(event) });
    const folder = await fetch();
    expect(folder).toBe(join(cacheFolder, "tiny-set"));
    expect(readFileSync(join(folder, "twice.bin"))).toEqual(Buffer.concat([DATA, DATA]));
    expect(readFileSync(join(folder, "SHA256SUMS"), "utf8")).toBe(
      `${SET.checksums["twice.bin"]}  twice.bin\n`,
    );
    expect(requests.filter((url) => url.endsWith(".tgz"))).toEqual([`/${NAME}/-/${NAME}-1.0.0.tgz`]);
    const asked = requests.length;
    expect(events[0]).toEqual({ job: "fetch tiny", done: 0, total: TARBALL.length, unit: "bytes" });
    expect(events.at(-1)).toMatchObject({ done: TARBALL.length, total: TARBALL.length });
    const unreachable = { ...environment, npm_config_registry: "http://127.0.0.1:9" };
    expect(await fetchSet(SET, { cacheFolder, environment: unreachable })).toBe(folder);
    expect(await fetch()).toBe(folder);
    expect(requests.length).toBe(asked);
    writeFileSync(join(folder, "twice.bin"), "damaged");
    expect(await fetch()).toBe(folder);
    expect(await checkFiles(folder, SET.checksums)).toEqual({ kind: "complete" });
    expect(scraps(cacheFolder)).toEqual([]);
  });

  it("lets two at once finish with one good folder", async () => {
    const cacheFolder = temporaryFolder();
    const { environment } = await registry();
    const folders = await Promise.all([1, 2, 3].map(() => fetchSet(SET, { cacheFolder, environment })));
    expect(new Set(folders).size).toBe(1);
    expect(await checkFiles(folders[0]!, SET.checksums)).toEqual({ kind: "complete" });
    expect(readdirSync(cacheFolder)).toEqual(["tiny-set"]);
  });

  it("removes what a killed run of this machine left, and nothing else", async () => {
    const cacheFolder = temporaryFolder();
    const { environment } = await registry();
    const dead = spawnSync(process.execPath, ["-e", "0"]).pid;
    const abandoned = `tiny-set@${hostname()}.${dead}.0123abcd.part`;
    const kept = [
      `tiny-set@elsewhere.${dead}.0123abcd.part`,
      `tiny-set@${hostname()}.${process.pid}.0123abcd.part`,
    ];
    for (const name of [abandoned, ...kept]) {
      mkdirSync(join(cacheFolder, name));
      writeFileSync(join(cacheFolder, name, "half.tgz"), "half");
    }
    await fetchSet(SET, { cacheFolder, environment });
    expect(readdirSync(cacheFolder).sort()).toEqual(["tiny-set", ...kept].sort());
  });

  it("takes the user's files from FIXYNN_DATA without npm, gzipped too, and refuses changed ones", async () => {
    const cacheFolder = temporaryFolder();
    const supplied = temporaryFolder();
    const environment = { ...registryEnvironment("http://127.0.0.1:9"), FIXYNN_DATA: supplied };
    const twice = Buffer.concat([DATA, DATA]);
    writeFileSync(join(supplied, "twice.bin.gz"), gzipSync(twice));
    expect(await fetchSet(SET, { cacheFolder, environment })).toBe(supplied);
    mkdirSync(join(supplied, "tiny-set"));
    writeFileSync(join(supplied, "tiny-set", "twice.bin"), twice);
    expect(await fetchSet(SET, { cacheFolder, environment })).toBe(join(supplied, "tiny-set"));
    writeFileSync(join(supplied, "tiny-set", "twice.bin"), "changed");
    await expect(fetchSet(SET, { cacheFolder, environment })).rejects.toMatchObject({
      code: "FX2021",
      place: join(supplied, "tiny-set"),
    });
    const nowhere = { ...environment, FIXYNN_DATA: join(supplied, "nowhere") };
    await expect(fetchSet(SET, { cacheFolder, environment: nowhere })).rejects.toMatchObject({
      code: "FX2001",
    });
  });
});

describe("a fetch that fails", () => {
  const cases: readonly {
    readonly title: string;
    readonly code: string;
    readonly message: RegExp;
    readonly start: () => Promise<{ readonly environment: NodeJS.ProcessEnv }>;
    readonly set?: FetchableSet;
  }[] = [
    {
      title: "registry unreachable",
      code: "FX2020",
      message: /cannot download: .*ECONNREFUSED/,
      start: async () => ({ environment: registryEnvironment("http://127.0.0.1:9") }),
    },
    {
      title: "no such package",
      code: "FX2020",
      message: /E404/,
      start: registry,
      set: { ...SET, npmPackage: { ...SET.npmPackage, name: "fixynn-no-such-data" } },
    },
    {
      title: "truncated download",
      code: "FX2020",
      message: /cannot download/,
      start: () => registry({ truncate: true }),
    },
    {
      title: "tarball other than the registry says",
      code: "FX2021",
      message: /wrong checksum/,
      start: () => registry({ integrity: sha512Integrity(Buffer.from("other")) }),
    },
    {
      title: "tarball other than the pinned one",
      code: "FX2021",
      message: /wrong checksum: .*expected sha512-/,
      start: () => registry({ tarball: makeTarGz(new Map([["package/package.json", manifest]])) }),
    },
    {
      title: "unexpected content",
      code: "FX2023",
      message: /unexpected content of twice\.bin/,
      start: registry,
      set: { ...SET, convert: async () => new Map([["twice.bin", DATA]]) },
    },
  ];
  it.each(cases)(
    "$title: one error with a hint, nothing in the cache",
    async ({ code, message, start, set = SET }) => {
      const cacheFolder = temporaryFolder();
      const { environment } = await start();
      await expect(fetchSet(set, { cacheFolder, environment })).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
        place: expect.stringContaining(`npm package ${set.npmPackage.name}@1.0.0`),
        hint: expect.stringMatching(
          code === "FX2023" ? /report/ : /FIXYNN_DATA to a folder with the file twice\.bin/,
        ),
      });
      expect(readdirSync(cacheFolder)).toEqual([]);
    },
  );

  it("cache not writable", async () => {
    const parent = temporaryFolder();
    const blocked = join(parent, "file");
    writeFileSync(blocked, "");
    await expect(
      fetchSet(SET, {
        cacheFolder: join(blocked, "cache"),
        environment: registryEnvironment("http://127.0.0.1:9"),
      }),
    ).rejects.toMatchObject({ code: "FX8001", hint: expect.stringContaining("FIXYNN_CACHE") });
    // The administrator may write anywhere, so a read-only folder shows nothing then.
    if (process.getuid?.() !== 0) {
      chmodSync(parent, 0o555);
      await expect(
        fetchSet(SET, {
          cacheFolder: join(parent, "new"),
          environment: registryEnvironment("http://127.0.0.1:9"),
        }),
      ).rejects.toMatchObject({ code: "FX8001" });
      chmodSync(parent, 0o755);
    }
    expect(existsSync(join(parent, "new"))).toBe(false);
  });
});

describe("defaultCacheFolder", () => {
  it("prefers FIXYNN_CACHE, then XDG_CACHE_HOME, then the home folder", () => {
    expect(defaultCacheFolder({ FIXYNN_CACHE: "/a", XDG_CACHE_HOME: "/b" })).toBe("/a");
    expect(defaultCacheFolder({ FIXYNN_CACHE: "", XDG_CACHE_HOME: "/b" })).toBe(join("/b", "fixynn"));
    expect(defaultCacheFolder({})).toMatch(/[\\/]\.cache[\\/]fixynn$/);
  });
});
