import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { packageRoot } from "../../src/core/index.js";
import type { Advice, AdviceComparison } from "../../src/flow/index.js";
import { resultsSchemaId } from "../../src/report/index.js";
import { makeColourImages } from "../helpers/colour-images.js";

const folder = mkdtempSync(join(tmpdir(), "fixynn-advise-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const config = join(folder, "config.json");
const main = join(packageRoot, "dist", "src", "cli", "main.js");

function advise(...args: readonly string[]) {
  const env = { ...process.env, FIXYNN_CACHE: join(folder, "cache") };
  const full = [main, "advise", "--config", config, "--out", join(folder, "run"), ...args];
  return spawnSync(process.execPath, full, { env, encoding: "utf8" });
}

function makeImages(): void {
  makeColourImages(join(folder, "images"), { "": 20 });
  writeFileSync(
    config,
    JSON.stringify({
      datasets: [{ kind: "folder", path: "images" }],
      freezePoints: ["conv_pw_3", "conv_pw_1"],
      quantization: { calibrationImages: 16 },
    }),
  );
}

test("advise scores a folder of images, says the same again, and is judged by a sweep", () => {
  makeImages();
  const table = advise("--images", "24");
  expect(table.stderr.split("\n").filter((line) => line.startsWith("fixynn:"))).toEqual([]);
  expect(table.status).toBe(0);
  expect(table.stdout).toMatch(/2 classes, 24 training images.*LEEP of the pretrained network −0\.\d\d nats/);

  const advice = JSON.parse(advise("--images", "24", "--json").stdout) as Advice;
  const [dataset] = advice.datasets;
  expect(dataset!.points.map(({ freezePoint }) => freezePoint ?? "none")).toEqual([
    "none",
    "conv_pw_1",
    "conv_pw_3",
  ]);
  expect(dataset!.leep).toBeGreaterThanOrEqual(-Math.log(2));
  // The classes differ in colour alone: every layer separates them.
  for (const { reach, probe = 1 } of dataset!.points) expect([reach, probe]).toEqual([1, 1]);
  for (const { nLeep = 0 } of dataset!.points) expect(nLeep).toBeGreaterThanOrEqual(-Math.log(2) - 1e-9);

  const sweep = join(folder, "results.json");
  const accuracy = (value: number) => ({ unfrozen: { value: 1, images: 8 }, float: { value, images: 8 } });
  const entry = (layer: string, value: number) => ({
    freezePoint: { layer, frozenLayers: 1, frozenParams: 1, frozenMacs: 1 },
    datasets: [{ name: dataset!.name, classes: 2, train: 32, test: 8, accuracy: accuracy(value) }],
  });
  writeFileSync(
    sweep,
    JSON.stringify({
      ...{ schema: resultsSchemaId, tool: { version: "0.1.0" }, config: {}, seed: 1, seconds: 1 },
      machine: { cpu: "a cpu", cores: 2, os: "linux", node: "v20.19.0" },
      startedAt: "2026-01-02T03:04:05.000Z",
      sweep: [entry("conv_pw_1", 1), entry("conv_pw_3", 0.75)],
    }),
  );
  const judged = JSON.parse(advise("--images", "24", "--json", "--sweep", sweep).stdout) as Advice & {
    comparison: AdviceComparison;
  };
  const { comparison, ...rest } = judged;
  expect(rest).toEqual(advice);
  expect(comparison.datasets[0]!.found).toBe("conv_pw_1");
  expect(comparison.losses!.meanErrorOfZero).toBe(0.125);
});

test("advise refuses bad input with one line", () => {
  for (const [args, code] of [
    [["--images", "2.5"], /^fixynn: FX8011 /],
    [["--images", "many"], /^fixynn: FX8011 /],
    [["--sweep", join(folder, "nothing.json")], /^fixynn: FX8003 /],
    [["--sweep", config], /^fixynn: FX8010 /],
  ] as const) {
    const { status, stderr } = advise(...args);
    expect(stderr.trim().split("\n")).toEqual([expect.stringMatching(code)]);
    expect(status).toBe(2);
  }
});
