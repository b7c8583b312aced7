import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeTar, makeTarGz, makeZip, temporaryFolder } from "../../../test/helpers/data-files.js";
import { type ArchiveKind, isSafeName, unpack } from "./unpack.js";

const LARGE = Buffer.from(Array.from({ length: 700_000 }, (_, i) => (i * i) >> 3));

async function unpackBytes(
  bytes: Uint8Array,
  kind: ArchiveKind,
  inner?: string,
): Promise<Map<string, Buffer>> {
  const archive = join(temporaryFolder(), "archive");
  const folder = temporaryFolder();
  writeFileSync(archive, bytes);
  await unpack(archive, { kind, folder, inner, job: "unpack", onProgress: () => {} });
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return new Map(
    entries.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(folder.length + 1), readFileSync(path)];
    }),
  );
}

const forms: readonly [string, ArchiveKind, (files: ReadonlyMap<string, Uint8Array>) => Buffer][] = [
  ["tar.gz", "tar.gz", makeTarGz],
  ["zip, deflated", "zip", (files) => makeZip(files)],
  ["zip, stored", "zip", (files) => makeZip(files, false)],
];

describe.each(forms)("%s", (_title, kind, make) => {
  it("unpacks files of any size into their folders", async () => {
    const content = fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes));
    await fc.assert(
      fc.asyncProperty(content, content, async (a, b) => {
        const files = new Map([
          ["top/a.bin", a],
          ["top/in/b.bin", b],
          ["large.bin", LARGE],
        ]);
        const unpacked = await unpackBytes(make(files), kind);
        expect([...unpacked.keys()].sort()).toEqual([...files.keys()].sort());
        expect([...files].every(([name, bytes]) => unpacked.get(name)?.equals(bytes))).toBe(true);
      }),
      { numRuns: 15 },
    );
  });

  it("unpacks an inner folder without its name", async () => {
    const files = new Map([
      ["inner/a", Buffer.from("a")],
      ["innermost/b", Buffer.from("b")],
      ["inner/deep/c", Buffer.from("c")],
    ]);
    const unpacked = await unpackBytes(make(files), kind, "inner");
    expect([...unpacked.keys()].sort()).toEqual(["a", "deep/c"]);
  });

  it("refuses names that lead out, truncation and damage", async () => {
    const refused = (bytes: Uint8Array) =>
      expect(unpackBytes(bytes, kind)).rejects.toMatchObject({ code: "FX2022" });
    await refused(make(new Map([["../out", Buffer.from("x")]])));
    await refused(make(new Map([["/etc/out", Buffer.from("x")]])));
    const whole = make(new Map([["large.bin", LARGE]]));
    await refused(whole.subarray(0, whole.length >> 1));
    await refused(whole.subarray(0, whole.length - 30));
    await refused(Buffer.from("no archive at all"));
    const damaged = Buffer.from(whole);
    damaged.fill(0x55, whole.length >> 1, (whole.length >> 1) + 64);
    await refused(damaged);
  });
});

describe("archives", () => {
  it("with links are unpacked without them", async () => {
    const tar = makeTar(
      new Map([
        ["link", Buffer.alloc(0)],
        ["file", Buffer.from("x")],
      ]),
    );
    tar.write("2", 156);
    // The checksum of the changed header.
    tar.write("        ", 148);
    const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    tar.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    expect([...(await unpackBytes(gzipSync(tar), "tar.gz")).keys()]).toEqual(["file"]);
  });

  it.each([
    ["a/b.c", true],
    ["a/..b", true],
    ["", false],
    ["/a", false],
    ["a/../b", false],
    ["..", false],
    ["C:\\x", false],
    ["a\\b", false],
  ])("name %j: safe %s", (name, isSafe) => {
    expect(isSafeName(name)).toBe(isSafe);
  });
});
