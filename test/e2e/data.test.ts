import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { packageRoot } from "../../src/core/index.js";
import { makePng, temporaryFolder, writeBelow } from "../helpers/data-files.js";

/** Run the built command line with a cache of its own. */
function commands(folder: string) {
  const main = join(packageRoot, "dist", "src", "cli", "main.js");
  const { FIXYNN_DATA: _data, ...inherited } = process.env;
  const env = { ...inherited, FIXYNN_CACHE: join(folder, "cache") };
  return (...args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
      encoding: "utf8",
      cwd: folder,
      env,
    });
    return { status, out: stdout.trimEnd(), error: stderr.trimEnd() };
  };
}

/** Starting the command line takes seconds on a busy machine. */
const TIMEOUT_MS = 240_000;

describe("fixynn data", { timeout: TIMEOUT_MS }, () => {
  test("adds, lists and removes a set", () => {
    const folder = temporaryFolder();
    const fixynn = commands(folder);
    for (const name of ["x/1.png", "x/2.png", "y/1.png", "y/2.png"]) {
      writeBelow(
        folder,
        join("images", name),
        makePng(8, 8, () => [1, 2, 3]),
      );
    }
    expect(fixynn("data", "add", "mine", "--path", "images", "--test-fraction", "0.5")).toEqual({
      status: 0,
      out: "mine: 2 classes, 2 training images, 2 test images",
      error: "",
    });
    const listed = fixynn("data", "list").out.split("\n");
    expect(listed.find((line) => line.startsWith("mine "))).toMatch(
      /^mine +here +folder +2 classes, 2 training images, 2 test images; .*images$/,
    );
    expect(listed.find((line) => line.startsWith("svhn "))).toMatch(/missing +svhn +fixynn data get svhn$/);
    expect(fixynn("data", "remove", "mine")).toMatchObject({ status: 0, error: "" });
    expect(fixynn("data", "list").out).not.toMatch(/^mine /m);
  });

  test("ends with one line and exit code 2 for bad input", () => {
    const folder = temporaryFolder();
    const fixynn = commands(folder);
    for (const [args, error] of [
      [["remove", "mine"], /^fixynn: FX2042 .*no dataset "mine" was added/],
      [["add", "svhn", "--path", "nowhere"], /^fixynn: FX2001 .*train_32x32\.mat/],
      [["add", "mine", "--path", ".", "--kind", "pictures"], /Allowed choices are cifar10/],
      [["add", "mine", "--path", ".", "--short-side", "x"], /^fixynn: FX2011 dataset\.shortSide/],
    ] as const) {
      const result = fixynn("data", ...args);
      expect(result.error).toMatch(error);
      expect(result.error.split("\n")).toHaveLength(1);
      expect(result.status).toBe(2);
    }
  });

  test("a configuration that names a missing set ends with the commands that help", () => {
    const folder = temporaryFolder();
    writeBelow(folder, "my.json", JSON.stringify({ datasets: [{ name: "svhn" }] }));
    const { status, error } = commands(folder)("run", "--config", "my.json", "--out", "run");
    expect(status).toBe(2);
    expect(error.split("\n").at(-1)).toMatch(
      /^fixynn: FX2040 dataset svhn: .*\(hint: run "fixynn data get svhn" .*fixynn data add svhn --kind svhn --path FOLDER/,
    );
  });
});
