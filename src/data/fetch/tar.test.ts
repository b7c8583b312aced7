import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { makeTar, makeTarGz, temporaryFolder } from "../../../test/helpers/data-files.js";
import { requireTool } from "../../../test/helpers/environment.js";
import { readTarGz } from "./tar.js";

const files = new Map([
  ["package/a.txt", Buffer.from("hello")],
  ["package/empty", Buffer.alloc(0)],
  ["package/data/block.bin", Buffer.alloc(512, 7)],
  ["package/data/longer.bin", Buffer.from(Array.from({ length: 1500 }, (_, i) => i & 255))],
]);

describe("readTarGz", () => {
  it("gives every regular file", async () => {
    expect(await readTarGz(makeTarGz(files), "t")).toEqual(files);
  });

  it.each(["ustar", "pax", "v7"])("reads what tar itself writes as %s, long names too", async (format) => {
    const folder = temporaryFolder();
    const name = format === "v7" ? "package/a.txt" : `package/${"folder/".repeat(16)}${"n".repeat(60)}.txt`;
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), "deep");
    writeFileSync(join(folder, "package/grün.bin"), Buffer.alloc(700, 3));
    symlinkSync("grün.bin", join(folder, "package/link"));
    execFileSync("tar", ["-czf", "out.tgz", `--format=${format}`, "package"], { cwd: folder });
    const read = await readTarGz(readFileSync(join(folder, "out.tgz")), "t");
    expect([...read.keys()].sort()).toEqual([name, "package/grün.bin"].sort());
    expect(read.get(name)?.toString()).toBe("deep");
    expect(read.get("package/grün.bin")).toEqual(Buffer.alloc(700, 3));
  });

  it("refuses what is cut or changed, wherever", async () => {
    const tar = makeTar(files);
    const damaged = { code: "FX2022", place: "t" };
    const end = tar.length - 1024;
    for (const length of [0, 511, 512, 600, 1024, end - 1, end]) {
      await expect(
        readTarGz(gzipSync(tar.subarray(0, length)), "t"),
        `${length} bytes`,
      ).rejects.toMatchObject(damaged);
    }
    for (const at of [0, 124, 130, 148, 156, 300]) {
      const changed = Buffer.from(tar);
      changed[at]! ^= 1;
      await expect(readTarGz(gzipSync(changed), "t"), `byte ${at}`).rejects.toMatchObject(damaged);
    }
    const gz = makeTarGz(files);
    await expect(readTarGz(gz.subarray(0, gz.length >> 1), "t")).rejects.toMatchObject(damaged);
    await expect(readTarGz(Buffer.from("no gzip"), "t")).rejects.toMatchObject(damaged);
    expect(gunzipSync(gz)).toEqual(tar);
  });
});

describe("the system's tar", () => {
  it("reads what our test helper writes", (context) => {
    const tar = requireTool(context, "tar");
    const listed = execFileSync(tar, ["-tzf", "-"], { input: makeTarGz(files) }).toString();
    expect(listed.trim().split("\n")).toEqual([...files.keys()]);
  });
});
