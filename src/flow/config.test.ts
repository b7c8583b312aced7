import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { loadConfig, parseConfig } from "./config.js";
import { fileNameOf, RunDirectory } from "./run-directory.js";

const folder = mkdtempSync(join(tmpdir(), "fixynn-flow-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("configuration", () => {
  test("an empty configuration is the default job", () => {
    const config = parseConfig({});
    expect(config.datasets).toEqual([{ name: "cifar10" }]);
    expect(config.freezePoints.length).toBeGreaterThanOrEqual(2);
    expect(config.evaluation).toEqual({ int8Images: 10_000, hardwareImages: 128, verilatorSeconds: 150 });
  });

  test("names the wrong field", () => {
    expect(() => parseConfig({ seed: -1 })).toThrow(
      expect.objectContaining({ code: "FX8002", message: expect.stringContaining("seed") }),
    );
    expect(() => parseConfig({ sead: 1 })).toThrow(
      expect.objectContaining({ message: expect.stringContaining("sead") }),
    );
  });

  test("a missing or broken file is one clear error", () => {
    expect(() => loadConfig(join(folder, "none.json"))).toThrow(expect.objectContaining({ code: "FX8003" }));
    writeFileSync(join(folder, "broken.json"), "{");
    expect(() => loadConfig(join(folder, "broken.json"))).toThrow(
      expect.objectContaining({ code: "FX8003" }),
    );
  });
});

describe("run directory", () => {
  test("a step runs once, and again when its inputs change", async () => {
    let runs = 0;
    const compute = (): number => ++runs;
    const first = new RunDirectory(join(folder, "run"));
    expect((await first.step("a/b", { x: 1 }, compute)).reused).toBe(false);
    const second = new RunDirectory(join(folder, "run"));
    expect(await second.step("a/b", { x: 1 }, compute)).toMatchObject({ value: 1, reused: true });
    expect(await second.step("a/b", { x: 2 }, compute)).toMatchObject({ value: 2, reused: false });
  });

  test("file names keep nothing that a file system could stumble over", () => {
    expect(fileNameOf("a/b", "Flowers (89 of 102)", "x.1")).toBe("a-b-Flowers-89-of-102--x.1");
  });

  test("a damaged record is computed again", async () => {
    const run = new RunDirectory(join(folder, "damaged"));
    writeFileSync(run.path("steps", "s.json"), '{"key": "');
    expect(await run.step("s", {}, () => 7)).toMatchObject({ value: 7, reused: false });
  });

  test("a folder that cannot be made is bad input", () => {
    writeFileSync(join(folder, "file"), "");
    expect(() => new RunDirectory(join(folder, "file", "run"))).toThrow(
      expect.objectContaining({ code: "FX8004" }),
    );
  });
});
